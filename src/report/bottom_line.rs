//! What all verdicts so far come to: the opening of the index of reports.

use std::fmt::Write as _;

use super::index::{Found, FoundClaim};
use super::numbers;
use crate::judge::Word;
use crate::stats::Estimate;

/// A claim and the report that judged it.
type Judged<'a> = (&'a str, &'a FoundClaim);

/// The headings, each with the words of the verdicts that stand under it.
const GROUPS: [(&str, &[Word]); 4] = [
    ("What holds", &[Word::Replicated, Word::Supported]),
    ("What does not hold", &[Word::NotReplicated, Word::NotSupported]),
    ("What depends on how it is read", &[Word::DependsOnTheReading]),
    ("What these runs do not decide", &[Word::Inconclusive]),
];

/// What a line means, and what it does not.
const SCOPE: &str = "From whole runs with their studies' own settings. A verdict holds for the network, the data and the length \
                     of run of its report; how the arms behind it fared stands below, report by report.";

/// The bottom line of whole reports that were run as planned (name and summary); `None` where they judged nothing.
pub fn bottom_line(reports: &[(String, Found)]) -> Option<String> {
    let whole = reports.iter().filter(|(_, found)| !found.exploratory && found.missing_trials == 0);
    let judged: Vec<Judged> =
        whole.flat_map(|(name, found)| found.claims.iter().map(move |claim| (name.as_str(), claim))).collect();
    let mut text = String::new();
    for (heading, words) in GROUPS {
        section(&mut text, heading, judged.iter().filter(|(_, claim)| words.contains(&claim.verdict)), conclusion);
    }
    let part = judged.iter().filter(|(_, claim)| parts_from_the_paper(claim));
    section(&mut text, "Where the paper's numbers and ours part", part, both_numbers);
    (!text.is_empty()).then(|| format!("\n## Bottom line\n\n{SCOPE}\n{text}"))
}

fn section<'a>(
    text: &mut String,
    heading: &str,
    claims: impl Iterator<Item = &'a Judged<'a>>,
    line: fn(&FoundClaim) -> String,
) {
    let lines: Vec<String> = claims
        .map(|(report, claim)| format!("- **{}** ([{report}]({report}.md)): {}\n", claim.id, line(claim)))
        .collect();
    if !lines.is_empty() {
        write!(text, "\n**{heading}.**\n\n{}", lines.concat()).expect("a string takes all");
    }
}

/// The claim, its numbers, and what follows in the study's own words.
fn conclusion(claim: &FoundClaim) -> String {
    let mut text = format!("“{}”", claim.says);
    if let Some(ours) = ours(claim) {
        let needed = claim.criterion.as_ref().map(|criterion| format!("; needed: {criterion}")).unwrap_or_default();
        write!(text, " ({ours}{needed})").expect("a string takes all");
    }
    text.push('.');
    if let Some(means) = &claim.means {
        write!(text, " {means}").expect("a string takes all");
    }
    text
}

fn both_numbers(claim: &FoundClaim) -> String {
    let paper = numbers::plain(claim.paper_value.unwrap_or(f64::NAN));
    let of = claim.paper_value_of.as_deref().unwrap_or_default();
    format!("{}; the paper: {paper} ({of})", ours(claim).unwrap_or_default())
}

fn ours(claim: &FoundClaim) -> Option<String> {
    let estimate = |point, ci95| Estimate { point, ci95, seeds: claim.seeds };
    let factor = claim.factor.map(|factor| estimate(factor, claim.factor_ci95));
    Some(numbers::with_unit(&estimate(claim.estimate?, claim.ci95), &claim.unit, factor.as_ref()))
}

/// Whether the paper's number lies outside our interval, of a claim that is judged at its report's scale.
fn parts_from_the_paper(claim: &FoundClaim) -> bool {
    if claim.verdict == Word::NotJudged {
        return false;
    }
    let (Some(paper), Some((low, high))) = (claim.paper_value, claim.ci95) else { return false };
    paper < low || paper > high
}
