//! `reports/README.md`: the sum of all verdicts, then all reports of a folder, made from their `summary.json` files.

use std::path::Path;

use anyhow::Result;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

use super::summary::{self, Summary};
use super::{place, templates};
use crate::files::{list, read_json};
use crate::groups::grouped;
use crate::judge::{Verdict, Word};
use crate::study::claim::Origin;
use crate::text::note;

/// The headings and scales of the index.
const LAYOUT: &str = include_str!("../../studies/index.toml");

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    /// From the largest to the smallest; a scale of some study alone comes after them.
    scales: Vec<String>,
    /// The meaning of a verdict in the list, and its limits.
    scope: String,
    part: Vec<LayoutPart>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayoutPart {
    heading: String,
    /// The studies whose claims are listed under it; none where it is for all others.
    #[serde(default)]
    studies: Vec<String>,
}

impl Layout {
    /// The heading under which the claims of `study` are listed.
    fn heading_of(&self, study: &String) -> Option<&String> {
        let named = self.part.iter().find(|part| part.studies.contains(study));
        named.or(self.part.iter().find(|part| part.studies.is_empty())).map(|part| &part.heading)
    }
}

/// Writes `README.md` into the folder `out`: the bottom line of all verdicts, then the reports one by one. Says which
/// reports it leaves out because their summaries cannot be read.
///
/// # Errors
/// An index that cannot be written, or that is not the program's own.
pub fn write_index(out: &Path) -> Result<()> {
    let layout: Layout = toml::from_str(LAYOUT).expect("a constant text that a test reads");
    let reports = reports(out)?;
    let claims = claims(&reports, &layout);
    let report = |(name, summary): &(String, Summary)| context! { name, ..Value::from(Serde(summary)) };
    let facts = context! { layout => Serde(layout), claims, reports => reports.iter().map(report).collect::<Vec<_>>() };
    place::write(&out.join(place::INDEX), &templates::render("index.md", facts)?)
}

/// The reports in the folder `out`, in the order of their names: the folders beside a page with the program's mark.
fn reports(out: &Path) -> Result<Vec<(String, Summary)>> {
    let mut reports = Vec::new();
    for folder in list(out)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !folder.is_dir() || !matches!(place::is_marked(&out.join(format!("{name}.md"))), Ok(Some(true))) {
            continue;
        }
        match read_json(&folder.join(summary::FILE), "not a summary; `whybn report` writes it again") {
            Ok(summary) => reports.extend(summary.map(|summary| (name, summary))),
            Err(error) => note(format_args!("{} leaves out a report: {error:#}", out.join(place::INDEX).display())),
        }
    }
    Ok(reports)
}

/// The claims of reports that were run as planned on the official data, primary ones first: each with its heading and with the reports that
/// came to a verdict on it, that of the largest scale first.
fn claims(reports: &[(String, Summary)], layout: &Layout) -> Vec<Value> {
    let is_as_planned = |summary: &Summary| !summary.exploratory && summary.strange_data.is_empty();
    let mut planned: Vec<_> = reports.iter().filter(|(_, summary)| is_as_planned(summary)).collect();
    let scales = &layout.scales;
    planned.sort_by_key(|(_, summary)| scales.iter().position(|scale| *scale == summary.scale).unwrap_or(scales.len()));
    let judgements = planned.into_iter().flat_map(|(report, summary)| {
        let judged = summary.claims.iter().filter(|claim| claim.settled && claim.word != Word::NotJudged);
        judged.map(move |claim| ((&summary.study, &claim.id), (report, &summary.scale, claim)))
    });
    let mut claims = grouped(judgements);
    claims.sort_by_key(|(_, judgements)| judgements[0].2.role);
    let judgement = |&(report, scale, claim): &(&String, &String, &Verdict)| {
        let (parts_from_the_paper, counts) = (parts_from_the_paper(claim), counts(claim));
        context! { report, scale, parts_from_the_paper, counts, ..templates::verdict(claim) }
    };
    let claim = |((study, _), judgements): &((&String, _), Vec<_>)| {
        let judgements: Vec<Value> = judgements.iter().map(judgement).collect();
        context! { heading => layout.heading_of(study), largest => judgements[0].clone(), judgements }
    };
    claims.iter().map(claim).collect()
}

/// Whether a verdict on it counts without reserve for the paper or against it.
fn counts(claim: &Verdict) -> bool {
    claim.origin == Origin::Paper && !claim.exploratory && claim.word != Word::Descriptive
}

/// Whether the paper's number lies outside our interval.
fn parts_from_the_paper(claim: &Verdict) -> bool {
    let (Some(paper), Some((low, high))) = (claim.paper_value, claim.ci95) else { return false };
    paper < low || paper > high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Study;

    /// A heading for a study that does not exist would stay empty.
    #[test]
    fn the_layout_names_studies_and_one_heading_for_the_others() {
        let layout: Layout = toml::from_str(LAYOUT).unwrap();
        assert_eq!(layout.part.iter().filter(|part| part.studies.is_empty()).count(), 1);
        let studies: Vec<Study> =
            layout.part.iter().flat_map(|part| &part.studies).map(|name| Study::load(name).unwrap()).collect();
        let has = |scale: &String| studies.iter().any(|study| study.scale.contains_key(scale));
        assert!(layout.scales.iter().all(has), "{:?}", layout.scales);
    }
}
