//! Helps the functions that `fuzz/` feeds with bytes: what the program reads must be read or refused, whatever it holds.

use std::path::Path;
use std::sync::OnceLock;

use tempfile::TempDir;

/// Two files in one input: the length of the first in two bytes, and both.
pub(crate) fn two(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, files)) = bytes.split_first_chunk() else { return (bytes, &[]) };
    files.split_at(files.len().min(u16::from_le_bytes(*length).into()))
}

/// A folder for files that can only be read from one.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder")).path()
}
