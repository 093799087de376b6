//! Downloads an archive, checks it and unpacks the files that are expected of it.
//!
//! Everything happens inside the target folder: the download grows in `NAME.part`, which a later call resumes; the
//! files are unpacked and checked in `unpack.part/`, and only then renamed into place.

mod download;
#[cfg(test)]
mod tests;
mod unpack;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use anyhow::{Context, bail};

use super::facts::sha256_of_file;

/// A gzipped tar archive on a server, and what it is known to hold.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Where it is.
    pub url: String,
    /// The sha256 of the archive, in lower-case hexadecimal.
    pub sha256: String,
    /// The folder inside the archive that holds the members.
    pub folder: String,
    /// The files to unpack; everything else in the archive is left alone.
    pub members: Vec<Member>,
}

/// A file of an [`Archive`].
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name, without folders.
    pub name: String,
    /// The sha256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
}

/// What [`fetch`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: every member was there and intact.
    AlreadyThere,
    /// Downloaded (or finished a download) and unpacked.
    Fetched,
}

/// Puts the members of `archive` into `folder`, unless all are there and intact; a member that is damaged is replaced.
/// Progress goes to standard error.
///
/// # Errors
/// No connection, or one that broke off (a second call resumes); an archive or a member that is not the expected one;
/// a folder that cannot be written; another fetch that is at work there.
pub fn fetch(archive: &Archive, folder: &Path) -> anyhow::Result<Outcome> {
    if is_intact(archive, folder) {
        return Ok(Outcome::AlreadyThere);
    }
    fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let name = archive.url.rsplit('/').next().unwrap_or_default();
    let part = folder.join(format!("{name}.part"));
    let mut file = open_locked(&part)?;
    let downloaded = download::download(archive, &mut file, name)
        .with_context(|| format!("{} was not downloaded to {}", archive.url, part.display()));
    if downloaded.is_err() && file.metadata()?.len() == 0 {
        fs::remove_file(&part)?;
        // Succeeds where nothing else is in it.
        let _ = fs::remove_dir(folder);
    }
    downloaded?;
    unpack::unpack(archive, &mut file, folder)
        .with_context(|| format!("{} was not unpacked into {}", part.display(), folder.display()))?;
    fs::remove_file(&part)?;
    Ok(Outcome::Fetched)
}

/// Opens (or makes) the growing file for this process alone.
fn open_locked(part: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.open(part).with_context(|| format!("{} cannot be written", part.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => bail!("another fetch is writing {}: wait for it", part.display()),
        Err(fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} cannot be locked", part.display()))
        }
    }
}

/// Whether `folder` holds every member with its sha256.
fn is_intact(archive: &Archive, folder: &Path) -> bool {
    let hash = |path: &Path| -> io::Result<String> { sha256_of_file(&mut File::open(path)?) };
    archive.members.iter().all(|member| hash(&folder.join(&member.name)).is_ok_and(|found| found == member.sha256))
}
