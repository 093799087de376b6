//! What the trials of a plan left behind.

use anyhow::{Context, Result};

use super::place::Place;
use super::task::Task;
use crate::record::TrialRecords;
use crate::train;

/// The records of all `tasks` in their order; `None` where a trial is not finished.
///
/// # Errors
/// Damaged records, with their file and the remedy.
pub fn collect(tasks: &[Task], place: &Place) -> Result<Vec<Option<TrialRecords>>> {
    tasks.iter().map(|task| records(task, place)).collect()
}

fn records(task: &Task, place: &Place) -> Result<Option<TrialRecords>> {
    let finished = train::finished(&place.trial(&task.id), task.trial.probes).with_context(|| {
        format!("trial {} ({}) is damaged; `whybn study` sets it aside and trains it anew", task.id, task.label())
    })?;
    Ok(finished.map(|finished| TrialRecords {
        arm: task.planned.arm.clone(),
        seed: task.planned.seed,
        sweep: task.planned.sweep.clone(),
        id: task.id.clone(),
        steps: task.trial.spec.train.steps,
        ending: finished.ending,
        instruction_set: finished.instruction_set,
        records: finished.records,
    }))
}
