//! A trial between two steps, in files of its folder from which it goes on to the same bytes.
//!
//! The steps before a checkpoint are not measured again, so it serves only whoever measures the same: its name tells
//! which probes it holds, and two studies that share a trial and measure it differently keep one each.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};

use crate::files::{Damaged, list, read, write_whole};
use crate::nn::Params;
use crate::probe::Memory;
use crate::record::{Record, csv};
use crate::text::sha256;

/// The records and the memory of one probe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeLog {
    /// The [`id`](crate::probe::Probe::id) of the probe.
    pub probe: String,
    /// Its records so far.
    pub records: Vec<Record>,
    /// Its memory from step to step.
    pub memory: Memory,
}

/// A trial between two steps.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Steps taken.
    pub step: usize,
    /// Parameters.
    pub params: Params,
    /// The optimiser's state.
    pub optimizer: Params,
    /// Running statistics.
    pub buffers: Params,
    /// Probe by probe.
    pub logs: Vec<ProbeLog>,
}

/// The prefix of the name of a damaged one.
pub const DAMAGED: &str = "damaged-";

/// The beginning of the names of checkpoints with the probes of these ids.
fn prefix<'a>(probes: impl Iterator<Item = &'a String>) -> String {
    let ids: Vec<u8> = probes.flat_map(|id| id.bytes().chain([b' '])).collect();
    format!("checkpoint-{}-", &sha256([&ids])[..8])
}

fn checkpoint_file(folder: &Path, prefix: &str, step: usize, ending: &str) -> PathBuf {
    folder.join(format!("{prefix}{step:06}.{ending}"))
}

/// Writes a checkpoint and removes older ones with the same probes.
///
/// # Errors
/// If a file cannot be written; the older checkpoint is then still there.
pub fn save(folder: &Path, checkpoint: &Checkpoint) -> Result<()> {
    let (prefix, step) = (prefix(checkpoint.logs.iter().map(|log| &log.probe)), checkpoint.step);
    let weights = tensors_as_bytes(&[&checkpoint.params, &checkpoint.buffers, &checkpoint.optimizer])?;
    write_whole(&checkpoint_file(folder, &prefix, step, "csv"), &sealed(logs_as_csv(&checkpoint.logs)?, &weights))?;
    write_whole(&checkpoint_file(folder, &prefix, step, "safetensors"), &weights)?;
    remove(folder, &prefix, Some(step))
}

/// The newest checkpoint in `folder` of the trial that `begun` is before its first step; `None` if there is none.
///
/// # Errors
/// [`Damaged`], or an obstacle to reading it; the message names the file.
pub fn load(folder: &Path, begun: &Checkpoint) -> Result<Option<Checkpoint>> {
    let prefix = prefix(begun.logs.iter().map(|log| &log.probe));
    let Some(step) = steps_saved(folder, &prefix)?.into_iter().max() else { return Ok(None) };
    let path = checkpoint_file(folder, &prefix, step, "safetensors");
    let damaged = || Damaged(format!("{}: this checkpoint is damaged", path.display()));
    let bytes = read(&path)?.with_context(damaged)?;
    let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).with_context(damaged)?;
    let pick = |like: &Params| {
        let picked = like.map(|name, expected| match tensors.get(name) {
            Some(tensor) if tensor.dims() == expected.dims() => tensor.to_device(expected.device()),
            _ => candle_core::bail!("`{name}` is missing or of another shape"),
        });
        picked.with_context(damaged)
    };
    let (params, optimizer, buffers) = (pick(&begun.params)?, pick(&begun.optimizer)?, pick(&begun.buffers)?);
    let path = checkpoint_file(folder, &prefix, step, "csv");
    let damaged =
        || Damaged(format!("{}: this checkpoint or its {prefix}{step:06}.safetensors is damaged", path.display()));
    let csv = read(&path)?.with_context(damaged)?;
    let logs = logs_from_csv(&csv, &path, &bytes).with_context(damaged)?;
    Ok(Some(Checkpoint { step, params, optimizer, buffers, logs }))
}

/// Steps at which there is a whole checkpoint in `folder`.
fn steps_saved(folder: &Path, prefix: &str) -> Result<Vec<usize>> {
    let step =
        |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix(prefix)?.strip_suffix(".safetensors")?.parse().ok();
    Ok(with_prefix(folder, prefix)?.iter().filter_map(step).collect())
}

