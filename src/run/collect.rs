//! What the trials of a plan left behind.

use anyhow::{Context, Result};

use super::place::Place;
use super::task::Task;
use crate::record::TrialRecords;
use crate::train;

/// The records of a plan.
pub struct Collected {
    /// Those that are there, in the plan's order.
    pub trials: Vec<TrialRecords>,
    /// The trials whose records are not there, as people call them.
    pub missing: Vec<String>,
}

/// Reads the records of all `tasks`.
///
/// # Errors
/// Damaged records, with their file and the remedy.
pub fn collect(tasks: &[Task], place: &Place) -> Result<Collected> {
    let mut collected = Collected { trials: Vec::new(), missing: Vec::new() };
    for task in tasks {
        match records(task, place)? {
            Some(records) => collected.trials.push(records),
            None => collected.missing.push(task.label()),
        }
    }
    Ok(collected)
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
        records: finished.records,
    }))
}
