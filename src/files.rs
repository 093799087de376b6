//! Files that are whole or absent.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A file that was read and found to be other than what was written: it may be set aside and made anew.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Damaged(pub String);

/// A file or folder that cannot be read or used as it is, and that only the user can mend. It may be whole, so nothing
/// is moved or written in its place.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Obstacle(pub String);

/// Writes `bytes` to `path` so that whoever looks finds the old file or the new one, never a part: writes next to it,
/// syncs, renames. One process at a time may write a path; what a killed one left next to it is overwritten.
///
/// # Errors
/// If the folder cannot be made or the disk is full; the old file is then untouched.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".whybn-new");
    let beside = path.with_file_name(name);
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    let written = write();
    if written.is_err() {
        let _no_use_for_a_part = fs::remove_file(&beside);
    }
    // The new name outlasts a power cut, where folders can be synced.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    written.with_context(|| format!("{}: cannot write this file", path.display()))
}

/// Writes `value` to `path`, whole, as readable JSON.
///
/// # Errors
/// A value that JSON cannot hold; those of [`write_whole`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    write_whole(path, &bytes)
}

/// The bytes of the file `path`; `None` where there is no such file.
///
/// # Errors
/// An [`Obstacle`]: a file that cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Error::new(error).context(Obstacle(format!("{}: cannot read this file", path.display())))),
    }
}

/// Whether there is no such file or folder, nor a folder that it could be in.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The paths in `folder`, in order; none where there is no such folder.
///
/// # Errors
/// An [`Obstacle`]: a folder that cannot be read.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = match paths {
        Err(error) if is_absent(&error) => Vec::new(),
        paths => paths.with_context(|| Obstacle(format!("{}: cannot read this folder", folder.display())))?,
    };
    paths.sort();
    Ok(paths)
}

/// The value in the JSON file `path`; `None` where there is no such file.
///
/// # Errors
/// Those of [`read`]; [`Damaged`] if the file holds no such value: `problem` says so, and what to do.
pub fn read_json<T: DeserializeOwned>(path: &Path, problem: &str) -> Result<Option<T>> {
    let value = |bytes: Vec<u8>| serde_json::from_slice(&bytes);
    read(path)?.map(value).transpose().with_context(|| Damaged(format!("{}: {problem}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/records.csv");
        write_whole(&path, b"old").unwrap();
        fs::write(folder.path().join("below/records.csv.whybn-new"), b"left by a killed process").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        let error = write_whole(&path.join("below a file"), b"").unwrap_err();
        assert!(error.to_string().contains("below a file"), "{error}");
    }
}
