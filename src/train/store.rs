//! A trial's folder: what it is, and what it left when it ended.
//!
//! ```text
//! trial.json                   the specification, written before the first step
//! checkpoint-HASH-000150.csv   records and memories of probes (the hash is of their names) after 150 steps …
//! checkpoint-HASH-000150.safetensors … and the weights; a checkpoint counts once this file is there
//! weights.safetensors          the final weights and running statistics, under PyTorch's names and layouts
//! PROBE-HASH.csv               a probe's records
//! done.json                    how it ended, and the hashes of the above: written last
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::checkpoint::{self, Checkpoint, tensors_as_bytes};
use crate::files::{read_json, write_json, write_whole};
use crate::kernels::isa;
use crate::nn::{self, Implementation};
use crate::probe::Probe;
use crate::record::{Ending, Record, csv};
use crate::spec::Spec;
use crate::text::sha256;

const CARD: &str = "trial.json";
const DONE: &str = "done.json";
const WEIGHTS: &str = "weights.safetensors";

/// The description of a trial in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The specification's schema.
    pub schema: u32,
    /// The instruction set whose bits these are.
    pub instruction_set: String,
    /// All that it trains with.
    pub spec: Spec,
    /// Its seed.
    pub seed: u64,
    /// The SHA-256 of its data.
    pub data: String,
}

impl Card {
    /// The card of a trial on this machine.
    pub fn new(spec: &Spec, seed: u64, data: &str) -> Self {
        let instruction_set = isa::current().to_string();
        Card { schema: spec.schema(), instruction_set, spec: spec.clone(), seed, data: data.into() }
    }

    /// Whether both instruction sets give the trial the same bits: AVX-512 gives those of AVX2 in our kernels. A
    /// network that does not run on our kernels uses Candle's own.
    fn rounds_like(&self, there: &Card) -> bool {
        let is_wide = |card: &Card| ["avx2", "avx512"].contains(&card.instruction_set.as_str());
        let fastest = nn::fastest(&self.spec.model, self.spec.train.dtype.dtype());
        let own_kernels = fastest == Implementation::Fast;
        self.instruction_set == there.instruction_set || (own_kernels && is_wide(self) && is_wide(there))
    }

    /// Writes the card into `folder`, or compares it with the one there.
    ///
    /// # Errors
    /// [`OtherInstructionSet`] if the trial there was begun with one that rounds differently.
    pub fn lay_down(&self, folder: &Path) -> Result<()> {
        let path = folder.join(CARD);
        if let Ok(Some(there)) = read_json::<Card>(&path, "damaged")
            && !self.rounds_like(&there)
        {
            return Err(OtherInstructionSet(format!(
                "{}: this trial was begun with the instruction set {} and this machine runs {}, which rounds \
                 differently; finish it where it was begun, or remove the folder to start it anew",
                path.display(),
                there.instruction_set,
                self.instruction_set
            ))
            .into());
        }
        write_json(&path, self)
    }
}

/// The remains of a finished trial: how it ended, and the records of the probes asked for, in their order.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub ending: Ending,
    /// The records.
    pub records: Vec<Record>,
    /// The instruction set whose bits these are.
    pub instruction_set: String,
}

/// A trial that another instruction set began, whose bits this machine cannot continue.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OtherInstructionSet(String);

#[derive(Serialize, Deserialize)]
struct Done {
    schema: u32,
    ending: Ending,
    files: BTreeMap<String, String>,
}

/// Writes what a trial left, `done.json` last, and removes its checkpoints. What other probes left, in an earlier
/// training of the same trial or in one that was interrupted, stays.
///
/// # Errors
/// If a file cannot be written.
pub fn finish(folder: &Path, schema: u32, ending: Ending, checkpoint: &Checkpoint) -> Result<()> {
    let mut files = match read_done(folder) {
        Ok(Some(done)) if done.schema == schema => done.files,
        _ => BTreeMap::new(),
    };
    let weights = tensors_as_bytes(&[&checkpoint.params, &checkpoint.buffers])?;
    let mut contents = vec![(WEIGHTS.to_string(), weights)];
    for log in &checkpoint.logs {
        let mut csv = csv::Writer::new([])?;
        log.records.iter().try_for_each(|record| csv.push([], record))?;
        contents.push((format!("{}.csv", log.probe), csv.finish()?));
    }
    for (name, bytes) in contents {
        write_whole(&folder.join(&name), &bytes)?;
        files.insert(name, sha256([&bytes]));
    }
    let done = Done { schema, ending, files };
    write_json(&folder.join(DONE), &done)?;
    let probes: Vec<String> = checkpoint.logs.iter().map(|log| log.probe.clone()).collect();
    checkpoint::tidy(folder, &probes)
}

fn read_done(folder: &Path) -> Result<Option<Done>> {
    read_json(&folder.join(DONE), "this record of a finished trial is damaged")
}

/// The finished trial in `folder`; `None` if it is absent, unfinished, or lacks the records of one of `probes`.
///
/// # Errors
/// If a file is damaged, missing or of another version; the message names it.
pub fn finished(folder: &Path, probes: &[Probe]) -> Result<Option<Finished>> {
    let Some(done) = read_done(folder)? else { return Ok(None) };
    let path = folder.join(CARD);
    let card: Card = read_json(&path, "cannot read what this trial is")?
        .with_context(|| format!("{}: this file is missing", path.display()))?;
    let (there, here) = (done.schema, card.spec.schema());
    ensure!(
        there == here,
        "{}: written by another version (schema {there}, this is {here})",
        folder.join(DONE).display()
    );
    let names: Vec<String> = probes.iter().map(|probe| format!("{}.csv", probe.id())).collect();
    if names.iter().any(|name| !done.files.contains_key(name)) {
        return Ok(None);
    }
    unchanged(folder, &done, WEIGHTS)?;
    let mut records = Vec::new();
    for name in &names {
        csv::read(&unchanged(folder, &done, name)?, &folder.join(name), [], |[], record| {
            records.push(record);
            Ok(())
        })?;
    }
    Ok(Some(Finished { ending: done.ending, records, instruction_set: card.instruction_set }))
}

/// The bytes of the file `name`, which must be those that `done` hashed.
fn unchanged(folder: &Path, done: &Done, name: &str) -> Result<Vec<u8>> {
    let path = folder.join(name);
    let bytes = fs::read(&path).with_context(|| format!("{}: cannot read this file", path.display()))?;
    ensure!(done.files.get(name) == Some(&sha256([&bytes])), "{}: this file is damaged or was changed", path.display());
    Ok(bytes)
}

/// Moves a damaged trial's folder out of the way, so that the trial can be redone, and says where it is now.
///
/// # Errors
/// If it cannot be renamed.
pub fn set_aside(folder: &Path) -> Result<PathBuf> {
    let name = |number: usize| folder.with_extension(format!("damaged-{number}"));
    let free = (1..).map(name).find(|path| !path.exists()).expect("numbers do not end");
    fs::rename(folder, &free).with_context(|| format!("{}: cannot set this folder aside", folder.display()))?;
    Ok(free)
}
