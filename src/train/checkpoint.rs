//! A trial between two steps, in files of its folder from which it goes on to the same bytes.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::files::write_whole;
use crate::nn::Params;
use crate::record::Record;
use crate::text::hex;

/// What one probe has recorded and remembers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeLog {
    /// The [`id`](crate::study::Probe::id) of the probe.
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

/// Parameters and running statistics as a file of safetensors.
pub(super) fn weights_as_bytes(params: &Params, buffers: &Params) -> Result<Vec<u8>> {
    let tensors: Vec<(&String, &Tensor)> = params.iter().chain(buffers.iter()).collect();
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    Ok(safetensors::serialize(tensors, Some(metadata))?)
}

/// The hexadecimal SHA-256 of `parts`, one after the other.
pub(super) fn sha256_of(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    hex(&digest.finalize())
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
