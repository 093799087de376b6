//! `reports/README.md`: all reports of a folder with their bottom lines, made from their `summary.json` files.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::bottom_line::bottom_line;
use super::summary::{self, Summary};
use super::table::Table;
use crate::files::{read_json, write_whole};

/// Writes `README.md` into the folder `out`: the bottom line of all verdicts, then the reports one by one.
///
/// # Errors
/// A summary that cannot be read, with its path; an index that cannot be written.
pub fn write_index(out: &Path) -> Result<()> {
    let mut text = String::from(
        "# Reports\n\nMade by `whybn study` and `whybn report` from records alone; the verdicts follow rules that were \
         written down before the runs.\n",
    );
    let reports = reports(out)?;
    text += &bottom_line(&reports).unwrap_or_default();
    for (name, summary) in &reports {
        text += &entry(name, summary)?;
    }
    write_whole(&out.join("README.md"), text.as_bytes())
}

/// The reports in the folder `out`, in the order of their names.
fn reports(out: &Path) -> Result<Vec<(String, Summary)>> {
    let mut reports = Vec::new();
    for folder in std::fs::read_dir(out).with_context(|| format!("{}: cannot read this folder", out.display()))? {
        let folder = folder?.path();
        let problem = "not a summary; run its study again, or remove it";
        if folder.is_dir()
            && let Some(summary) = read_json(&folder.join(summary::FILE), problem)?
        {
            reports.push((folder.file_name().unwrap_or_default().to_string_lossy().into_owned(), summary));
        }
    }
    reports.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(reports)
}

fn entry(name: &str, summary: &Summary) -> Result<String> {
    let mut text = format!("\n## [{name}]({name}.md)\n\n{} Scale `{}`.\n", summary.title, summary.scale);
    if summary.exploratory {
        write!(text, "\n**Exploratory**: run with changed settings ({}).\n", summary.changes.join(", "))?;
    }
    if summary.missing_trials > 0 {
        write!(text, "\n**Partial**: {} planned trials are missing.\n", summary.missing_trials)?;
    }
    write!(text, "\n{}\n", summary.answer.join(" "))?;
    if let Some(behind) = &summary.behind {
        write!(text, "\n{behind}\n")?;
    }
    if !summary.claims.is_empty() {
        let mut verdicts = Table::new(summary.claims.iter().map(|claim| claim.id.as_str()));
        verdicts.row(summary.claims.iter().map(|claim| claim.word.to_string()).collect());
        write!(text, "\n{verdicts}\n")?;
    }
    Ok(text)
}
