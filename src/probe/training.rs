//! Loss and accuracy (where there are classes) of every step's own minibatch, which is what the paper plots (figures 1 and 2).

use anyhow::Result;

use super::{Measure, StepContext, record};
use crate::record::Record;

pub(super) struct Training;

impl Measure for Training {
    fn during_step(&mut self, context: &StepContext, records: &mut Vec<Record>) -> Result<()> {
        records.push(record(context.step, "train_loss", None, context.result.loss));
        let accuracy = context.result.accuracy;
        records.extend(accuracy.map(|accuracy| record(context.step, "train_accuracy", None, accuracy)));
        Ok(())
    }
}
