//! The folder of all runs, and who may work on what in it.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::task::Task;
use crate::files::Damaged;
use crate::record::TrialRecords;
use crate::train::{self, Finished};

/// The folder of all runs; studies share the trials in it.
#[derive(Clone, Debug)]
pub struct Runs(PathBuf);

/// The right to work on a trial or a study: a locked file, until it is dropped or the process ends, however it ends.
pub type Lock = File;

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

    /// What is left of the trial of `task`; `None` where it is not finished.
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

    /// Those of `tasks` that are finished, and those that are not.
    ///
    /// # Errors
    /// Those of [`has`](Self::has).
    pub fn split<'a>(&self, tasks: Vec<&'a Task<'a>>) -> Result<(Vec<&'a Task<'a>>, Vec<&'a Task<'a>>)> {
        let (mut found, mut pending) = (Vec::new(), Vec::new());
        for task in tasks {
            if self.has(task)? { &mut found } else { &mut pending }.push(task);
        }
        Ok((found, pending))
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
            Some(_lock) => train::tidy(&self.trial(&task.id), task.trial.probes),
            None => Ok(()),
        }
    }

    /// The right to train the trial `id`; `None` while another process has it.
    ///
    /// # Errors
    /// A lock file that cannot be made.
    pub fn lock_trial(&self, id: &str) -> Result<Option<Lock>> {
        lock(&self.locks().join(format!("trial-{id}")), File::try_lock)
    }

    /// The right to run the study whose report is called `output_name`; `None` while another process has it.
    ///
    /// # Errors
    /// A lock file that cannot be made.
    pub fn lock_study(&self, output_name: &str) -> Result<Option<Lock>> {
        lock(&self.locks().join(format!("study-{output_name}")), File::try_lock)
    }

    /// The folder of the locks.
    fn locks(&self) -> PathBuf {
        self.0.join("locks")
    }
}

/// The right to write reports into the folder `out`; waits, a moment, while another process does.
///
/// # Errors
/// A lock file that cannot be made.
pub fn lock_reports(out: &Path) -> Result<Lock> {
    let lock = lock(&out.join(".lock"), |file| file.lock().map_err(TryLockError::Error))?;
    Ok(lock.expect("it waited"))
}

fn lock(path: &Path, take: impl Fn(&File) -> Result<(), TryLockError>) -> Result<Option<Lock>> {
    let problem = || format!("{}: cannot lock this file", path.display());
    let file = File::options().create(true).append(true).open(path).with_context(problem)?;
    match take(&file) {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(problem),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_a_lock_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let runs = Runs::new(folder.path()).unwrap();
        let first = runs.lock_trial("a").unwrap();
        assert!(first.is_some());
        assert!(runs.lock_trial("a").unwrap().is_none());
        assert!(runs.lock_trial("b").unwrap().is_some());
        drop(first);
        assert!(runs.lock_trial("a").unwrap().is_some());
    }
}
