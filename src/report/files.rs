//! The files of a report's folder.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// Removes the files of `folder` that end in `.extension` and are not among `keep`.
///
/// # Errors
/// A folder that cannot be read, a file that cannot be removed.
pub fn remove_others(folder: &Path, extension: &str, keep: &[&str]) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{}: cannot read this folder", folder.display()))? {
        let path = entry?.path();
        let kept = path.file_name().is_some_and(|name| keep.iter().any(|keep| name == OsStr::new(keep)));
        if path.extension() == Some(OsStr::new(extension)) && !kept {
            fs::remove_file(&path).with_context(|| format!("{}: cannot remove this file", path.display()))?;
        }
    }
    Ok(())
}

/// `value` as readable JSON that ends its last line.
///
/// # Errors
/// A value that JSON cannot hold.
pub fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
