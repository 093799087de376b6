//! From the parts of a claim to its verdict: the rules on scales, roles and many claims, and their words.

use super::assess::{chosen_settings, conditions, estimated, left_out};
use super::decide::Outcome;
use super::paper::paper_value;
use super::trials::Trials;
use super::verdict::{Part, Verdict, Word};
use super::{Context, LEVEL, SEEDS_TO_JUDGE};
use crate::stats::Estimate;
use crate::study::claim::{Claim, Origin, Statistic};

/// The verdict on a claim by itself.
pub(super) fn conclude(claim: &Claim, trials: &Trials) -> Verdict {
    let context = trials.context;
    let mut notes = Vec::new();
    let (parts, seeds) = conditions(claim, trials, &mut notes);
    let beside = claim.beside.iter().map(|beside| estimated(claim, beside, trials, &mut notes)).collect();
    notes.extend(left_out(claim, trials));
    let chosen = chosen_settings(claim, trials);
    let (word, remark) = word(claim, context, &parts, seeds, !chosen.is_empty());
    notes.extend(remark);
    let behind = claim.statistic.arms().into_iter().flat_map(|name| trials.of(name));
    let paper = paper_value(claim, behind.map(|trial| trial.steps).max().unwrap_or(0));
    if claim.paper.is_some() && paper.is_none() {
        notes.push("The published curves have no point in this window of so short a run.".into());
    }
    let (paper_value, paper_value_of, paper_source) =
        paper.map_or((None, None, None), |(value, of, source)| (Some(value), Some(of), Some(source)));
    let first = parts[0].estimate;
    let factor = first.filter(|_| matches!(claim.statistic, Statistic::LogRatio { .. })).and_then(Estimate::exp);
    Verdict {
        id: claim.id.clone(),
        role: claim.role,
        origin: claim.origin,
        exploratory: context.explores(claim),
        says: claim.says.clone(),
        unit: claim.unit.clone(),
        point: first.map(|estimate| estimate.point),
        ci95: first.and_then(|estimate| estimate.ci95),
        factor_point: factor.map(|factor| factor.point),
        factor_ci95: factor.and_then(|factor| factor.ci95),
        seeds: first.map_or(0, |estimate| estimate.seeds),
        criterion: claim.criterion.map(|criterion| criterion.to_string()),
        p_t: largest(&parts, |part| part.p_t),
        p_sign_flip: largest(&parts, |part| part.p_sign_flip),
        p_holm: None,
        paper_value,
        paper_value_of,
        paper_source,
        word,
        settled: context.settles(claim, &parts),
        means: means(claim, word),
        notes,
        parts,
        beside,
        chosen,
    }
}

/// The verdict on one of the study's secondary claims among the others, by its p value after Holm's adjustment.
pub(super) fn adjust(claim: &Claim, verdict: &mut Verdict, p_holm: f64) {
    verdict.p_holm = Some(p_holm);
    if matches!(verdict.word, Word::Replicated | Word::Supported) && p_holm > LEVEL {
        verdict.word = Word::Inconclusive;
        verdict.means = means(claim, verdict.word);
        verdict.notes.push("It holds by itself, but not among the study's secondary claims.".into());
    }
}

/// The largest p value of the parts, because the claim says that all of them hold; `None` where a part has none.
fn largest(parts: &[Part], p: impl Fn(&Part) -> Option<f64>) -> Option<f64> {
    parts.iter().map(p).collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)
}

/// The word, with the reason where it is not plain from the numbers.
fn word(claim: &Claim, context: &Context, parts: &[Part], seeds: usize, is_chosen: bool) -> (Word, Option<String>) {
    if seeds == 0 {
        // Where a setting was looked for, its sentence says more.
        let lacks = if is_chosen { "a number for it" } else { "all the records that it needs" };
        return (Word::NotJudged, Some(format!("No seed has {lacks}.")));
    }
    if !context.judges(claim) {
        let scales = claim.scales.join(", ");
        return (
            Word::NotJudged,
            Some(format!("Not judged at this scale: its criterion is meant for scale {scales}.")),
        );
    }
    if claim.criterion.is_none() {
        return (Word::Descriptive, None);
    }
    if seeds < SEEDS_TO_JUDGE {
        let reason = format!("Fewer than {SEEDS_TO_JUDGE} seeds ({seeds}): estimate and interval only.");
        return (Word::Descriptive, Some(reason));
    }
    let readings = readings(parts, 1 + claim.also.len());
    let all = |outcome| readings.iter().all(|reading| reading.1 == outcome);
    let is_of_paper = claim.origin == Origin::Paper;
    if all(Outcome::Holds) {
        (if is_of_paper { Word::Replicated } else { Word::Supported }, None)
    } else if all(Outcome::Fails) {
        (if is_of_paper { Word::NotReplicated } else { Word::NotSupported }, None)
    } else if readings.iter().any(|reading| reading.1 == Outcome::Holds) {
        (Word::DependsOnTheReading, Some(differing(&readings)))
    } else {
        (Word::Inconclusive, None)
    }
}

/// The outcome on each reading of so many conditions: a claim fails where one of them does, and holds where all do.
fn readings(parts: &[Part], conditions: usize) -> Vec<(&str, Outcome)> {
    let worst = |parts: &[Part]| parts.iter().filter_map(|part| part.outcome).min();
    parts.chunks(conditions).filter_map(|parts| Some((parts[0].metric.as_str(), worst(parts)?))).collect()
}

fn differing(readings: &[(&str, Outcome)]) -> String {
    let says = |&(metric, outcome): &(&str, Outcome)| match outcome {
        Outcome::Holds => format!("it holds on `{metric}`"),
        Outcome::Fails => format!("it fails on `{metric}`"),
        Outcome::Open => format!("it stays open on `{metric}`"),
    };
    format!("By the reading: {}.", readings.iter().map(says).collect::<Vec<_>>().join(", "))
}

fn means(claim: &Claim, word: Word) -> Option<String> {
    match word {
        Word::Replicated | Word::Supported => claim.if_holds.clone(),
        Word::NotReplicated | Word::NotSupported => claim.if_fails.clone(),
        Word::Inconclusive => claim.if_open.clone(),
        Word::DependsOnTheReading | Word::Descriptive | Word::NotJudged => None,
    }
}
