//! Records as CSV: in a trial's folder, in checkpoints, and with a report.
//!
//! The last columns are those of `COLUMNS`; the columns before them say whose the record is. A value is written in a
//! short form that reads back as the same number; `NaN`, `inf` and `-inf` are legal.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::Record;

/// The columns of every record.
const COLUMNS: [&str; 4] = ["step", "name", "layer", "value"];

/// The CSV of `records`, each with whose it is, in columns of these names before those of every record. A value is written
/// with all zeros that lead (`0.00005`); if `short`, a small one with an exponent (`5e-5`), which compresses better.
///
/// # Errors
/// None in memory; those of the CSV writer.
pub fn write<'r, const N: usize>(
    whose: [&str; N],
    records: impl Iterator<Item = ([&'r str; N], &'r Record)>,
    short: bool,
) -> Result<Vec<u8>> {
    let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    csv.write_record(whose.iter().chain(&COLUMNS))?;
    for (whose, Record { step, name, layer, value }) in records {
        let of = (whose.as_slice(), step, name, layer);
        if short { csv.serialize((of, format!("{value:?}")))? } else { csv.serialize((of, value))? }
    }
    csv.into_inner().map_err(|error| anyhow!("{error}"))
}

/// Reads `csv`, which is the file `path`, with these columns before those of every record, record by record.
///
/// # Errors
/// The file and the line of the first record that cannot be one, or that `take` refuses.
pub fn read<const N: usize>(
    csv: &[u8],
    path: &Path,
    whose: [&str; N],
    mut take: impl FnMut([&str; N], Record) -> Result<(), String>,
) -> Result<()> {
    let columns: Vec<&str> = whose.iter().chain(&COLUMNS).copied().collect();
    let mut reader = csv::Reader::from_reader(csv);
    if reader.headers().map_or(true, |header| header != columns) {
        bail!("{}, line 1: the columns must be {}", path.display(), columns.join(","));
    }
    let mut row = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        let at = || format!("{}, line {line}", path.display());
        if !reader.read_record(&mut row).with_context(at)? {
            return Ok(());
        }
        let taken = record(&row, N).and_then(|record| take(std::array::from_fn(|column| &row[column]), record));
        taken.map_err(|problem| anyhow!("{}: {problem}", at()))?;
    }
}

/// The record in a row, after the first `skipped` columns.
fn record(row: &csv::StringRecord, skipped: usize) -> Result<Record, String> {
    let [step, name, layer, value] = std::array::from_fn(|column| &row[skipped + column]);
    let layer = if layer.is_empty() { None } else { Some(number(layer, "layer")?) };
    Ok(Record { step: number(step, "step")?, name: name.into(), layer, value: number(value, "value")? })
}

/// The number that the cell `text` holds; `what` is its column.
///
/// # Errors
/// A text that is not one.
pub fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a {what}"))
}
