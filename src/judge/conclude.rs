//! From an assessed claim to its verdict: the rules on scales, roles and many claims, and their words.

use super::assess::Assessment;
use super::decide::Outcome;
use super::paper::paper_value;
use super::trials::Trials;
use super::verdict::{Verdict, Word};
use super::{LEVEL, SEEDS_TO_JUDGE};
use crate::stats::Estimate;
use crate::study::claim::{Claim, Origin, Statistic};

/// The verdict on an assessed claim, with its p value after Holm's adjustment if it is one of a family.
pub(super) fn conclude(assessment: Assessment, p_holm: Option<f64>, trials: &Trials) -> Verdict {
    let (claim, context) = (assessment.claim, trials.context);
    let (word, remark) = word(&assessment, p_holm, trials);
    let behind = claim.statistic.arms().into_iter().flat_map(|name| trials.of(name));
    let paper = paper_value(claim, behind.map(|trial| trial.steps).max().unwrap_or(0));
    let lacks_paper = claim.paper.is_some() && paper.is_none();
    let no_point = "The published curves have no point in this window of so short a run.";
    let first = assessment.parts[0].estimate;
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
        p_t: assessment.largest(|part| part.p_t),
        p_sign_flip: assessment.largest(|part| part.p_sign_flip),
        p_holm,
        paper_value: paper.as_ref().map(|paper| paper.value),
        paper_value_of: paper.as_ref().map(|paper| paper.of.clone()),
        paper_source: paper.map(|paper| paper.source),
        word,
        settled: context.settles(claim, &assessment.parts),
        means: means(claim, word),
        notes: assessment.notes.into_iter().chain(remark).chain(lacks_paper.then(|| no_point.into())).collect(),
        parts: assessment.parts,
        beside: assessment.beside,
        chosen: assessment.chosen,
    }
}

/// The word, with the reason where it is not plain from the numbers.
fn word(assessment: &Assessment, p_holm: Option<f64>, trials: &Trials) -> (Word, Option<String>) {
    let claim = assessment.claim;
    if assessment.seeds == 0 {
        // Where a setting was looked for, its sentence says more.
        let lacks = if assessment.chosen.is_empty() { "all the records that it needs" } else { "a number for it" };
        return (Word::NotJudged, Some(format!("No seed has {lacks}.")));
    }
    if !trials.context.judges(claim) {
        let scales = claim.scales.join(", ");
        return (Word::NotJudged, Some(format!("Not judged at this scale: its criterion is meant for {scales}.")));
    }
    if claim.criterion.is_none() {
        return (Word::Descriptive, None);
    }
    if assessment.seeds < SEEDS_TO_JUDGE {
        let reason = format!("Fewer than {SEEDS_TO_JUDGE} seeds ({}): estimate and interval only.", assessment.seeds);
        return (Word::Descriptive, Some(reason));
    }
    let word = of_readings(claim.origin, &assessment.readings());
    if matches!(word, Word::Replicated | Word::Supported) && p_holm.is_some_and(|p| p > LEVEL) {
        return (Word::Inconclusive, Some("It holds by itself, but not among the study's secondary claims.".into()));
    }
    let reason = (word == Word::DependsOnTheReading).then(|| differing(&assessment.readings()));
    (word, reason)
}

fn of_readings(origin: Origin, readings: &[(&str, Outcome)]) -> Word {
    let all = |outcome| readings.iter().all(|reading| reading.1 == outcome);
    let any = |outcome| readings.iter().any(|reading| reading.1 == outcome);
    if all(Outcome::Holds) {
        if origin == Origin::Paper { Word::Replicated } else { Word::Supported }
    } else if all(Outcome::Fails) {
        if origin == Origin::Paper { Word::NotReplicated } else { Word::NotSupported }
    } else if any(Outcome::Holds) {
        Word::DependsOnTheReading
    } else {
        Word::Inconclusive
    }
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
