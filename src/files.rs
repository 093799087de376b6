//! Files that are whole or absent.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes `bytes` to `path` so that whoever looks finds the old file or the new one, never a part: writes beside it,
/// syncs, renames.
///
/// # Errors
/// If the folder cannot be made or the disk is full; the old file is then untouched.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let attempt = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut beside = tempfile::NamedTempFile::new_in(folder)?;
        beside.write_all(bytes)?;
        beside.as_file().sync_all()?;
        readable_by_all(beside.as_file())?;
        beside.persist(path)?;
        Ok(())
    };
    attempt().with_context(|| {
        format!(
            "{}: cannot write; free some space or choose another place, then run the same command again",
            path.display()
        )
    })
}

/// A temporary file is its owner's alone; a result is not a secret.
#[cfg(unix)]
fn readable_by_all(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_file: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
