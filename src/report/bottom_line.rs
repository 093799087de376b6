//! The sum of all verdicts: the opening of the index of reports.

use std::fmt::Write as _;

use serde::Deserialize;

use super::numbers;
use super::summary::Summary;
use super::table::Table;
use crate::groups::grouped;
use crate::judge::{Verdict, Word};
use crate::study::claim::Origin;

/// The headings and scales of the index.
const LAYOUT: &str = include_str!("../../studies/index.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    /// From the largest to the smallest; a scale of some study alone comes after them.
    scales: Vec<String>,
    /// The meaning of a verdict in the list, and its limits.
    scope: String,
    part: Vec<LayoutPart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LayoutPart {
    heading: String,
    /// The studies whose claims are listed under it; none where it is for all others.
    #[serde(default)]
    studies: Vec<String>,
}

/// The headings under those of the parts, each with the words of its verdicts.
const GROUPS: [(&str, &[Word]); 4] = [
    ("What holds", &[Word::Replicated, Word::Supported]),
    ("What does not hold", &[Word::NotReplicated, Word::NotSupported]),
    ("What depends on how it is read", &[Word::DependsOnTheReading]),
    ("What these runs do not decide", &[Word::Inconclusive]),
];

/// A report that judged a claim.
struct Judgement<'a> {
    report: &'a str,
    summary: &'a Summary,
    claim: &'a Verdict,
}

/// The bottom line of reports that were run as planned (name and summary); `None` where they judged nothing.
pub fn bottom_line(reports: &[(String, Summary)]) -> Option<String> {
    let layout: Layout = toml::from_str(LAYOUT).expect("a constant text that a test reads");
    let named = |study: &String| layout.part.iter().any(|part| part.studies.contains(study));
    let mut text = String::new();
    let mut of_the_paper = Vec::new();
    for part in &layout.part {
        let is_here = |study: &String| part.studies.contains(study) || part.studies.is_empty() && !named(study);
        let claims = claims(reports, &layout.scales, is_here);
        let largest = claims.iter().map(|judgements| judgements[0].claim);
        of_the_paper.extend(largest.filter(|claim| is_of_the_paper(claim)).map(|claim| claim.word));
        let groups: String = GROUPS.iter().map(|(heading, words)| group(heading, words, &claims)).collect();
        let lists = groups + &where_the_numbers_part(&claims);
        if !lists.is_empty() {
            write!(text, "\n### {}\n{lists}", part.heading).expect("a string takes all");
        }
    }
    (!text.is_empty()).then(|| format!("\n## Bottom line\n\n{}\n\n{}\n{text}", layout.scope, tally(&of_the_paper)))
}

/// Whether a verdict on it counts without reserve for the paper or against it.
fn is_of_the_paper(claim: &Verdict) -> bool {
    claim.origin == Origin::Paper && !claim.exploratory && claim.word != Word::Descriptive
}

/// How many of the paper's claims got which verdict.
fn tally(verdicts: &[Word]) -> String {
    let count = |word: Word| verdicts.iter().filter(|verdict| **verdict == word).count();
    format!(
        "Claims of the paper judged so far, exploratory ones left out: {}. At the largest scale of each, replicated: {}; not \
         replicated: {}; by the reading: {}; inconclusive: {}.",
        verdicts.len(),
        count(Word::Replicated),
        count(Word::NotReplicated),
        count(Word::DependsOnTheReading),
        count(Word::Inconclusive),
    )
}

/// The claims of the studies that are `here`, primary ones first: each with the reports that came to a verdict on it,
/// that of the largest scale first.
fn claims<'a>(
    reports: &'a [(String, Summary)],
    scales: &[String],
    here: impl Fn(&String) -> bool,
) -> Vec<Vec<Judgement<'a>>> {
    let mut planned: Vec<&(String, Summary)> =
        reports.iter().filter(|(_, summary)| !summary.exploratory && here(&summary.study)).collect();
    planned.sort_by_key(|(_, summary)| scales.iter().position(|scale| *scale == summary.scale).unwrap_or(scales.len()));
    let judgements = planned.iter().flat_map(|(report, summary)| {
        let judged = summary.claims.iter().filter(|claim| claim.settled && claim.word != Word::NotJudged);
        judged.map(move |claim| ((&summary.study, &claim.id), Judgement { report, summary, claim }))
    });
    let mut claims: Vec<Vec<Judgement>> = grouped(judgements).into_iter().map(|(_, judgements)| judgements).collect();
    claims.sort_by_key(|judgements| judgements[0].claim.role);
    claims
}

/// The claims that the largest scale puts under `heading`.
fn group(heading: &str, words: &[Word], claims: &[Vec<Judgement>]) -> String {
    let here = claims.iter().filter(|judgements| words.contains(&judgements[0].claim.word));
    let items: String = here.map(|judgements| item(judgements)).collect();
    if items.is_empty() { items } else { format!("\n**{heading}.**\n\n{items}") }
}

/// The claim, its verdicts with their numbers, and the consequence at the largest scale in the study's own words.
fn item(judgements: &[Judgement]) -> String {
    let claim = judgements[0].claim;
    let needed = claim.criterion.as_ref().map(|criterion| format!("; needed: {criterion}")).unwrap_or_default();
    let verdicts: Vec<String> = judgements.iter().map(verdict).collect();
    let means = claim.means.as_ref().map(|means| format!(" {means}")).unwrap_or_default();
    let verdicts = capitalised(&verdicts.join("; "));
    format!("- **{}**: “{}” ({}{needed}). {verdicts}.{means}\n", claim.id, claim.says, claim.unit)
}

fn verdict(Judgement { report, summary, claim }: &Judgement) -> String {
    let numbers = numbers::ours(claim, "", ", ").map(|ours| format!(", {ours}")).unwrap_or_default();
    let exploratory = if claim.exploratory { " (exploratory)" } else { "" };
    format!("{}{exploratory} at [{}]({report}.md){numbers}{}", claim.word, summary.scale, why_undecided(claim))
}

/// The judge's first remark on a claim without a clear verdict: its interval alone may look like one.
fn why_undecided(claim: &Verdict) -> String {
    match (&claim.word, claim.notes.first()) {
        (Word::Inconclusive | Word::DependsOnTheReading, Some(note)) => format!(" ({})", note.trim_end_matches('.')),
        _ => String::new(),
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A table of the paper's numbers that lie outside our intervals.
fn where_the_numbers_part(claims: &[Vec<Judgement>]) -> String {
    let mut table = Table::new(["claim", "at"])
        .numbers(["ours [95 % interval]", "the paper"])
        .texts(["unit", "what the paper's number is"]);
    let apart: Vec<&Judgement> = claims.iter().flatten().filter(|known| parts_from_the_paper(known.claim)).collect();
    for Judgement { report, summary, claim } in &apart {
        table.row(vec![
            format!("**{}**", claim.id),
            format!("[{}]({report}.md)", summary.scale),
            numbers::ours(claim, "", ", ").unwrap_or_default(),
            numbers::plain(claim.paper_value.unwrap_or(f64::NAN)),
            claim.unit.clone(),
            claim.paper_value_of.clone().unwrap_or_default(),
        ]);
    }
    if apart.is_empty() {
        return String::new();
    }
    format!(
        "\n**Where the paper's numbers lie outside our intervals.** Some are of another quantity than ours; the last column \
         says what each is.\n\n{table}\n"
    )
}

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
