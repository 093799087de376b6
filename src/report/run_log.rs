//! `run.json`: the facts that differ from run to run, one entry per invocation.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use crate::files::{read_json, write_json};

/// The file's name.
pub const FILE: &str = "run.json";

/// Appends `entry` (time, machine, commit, command) to the `run.json` of the report's folder `dir`. Of invocations in a
/// row that only wrote the report again the last stays, and the last that says who trained the trials.
///
/// # Errors
/// A `run.json` that is not a list (with the remedy), or that cannot be written.
pub fn append_run_entry(dir: &Path, entry: &impl Serialize) -> Result<()> {
    let mut entries = read_entries(dir)?;
    let entry = serde_json::to_value(entry)?;
    let is_idle = |last: &Value| trained_nothing(last) && (says_nothing(last) || last[BY] == entry[BY]);
    if trained_nothing(&entry) && entries.last().is_some_and(is_idle) {
        entries.pop();
    }
    entries.push(entry);
    write_json(&dir.join(FILE), &entries)
}

/// The entries of the `run.json` in the report's folder `dir`; none where there is no such file.
///
/// # Errors
/// A file that cannot be read, or that is not a list (with the remedy).
pub(super) fn read_entries(dir: &Path) -> Result<Vec<Value>> {
    Ok(read_json(&dir.join(FILE), "not a list of runs; move the file away")?.unwrap_or_default())
}

/// Who trained the trials.
const BY: &str = "trained_by";

fn says_nothing(entry: &Value) -> bool {
    entry[BY].as_array().is_none_or(Vec::is_empty)
}

fn trained_nothing(entry: &Value) -> bool {
    entry["trained"] == 0
}