/// Removes the checkpoints with the probes of these ids: those of a finished trial, which a process that was killed
/// right then left.
///
/// # Errors
/// If one cannot be removed.
pub fn tidy(folder: &Path, probes: &[String]) -> Result<()> {
    remove(folder, &prefix(probes.iter()), None)
}

/// Renames a damaged checkpoint with the probes of these ids, so that its trial can be begun anew; all else that the
/// folder holds stays.
///
/// # Errors
/// If a file cannot be renamed.
pub fn set_aside(folder: &Path, probes: &[String]) -> Result<()> {
    for path in with_prefix(folder, &prefix(probes.iter()))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        fs::rename(&path, path.with_file_name(format!("{DAMAGED}{name}")))
            .with_context(|| format!("{}: cannot rename", path.display()))?;
    }
    Ok(())
}

/// Removes the checkpoints whose names begin with `prefix`, but for those of one step.
fn remove(folder: &Path, prefix: &str, but: Option<usize>) -> Result<()> {
    let keep = but.map(|step| format!("{prefix}{step:06}."));
    for path in with_prefix(folder, prefix)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if keep.as_ref().is_none_or(|keep| !name.starts_with(keep)) {
            fs::remove_file(&path).with_context(|| format!("{}: cannot remove", path.display()))?;
        }
    }
    Ok(())
}

/// The files in `folder` whose names begin with `prefix`.
fn with_prefix(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let mut paths = list(folder)?;
    paths.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)));
    Ok(paths)
}

/// Tensors of different names as a file of safetensors.
pub(super) fn tensors_as_bytes(parts: &[&Params]) -> Result<Vec<u8>> {
    let tensors: Vec<(&String, &Tensor)> = parts.iter().flat_map(|part| part.iter()).collect();
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    Ok(safetensors::serialize(tensors, Some(metadata))?)
}

/// Begins the last line of a checkpoint's CSV, which holds the SHA-256 of all before it and of the weights, so that
/// any damage to either file is noticed.
const SEAL: &str = "sha256,";

fn sealed(mut csv: Vec<u8>, weights: &[u8]) -> Vec<u8> {
    let seal = format!("{SEAL}{}\n", sha256([&csv[..], weights]));
    csv.extend(seal.bytes());
    csv
}

/// A record without a name is a number that a probe remembers; the first of these is their count.
fn logs_as_csv(logs: &[ProbeLog]) -> Result<Vec<u8>> {
    let number = |(step, value)| Record { step, name: String::new(), layer: None, value };
    let numbers = |log: &ProbeLog| {
        let count = std::iter::once(log.memory.len() as f64);
        count.chain(log.memory.iter().copied()).enumerate().map(number).collect()
    };
    let memories: Vec<Vec<Record>> = logs.iter().map(numbers).collect();
    let of_log = |(log, memory)| {
        let ProbeLog { probe, records, .. }: &ProbeLog = log;
        records.iter().chain(memory).map(|record| ([probe.as_str()], record))
    };
    csv::write(["probe"], logs.iter().zip(&memories).flat_map(of_log), false)
}

/// The logs in `csv`, the file `path` of a checkpoint, which must be the one that was written with `weights`.
fn logs_from_csv(csv: &[u8], path: &Path, weights: &[u8]) -> Result<Vec<ProbeLog>> {
    let text = std::str::from_utf8(csv)?;
    let (records, _) = text.rsplit_once(SEAL).context("it is cut short")?;
    ensure!(sealed(records.into(), weights) == csv, "its contents are not those that were written");
    let mut logs: Vec<ProbeLog> = Vec::new();
    csv::read(records.as_bytes(), path, ["probe"], |[probe], record| {
        if logs.last().is_none_or(|log| log.probe != probe) {
            logs.push(ProbeLog { probe: probe.into(), ..ProbeLog::default() });
        }
        let log = logs.last_mut().expect("just pushed");
        match (record.name.is_empty(), record.step) {
            (false, _) => log.records.push(record),
            (true, 0) => {}
            (true, _) => log.memory.push(record.value),
        }
        Ok(())
    })?;
    Ok(logs)
}

