//! One claim, condition by condition on each of its readings, before the words.

use std::collections::BTreeSet;

use super::decide::{Outcome, decide};
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
    pub fn new(claim: &Claim, table: &Table) -> Self {
        let mut notes = Vec::new();
        let mut parts = Vec::new();
        let mut seeds = usize::MAX;
        for metric in std::iter::once(&claim.metric).chain(&claim.confirm_on) {
            for (statistic, criterion) in conditions(claim) {
                let sample = sample(claim, table, metric, statistic);
                seeds = seeds.min(sample.seeds());
                parts.push(part(metric, statistic, criterion, &sample, &mut notes));
            }
        }
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

fn conditions(claim: &Claim) -> impl Iterator<Item = (&Statistic, Option<Criterion>)> {
    let also = claim.also.iter().map(|condition| (&condition.statistic, Some(condition.criterion)));
    std::iter::once((&claim.statistic, claim.criterion)).chain(also)
}

fn sample(claim: &Claim, table: &Table, metric: &str, statistic: &Statistic) -> Sample {
    let quantity = Quantity { metric, window: claim.window, aggregate: claim.aggregate };
    Sample::new(table, statistic, quantity, &claim.layers)
}

fn part(
    metric: &str,
    statistic: &Statistic,
    criterion: Option<Criterion>,
    sample: &Sample,
    notes: &mut Vec<String>,
) -> Part {
    let (estimate, remark) = sample.estimate();
    notes.extend(remark);
    let finite = estimate.map_or(0, |estimate| estimate.seeds);
    if finite < sample.seeds() {
        notes.push(format!(
            "On `{metric}`, {} of {} seeds have no finite value of {statistic}: they are left out of the interval and ranked last in the exact test.",
            sample.seeds() - finite,
            sample.seeds()
        ));
    }
    let decision = match (sample, criterion) {
        (Sample::Values(values), Some(criterion)) => Some(decide(values, criterion)),
        _ => None,
    };
    if decision.is_some_and(|decision| decision.disagree) {
        notes.push(format!("On `{metric}`, the interval of {statistic} and its exact sign-flip test disagree."));
    }
    Part {
        metric: metric.to_owned(),
        statistic: statistic.to_string(),
        criterion: criterion.map(|criterion| criterion.to_string()),
        estimate,
        outcome: decision.map(|decision| decision.outcome),
        p_t: decision.and_then(|decision| decision.p_t),
        p_sign_flip: decision.and_then(|decision| decision.p_sign_flip),
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
    let arms: BTreeSet<&str> = conditions(claim).flat_map(|(statistic, _)| statistic.arms()).collect();
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
