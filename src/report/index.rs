//! `reports/README.md`: all reports of a folder with their bottom lines, made from their `summary.json` files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::bottom_line::bottom_line;
use super::summary;
use super::table::Table;
use crate::files::write_whole;
use crate::judge::Word;
use crate::study::claim::{Origin, Role};

/// What the index reads of a `summary.json`.
#[derive(Deserialize)]
pub struct Found {
    pub study: String,
    title: String,
    pub scale: String,
    pub has_noise: bool,
    pub exploratory: bool,
    changes: Vec<String>,
    pub missing_trials: usize,
    answer: Vec<String>,
    behind: Option<String>,
    pub claims: Vec<FoundClaim>,
}

/// What the index reads of a claim.
#[derive(Deserialize)]
pub struct FoundClaim {
    pub id: String,
    pub role: Role,
    pub origin: Origin,
    pub exploratory: bool,
    pub says: String,
    pub unit: String,
    pub estimate: Option<f64>,
    pub ci95: Option<(f64, f64)>,
    pub factor: Option<f64>,
    pub factor_ci95: Option<(f64, f64)>,
    pub seeds: usize,
    pub criterion: Option<String>,
    pub paper_value: Option<f64>,
    pub paper_value_of: Option<String>,
    pub verdict: Word,
    #[serde(default)]
    pub settled: bool,
    pub means: Option<String>,
    pub notes: Vec<String>,
}

/// Writes `README.md` into the folder `out`: the bottom line of all verdicts, then the reports one by one.
///
/// # Errors
/// A summary that cannot be read, with its path; an index that cannot be written.
pub fn write_index(out: &Path) -> Result<()> {
    let mut text = String::from(
        "# Reports\n\nMade by `whybn study` and `whybn report` from records alone; the verdicts follow rules that were \
         written down before the runs.\n",
    );
    let mut reports = Vec::new();
    for path in summaries(out)? {
        let bytes = std::fs::read(&path).with_context(|| format!("{}: cannot read this file", path.display()))?;
        let found: Found = serde_json::from_slice(&bytes)
            .with_context(|| format!("{}: not a summary; run its study again, or remove it", path.display()))?;
        let name = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        reports.push((name, found));
    }
    text += &bottom_line(&reports).unwrap_or_default();
    for (name, found) in &reports {
        text += &entry(name, found)?;
    }
    write_whole(&out.join("README.md"), text.as_bytes())
}

/// The summaries in the folders of `out`, in the order of their names.
fn summaries(out: &Path) -> Result<Vec<PathBuf>> {
    let folders = std::fs::read_dir(out).with_context(|| format!("{}: cannot read this folder", out.display()))?;
    let mut paths = Vec::new();
    for folder in folders {
        let path = folder?.path().join(summary::FILE);
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn entry(name: &str, found: &Found) -> Result<String> {
    let mut text = format!("\n## [{name}]({name}.md)\n\n{} Scale `{}`.\n", found.title, found.scale);
    if found.exploratory {
        write!(text, "\n**Exploratory**: run with changed settings ({}).\n", found.changes.join(", "))?;
    }
    if found.missing_trials > 0 {
        write!(text, "\n**Partial**: {} planned trials are missing.\n", found.missing_trials)?;
    }
    write!(text, "\n{}\n", found.answer.join(" "))?;
    if let Some(behind) = &found.behind {
        write!(text, "\n{behind}\n")?;
    }
    let mut verdicts = Table::new(found.claims.iter().map(|claim| claim.id.as_str()));
    if !found.claims.is_empty() {
        verdicts.row(found.claims.iter().map(|claim| claim.verdict.to_string()).collect());
        write!(text, "\n{verdicts}\n")?;
    }
    Ok(text)
}
