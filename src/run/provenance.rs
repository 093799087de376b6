//! The facts that differ from run to run: time, machine, program, command. It goes to `run.json`, never into a report.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::runs::Runs;
use crate::files::{read_json, write_json};
use crate::groups::grouped;
use crate::kernels::isa;
use crate::text::{now, shell_word};

/// One run of the program, as `run.json` keeps it.
#[derive(Debug)]
pub struct Invocation {
    begun: Instant,
    /// Trials trained at once.
    pub jobs: usize,
    /// Trials that it trained.
    pub trained: usize,
    /// Trials that it found finished.
    pub found: usize,
    /// The programs and machines that trained the trials of the report, each with how many. Trials of older versions, and
    /// those whose records alone are there, do not say.
    trained_by: Vec<Value>,
}

/// The program and the machine that train a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trainer {
    version: String,
    /// The commit that the program was built from, marked where its sources differed, or `unknown`: see `build.rs`.
    commit: String,
    system: String,
    cpu: String,
    /// That of the kernels.
    instruction_set: String,
}

/// The file in a trial's folder that lists those who trained it, one after the other. It belongs to no hash.
const TRAINED_BY: &str = "trained_by.json";

impl Trainer {
    fn here() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            commit: env!("WHYBN_COMMIT").into(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into()),
            instruction_set: isa::current().to_string(),
        }
    }

    /// Those who trained the trial in `folder`.
    ///
    /// # Errors
    /// A list that is damaged or cannot be read.
    fn of(folder: &Path) -> Result<Vec<Self>> {
        let trainers = read_json(&folder.join(TRAINED_BY), "not a list of those who trained this trial; remove it")?;
        Ok(trainers.unwrap_or_default())
    }

    /// Adds this program and machine to the list in `folder`.
    ///
    /// # Errors
    /// Those of [`of`](Self::of); a list that cannot be written.
    pub fn sign(folder: &Path) -> Result<()> {
        let (mut trainers, here) = (Self::of(folder)?, Self::here());
        if trainers.contains(&here) {
            return Ok(());
        }
        trainers.push(here);
        write_json(&folder.join(TRAINED_BY), &trainers)
    }
}

impl Invocation {
    /// An invocation that begins now.
    pub fn begin(jobs: usize) -> Self {
        Self { begun: Instant::now(), jobs, trained: 0, found: 0, trained_by: Vec::new() }
    }

    /// Its time so far.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Notes who trained the trials of these `ids`, as far as `runs` tell.
    ///
    /// # Errors
    /// A list of a trial that is damaged or cannot be read.
    pub fn note_trainers<'a>(&mut self, runs: &Runs, ids: impl Iterator<Item = &'a String>) -> Result<()> {
        let mut signed = Vec::new();
        for id in ids.collect::<BTreeSet<_>>() {
            signed.extend(Trainer::of(&runs.trial(id))?.into_iter().map(|trainer| (trainer, id)));
        }
        let trained = |(trainer, ids): (Trainer, Vec<_>)| with(&trainer, [("trials", json!(ids.len()))]);
        self.trained_by = grouped(signed).into_iter().map(trained).collect();
        Ok(())
    }

    /// Its entry in `run.json`.
    pub fn entry(&self) -> Value {
        let facts = [
            // When it ended.
            ("time", json!(now())),
            ("command", json!(command_line())),
            ("cores", json!(cores())),
            ("jobs", json!(self.jobs)),
            ("trained", json!(self.trained)),
            ("found", json!(self.found)),
            ("trained_by", json!(self.trained_by)),
            ("wall_seconds", json!((self.elapsed().as_secs_f64() * 10.0).round() / 10.0)),
            // The most that the process held, where the system tells.
            ("peak_memory_mib", json!(peak_memory_mib())),
        ];
        with(&Trainer::here(), facts)
    }
}

/// A trainer's facts and `more`.
fn with<const N: usize>(trainer: &Trainer, more: [(&str, Value); N]) -> Value {
    let mut facts = json!(trainer);
    more.into_iter().for_each(|(name, fact)| facts[name] = fact);
    facts
}

/// Threads that this process may use at once.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get())
}

/// The command as typed, quoted so that a shell would read it back.
pub fn command_line() -> String {
    let arguments = std::env::args_os().skip(1).map(|argument| shell_word(&argument.to_string_lossy()));
    std::iter::once("whybn".to_string()).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn peak_memory_mib() -> Option<f64> {
    let text = field("/proc/self/status", "VmHWM")?;
    let kib: f64 = text.trim_end_matches(" kB").parse().ok()?;
    Some((kib / 1024.0).round())
}

/// The value of the first line `name : value` of the file `path`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let (_, value) = text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_string())
}
