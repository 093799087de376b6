//! One claim, condition by condition on each of its readings, before the words.

use std::collections::BTreeSet;

use super::SEEDS_TO_JUDGE;
use super::curve::{Chosen, chosen};
use super::decide::{Decision, Outcome, decide};
use super::sample::{Sample, Table};
use super::value::Quantity;
use super::verdict::{Line, Part};
use crate::stats::Estimate;
use crate::study::claim::{Beside, Claim, Criterion, Statistic};
use crate::study::{Reached, Take, Term};

/// What the records say of a claim, before the rules on scales, roles and many claims.
pub(super) struct Assessment {
    /// The claim's conditions on each reading, reading by reading; the first is the claim's own.
    pub parts: Vec<Part>,
    /// How many conditions it has on each reading.
    pub conditions: usize,
    /// What is shown beside it.
    pub beside: Vec<Line>,
    /// Which places of sweeps were chosen for it, as sentences.
    pub places: Vec<String>,
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
        let beside = beside(claim, table, &mut notes);
        notes.extend(absent(claim, table));
        notes.extend(left_out(claim, table));
        Self {
            p_t: largest(parts.iter().map(|part| part.p_t)),
            p_sign_flip: largest(parts.iter().map(|part| part.p_sign_flip)),
            beside,
            places: places(claim, table),
            parts,
            conditions: 1 + claim.also.len(),
            seeds,
            notes,
        }
    }

    /// The outcome on each reading: a claim holds where all its conditions do, and fails where one does.
    pub fn readings(&self) -> Vec<(&str, Outcome)> {
        let of = |parts: &'_ [Part]| parts.iter().filter_map(|part| part.outcome).reduce(both);
        self.parts.chunks(self.conditions).filter_map(|parts| Some((parts[0].metric.as_str(), of(parts)?))).collect()
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
    window: Option<[f64; 2]>,
    statistic: &'a Statistic,
    criterion: Option<Criterion>,
    sample: Sample,
    /// Seeds whose trials it could have a value of.
    paired: usize,
}

/// Reading by reading, the claim's own condition first.
fn cases<'a>(claim: &'a Claim, table: &Table) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for reading in std::iter::once(&claim.metric).chain(&claim.confirm_on) {
        let mut add = |metric: &'a str, window, statistic, criterion| {
            let sample = Sample::new(table, statistic, quantity(claim, metric, window), &claim.layers);
            let paired = table.seeds(&statistic.arms()).1.len();
            cases.push(Case { metric, window, statistic, criterion, sample, paired });
        };
        add(reading, None, &claim.statistic, claim.criterion);
        for also in &claim.also {
            add(also.metric.as_ref().unwrap_or(reading), also.window, &also.statistic, Some(also.criterion));
        }
    }
    cases
}

/// What of a trial is read: the claim's own window, unless another is given.
fn quantity<'a>(claim: &Claim, metric: &'a str, window: Option<[f64; 2]>) -> Quantity<'a> {
    Quantity { metric, window: window.unwrap_or(claim.window), aggregate: claim.aggregate }
}

