//! One claim, condition by condition on each of its readings, before the words.

use std::collections::BTreeSet;

use super::SEEDS_TO_JUDGE;
use super::decide::{Decision, Outcome, decide};
use super::sample::{Sample, Table};
use super::value::Quantity;
use super::verdict::{Line, Part};
use crate::study::claim::{Beside, Claim, Criterion, Statistic};

/// What the records say of a claim, before the rules on scales, roles and many claims.
pub(super) struct Assessment {
    /// The claim's conditions on each reading, reading by reading; the first is the claim's own.
    pub parts: Vec<Part>,
    /// What is shown beside it.
    pub beside: Vec<Line>,
    /// The fewest paired seeds of a part.
    pub seeds: usize,
    /// The largest p values of its parts, because the claim says that all of them hold; `None` where a part has none.
    pub p_t: Option<f64>,
    pub p_sign_flip: Option<f64>,
    /// Remarks, as sentences.
    pub notes: Vec<String>,
}

impl Assessment {
    /// Estimates every part, and decides them if the claim is meant for this scale and has seeds enough.
    pub fn new(claim: &Claim, table: &Table, meant_here: bool) -> Self {
        let cases = cases(claim, table);
        let seeds = cases.iter().map(|case| case.sample.seeds()).min().unwrap_or(0);
        let decides = meant_here && seeds >= SEEDS_TO_JUDGE;
        let mut notes = Vec::new();
        let parts: Vec<Part> = cases.iter().map(|case| case.part(decides, &mut notes)).collect();
        notes.extend(left_out(claim, table));
        Self {
            p_t: largest(parts.iter().map(|part| part.p_t)),
            p_sign_flip: largest(parts.iter().map(|part| part.p_sign_flip)),
            beside: beside(claim, table),
            parts,
            seeds,
            notes,
        }
    }

    /// The outcome on each reading: a claim holds where all its conditions do, and fails where one does.
    pub fn readings(&self) -> Vec<(&str, Outcome)> {
        let mut readings: Vec<(&str, Outcome)> = Vec::new();
        for part in &self.parts {
            let Some(outcome) = part.outcome else { continue };
            match readings.iter_mut().find(|reading| reading.0 == part.metric) {
                Some(reading) => reading.1 = both(reading.1, outcome),
                None => readings.push((&part.metric, outcome)),
            }
        }
        readings
    }
}

fn both(a: Outcome, b: Outcome) -> Outcome {
    match (a, b) {
        (Outcome::Fails, _) | (_, Outcome::Fails) => Outcome::Fails,
        (Outcome::Open, _) | (_, Outcome::Open) => Outcome::Open,
        (Outcome::Holds, Outcome::Holds) => Outcome::Holds,
    }
}

/// One condition of a claim on one of its readings, with its sample.
struct Case<'a> {
    metric: &'a str,
    statistic: &'a Statistic,
    criterion: Option<Criterion>,
    sample: Sample,
}

/// Reading by reading, the claim's own condition first.
fn cases<'a>(claim: &'a Claim, table: &Table) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for metric in std::iter::once(&claim.metric).chain(&claim.confirm_on) {
        let mut add = |statistic, criterion| {
            cases.push(Case { metric, statistic, criterion, sample: sample(claim, table, metric, statistic) });
        };
        add(&claim.statistic, claim.criterion);
        claim.also.iter().for_each(|condition| add(&condition.statistic, Some(condition.criterion)));
    }
    cases
}

fn sample(claim: &Claim, table: &Table, metric: &str, statistic: &Statistic) -> Sample {
    let quantity = Quantity { metric, window: claim.window, aggregate: claim.aggregate };
    Sample::new(table, statistic, quantity, &claim.layers)
}

impl Case<'_> {
    fn part(&self, decides: bool, notes: &mut Vec<String>) -> Part {
        let (estimate, remark) = self.sample.estimate();
        notes.extend(remark);
        let (seeds, finite) = (self.sample.seeds(), estimate.map_or(0, |estimate| estimate.seeds));
        if finite < seeds {
            notes.push(format!(
                "On `{}`, {} of {seeds} seeds have no finite value of {}: they are left out of the interval and ranked last in the exact test.",
                self.metric,
                seeds - finite,
                self.statistic
            ));
        }
        let decision = self.decision().filter(|_| decides);
        if decision.is_some_and(|decision| decision.disagree) {
            let (metric, statistic) = (self.metric, self.statistic);
            notes.push(format!("On `{metric}`, the interval of {statistic} and its exact sign-flip test disagree."));
        }
        Part {
            metric: self.metric.to_owned(),
            statistic: self.statistic.to_string(),
            criterion: self.criterion.map(|criterion| criterion.to_string()),
            estimate,
            outcome: decision.map(|decision| decision.outcome),
            p_t: decision.and_then(|decision| decision.p_t),
            p_sign_flip: decision.and_then(|decision| decision.p_sign_flip),
        }
    }

    fn decision(&self) -> Option<Decision> {
        match (&self.sample, self.criterion) {
            (Sample::Values(values), Some(criterion)) => Some(decide(values, criterion)),
            _ => None,
        }
    }
}

fn beside(claim: &Claim, table: &Table) -> Vec<Line> {
    let line = |beside: &Beside| {
        let metric = beside.metric.as_ref().unwrap_or(&claim.metric);
        let statistic = beside.statistic.as_ref().unwrap_or(&claim.statistic);
        Line {
            metric: metric.clone(),
            statistic: statistic.to_string(),
            unit: beside.unit.as_ref().unwrap_or(&claim.unit).clone(),
            estimate: sample(claim, table, metric, statistic).estimate().0,
        }
    };
    claim.beside.iter().map(line).collect()
}

/// Sentences on trials that diverged and on seeds that an arm lacks.
fn left_out(claim: &Claim, table: &Table) -> Vec<String> {
    let also = claim.also.iter().flat_map(|condition| condition.statistic.arms());
    let arms: BTreeSet<&str> = claim.statistic.arms().into_iter().chain(also).collect();
    let diverged = arms.iter().map(|arm| (arm, table.diverged(arm))).filter(|&(_, diverged)| diverged > 0);
    let mut notes: Vec<String> = diverged
        .map(|(arm, diverged)| format!("{diverged} of {} trials of `{arm}` diverged.", table.trials(arm).count()))
        .collect();
    let (any, each) = table.seeds(&arms);
    if any != each {
        let lacking: Vec<String> = (&any - &each).iter().map(u64::to_string).collect();
        notes.push(format!("Not every arm has a trial of seed {}: left out of the pairs.", lacking.join(", ")));
    }
    notes
}

fn largest(p: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    p.collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)
}
