//! A trial's folder: what it is, its checkpoint, and what it left when it ended.
//!
//! ```text
//! trial.json                   the specification, written before the first step
//! checkpoint-000150.csv        records and probes' memories after 150 steps …
//! checkpoint-000150.safetensors … and the weights; a checkpoint counts once this file is there
//! weights.safetensors          the final weights and running statistics, under PyTorch's names and layouts
//! PROBE-HASH.csv               a probe's records
//! done.json                    how it ended, and the hashes of the above: written last
//! ```

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::files::write_whole;
use crate::kernels::isa;
use crate::nn::Params;
use crate::record::{Ending, Record};
use crate::study::{Probe, SCHEMA, Spec};
use crate::text::hex;

const CARD: &str = "trial.json";
const WEIGHTS: &str = "weights.safetensors";

/// What a trial is, as its folder says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Raised when the format or the meaning of a specification changes.
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
        Card { schema: SCHEMA, instruction_set, spec: spec.clone(), seed, data: data.into() }
    }

    /// Writes the card into `folder`, or compares it with the one there.
    ///
    /// # Errors
    /// [`OtherInstructionSet`] if the trial there was begun with one.
    pub fn lay_down(&self, folder: &Path) -> Result<()> {
        let path = folder.join(CARD);
        if let Ok(text) = fs::read_to_string(&path)
            && let Ok(there) = serde_json::from_str::<Card>(&text)
            && there.instruction_set != self.instruction_set
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
        write_whole(&path, format!("{}\n", serde_json::to_string_pretty(self)?).as_bytes())
    }
}

/// What one probe has recorded and remembers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeLog {
    /// The probe's [`id`](Probe::id).
    pub probe: String,
    /// Its records so far.
    pub records: Vec<Record>,
    /// What it remembers from step to step.
    pub state: Vec<f64>,
}

/// A trial between two steps.
pub struct Checkpoint {
    /// Steps taken.
    pub step: usize,
    /// Parameters.
    pub params: Params,
    /// Running statistics.
    pub buffers: Params,
    /// Probe by probe.
    pub logs: Vec<ProbeLog>,
}

/// What a finished trial left: how it ended, and the records of the probes asked for, in their order.
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
#[derive(Debug)]
pub struct OtherInstructionSet(String);

impl std::fmt::Display for OtherInstructionSet {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OtherInstructionSet {}

#[derive(Serialize, Deserialize)]
struct Done {
    schema: u32,
    ending: Ending,
    files: BTreeMap<String, String>,
}

fn checkpoint_file(folder: &Path, step: usize, ending: &str) -> PathBuf {
    folder.join(format!("checkpoint-{step:06}.{ending}"))
}

/// Writes a checkpoint and removes older ones.
///
/// # Errors
/// If a file cannot be written; the older checkpoint is then still there.
pub fn save(folder: &Path, checkpoint: &Checkpoint) -> Result<()> {
    let weights = weights_as_bytes(&checkpoint.params, &checkpoint.buffers)?;
    write_whole(&checkpoint_file(folder, checkpoint.step, "csv"), &sealed(logs_as_csv(&checkpoint.logs)?, &weights))?;
    write_whole(&checkpoint_file(folder, checkpoint.step, "safetensors"), &weights)?;
    remove_checkpoints(folder, Some(checkpoint.step))
}

/// The newest checkpoint in `folder`, with the names of the parameters taken from `like` and those of the running
/// statistics from `buffers_like`; `None` if there is none.
///
/// # Errors
/// If it is damaged; the message names the file.
pub fn load(folder: &Path, like: &Params, buffers_like: &Params) -> Result<Option<Checkpoint>> {
    let Some(step) = steps_saved(folder).into_iter().max() else { return Ok(None) };
    let path = checkpoint_file(folder, step, "safetensors");
    let bytes = fs::read(&path).with_context(|| format!("{}: cannot read", path.display()))?;
    let damaged = || format!("{}: this checkpoint is damaged", path.display());
    let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).with_context(damaged)?;
    let pick = |like: &Params| {
        like.map(|name, expected| match tensors.get(name) {
            Some(tensor) if tensor.dims() == expected.dims() => Ok(tensor.clone()),
            _ => candle_core::bail!("`{name}` is missing or of another shape"),
        })
    };
    let (params, buffers) = (pick(like).with_context(damaged)?, pick(buffers_like).with_context(damaged)?);
    let path = checkpoint_file(folder, step, "csv");
    let logs = logs_from_csv(&path, &bytes).with_context(|| {
        format!("{}: this checkpoint or its checkpoint-{step:06}.safetensors is damaged", path.display())
    })?;
    Ok(Some(Checkpoint { step, params, buffers, logs }))
}

/// Steps at which a whole checkpoint stands in `folder`.
fn steps_saved(folder: &Path) -> Vec<usize> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let step = |name: std::ffi::OsString| {
        name.to_str()?.strip_prefix("checkpoint-")?.strip_suffix(".safetensors")?.parse().ok()
    };
    names.filter_map(step).collect()
}

