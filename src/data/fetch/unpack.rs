//! Takes the expected members out of a gzipped tar archive, and nothing else.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;

use anyhow::{Context, bail};
use flate2::read::GzDecoder;

use super::super::facts::sha256_of_file;
use super::Archive;
use crate::files::sync_names;

/// Unpacks the members of `archive` from `packed` into `folder`: all of them, or none.
pub fn unpack(archive: &Archive, packed: &mut File, folder: &Path) -> anyhow::Result<()> {
    let beside = folder.join("unpack.part");
    // An earlier call may have been killed here.
    let _ = fs::remove_dir_all(&beside);
    fs::create_dir(&beside)?;
    packed.rewind()?;
    let done = write_members(archive, packed, &beside)
        .and_then(|()| check_members(archive, &beside))
        .and_then(|()| move_members(archive, &beside, folder));
    let removed = fs::remove_dir_all(&beside);
    done?;
    Ok(removed?)
}

fn write_members(archive: &Archive, packed: impl Read, beside: &Path) -> anyhow::Result<()> {
    let broken = "the archive breaks off or is damaged";
    let mut entries = tar::Archive::new(GzDecoder::new(packed));
    for entry in entries.entries().context(broken)? {
        let mut entry = entry.context(broken)?;
        let path = entry.path().context(broken)?.into_owned();
        let member = archive.members.iter().find(|member| path == Path::new(&archive.folder).join(&member.name));
        // The file is named by the member that was expected, never by the archive.
        if let Some(member) = member
            && entry.header().entry_type().is_file()
        {
            let mut file = File::create(beside.join(&member.name))?;
            io::copy(&mut entry, &mut file).with_context(|| format!("{broken} at {}", member.name))?;
            file.sync_all()?;
        }
    }
    Ok(())
}

fn check_members(archive: &Archive, beside: &Path) -> anyhow::Result<()> {
    for member in &archive.members {
        let mut file = File::open(beside.join(&member.name))
            .with_context(|| format!("the archive does not hold {}/{}", archive.folder, member.name))?;
        if sha256_of_file(&mut file)? != member.sha256 {
            bail!("{} in the archive is not the expected file: its sha256 differs", member.name);
        }
    }
    Ok(())
}

fn move_members(archive: &Archive, beside: &Path, folder: &Path) -> anyhow::Result<()> {
    for member in &archive.members {
        let target = folder.join(&member.name);
        fs::rename(beside.join(&member.name), &target)
            .with_context(|| format!("{} cannot be replaced", target.display()))?;
    }
    sync_names(folder);
    Ok(())
}
