//! Files that are whole or absent.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// Writes `bytes` to `path` by way of a file beside it, so that a reader meets the old file or the new one.
///
/// # Errors
/// The path, and what the system says.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_beside(path, bytes).with_context(|| format!("{}: cannot write this file", path.display()))
}

fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".new-{}", std::process::id()));
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&beside, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&beside);
    }
    renamed
}

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