/// Removes the checkpoints in the `folder` of a finished trial, which a process that was killed right then left.
///
/// # Errors
/// If one cannot be removed.
pub fn tidy(folder: &Path) -> Result<()> {
    remove_checkpoints(folder, None)
}

fn remove_checkpoints(folder: &Path, but: Option<usize>) -> Result<()> {
    let keep = but.map(|step| format!("checkpoint-{step:06}."));
    for entry in fs::read_dir(folder).with_context(|| format!("{}: cannot read", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kept = keep.as_ref().is_some_and(|keep| name.starts_with(keep));
        if name.starts_with("checkpoint-") && !kept {
            let path = entry.path();
            fs::remove_file(&path).with_context(|| format!("{}: cannot remove", path.display()))?;
        }
    }
    Ok(())
}

/// Writes what a trial left, `done.json` last, and removes its checkpoints. Records of other probes that an earlier
/// training of the same trial left stay.
///
/// # Errors
/// If a file cannot be written.
pub fn finish(folder: &Path, ending: Ending, checkpoint: &Checkpoint) -> Result<()> {
    let mut files = match read_done(folder) {
        Ok(Some(done)) => done.files,
        _ => BTreeMap::new(),
    };
    let weights = weights_as_bytes(&checkpoint.params, &checkpoint.buffers)?;
    let mut contents = vec![(WEIGHTS.to_string(), weights)];
    for log in &checkpoint.logs {
        contents.push((format!("{}.csv", log.probe), records_as_csv(&log.records)?));
    }
    for (name, bytes) in contents {
        write_whole(&folder.join(&name), &bytes)?;
        files.insert(name, sha256_of(&[&bytes]));
    }
    let done = Done { schema: SCHEMA, ending, files };
    write_whole(&folder.join("done.json"), format!("{}\n", serde_json::to_string_pretty(&done)?).as_bytes())?;
    remove_checkpoints(folder, None)
}

fn read_done(folder: &Path) -> Result<Option<Done>> {
    let path = folder.join("done.json");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let done: Done = serde_json::from_str(&text)
                .with_context(|| format!("{}: this record of a finished trial is damaged", path.display()))?;
            if done.schema != SCHEMA {
                bail!("{}: written by another version (schema {}, this is {SCHEMA})", path.display(), done.schema);
            }
            Ok(Some(done))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{}: cannot read", path.display())),
    }
}

/// The finished trial in `folder`; `None` if it is absent, unfinished, or lacks the records of one of `probes`.
///
/// # Errors
/// If a file is damaged, missing or of another version; the message names it.
pub fn finished(folder: &Path, probes: &[Probe]) -> Result<Option<Finished>> {
    let Some(done) = read_done(folder)? else { return Ok(None) };
    let names: Vec<String> = probes.iter().map(|probe| format!("{}.csv", probe.id())).collect();
    if names.iter().any(|name| !done.files.contains_key(name)) {
        return Ok(None);
    }
    unchanged(folder, &done, WEIGHTS)?;
    let mut records = Vec::new();
    for name in &names {
        let bytes = unchanged(folder, &done, name)?;
        for record in csv::Reader::from_reader(&bytes[..]).deserialize() {
            let path = folder.join(name);
            records.push(record.with_context(|| format!("{}: these records are damaged", path.display()))?);
        }
    }
    let path = folder.join(CARD);
    let card = fs::read(&path).map_err(anyhow::Error::from).and_then(|text| Ok(serde_json::from_slice::<Card>(&text)?));
    let card = card.with_context(|| format!("{}: cannot read what this trial is", path.display()))?;
    Ok(Some(Finished { ending: done.ending, records, instruction_set: card.instruction_set }))
}

/// The bytes of the file `name`, which must be those that `done` hashed.
fn unchanged(folder: &Path, done: &Done, name: &str) -> Result<Vec<u8>> {
    let path = folder.join(name);
    let bytes = fs::read(&path).with_context(|| format!("{}: cannot read this file", path.display()))?;
    ensure!(
        done.files.get(name) == Some(&sha256_of(&[&bytes])),
        "{}: this file is damaged or was changed",
        path.display()
    );
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

/// The hexadecimal SHA-256 of `parts`, one after the other.
fn sha256_of(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    hex(&digest.finalize())
}

fn weights_as_bytes(params: &Params, buffers: &Params) -> Result<Vec<u8>> {
    let tensors: Vec<(&String, &Tensor)> = params.iter().chain(buffers.iter()).collect();
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    Ok(safetensors::serialize(tensors, Some(metadata))?)
}

fn records_as_csv(records: &[Record]) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(["step", "name", "layer", "value"])?;
    for record in records {
        writer.serialize(record)?;
    }
    Ok(writer.into_inner()?)
}

