//! From outcomes to words.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::assess::Assessment;
use super::decide::Outcome;
use super::paper::paper_value;
use super::sample::Table;
use super::{Context, LEVEL, SEEDS_TO_JUDGE, is_exploratory, judged_at};
use crate::stats::Estimate;
use crate::study::claim::{Claim, Origin, Role, Statistic};

/// The word of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// A paper's claim holds.
    Replicated,
    /// A paper's claim fails.
    NotReplicated,
    /// A claim of a critic or of ours holds.
    Supported,
    /// A claim of a critic or of ours fails.
    NotSupported,
    /// The data decide neither.
    Inconclusive,
    /// It holds on one reading of the quantity and not on the other.
    DependsOnTheReading,
    /// An estimate only: the claim has no criterion, or there are too few seeds.
    Descriptive,
    /// The criterion is not meant for this scale, or there are no records.
    NotJudged,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replicated => "replicated",
            Self::NotReplicated => "not replicated",
            Self::Supported => "supported",
            Self::NotSupported => "not supported",
            Self::Inconclusive => "inconclusive",
            Self::DependsOnTheReading => "depends on the reading",
            Self::Descriptive => "descriptive",
            Self::NotJudged => "not judged",
        })
    }
}

/// What the records say of one claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The claim's id.
    pub id: String,
    /// Its role.
    pub role: Role,
    /// Whether it is exploratory: by its role, or because settings were overridden.
    pub exploratory: bool,
    /// Whose claim it is.
    pub origin: Origin,
    /// The claim.
    pub says: String,
    /// The verdict.
    pub word: Word,
    /// What follows, in the study's own words.
    pub means: Option<String>,
    /// The unit of the estimate.
    pub unit: String,
    /// The estimate of the claim's own statistic on its own metric.
    pub estimate: Option<Estimate>,
    /// The same as a factor, where the statistic is the logarithm of a ratio.
    pub factor: Option<Estimate>,
    /// Its criterion in words ("> 0"); none for a descriptive claim.
    pub criterion: Option<String>,
    /// The published number.
    pub paper: Option<PaperValue>,
    /// p value of the claim by the t test, the largest of its parts; none where the claim is not judged. All p values
    /// here are to be compared with 0.05.
    pub p_t: Option<f64>,
    /// p value by the exact sign-flip test, the largest of its parts.
    pub p_sign_flip: Option<f64>,
    /// `p_t` after Holm's adjustment over the study's secondary claims; none for other roles.
    pub p_holm: Option<f64>,
    /// Every condition of the claim on every reading.
    pub parts: Vec<Part>,
    /// What stands beside it and decides nothing.
    pub beside: Vec<Line>,
    /// Which places of sweeps were chosen for it, as sentences.
    pub places: Vec<String>,
    /// Remarks, as sentences.
    pub notes: Vec<String>,
}

/// A published number.
#[derive(Clone, Debug, PartialEq)]
pub struct PaperValue {
    /// The number.
    pub value: f64,
    /// What it is a number of, its horizon included.
    pub of: String,
    /// Where it stands in the paper.
    pub source: String,
}

/// One condition of a claim on one reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The record that was read.
    pub metric: String,
    /// The part of the run, where it is not the claim's.
    pub window: Option<[f64; 2]>,
    /// The statistic in words.
    pub statistic: String,
    /// The criterion in words.
    pub criterion: Option<String>,
    /// The statistic's estimate.
    pub estimate: Option<Estimate>,
    /// Whether the condition holds; none where the claim is not judged.
    pub outcome: Option<Outcome>,
    /// p value by the t test.
    pub p_t: Option<f64>,
    /// p value by the exact sign-flip test.
    pub p_sign_flip: Option<f64>,
}

/// An estimate beside a claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The record that was read.
    pub metric: String,
    /// The part of the run, where it is not the claim's.
    pub window: Option<[f64; 2]>,
    /// The statistic in words.
    pub statistic: String,
    /// Its unit.
    pub unit: String,
    /// The statistic's estimate.
    pub estimate: Option<Estimate>,
}

/// The verdict on an assessed claim, with its p value after Holm's adjustment if it is one of a family.
pub(super) fn verdict(
    claim: &Claim,
    assessment: Assessment,
    p_holm: Option<f64>,
    table: &Table,
    context: &Context,
) -> Verdict {
    let (word, remark) = word(claim, &assessment, p_holm, context);
    let first = &assessment.parts[0];
    let paper = paper_value(claim, table.steps_of(&claim.statistic.arms()));
    let mut notes = assessment.notes;
    notes.extend(remark);
    if claim.paper.is_some() && paper.is_none() {
        notes.push("The published curves have no point in this window of so short a run.".into());
    }
    Verdict {
        id: claim.id.clone(),
        role: claim.role,
        exploratory: is_exploratory(claim, context),
        origin: claim.origin,
        says: claim.says.clone(),
        word,
        means: means(claim, word),
        unit: claim.unit.clone(),
        estimate: first.estimate,
        factor: first.estimate.filter(|_| matches!(claim.statistic, Statistic::LogRatio(_))).and_then(Estimate::exp),
        criterion: first.criterion.clone(),
        paper,
        p_t: assessment.p_t,
        p_sign_flip: assessment.p_sign_flip,
        p_holm,
        parts: assessment.parts,
        beside: assessment.beside,
        places: assessment.places,
        notes,
    }
}

/// The word, with the reason where it is not plain from the numbers.
fn word(claim: &Claim, assessment: &Assessment, p_holm: Option<f64>, context: &Context) -> (Word, Option<String>) {
    if assessment.seeds == 0 {
        // Where a place was looked for, its sentence says more.
        let lacks = if assessment.places.is_empty() { "all the records that it needs" } else { "a number for it" };
        return (Word::NotJudged, Some(format!("No seed has {lacks}.")));
    }
    if !judged_at(claim, context) {
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
