//! The folder of all runs, and who may work on what in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::task::Task;
use crate::files::{Damaged, read_json, write_json};
use crate::lock::{Lock, PATIENCE, lock};
use crate::record::TrialRecords;
use crate::study::Plan;
use crate::text::{note, sha256};
use crate::train::{self, Finished};

/// The folder of all runs; studies share the trials in it.
#[derive(Clone, Debug)]
pub struct Runs(PathBuf);

impl Runs {
    /// The folder `path`, which is made where it is missing.
    ///
    /// # Errors
    /// A folder that cannot be made or written.
    pub fn new(path: &Path) -> Result<Runs> {
        let runs = Runs(path.into());
        check_writable(path, "--runs")?;
        check_writable(&runs.locks(), "--runs")?;
        Ok(runs)
    }

    /// The folder `path`, to be read only.
    pub fn to_read(path: &Path) -> Runs {
        Runs(path.into())
    }

    /// The folder of the trial `id`.
    pub fn trial(&self, id: &str) -> PathBuf {
        self.0.join("trials").join(id)
    }

    /// The result of the trial of `task`; `None` where it is not finished.
    fn finished(&self, task: &Task) -> Result<Option<Finished>> {
        train::finished(&self.trial(&task.id), task.trial.spec.schema(), task.trial.probes)
    }

    /// Whether the trial of `task` is finished, with records of all its probes. A damaged one is not.
    ///
    /// # Errors
    /// A file that cannot be read, or that another version wrote.
    pub fn has(&self, task: &Task) -> Result<bool> {
        match self.finished(task) {
            Err(error) if error.is::<Damaged>() => Ok(false),
            finished => Ok(finished?.is_some()),
        }
    }

    /// Whether the trial `id` is finished, under whatever schema, with whole records of the probes of these ids.
    pub fn has_records(&self, id: &str, probes: &[String]) -> bool {
        train::has_records(&self.trial(id), probes)
    }

    /// The records of the trial of `task`; `None` where it is not finished.
    ///
    /// # Errors
    /// Damaged records, with their file and the remedy; a file that cannot be read, or that another version wrote.
    pub fn records(&self, task: &Task) -> Result<Option<TrialRecords>> {
        let finished = self.finished(task).map_err(|error| match error.is::<Damaged>() {
            true => error.context(format!(
                "trial {} ({}) is damaged; `whybn study` sets it aside and trains it anew",
                task.id,
                task.planned.label()
            )),
            false => error,
        })?;
        Ok(finished.map(|Finished { ending, instruction_set, records }| TrialRecords {
            arm: task.planned.arm.clone(),
            seed: task.planned.seed,
            sweep: task.planned.sweep.clone(),
            id: task.id.clone(),
            steps: task.trial.spec.train.steps,
            ending,
            instruction_set,
            records,
        }))
    }

    /// Removes what a process that was killed right after it finished the trial of `task` left there.
    ///
    /// # Errors
    /// A file that cannot be removed, a lock file that cannot be made.
    pub fn tidy(&self, task: &Task) -> Result<()> {
        match self.lock_trial(&task.id)? {
            Ok(_lock) => train::tidy(&self.trial(&task.id), task.trial.probes),
            Err(_) => Ok(()),
        }
    }

    /// The hashes of the claims of `plan` that were kept before a trial of it was trained here; `None` if none was.
    ///
    /// # Errors
    /// A file that cannot be read, or is damaged.
    pub fn first_claims(&self, plan: &Plan) -> Result<Option<BTreeMap<String, String>>> {
        read_json(&self.claims(plan), "damaged; restore it, or remove it to judge the claims as they are now")
    }

    /// Keeps the hashes of the claims of `plan`, unless some are kept already.
    ///
    /// # Errors
    /// A file that cannot be written; those of [`first_claims`](Self::first_claims).
    pub fn keep_claims(&self, plan: &Plan) -> Result<()> {
        if self.first_claims(plan)?.is_some() {
            return Ok(());
        }
        let path = self.claims(plan);
        // Of trials that begin at the same time each writes a file of its own, and the last one stays.
        let own = path.with_extension(std::process::id().to_string());
        write_json(&own, &plan.claims)?;
        fs::rename(&own, &path).with_context(|| format!("{}: cannot write this file", path.display()))
    }

    /// The file of the claims of `plan`. Studies of one name may share the runs, so its study's file belongs to its name.
    fn claims(&self, plan: &Plan) -> PathBuf {
        let file = plan.study.own_file().map(|file| format!("-{}", &sha256([file])[..12])).unwrap_or_default();
        self.0.join("claims").join(format!("{}{file}.json", plan.output_name()))
    }

    /// The right to train the trial `id`; or who has it.
    ///
    /// # Errors
    /// A lock file that cannot be made.
    pub fn lock_trial(&self, id: &str) -> Result<Result<Lock, String>> {
        lock(&self.locks().join(format!("trial-{id}")))
    }

    /// The right to run the study whose report is called `output_name`; or who has it.
    ///
    /// # Errors
    /// A lock file that cannot be made.
    pub fn lock_study(&self, output_name: &str) -> Result<Result<Lock, String>> {
        lock(&self.locks().join(format!("study-{output_name}")))
    }

    /// The folder of the locks.
    fn locks(&self) -> PathBuf {
        self.0.join("locks")
    }
}

/// The right to write reports into the folder `out`; waits while another process has it, and says so.
///
/// # Errors
/// A lock file that cannot be made.
pub fn lock_reports(out: &Path) -> Result<Lock> {
    let mut waits = false;
    loop {
        match lock(&out.join(".lock"))? {
            Ok(lock) => return Ok(lock),
            Err(holder) if !waits => {
                note(format_args!("Waiting for {holder} to write its report in {} …", out.display()));
                waits = true;
            }
            Err(_) => std::thread::sleep(PATIENCE),
        }
    }
}

/// Makes `folder` where it is missing, and tries to write in it; `option` is what chose it.
///
/// # Errors
/// The folder, what is wrong with it, and the option that would choose another.
pub fn check_writable(folder: &Path, option: &str) -> Result<()> {
    let problem =
        || format!("{}: cannot write here; make it writable or choose another with {option}", folder.display());
    fs::create_dir_all(folder).with_context(problem)?;
    let mut trial = tempfile::Builder::new().prefix(".whybn-").tempfile_in(folder).with_context(problem)?;
    trial.write_all(b"may be deleted\n").and_then(|()| trial.close()).with_context(problem)
}