/// A row of a checkpoint's CSV: a record, or (`name` empty) a remembered number; `value` is its shortest exact form.
#[derive(Serialize, Deserialize)]
struct Row {
    probe: String,
    step: usize,
    name: String,
    layer: Option<usize>,
    value: f64,
}

/// Begins the last line of a checkpoint's CSV, which holds the SHA-256 of all before it and of the weights, so that
/// any damage to either file is noticed.
const SEAL: &str = "sha256,";

fn sealed(mut csv: Vec<u8>, weights: &[u8]) -> Vec<u8> {
    let seal = format!("{SEAL}{}\n", sha256_of(&[&csv, weights]));
    csv.extend(seal.bytes());
    csv
}

fn logs_as_csv(logs: &[ProbeLog]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for log in logs {
        let row =
            |step, name: &str, layer, value| Row { probe: log.probe.clone(), step, name: name.into(), layer, value };
        for record in &log.records {
            writer.serialize(row(record.step, &record.name, record.layer, record.value))?;
        }
        for (index, &value) in [log.state.len() as f64].iter().chain(&log.state).enumerate() {
            writer.serialize(row(index, "", None, value))?;
        }
    }
    Ok(writer.into_inner()?)
}

/// The logs in a checkpoint's CSV, which must be the one that was written with `weights`.
fn logs_from_csv(path: &Path, weights: &[u8]) -> Result<Vec<ProbeLog>> {
    let text = fs::read_to_string(path)?;
    let (csv, _) = text.rsplit_once(SEAL).context("it is cut short")?;
    ensure!(sealed(csv.into(), weights) == text.as_bytes(), "its contents are not those that were written");
    let mut logs: Vec<ProbeLog> = Vec::new();
    for row in csv::Reader::from_reader(csv.as_bytes()).deserialize() {
        let row: Row = row?;
        if logs.last().is_none_or(|log| log.probe != row.probe) {
            logs.push(ProbeLog { probe: row.probe, ..ProbeLog::default() });
        }
        let log = logs.last_mut().expect("just pushed");
        match (row.name.is_empty(), row.step) {
            (false, step) => log.records.push(Record { step, name: row.name, layer: row.layer, value: row.value }),
            (true, 0) => {}
            (true, _) => log.state.push(row.value),
        }
    }
    Ok(logs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(step: usize) -> Checkpoint {
        let tensor = Tensor::new(&[1f32, -0.1, f32::MIN_POSITIVE], &Device::Cpu).unwrap();
        let params: Params = [("conv1.weight".to_string(), tensor.clone())].into_iter().collect();
        let buffers: Params = [("norm1.running_mean".to_string(), tensor)].into_iter().collect();
        let record = |step, layer, value| Record { step, name: "a".into(), layer, value };
        let logs = vec![
            ProbeLog {
                probe: "p".into(),
                records: vec![record(0, None, 0.1 + 0.2), record(1, Some(2), f64::NAN), record(2, None, f64::INFINITY)],
                state: vec![1.0 / 3.0, f64::NEG_INFINITY],
            },
            ProbeLog { probe: "q".into(), ..ProbeLog::default() },
        ];
        Checkpoint { step, params, buffers, logs }
    }

    #[test]
    fn a_checkpoint_comes_back_to_the_bit_and_the_newest_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (checkpoint(2), checkpoint(10));
        assert!(load(folder.path(), &old.params, &old.buffers).unwrap().is_none());
        save(folder.path(), &old).unwrap();
        save(folder.path(), &new).unwrap();
        let found = load(folder.path(), &old.params, &old.buffers).unwrap().unwrap();
        assert_eq!(found.step, 10);
        assert_eq!(format!("{:?}", found.logs), format!("{:?}", new.logs));
        let values = |params: &Params| params.get("conv1.weight").unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values(&found.params), values(&new.params));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_checkpoint_damaged_anywhere_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let whole = checkpoint(3);
        save(folder.path(), &whole).unwrap();
        for ending in ["csv", "safetensors"] {
            let path = checkpoint_file(folder.path(), 3, ending);
            let bytes = fs::read(&path).unwrap();
            let cuts = [0, 1, bytes.len() / 2, bytes.len() - 12].map(|cut| bytes[..cut].to_vec());
            let flips = [9, bytes.len() / 2, bytes.len() - 2].map(|place| {
                let mut bytes = bytes.clone();
                bytes[place] ^= 1;
                bytes
            });
            for (cut, damaged) in cuts.iter().chain(&flips).enumerate() {
                fs::write(&path, damaged).unwrap();
                let Err(error) = load(folder.path(), &whole.params, &whole.buffers) else { panic!("{ending} {cut}") };
                assert!(format!("{error:#}").contains(path.file_name().unwrap().to_str().unwrap()), "{error:#}");
            }
            fs::write(&path, &bytes).unwrap();
        }
        assert!(load(folder.path(), &whole.params, &whole.buffers).unwrap().is_some());
    }
}