impl Case<'_> {
    fn part(&self, decides: bool, notes: &mut Vec<String>) -> Part {
        let (estimate, remark) = self.sample.estimate();
        notes.extend(remark);
        let without = self.paired - self.sample.seeds();
        if without > 0 {
            notes.push(format!(
                "On `{}`, {without} of {} seeds have no value of {}: they are left out.",
                self.metric, self.paired, self.statistic
            ));
        }
        let infinite = infinite(self.metric, self.statistic, &self.sample, estimate);
        notes.extend(infinite.map(|note| note + "; in the exact test they outweigh all others."));
        let decision = self.decision().filter(|_| decides);
        if decision.is_some_and(|decision| decision.disagree) {
            let (metric, statistic) = (self.metric, self.statistic);
            notes.push(format!("On `{metric}`, the interval of {statistic} and its exact sign-flip test disagree."));
        }
        Part {
            metric: self.metric.to_owned(),
            window: self.window,
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

/// That seeds are left out of an interval because their values are not finite, as a sentence without its stop.
fn infinite(metric: &str, statistic: &Statistic, sample: &Sample, estimate: Option<Estimate>) -> Option<String> {
    let (seeds, finite) = (sample.seeds(), estimate.map_or(0, |estimate| estimate.seeds));
    let left_out = "they are left out of the interval";
    let said = || {
        format!("On `{metric}`, {} of {seeds} seeds have no finite value of {statistic}: {left_out}", seeds - finite)
    };
    (finite < seeds).then(said)
}

fn beside(claim: &Claim, table: &Table, notes: &mut Vec<String>) -> Vec<Line> {
    let mut line = |beside: &Beside| {
        let metric = beside.metric.as_ref().unwrap_or(&claim.metric);
        let statistic = beside.statistic.as_ref().unwrap_or(&claim.statistic);
        let sample = Sample::new(table, statistic, quantity(claim, metric, beside.window), &claim.layers);
        let estimate = sample.estimate().0;
        notes.extend(infinite(metric, statistic, &sample, estimate).map(|note| note + "."));
        Line {
            metric: metric.clone(),
            window: beside.window,
            statistic: statistic.to_string(),
            unit: beside.unit.as_ref().unwrap_or(&claim.unit).clone(),
            estimate,
        }
    };
    claim.beside.iter().map(&mut line).collect()
}

/// Sentences on values that stand beside the claim and do not exist at this scale.
fn absent(claim: &Claim, table: &Table) -> Vec<String> {
    let beside = claim.beside.iter().filter_map(|beside| beside.statistic.as_ref());
    let named: BTreeSet<&str> = beside.flat_map(Statistic::arms).collect();
    let absent = table.absent_values().iter().filter(|value| named.contains(value.as_str()));
    absent
        .map(|value| format!("There is no `{value}` at this scale: what names it beside the claim is empty."))
        .collect()
}

/// Sentences on the places that were chosen for the claim's own statistic, and on those at the edge of their grid.
fn places(claim: &Claim, table: &Table) -> Vec<String> {
    let mut notes = Vec::new();
    for metric in std::iter::once(&claim.metric).chain(&claim.confirm_on) {
        for name in claim.names() {
            let term = table.term(name);
            let (Some(take), quantity) = (&term.take, quantity(claim, metric, None)) else { continue };
            if let Some(chosen) = chosen(table, &term, quantity) {
                notes.push(chosen_place(name, metric, &term, take, &chosen, table.choose_seeds()));
            }
        }
    }
    notes
}

fn chosen_place(name: &str, metric: &str, term: &Term, take: &Take, chosen: &Chosen, seeds: &[u64]) -> String {
    let seeds = seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let means = chosen.means.iter().map(|(x, mean)| format!("{mean:.1} at {x}")).collect::<Vec<_>>().join(", ");
    let along = term.along.as_deref().unwrap_or_default();
    let edge = if chosen.is_at_an_edge(take) { ", at the edge of its grid" } else { "" };
    let place = match chosen.place {
        Some(place) => format!("is read at `{along}` = {}", chosen.means[place].0),
        None => format!("has no place: no `{along}` reaches what is asked"),
    };
    let which = match take {
        Take::FirstReached(Reached { arms, window: [from, to], .. }) => {
            let arms = arms.iter().map(|arm| format!("`{arm}`")).collect::<Vec<_>>().join(", ");
            format!("highest means of {arms} from {} to {} % of the run", 100.0 * from, 100.0 * to)
        }
        _ => "means".into(),
    };
    format!("On `{metric}`, `{name}` {place}{edge}; on seeds {seeds} the {which} are {means}.")
}

/// Sentences on trials that diverged and on seeds that an arm lacks.
fn left_out(claim: &Claim, table: &Table) -> Vec<String> {
    let arms = claim.names();
    let diverged = arms.iter().map(|arm| (arm, table.diverged(arm))).filter(|&(_, diverged)| diverged > 0);
    let mut notes: Vec<String> = diverged
        .map(|(arm, diverged)| format!("{diverged} of {} trials of `{arm}` diverged.", table.trials(arm).len()))
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
