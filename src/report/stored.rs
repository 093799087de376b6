//! `plan.json` and `records.csv.gz`: the material of a report, small enough to commit with it, and the way back from a
//! report's folder to a report.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};

use super::Input;
use super::view::View;
use crate::data::DataFacts;
use crate::files::{read, read_json, write_json, write_whole};
use crate::probe::Probe;
use crate::record::{TrialRecords, csv, sweep_text};
use crate::spec::Spec;
use crate::study::Plan;
use crate::text::sha256;

/// The plan's file.
pub const PLAN: &str = "plan.json";

/// The records' file.
pub const RECORDS: &str = "records.csv.gz";

/// More than any study's records have, unpacked: a small file can unpack to anything.
const MOST_BYTES: u64 = 1 << 30;

/// The columns of the records' file that say whose a record is.
const WHOSE: [&str; 3] = ["arm", "seed", "sweep"];

/// A report's plan as far as it was carried out.
#[derive(Serialize, Deserialize)]
pub(super) struct PlanFile<'a> {
    study: String,
    scale: String,
    changes: Vec<String>,
    /// The study's file; left out where the study is a built-in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    planned: usize,
    /// Of the uncompressed records.
    records_sha256: String,
    data: Vec<DataFacts>,
    /// The ids of the probes whose records these are.
    probes: Vec<String>,
    #[serde(skip_deserializing)]
    conditions: Vec<ConditionEntry<'a>>,
    trials: Cow<'a, [TrialRecords]>,
}

/// An arm at one combination of swept values, with all that its trials train with.
#[derive(Serialize)]
struct ConditionEntry<'a> {
    arm: &'a str,
    sweep: &'a BTreeMap<String, String>,
    settings: &'a Spec,
}

/// Writes both files into the folder `dir`.
///
/// # Errors
/// A file that cannot be written.
pub fn write(view: &View, dir: &Path) -> Result<()> {
    let csv = to_csv(view.trials)?;
    let conditions = view.conditions.iter().map(|condition| ConditionEntry {
        arm: &condition.arm.name,
        sweep: condition.sweep,
        settings: condition.spec,
    });
    let plan = PlanFile {
        study: view.plan.study.name.clone(),
        scale: view.plan.scale.clone(),
        changes: view.plan.changes.clone(),
        file: view.plan.study.own_file(),
        planned: view.plan.trials.len(),
        records_sha256: sha256([&csv]),
        data: view.data.to_vec(),
        probes: probe_ids(view.plan),
        conditions: conditions.collect(),
        trials: view.trials.into(),
    };
    // First, because it tells whose the folder is.
    write_json(&dir.join(PLAN), &plan)?;
    write_whole(&dir.join(RECORDS), &compress(&csv)?)
}

/// Refuses to let the report of `plan` take the place of another's in `folder`: of another study, whose file has the same
/// name in another folder, or of other changes that have the same hash.
///
/// # Errors
/// The report that is there, and what to do; a `plan.json` that cannot be read.
pub(super) fn refuse_another(plan: &Plan, folder: &Path) -> Result<()> {
    let Some(stored) = read_json::<PlanFile>(&folder.join(PLAN), "not the plan of a report; move it away")? else {
        return Ok(());
    };
    let file = plan.study.own_file();
    // Reports of older versions do not say their file.
    let is_same_study = stored.study == plan.study.name && (stored.file.is_none() || stored.file == file);
    ensure!(
        is_same_study && stored.scale == plan.scale && stored.changes == plan.changes,
        "{} is the report of another plan (study {}, scale {}{}), which this one would replace; rename the study's file, \
         give another folder with --out, or move that report away if it is an old one of this study",
        folder.display(),
        stored.file.unwrap_or(stored.study),
        stored.scale,
        stored.changes.iter().map(|change| format!(", {change}")).collect::<String>()
    );
    Ok(())
}

