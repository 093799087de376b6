//! What the trials of a plan left behind.

use anyhow::{Context, Result};

use super::place::Place;
use super::task::Datasets;
use crate::record::TrialRecords;
use crate::study::{Plan, PlannedTrial};
use crate::train::{self, Trial};

/// The records of a plan.
pub struct Collected {
    /// Those that are there, in the plan's order.
    pub trials: Vec<TrialRecords>,
    /// The trials whose records are not there, as people call them.
    pub missing: Vec<String>,
}

/// Reads the records of all trials of `plan`.
///
/// # Errors
/// Damaged records, with their file and the remedy.
pub fn collect(plan: &Plan, datasets: &Datasets, place: &Place) -> Result<Collected> {
    let mut collected = Collected { trials: Vec::new(), missing: Vec::new() };
    for planned in &plan.trials {
        match records(plan, planned, datasets, place)? {
            Some(records) => collected.trials.push(records),
            None => collected.missing.push(planned.label()),
        }
    }
    Ok(collected)
}

fn records(
    plan: &Plan,
    planned: &PlannedTrial,
    datasets: &Datasets,
    place: &Place,
) -> Result<Option<TrialRecords>> {
    let data = datasets.of(planned);
    let id = Trial { spec: &planned.spec, seed: planned.seed, data, probes: &plan.probes }.id();
    let finished = train::finished(&place.trial(&id), &plan.probes).with_context(|| {
        format!("trial {id} is damaged; `whybn study {}` sets it aside and trains it anew", plan.study.name)
    })?;
    Ok(finished.map(|finished| TrialRecords {
        arm: planned.arm.clone(),
        seed: planned.seed,
        sweep: planned.sweep.clone(),
        id,
        steps: planned.spec.train.steps,
        ending: finished.ending,
        records: finished.records,
    }))
}
