//! What all verdicts so far come to: the opening of the index of reports.

use std::fmt::Write as _;

use super::index::{Found, FoundClaim};
use super::numbers;
use super::table::Table;
use crate::judge::Word;
use crate::stats::Estimate;
use crate::study::claim::Origin;

/// The headings, each with whether its studies train with noise.
const PARTS: [(&str, bool); 2] = [("The noise experiment and its controls", true), ("The other experiments", false)];

/// The headings under these, each with the words of the verdicts that stand under it.
const GROUPS: [(&str, &[Word]); 4] = [
    ("What holds", &[Word::Replicated, Word::Supported]),
    ("What does not hold", &[Word::NotReplicated, Word::NotSupported]),
    ("What depends on how it is read", &[Word::DependsOnTheReading]),
    ("What these runs do not decide", &[Word::Inconclusive]),
];

/// From the largest to the smallest; a scale of some study alone comes after them.
const SCALES: [&str; 3] = ["paper", "lab", "desk"];

/// What a line means, and what it does not.
const SCOPE: &str = "From runs with their studies' own settings, as far as no missing trial can change a verdict. A \
                     verdict holds for the network, the data and the length of run of its report; how the arms behind \
                     it fared stands below, report by report. A claim that was judged at several scales stands where \
                     the largest puts it (`lab`: CIFAR-10, and the deep linear network as long as in the paper; \
                     `desk`: the embedded images, and a fifth of that).";

/// A report that judged a claim.
struct Judgement<'a> {
    report: &'a str,
    found: &'a Found,
    claim: &'a FoundClaim,
}

/// The bottom line of reports that were run as planned (name and summary); `None` where they judged nothing.
pub fn bottom_line(reports: &[(String, Found)]) -> Option<String> {
    let mut text = String::new();
    let mut of_the_paper = Vec::new();
    for (heading, has_noise) in PARTS {
        let claims = claims(reports, has_noise);
        let largest = claims.iter().map(|judgements| judgements[0].claim);
        of_the_paper.extend(largest.filter(|claim| is_of_the_paper(claim)).map(|claim| claim.verdict));
        let groups: String = GROUPS.iter().map(|(heading, words)| group(heading, words, &claims)).collect();
        let lines = groups + &where_the_numbers_part(&claims);
        if !lines.is_empty() {
            write!(text, "\n### {heading}\n{lines}").expect("a string takes all");
        }
    }
    (!text.is_empty()).then(|| format!("\n## Bottom line\n\n{SCOPE}\n\n{}\n{text}", tally(&of_the_paper)))
}

/// Whether a verdict on it counts without reserve for the paper or against it.
fn is_of_the_paper(claim: &FoundClaim) -> bool {
    claim.origin == Origin::Paper && !claim.exploratory && claim.verdict != Word::Descriptive
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

/// The claims of the studies with noise, or of those without, primary ones first: each with the reports that came to a
/// verdict on it, that of the largest scale first.
fn claims(reports: &[(String, Found)], has_noise: bool) -> Vec<Vec<Judgement<'_>>> {
    let mut planned: Vec<&(String, Found)> =
        reports.iter().filter(|(_, found)| !found.exploratory && found.has_noise == has_noise).collect();
    planned.sort_by_key(|(_, found)| SCALES.iter().position(|scale| *scale == found.scale).unwrap_or(SCALES.len()));
    let mut claims: Vec<Vec<Judgement>> = Vec::new();
    for (report, found) in planned {
        for claim in found.claims.iter().filter(|claim| claim.settled && claim.verdict != Word::NotJudged) {
            let same =
                |known: &&mut Vec<Judgement>| known[0].found.study == found.study && known[0].claim.id == claim.id;
            let judgement = Judgement { report, found, claim };
            match claims.iter_mut().find(same) {
                Some(known) => known.push(judgement),
                None => claims.push(vec![judgement]),
            }
        }
    }
    claims.sort_by_key(|judgements| judgements[0].claim.role);
    claims
}

/// The claims that the largest scale puts under `heading`.
fn group(heading: &str, words: &[Word], claims: &[Vec<Judgement>]) -> String {
    let here = claims.iter().filter(|judgements| words.contains(&judgements[0].claim.verdict));
    let lines: String = here.map(|judgements| line(judgements)).collect();
    if lines.is_empty() { lines } else { format!("\n**{heading}.**\n\n{lines}") }
}

/// The claim, its verdicts with their numbers, and what follows at the largest scale in the study's own words.
fn line(judgements: &[Judgement]) -> String {
    let claim = judgements[0].claim;
    let needed = claim.criterion.as_ref().map(|criterion| format!("; needed: {criterion}")).unwrap_or_default();
    let verdicts: Vec<String> = judgements.iter().map(verdict).collect();
    let means = claim.means.as_ref().map(|means| format!(" {means}")).unwrap_or_default();
    let verdicts = capitalised(&verdicts.join("; "));
    format!("- **{}**: “{}” ({}{needed}). {verdicts}.{means}\n", claim.id, claim.says, claim.unit)
}

fn verdict(Judgement { report, found, claim }: &Judgement) -> String {
    let numbers = ours(claim).map(|ours| format!(", {ours}")).unwrap_or_default();
    let exploratory = if claim.exploratory { " (exploratory)" } else { "" };
    format!("{}{exploratory} at [{}]({report}.md){numbers}{}", claim.verdict, found.scale, why_undecided(claim))
}

/// The judge's first remark on a claim without a clear verdict: its interval alone may look like one.
fn why_undecided(claim: &FoundClaim) -> String {
    match (&claim.verdict, claim.notes.first()) {
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
    for Judgement { report, found, claim } in &apart {
        table.row(vec![
            format!("**{}**", claim.id),
            format!("[{}]({report}.md)", found.scale),
            ours(claim).unwrap_or_default(),
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

/// The estimate with its interval; one of a logarithm also as the factor that it stands for.
fn ours(claim: &FoundClaim) -> Option<String> {
    let estimate = |point, ci95| Estimate { point, ci95, seeds: claim.seeds };
    let factor = claim.factor.map(|factor| numbers::as_factor(&estimate(factor, claim.factor_ci95)));
    let factor = factor.map(|factor| format!(", {factor}")).unwrap_or_default();
    Some(numbers::estimate(&estimate(claim.estimate?, claim.ci95)) + &factor)
}

fn parts_from_the_paper(claim: &FoundClaim) -> bool {
    let (Some(paper), Some((low, high))) = (claim.paper_value, claim.ci95) else { return false };
    paper < low || paper > high
}