/// Writes any bytes as a checkpoint of the trial that `begun` begins.
#[cfg(fuzzing)]
pub(super) fn write_any(folder: &Path, begun: &Checkpoint, csv: &[u8], weights: &[u8], is_sealed: bool) -> Result<()> {
    let prefix = prefix(begun.logs.iter().map(|log| &log.probe));
    let csv = if is_sealed { sealed(csv.into(), weights) } else { csv.into() };
    write_whole(&checkpoint_file(folder, &prefix, 1, "csv"), &csv)?;
    write_whole(&checkpoint_file(folder, &prefix, 1, "safetensors"), weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(step: usize) -> Checkpoint {
        let tensor = Tensor::new(&[1f32, -0.1, f32::MIN_POSITIVE], &Device::Cpu).unwrap();
        let params: Params = [("conv1.weight".to_string(), tensor.clone())].into_iter().collect();
        let buffers: Params = [("norm1.running_mean".to_string(), tensor.clone())].into_iter().collect();
        let record = |step, layer, value| Record { step, name: "a".into(), layer, value };
        let logs = vec![
            ProbeLog {
                probe: "p".into(),
                records: vec![record(0, None, 0.1 + 0.2), record(1, Some(2), f64::NAN), record(2, None, f64::INFINITY)],
                memory: vec![1.0 / 3.0, f64::NEG_INFINITY],
            },
            ProbeLog { probe: "q".into(), ..ProbeLog::default() },
        ];
        let optimizer = [("momentum.conv1.weight".to_string(), tensor)].into_iter().collect();
        Checkpoint { step, params, optimizer, buffers, logs }
    }

    fn probes() -> Vec<String> {
        vec!["p".into(), "q".into()]
    }

    #[test]
    fn a_checkpoint_comes_back_to_the_bit_and_the_newest_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (checkpoint(2), checkpoint(10));
        let found = || load(folder.path(), &old).unwrap();
        assert!(found().is_none());
        save(folder.path(), &old).unwrap();
        save(folder.path(), &new).unwrap();
        let found = found().unwrap();
        assert_eq!(found.step, 10);
        assert_eq!(format!("{:?}", found.logs), format!("{:?}", new.logs));
        let values = |params: &Params| params.iter().map(|(_, x)| x.to_vec1::<f32>().unwrap()).collect::<Vec<_>>();
        let parts: [fn(&Checkpoint) -> &Params; 3] = [|of| &of.params, |of| &of.optimizer, |of| &of.buffers];
        for part in parts {
            assert_eq!(values(part(&found)), values(part(&new)));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn checkpoints_with_other_probes_stand_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, mut theirs) = (checkpoint(10), checkpoint(3));
        theirs.logs.pop();
        save(folder.path(), &ours).unwrap();
        save(folder.path(), &theirs).unwrap();
        let step = |of: &Checkpoint| load(folder.path(), of).unwrap().map(|checkpoint| checkpoint.step);
        assert_eq!((step(&ours), step(&theirs)), (Some(10), Some(3)));
        tidy(folder.path(), &probes()[..1]).unwrap();
        assert_eq!((step(&ours), step(&theirs)), (Some(10), None));
        set_aside(folder.path(), &probes()).unwrap();
        assert_eq!((step(&ours), fs::read_dir(folder.path()).unwrap().count()), (None, 2));
    }

    #[test]
    fn a_checkpoint_damaged_anywhere_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let whole = checkpoint(3);
        save(folder.path(), &whole).unwrap();
        for ending in ["csv", "safetensors"] {
            let path = checkpoint_file(folder.path(), &prefix(probes().iter()), 3, ending);
            let bytes = fs::read(&path).unwrap();
            let cuts = [0, 1, bytes.len() / 2, bytes.len() - 12].map(|cut| bytes[..cut].to_vec());
            let flips = [9, bytes.len() / 2, bytes.len() - 2].map(|place| {
                let mut bytes = bytes.clone();
                bytes[place] ^= 1;
                bytes
            });
            for (cut, damaged) in cuts.iter().chain(&flips).enumerate() {
                fs::write(&path, damaged).unwrap();
                let Err(error) = load(folder.path(), &whole) else { panic!("{ending} {cut}") };
                assert!(format!("{error:#}").contains(path.file_name().unwrap().to_str().unwrap()), "{error:#}");
            }
            fs::write(&path, &bytes).unwrap();
        }
        assert!(load(folder.path(), &whole).unwrap().is_some());
    }
}
