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

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::checkpoint::{self, Checkpoint, tensors_as_bytes};
use crate::files::{Damaged, Obstacle, read, read_json, write_json, write_whole};
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

    /// Compares the card with the one in `folder`, where there is one.
    ///
    /// # Errors
    /// An obstacle if the trial there was begun with an instruction set that rounds differently; those of [`read_of`].
    pub fn check(&self, folder: &Path) -> Result<()> {
        if let Some(there) = read_of::<Card>(folder, CARD, self.schema)?
            && !self.rounds_like(&there)
        {
            bail!(Obstacle(format!(
                "{}: this trial was begun with the instruction set {} and this machine runs {}, which rounds \
                 differently; finish it where it was begun, or remove the folder to start it anew",
                folder.join(CARD).display(),
                there.instruction_set,
                self.instruction_set
            )));
        }
        Ok(())
    }

    /// Writes the card into `folder`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_json(&folder.join(CARD), self)
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
/// If a file cannot be written; those of [`read_of`].
pub fn finish(folder: &Path, schema: u32, ending: Ending, checkpoint: &Checkpoint) -> Result<()> {
    let mut files = read_of::<Done>(folder, DONE, schema)?.map(|done| done.files).unwrap_or_default();
    let weights = tensors_as_bytes(&[&checkpoint.params, &checkpoint.buffers])?;
    let mut contents = vec![(WEIGHTS.to_string(), weights)];
    for log in &checkpoint.logs {
        let csv = csv::write([], log.records.iter().map(|record| ([], record)), false)?;
        contents.push((format!("{}.csv", log.probe), csv));
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

/// The value in the JSON file `name` of a trial's folder, where there is one. Its `schema` is read before all else: what
/// another version wrote may have another form.
///
/// # Errors
/// [`Damaged`]; an obstacle: a file that cannot be read, or of another schema than `schema`. The message names the file.
fn read_of<T: DeserializeOwned>(folder: &Path, name: &str, schema: u32) -> Result<Option<T>> {
    let (path, problem) = (folder.join(name), "this file is damaged");
    let Some(value) = read_json::<Value>(&path, problem)? else { return Ok(None) };
    if let Some(there) = value["schema"].as_u64().filter(|&there| there != u64::from(schema)) {
        bail!(Obstacle(format!(
            "{}: written by another version of this program (schema {there}, this one has {schema}); use that version, \
             or move the folder away to train the trial anew",
            path.display()
        )));
    }
    serde_json::from_value(value).map(Some).with_context(|| Damaged(format!("{}: {problem}", path.display())))
}

/// The trial of schema `schema` that is finished in `folder`; `None` if it is absent, unfinished, or lacks the records
/// of one of `probes`.
///
/// # Errors
/// `Damaged` if a file is, or is missing; an obstacle if it cannot be read or is of another version. The message
/// names it.
pub fn finished(folder: &Path, schema: u32, probes: &[Probe]) -> Result<Option<Finished>> {
    let Some(done) = read_of::<Done>(folder, DONE, schema)? else { return Ok(None) };
    let card: Card = read_of(folder, CARD, schema)?.with_context(|| missing(&folder.join(CARD)))?;
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

/// Whether the trial that is finished in `folder`, of whatever schema, has whole records of the probes of these ids.
pub fn has_records(folder: &Path, probes: &[String]) -> bool {
    let is_whole = |done: &Done, probe: &String| unchanged(folder, done, &format!("{probe}.csv")).is_ok();
    let done = read_json::<Done>(&folder.join(DONE), "this file is damaged");
    done.is_ok_and(|done| done.is_some_and(|done| probes.iter().all(|probe| is_whole(&done, probe))))
}

/// The bytes of the file `name`, which must be those that `done` hashed.
fn unchanged(folder: &Path, done: &Done, name: &str) -> Result<Vec<u8>> {
    let path = folder.join(name);
    let bytes = read(&path)?.with_context(|| missing(&path))?;
    ensure!(
        done.files.get(name) == Some(&sha256([&bytes])),
        Damaged(format!("{}: this file is damaged or was changed", path.display()))
    );
    Ok(bytes)
}

fn missing(path: &Path) -> Damaged {
    Damaged(format!("{}: this file is missing", path.display()))
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
