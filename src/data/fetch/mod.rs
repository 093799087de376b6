//! Downloads an archive with the system's `curl`, checks it and unpacks the files that are expected of it.
//!
//! The download grows in `NAME.part` inside the target folder, which a later call resumes. Whoever has no `curl` can put the
//! whole archive there.

#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow, bail, ensure};
use flate2::read::MultiGzDecoder;

use crate::files::write_whole;
use crate::lock::lock;
use crate::text::{note, sha256};

/// A gzipped tar archive on a server, and what it is known to hold. Every sha256 is in lower-case hexadecimal.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a> {
    /// Where it is.
    pub url: &'a str,
    /// The sha256 of the archive.
    pub sha256: &'a str,
    /// The folder inside the archive that holds the members.
    pub folder: &'a str,
    /// Name and sha256 of the files to unpack; everything else in the archive is left alone.
    pub members: &'a [(&'a str, &'a str)],
}

/// Puts the members of `archive` into `folder`, unless all are there and intact. Returns whether anything was done.
/// Progress goes to standard error.
///
/// # Errors
/// A file that has the name of a member and is another, because it may be the only copy of somebody's own; no `curl`; no connection, or one that broke off (a second call resumes); an archive or a member that is not the
/// expected one; a folder that cannot be written; another fetch that is at work there.
pub fn fetch(archive: &Archive, folder: &Path) -> anyhow::Result<bool> {
    let is_intact =
        |(name, sha): &(&str, &str)| fs::read(folder.join(name)).is_ok_and(|bytes| sha256([&bytes]) == *sha);
    if archive.members.iter().all(is_intact) {
        return Ok(false);
    }
    let is_there = |(name, _): &&(&str, &str)| fs::symlink_metadata(folder.join(name)).is_ok();
    if let Some((name, _)) = archive.members.iter().filter(is_there).find(|member| !is_intact(member)) {
        bail!(
            "{}: this is not the official file; move it away and run the same command again",
            folder.join(name).display()
        );
    }
    fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let part = folder.join(format!("{}.part", archive.url.rsplit('/').next().unwrap_or_default()));
    let _lock = lock(&part)?.map_err(|holder| anyhow!("{holder} is fetching {}: wait for it", part.display()))?;
    let downloaded =
        download(archive, &part).with_context(|| format!("{} was not downloaded to {}", archive.url, part.display()));
    if downloaded.is_err() && fs::metadata(&part)?.len() == 0 {
        fs::remove_file(&part)?;
        // Succeeds where nothing else is in it.
        let _ = fs::remove_dir(folder);
    }
    unpack(archive, &downloaded?, folder)
        .with_context(|| format!("{} was not unpacked into {}", part.display(), folder.display()))?;
    fs::remove_file(&part)?;
    Ok(true)
}

/// Completes `part` to the whole archive and returns that. Where what an earlier call left is of no use, it starts again.
fn download(archive: &Archive, part: &Path) -> anyhow::Result<Vec<u8>> {
    loop {
        let had = fs::read(part)?;
        if sha256([&had]) == archive.sha256 {
            return Ok(had);
        }
        complete(archive, part, had.len())?;
        let has = fs::read(part)?;
        if sha256([&has]) == archive.sha256 {
            return Ok(has);
        }
        fs::write(part, "")?;
        let again = "what came is not the expected archive (its sha256 differs) and was removed: try again";
        ensure!(!had.is_empty(), again);
    }
}

/// Appends to the `had` bytes of `part` what the server has more, or leaves them where it only sends everything.
fn complete(archive: &Archive, part: &Path, had: usize) -> anyhow::Result<()> {
    // curl's status where it asked for a range and the server sent everything.
    const NO_RANGE: Option<i32> = Some(33);
    note(format_args!("downloading {} from byte {had}", archive.url));
    let progress = if io::stderr().is_terminal() { "--progress-bar" } else { "--silent" };
    // A server that is silent for a minute has gone away.
    let patience = ["--connect-timeout", "60", "--speed-time", "60", "--speed-limit", "1", "--retry", "2"];
    let curl = Command::new("curl")
        .args(["--fail", "--location", "--continue-at", "-", "--write-out", "%{errormsg}", progress])
        .args(patience)
        .arg("--output")
        .args([part.as_os_str(), archive.url.as_ref()])
        .stderr(Stdio::inherit())
        .output();
    let curl = curl.with_context(|| {
        let (url, sha256, part) = (archive.url, archive.sha256, part.display());
        format!(
            "`curl` cannot be run: install it, or save {url} (sha256 {sha256}) as {part} by hand; then run the same command again"
        )
    })?;
    if !curl.status.success() && curl.status.code() != NO_RANGE {
        let reason = String::from_utf8_lossy(&curl.stdout);
        bail!("curl: {} ({}): run the same command again to resume", reason.trim(), curl.status);
    }
    Ok(())
}

/// Unpacks the members of `archive`, which is `packed`, into `folder`, each whole or not at all.
pub(super) fn unpack(archive: &Archive, packed: &[u8], folder: &Path) -> anyhow::Result<()> {
    let damaged = "the archive breaks off or is damaged";
    let mut missing = archive.members.to_vec();
    for entry in tar::Archive::new(MultiGzDecoder::new(packed)).entries().context(damaged)? {
        let mut entry = entry.context(damaged)?;
        let path = entry.path().context(damaged)?.into_owned();
        let is_it = |(name, _): &(&str, &str)| path == Path::new(archive.folder).join(name);
        // The file is named by the member that was expected, never by the archive.
        if let Some(found) = missing.iter().position(is_it).filter(|_| entry.header().entry_type().is_file()) {
            let (name, expected) = missing.swap_remove(found);
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).with_context(|| format!("{damaged} at {name}"))?;
            let is_expected = sha256([&bytes]) == expected;
            ensure!(is_expected, "{name} in the archive is not the expected file: its sha256 differs");
            write_whole(&folder.join(name), &bytes)?;
        }
    }
    match missing.first() {
        Some((name, _)) => bail!("the archive does not hold {}/{name}", archive.folder),
        None => Ok(()),
    }
}
