//! Loss and accuracy (where there are classes) of every step's own minibatch, which is what the paper plots (figures 1 and 2).

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Measurement, Memory, Quantity, StepContext, record};
use crate::record::Record;

/// Loss and accuracy of every step's own minibatch. Always measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {}

impl Training {
    /// The loss of every step's minibatch.
    pub(crate) const LOSS: &str = "train_loss";
    /// The accuracy of every step's minibatch, in percent.
    pub(crate) const ACCURACY: &str = "train_accuracy";
}

impl Measurement for Training {
    fn quantities(&self) -> Vec<Quantity> {
        vec![Quantity::loss(Self::LOSS), Quantity::accuracy(Self::ACCURACY)]
    }

    fn during_step(&self, context: &StepContext, _memory: &mut Memory, records: &mut Vec<Record>) -> Result<()> {
        records.push(record(context.step, Self::LOSS, None, context.result.loss));
        let accuracy = context.result.accuracy;
        records.extend(accuracy.map(|accuracy| record(context.step, Self::ACCURACY, None, accuracy)));
        Ok(())
    }
}
