//! From records to files: a page of Markdown, its pictures, and the data behind them.
//!
//! Everything here is a function of the plan, the records and the facts about the data: no clock, no machine, no map
//! order, so that writing twice gives the same bytes. What differs from run to run goes to `run.json`
//! (`append_run_entry`), which the page links to.

#[cfg(fuzzing)]
pub mod fuzzing;

mod answer;
mod index;
mod numbers;
mod page;
mod place;
mod plot;
mod run_log;
mod settings;
mod stored;
mod summary;
mod templates;
mod view;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

pub(crate) use index::write_index;
pub(crate) use place::check_place;
pub(crate) use run_log::append_run_entry;
pub use stored::Earlier;
pub(crate) use view::View;

use crate::data::DataFacts;
use crate::files::write_json;
use crate::record::TrialRecords;
use crate::study::Plan;
use summary::Summary;

/// The material of a report.
#[derive(Debug)]
pub struct Input<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The trials that are there, in the plan's order; a partial report has fewer than the plan.
    pub trials: Vec<TrialRecords>,
    /// The image sets of the plan, in the order in which it names them.
    pub data: Vec<DataFacts>,
}

/// A report as it will be written: what takes time is done.
pub(crate) struct Contents<'a> {
    view: &'a View<'a>,
    pictures: Vec<(&'static str, String)>,
    summary: Summary,
    page: String,
}

impl<'a> Contents<'a> {
    /// The report of `view`.
    ///
    /// # Errors
    /// A template that asks for what is not there.
    pub fn new(view: &'a View<'a>) -> Result<Self> {
        let figures = plot::figures(view);
        let summary = Summary::of(view)?;
        let page = page::page(view, &summary, &figures)?;
        let pictures = figures.iter().map(|figure| (figure.file, figure.svg())).collect();
        Ok(Self { view, pictures, summary, page })
    }

    /// Writes `NAME.md` into the folder `out`, and into `out/NAME` the pictures, `summary.json`, `plan.json` and
    /// `records.csv.gz`; returns the path of the page. Each file is whole or absent. Pictures that no longer belong to
    /// the report are removed. Where it was begun and killed, `plan.json` tells that the folder is a report's.
    ///
    /// # Errors
    /// A file that cannot be written, or that is not the program's own.
    pub fn write(&self, out: &Path) -> Result<PathBuf> {
        let name = self.view.plan.output_name();
        let folder = out.join(&name);
        stored::write(self.view, &folder)?;
        for (file, svg) in &self.pictures {
            place::write(&folder.join(file), svg)?;
        }
        self.remove_other_pictures(&folder)?;
        write_json(&folder.join(summary::FILE), &self.summary)?;
        let page = out.join(format!("{name}.md"));
        place::write(&page, &self.page)?;
        Ok(page)
    }

    fn remove_other_pictures(&self, folder: &Path) -> Result<()> {
        for path in place::pictures(folder)? {
            let is_kept = self.pictures.iter().any(|(file, _)| path.file_name().is_some_and(|name| name == *file));
            if !is_kept && place::is_marked(&path)? == Some(true) {
                fs::remove_file(&path).with_context(|| format!("{}: cannot remove this file", path.display()))?;
            }
        }
        Ok(())
    }
}
