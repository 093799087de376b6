//! From records to files: a page of Markdown, its pictures, and the data behind them.
//!
//! Everything here is a function of the plan, the records and the facts about the data: no clock, no machine, no map
//! order, so that writing twice gives the same bytes. What differs from run to run goes to `run.json`
//! ([`append_run_entry`]), which the page links to.

mod answer;
mod bottom_line;
mod files;
mod index;
mod numbers;
mod page;
mod plot;
mod records;
mod run_log;
mod settings;
mod stored;
mod summary;
mod table;
mod tables;
mod view;

#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

pub use index::write_index;
pub use run_log::append_run_entry;
pub use stored::read_records;

use crate::data::DataFacts;
use crate::files::write_whole;
use crate::record::TrialRecords;
use crate::study::Plan;
use view::View;

/// What a report is made of.
#[derive(Debug)]
pub struct Input<'a> {
    /// What was planned.
    pub plan: &'a Plan,
    /// The trials that are there, in the plan's order; a partial report has fewer than the plan.
    pub trials: Vec<TrialRecords>,
    /// The image sets of the plan, in the order in which it names them.
    pub data: Vec<DataFacts>,
}

/// Writes `NAME.md` into the folder `out`, and into `out/NAME` the pictures, `summary.json`, `plan.json` and
/// `records.csv.gz`; returns the path of the page. Each file is whole or absent. Pictures that no longer belong to the
/// report are removed.
///
/// # Errors
/// A file that cannot be written.
pub fn write(input: &Input, out: &Path) -> Result<PathBuf> {
    let name = input.plan.output_name();
    let folder = out.join(&name);
    std::fs::create_dir_all(&folder).with_context(|| format!("{}: cannot make this folder", folder.display()))?;
    let view = View::new(input);
    let figures = plot::figures(&view);
    let records = records::to_csv(&input.trials)?;
    write_whole(&folder.join(records::FILE), &records::compress(&records)?)?;
    write_whole(&folder.join(stored::FILE), &stored::plan_json(&view, &records)?)?;
    for figure in &figures {
        write_whole(&folder.join(figure.file), figure.svg()?.as_bytes())?;
    }
    files::remove_others(&folder, "svg", &figures.iter().map(|figure| figure.file).collect::<Vec<_>>())?;
    write_whole(&folder.join(summary::FILE), &summary::summary_json(&view)?)?;
    let page = out.join(format!("{name}.md"));
    write_whole(&page, page::page(&view, &figures)?.as_bytes())?;
    Ok(page)
}
