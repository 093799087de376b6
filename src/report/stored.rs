//! `plan.json` and `records.csv.gz`: the material of a report, small enough to commit with it, and the way back from a
//! report's folder to a report.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};

use super::Input;
use super::view::View;
use crate::data::DataFacts;
use crate::files::{read, read_json, write_json, write_whole};
use crate::groups::grouped;
use crate::probe::Probe;
use crate::record::{TrialRecords, csv, sweep_text};
use crate::spec::Spec;
use crate::study::{Plan, PlannedTrial};
use crate::text::{count, sha256};

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
    /// The hashes of the claims when the first trial was trained; reports of older versions do not have them.
    #[serde(default)]
    claims: Option<BTreeMap<String, String>>,
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
        claims: Some(view.plan.claims.clone()),
        conditions: conditions.collect(),
        trials: view.trials.into(),
    };
    // First, because it tells whose the folder is.
    write_json(&dir.join(PLAN), &plan)?;
    write_whole(&dir.join(RECORDS), &compress(&csv)?)
}

/// The report of a plan that is in a folder already. Its records are read when they are asked for.
pub struct Earlier {
    /// Its folder.
    pub folder: PathBuf,
    /// The hashes of its claims when its first trial was trained, where it has them.
    pub(crate) claims: Option<BTreeMap<String, String>>,
    /// Its plan, where there are records with it.
    file: Option<PlanFile<'static>>,
}

impl Earlier {
    /// The report of `plan` in the folder `out`, if there is one.
    ///
    /// # Errors
    /// A report of another study, whose file has the same name in another folder, or of other changes that have the same
    /// hash; a `plan.json` that cannot be read.
    pub fn find(plan: &Plan, out: &Path) -> Result<Self> {
        let folder = out.join(plan.output_name());
        let mut file: Option<PlanFile> = read_json(&folder.join(PLAN), "not the plan of a report; move it away")?;
        if let Some(file) = &file {
            refuse_another(plan, file, &folder)?;
        }
        let claims = file.as_mut().and_then(|file| file.claims.take());
        let has_records = folder.join(RECORDS).exists();
        Ok(Self { folder, claims, file: file.filter(|_| has_records) })
    }

    /// Whether it has records of any trial.
    pub fn has_any(&self) -> bool {
        self.file.is_some()
    }

    /// Whether it has all records of the trial `id` of `plan`.
    pub fn has(&self, plan: &Plan, id: &str) -> bool {
        let is_it = |file: &PlanFile| file.probes == probe_ids(plan) && file.trials.iter().any(|trial| trial.id == id);
        self.file.as_ref().is_some_and(is_it)
    }

    /// Its trials with their records.
    ///
    /// # Errors
    /// Records that cannot be read, are damaged, with the line, or do not belong to the `plan.json` next to them.
    pub fn trials(&self) -> Result<Vec<TrialRecords>> {
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        let mut trials = file.trials.to_vec();
        let path = self.folder.join(RECORDS);
        let csv = uncompressed(&path)?;
        distribute(&csv, &path, &mut trials)?;
        ensure!(
            sha256([&csv]) == file.records_sha256,
            "{}: these are not the records that {PLAN} next to them names; restore both, or move the folder away and \
             run the study again",
            path.display()
        );
        Ok(trials)
    }

    /// The input of a report of `plan` from these records alone, with those of older schemas and what the report says of
    /// its own data; the data set itself is not needed.
    ///
    /// # Errors
    /// Those of [`trials`](Self::trials).
    pub fn input<'a>(&self, plan: &'a Plan) -> Result<Input<'a>> {
        let (data, stored) = match &self.file {
            Some(file) if file.probes == probe_ids(plan) => (file.data.clone(), self.trials()?),
            _ => Default::default(),
        };
        let stored: HashMap<&str, &TrialRecords> = stored.iter().map(|trial| (trial.id.as_str(), trial)).collect();
        let of =
            |planned: &PlannedTrial| ids(planned, &data).find_map(|id| Some(planned.named(stored.get(id.as_str())?)));
        let trials = plan.trials.iter().filter_map(of).collect();
        Ok(Input { plan, trials, data })
    }

    /// Refuses to drop the only copy of a record: a new report of `plan` on `data` has the trials that stay, under the
    /// present schema or the one they have here; the trial of an id may be elsewhere with the records of these probes.
    ///
    /// # Errors
    /// The trials whose records would be lost, and what to do.
    pub fn refuse_loss(
        &self,
        plan: &Plan,
        data: &[DataFacts],
        stays: impl Fn(&PlannedTrial) -> bool,
        is_elsewhere: impl Fn(&str, &[String]) -> bool,
    ) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let (measured, kept) = (probe_ids(plan), plan.trials.iter().filter(|planned| stays(planned)));
        let dropped: Vec<&str> = file.probes.iter().filter(|probe| !measured.contains(probe)).map(|id| &**id).collect();
        let kept: HashSet<String> = kept.flat_map(|planned| ids(planned, data)).collect();
        let stays = |trial: &TrialRecords| dropped.is_empty() && kept.contains(&trial.id);
        let lost = file.trials.iter().filter(|trial| !stays(trial) && !is_elsewhere(&trial.id, &file.probes));
        let lost = grouped(lost.map(|trial| (&trial.arm, trial.seed)));
        let why = match dropped.first() {
            Some(probe) => format!("the study no longer has their probe `{probe}`"),
            None => "this report has no trials of these arms, seeds, settings and data".into(),
        };
        let arms = lost.iter().map(|(arm, seeds)| format!("`{arm}` ({})", count(seeds.len(), "trial")));
        ensure!(
            lost.is_empty(),
            "{} has the only records of {}, which would be lost: {why}; undo the change, or keep that report: move {} away, \
             or give another folder with --out",
            self.folder.join(RECORDS).display(),
            arms.collect::<Vec<_>>().join(", "),
            self.folder.display()
        );
        Ok(())
    }
}

fn refuse_another(plan: &Plan, stored: &PlanFile, folder: &Path) -> Result<()> {
    let file = plan.study.own_file();
    // Reports of older versions do not say their file.
    let is_same_study = stored.study == plan.study.name && (stored.file.is_none() || stored.file == file);
    ensure!(
        is_same_study && stored.scale == plan.scale && stored.changes == plan.changes,
        "{} is the report of another plan (study {}, scale {}{}), which this one would replace; rename the study's file, \
         give another folder with --out, or move that report away if it is an old one of this study",
        folder.display(),
        stored.file.as_ref().unwrap_or(&stored.study),
        stored.scale,
        stored.changes.iter().map(|change| format!(", {change}")).collect::<String>()
    );
    Ok(())
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

/// The ids that a planned trial has on `data`, under the present schema and under the older ones.
fn ids(planned: &PlannedTrial, data: &[DataFacts]) -> impl Iterator<Item = String> {
    let facts = data.iter().find(|facts| facts.name == planned.spec.data);
    let id = |schema, facts: &DataFacts| planned.spec.identity_under(schema, planned.seed, &facts.sha256);
    facts.into_iter().flat_map(move |facts| (0..=planned.spec.schema()).rev().map(move |schema| id(schema, facts)))
}

fn probe_ids(plan: &Plan) -> Vec<String> {
    plan.probes.iter().map(Probe::id).collect()
}

/// The schema under which a stored trial is the planned one; none where it was made with other settings or data.
pub(super) fn schema_of(trial: &TrialRecords, planned: &Spec, data: &[DataFacts]) -> Option<u32> {
    let facts = data.iter().find(|facts| facts.name == planned.data)?;
    planned.schema_of(&trial.id, trial.seed, &facts.sha256)
}
