//! Whose a file is: pages and pictures carry a mark by which the program knows them again, and nobody else's file is
//! written or removed.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::{run_log, stored, summary};
use crate::files::{Obstacle, list, read, write_whole};
use crate::study::Plan;

/// The page of all reports.
pub(super) const INDEX: &str = "README.md";

/// The first line of every page and picture.
pub(super) const MARK: &str = "<!-- Made by whybn, which replaces this file. -->\n";

/// Writes `text` under the mark.
///
/// # Errors
/// A file in its place that is somebody else's; one that cannot be written.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    refuse_foreign(path)?;
    write_whole(path, (MARK.to_owned() + text).as_bytes())
}

/// Whether the file `path` has the mark; `None` where there is no such file.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn is_marked(path: &Path) -> Result<Option<bool>> {
    Ok(read(path)?.map(|bytes| bytes.starts_with(MARK.trim_end().as_bytes())))
}

fn refuse_foreign(path: &Path) -> Result<()> {
    ensure!(is_marked(path)?.unwrap_or(true), foreign(path));
    Ok(())
}

fn foreign(path: &Path) -> Obstacle {
    let path = path.display();
    Obstacle(format!("{path}: this program did not make this file; move it away, or give another folder with --out"))
}

/// Refuses to write the report of `plan` into the folder `out` where that would touch what the program did not make. To be
/// asked before anything is trained.
///
/// # Errors
/// The file that is there, and what to do; a file that cannot be read.
pub fn check_place(plan: &Plan, out: &Path) -> Result<()> {
    let folder = out.join(plan.output_name());
    let pages = [out.join(format!("{}.md", plan.output_name())), out.join(INDEX)];
    pages.iter().chain(&pictures(&folder)?).try_for_each(|path| refuse_foreign(path))?;
    if folder.join(stored::PLAN).exists() {
        run_log::read_entries(&folder)?;
        return Ok(());
    }
    let others = [stored::RECORDS, summary::FILE, run_log::FILE].map(|name| folder.join(name));
    others.iter().find(|path| path.exists()).map_or(Ok(()), |path| Err(foreign(path).into()))
}

/// The pictures in the `folder` of a report, where there is one.
pub(super) fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut pictures = list(folder)?;
    pictures.retain(|path| path.extension().is_some_and(|extension| extension == "svg"));
    Ok(pictures)
}
