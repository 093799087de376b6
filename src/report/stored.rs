//! `plan.json`: what the records alone do not say, and the way back from a report's folder to a report.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::view::View;
use super::{Input, files, records};
use crate::data::DataFacts;
use crate::record::{Ending, TrialRecords};
use crate::spec::Spec;
use crate::study::{Plan, PlannedTrial, Probe};

/// The file's name.
pub const FILE: &str = "plan.json";

/// A report's plan as far as it was carried out.
#[derive(Serialize)]
struct PlanFile {
    study: String,
    scale: String,
    changes: Vec<String>,
    planned: usize,
    records_sha256: String,
    data: Vec<DataFacts>,
    /// The ids of the probes whose records these are.
    probes: Vec<String>,
    conditions: Vec<ConditionFile>,
    trials: Vec<TrialFile>,
}

/// An arm at one combination of swept values, with all that its trials train with.
#[derive(Serialize)]
struct ConditionFile {
    arm: String,
    sweep: BTreeMap<String, String>,
    settings: Spec,
}

#[derive(Serialize, Deserialize)]
struct TrialFile {
    arm: String,
    seed: u64,
    sweep: BTreeMap<String, String>,
    id: String,
    steps: usize,
    ending: Ending,
    instruction_set: String,
}

impl TrialFile {
    fn without_records(self) -> TrialRecords {
        let TrialFile { arm, seed, sweep, id, steps, ending, instruction_set } = self;
        TrialRecords { arm, seed, sweep, id, steps, ending, instruction_set, records: Vec::new() }
    }
}

/// What is read back of it.
#[derive(Deserialize)]
struct Kept {
    records_sha256: String,
    data: Vec<DataFacts>,
    probes: Vec<String>,
    trials: Vec<TrialFile>,
}

/// `plan.json` of a report whose records are `csv`.
pub(super) fn plan_json(view: &View, csv: &[u8]) -> Result<Vec<u8>> {
    let conditions = view.conditions.iter().map(|condition| ConditionFile {
        arm: condition.arm.name.clone(),
        sweep: condition.sweep.clone(),
        settings: condition.spec.clone(),
    });
    let trials = view.trials.iter().map(|trial| TrialFile {
        arm: trial.arm.clone(),
        seed: trial.seed,
        sweep: trial.sweep.clone(),
        id: trial.id.clone(),
        steps: trial.steps,
        ending: trial.ending,
        instruction_set: trial.instruction_set.clone(),
    });
    files::json(&PlanFile {
        study: view.plan.study.name.clone(),
        scale: view.plan.scale.clone(),
        changes: view.plan.changes.clone(),
        planned: view.plan.trials.len(),
        records_sha256: records::sha256(csv),
        data: view.data.to_vec(),
        probes: probe_ids(view.plan),
        conditions: conditions.collect(),
        trials: trials.collect(),
    })
}

/// The input of a report of `plan` from `records.csv.gz` and `plan.json` in the folder `dir` of an earlier one. The data
/// set itself is not needed. Trials that `plan` does not have are left out.
///
/// # Errors
/// A file that is missing or damaged, with the line; records that do not belong to the `plan.json` beside them; probes,
/// or a trial's settings, that are not those of `plan`: its study was changed since.
pub fn read_records<'a>(dir: &Path, plan: &'a Plan) -> Result<Input<'a>> {
    let path = dir.join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("{}: cannot read this file", path.display()))?;
    let kept: Kept = serde_json::from_str(&text)
        .with_context(|| format!("{}: damaged; restore it, or run the study again", path.display()))?;
    let mut trials: Vec<TrialRecords> = kept.trials.into_iter().map(TrialFile::without_records).collect();
    let path = dir.join(records::FILE);
    let csv = records::read(&path)?;
    records::distribute(&csv, &path, &mut trials)?;
    ensure!(
        records::sha256(&csv) == kept.records_sha256,
        "{}: these are not the records that {FILE} beside them names; restore both, or run the study again",
        path.display()
    );
    ensure!(
        kept.probes == probe_ids(plan),
        "these records were measured by other probes than the study `{}` now has; run it again",
        plan.study.name
    );
    Ok(Input { plan, trials: trials_of(plan, trials, &kept.data)?, data: kept.data })
}

/// The stored trials that `plan` has, in its order.
fn trials_of(plan: &Plan, mut stored: Vec<TrialRecords>, data: &[DataFacts]) -> Result<Vec<TrialRecords>> {
    let mut trials = Vec::new();
    for planned in &plan.trials {
        let same = |trial: &TrialRecords| {
            trial.arm == planned.arm && trial.seed == planned.seed && trial.sweep == planned.sweep
        };
        let Some(place) = stored.iter().position(same) else { continue };
        let trial = stored.swap_remove(place);
        ensure!(
            trial.id == identity(planned, data),
            "{}: these records were made with other settings or data than the study `{}` now has; run it again",
            planned.label(),
            plan.study.name
        );
        trials.push(trial);
    }
    Ok(trials)
}

fn probe_ids(plan: &Plan) -> Vec<String> {
    plan.probes.iter().map(Probe::id).collect()
}

/// The identity that a planned trial has on the data of the report; empty where the report had other data.
fn identity(planned: &PlannedTrial, data: &[DataFacts]) -> String {
    let facts = data.iter().find(|facts| facts.name == planned.spec.data);
    facts.map(|facts| planned.spec.identity(planned.seed, &facts.sha256)).unwrap_or_default()
}