/// The input of a report of `plan` from the two files in the folder `dir` of an earlier one. The data set itself is not
/// needed. Trials that `plan` does not have are left out.
///
/// # Errors
/// A file that is missing or damaged, with the line; records that do not belong to the `plan.json` next to them; probes,
/// or a trial's settings, that are not those of `plan`: its study was changed since.
pub fn read_records<'a>(dir: &Path, plan: &'a Plan) -> Result<Input<'a>> {
    let path = dir.join(PLAN);
    let stored: PlanFile = read_json(&path, "damaged; restore it, or run the study again")?
        .with_context(|| format!("{}: this file is missing", path.display()))?;
    let mut trials = stored.trials.into_owned();
    let path = dir.join(RECORDS);
    let csv = uncompressed(&path)?;
    distribute(&csv, &path, &mut trials)?;
    ensure!(
        sha256([&csv]) == stored.records_sha256,
        "{}: these are not the records that {PLAN} beside them names; restore both, or run the study again",
        path.display()
    );
    ensure!(
        stored.probes == probe_ids(plan),
        "these records were measured by other probes than the study `{}` now has; run it again",
        plan.study.name
    );
    Ok(Input { plan, trials: trials_of(plan, trials, &stored.data)?, data: stored.data })
}

fn to_csv(trials: &[TrialRecords]) -> Result<Vec<u8>> {
    let whose: Vec<_> = trials.iter().map(|trial| (trial.seed.to_string(), sweep_text(&trial.sweep))).collect();
    let records = trials.iter().zip(&whose).flat_map(|(trial, (seed, sweep))| {
        trial.records.iter().map(move |record| ([trial.arm.as_str(), seed.as_str(), sweep.as_str()], record))
    });
    csv::write(WHOSE, records, true)
}

/// Puts the records of `csv`, which was read from `path`, into the `trials` that they belong to.
pub(super) fn distribute(csv: &[u8], path: &Path, trials: &mut [TrialRecords]) -> Result<()> {
    let key = |trial: &TrialRecords| (trial.arm.clone(), trial.seed, sweep_text(&trial.sweep));
    let places: HashMap<_, usize> = trials.iter().enumerate().map(|(index, trial)| (key(trial), index)).collect();
    csv::read(csv, path, WHOSE, |[arm, seed, sweep], record| {
        let seed = csv::number(seed, "seed")?;
        let stranger = || format!("no trial of the plan is {} seed {seed}", [arm, sweep].join(" ").trim_end());
        let place = places.get(&(arm.into(), seed, sweep.into())).ok_or_else(stranger)?;
        trials[*place].records.push(record);
        Ok(())
    })
}

/// `bytes` compressed, without a time in the header: the same bytes give the same file.
pub(super) fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

/// The uncompressed text of the file `path`.
pub(super) fn uncompressed(path: &Path) -> Result<Vec<u8>> {
    let file = read(path)?.with_context(|| format!("{}: this file is missing", path.display()))?;
    let mut bytes = Vec::new();
    let unpacked = MultiGzDecoder::new(&file[..]).take(MOST_BYTES).read_to_end(&mut bytes);
    ensure!(bytes.len() < MOST_BYTES as usize, "{}: it unpacks to 1 GiB or more, which no study has", path.display());
    unpacked.with_context(|| {
        let line = 1 + bytes.iter().filter(|&&byte| byte == b'\n').count();
        format!("{}, line {line}: this file is cut off or corrupt; restore it, or run the study again", path.display())
    })?;
    Ok(bytes)
}

/// The stored trials that `plan` has, in its order.
fn trials_of(plan: &Plan, mut stored: Vec<TrialRecords>, data: &[DataFacts]) -> Result<Vec<TrialRecords>> {
    let mut trials = Vec::new();
    for planned in &plan.trials {
        let same = |trial: &TrialRecords| trial.seed == planned.seed && trial.is_of(&planned.arm, &planned.sweep);
        let Some(index) = stored.iter().position(same) else { continue };
        let trial = stored.swap_remove(index);
        ensure!(
            schema_of(&trial, &planned.spec, data).is_some(),
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

/// The schema under which a stored trial is the planned one; none where it was made with other settings or data.
pub(super) fn schema_of(trial: &TrialRecords, planned: &Spec, data: &[DataFacts]) -> Option<u32> {
    let facts = data.iter().find(|facts| facts.name == planned.data)?;
    planned.schema_of(&trial.id, trial.seed, &facts.sha256)
}
