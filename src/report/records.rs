//! `records.csv.gz`: every record of a report, small enough to commit beside it.
//!
//! The columns are those of [`COLUMNS`]. A value is written in the shortest form that reads back as the same number;
//! `NaN`, `inf` and `-inf` are legal.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

use crate::record::{Record, TrialRecords};
use crate::text::hex;

/// The file's name.
pub const FILE: &str = "records.csv.gz";

const COLUMNS: [&str; 7] = ["arm", "seed", "sweep", "step", "name", "layer", "value"];

/// Which trial of a plan: arm, seed, swept values as one text.
pub type Key = (String, u64, String);

/// The key of a trial.
pub fn key(trial: &TrialRecords) -> Key {
    (trial.arm.clone(), trial.seed, sweep_text(&trial.sweep))
}

/// Swept values as `key=value`, separated by semicolons.
pub fn sweep_text(sweep: &BTreeMap<String, String>) -> String {
    sweep.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(";")
}

/// The records of `trials` as CSV, in their order.
///
/// # Errors
/// None in memory; those of the CSV writer.
pub fn to_csv(trials: &[TrialRecords]) -> Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(COLUMNS)?;
    for trial in trials {
        let (arm, seed, sweep) = key(trial);
        let seed = seed.to_string();
        for record in &trial.records {
            let (step, layer) = (record.step.to_string(), record.layer.map(|layer| layer.to_string()));
            let value = format!("{:?}", record.value);
            csv.write_record([&arm, &seed, &sweep, &step, &record.name, &layer.unwrap_or_default(), &value])?;
        }
    }
    csv.into_inner().map_err(|error| anyhow!("{error}"))
}

/// `bytes` compressed, without a time in the header: the same bytes give the same file.
///
/// # Errors
/// None in memory; those of the compressor.
pub fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

/// The uncompressed text of the file `path`.
///
/// # Errors
/// A file that cannot be read, or is cut off or corrupt.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let file = std::fs::File::open(path).with_context(|| format!("{}: cannot read this file", path.display()))?;
    let mut bytes = Vec::new();
    GzDecoder::new(file).read_to_end(&mut bytes).with_context(|| {
        let line = 1 + bytes.iter().filter(|&&byte| byte == b'\n').count();
        format!("{}, line {line}: this file is cut off or corrupt; restore it, or run the study again", path.display())
    })?;
    Ok(bytes)
}

/// The SHA-256 of the uncompressed records, in lower-case hexadecimal.
pub fn sha256(csv: &[u8]) -> String {
    hex(&Sha256::digest(csv))
}

/// Puts the records of `csv`, which was read from `path`, into the `trials` that they belong to.
///
/// # Errors
/// The file and the line of the first record that cannot be one, or that belongs to none of the trials.
pub fn distribute(csv: &[u8], path: &Path, trials: &mut [TrialRecords]) -> Result<()> {
    let places: HashMap<Key, usize> = trials.iter().enumerate().map(|(index, trial)| (key(trial), index)).collect();
    let mut reader = csv::Reader::from_reader(csv);
    if reader.headers().map_or(true, |header| header != COLUMNS.as_slice()) {
        bail!("{}, line 1: the columns must be {}", path.display(), COLUMNS.join(","));
    }
    let mut row = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        let at = || format!("{}, line {line}", path.display());
        if !reader.read_record(&mut row).with_context(at)? {
            return Ok(());
        }
        let (key, record) = parse(&row).map_err(|problem| anyhow!("{}: {problem}", at()))?;
        let place = places.get(&key).with_context(|| format!("{}: no trial of the plan is {}", at(), said(&key)))?;
        trials[*place].records.push(record);
    }
}

fn said((arm, seed, sweep): &Key) -> String {
    format!("{} seed {seed}", [arm.as_str(), sweep].join(" ").trim_end())
}

fn parse(row: &csv::StringRecord) -> Result<(Key, Record), String> {
    let layer = match &row[5] {
        "" => None,
        _ => Some(cell(row, 5)?),
    };
    let record = Record { step: cell(row, 3)?, name: row[4].to_string(), layer, value: cell(row, 6)? };
    Ok(((row[0].to_string(), cell(row, 1)?, row[2].to_string()), record))
}

fn cell<T: std::str::FromStr>(row: &csv::StringRecord, column: usize) -> Result<T, String> {
    row[column].parse().map_err(|_| format!("`{}` is no {}", &row[column], COLUMNS[column]))
}
