//! One claim, condition by condition on each of its readings, before the words.

use std::collections::BTreeSet;

use super::SEEDS_TO_JUDGE;
use super::curve::{Chosen, chosen};
use super::decide::{Decision, Outcome, decide};
use super::sample::Sample;
use super::trials::Trials;
use super::value::Number;
use super::verdict::Part;
use crate::record::Ending;
use crate::stats::Estimate;
use crate::study::claim::{Beside, Claim, Criterion, Statistic};
use crate::study::{Reached, Take, Term};

/// A claim and the records' answer to it, before the rules on scales, roles and many claims.
pub(super) struct Assessment<'a> {
    pub claim: &'a Claim,
    /// The claim's conditions on each reading, reading by reading; the first is the claim's own.
    pub parts: Vec<Part>,
    /// Estimates that are shown with it.
    pub beside: Vec<Part>,
    /// The settings of sweeps that were chosen for it, as sentences.
    pub chosen: Vec<String>,
    /// The fewest paired seeds of a part.
    pub seeds: usize,
    /// Remarks, as sentences.
    pub notes: Vec<String>,
}

impl<'a> Assessment<'a> {
    /// Estimates every part, and decides them if the claim is meant for this scale and has seeds enough.
    pub fn new(claim: &'a Claim, trials: &Trials, meant_here: bool) -> Self {
        let cases = cases(claim, trials);
        let seeds = cases.iter().map(|case| case.sample.seeds()).min().unwrap_or(0);
        let decides = meant_here && seeds >= SEEDS_TO_JUDGE;
        let mut notes = Vec::new();
        let parts = cases.iter().map(|case| case.condition(trials, decides, &mut notes)).collect();
        let beside = claim.beside.iter().map(|beside| estimated(claim, beside, trials, &mut notes)).collect();
        notes.extend(absent(claim, trials));
        notes.extend(left_out(claim, trials));
        Self { claim, parts, beside, chosen: chosen_settings(claim, trials), seeds, notes }
    }

    /// The outcome on each reading: a claim holds where all its conditions do, and fails where one does.
    pub fn readings(&self) -> Vec<(&str, Outcome)> {
        let of = |parts: &'_ [Part]| parts.iter().filter_map(|part| part.outcome).reduce(both);
        let readings = self.parts.chunks(1 + self.claim.also.len());
        readings.filter_map(|parts| Some((parts[0].metric.as_str(), of(parts)?))).collect()
    }

    /// The largest p value of its parts, because the claim says that all of them hold; `None` where a part has none.
    pub fn largest(&self, p: impl Fn(&Part) -> Option<f64>) -> Option<f64> {
        self.parts.iter().map(p).collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)
    }
}

fn both(a: Outcome, b: Outcome) -> Outcome {
    match (a, b) {
        (Outcome::Fails, _) | (_, Outcome::Fails) => Outcome::Fails,
        (Outcome::Open, _) | (_, Outcome::Open) => Outcome::Open,
        (Outcome::Holds, Outcome::Holds) => Outcome::Holds,
    }
}

/// A statistic of one reading, with its sample.
struct Case<'a> {
    metric: &'a str,
    /// The part of the run, where it is not the claim's.
    window: Option<[f64; 2]>,
    statistic: &'a Statistic,
    criterion: Option<Criterion>,
    sample: Sample,
}

/// Reading by reading, the claim's own condition first.
fn cases<'a>(claim: &'a Claim, trials: &Trials) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for reading in std::iter::once(&claim.metric).chain(&claim.confirm_on) {
        let own = Case::new(claim, trials, reading, None, &claim.statistic);
        cases.push(Case { criterion: claim.criterion, ..own });
        for also in &claim.also {
            let metric = also.metric.as_ref().unwrap_or(reading);
            let case = Case::new(claim, trials, metric, also.window, &also.statistic);
            cases.push(Case { criterion: Some(also.criterion), ..case });
        }
    }
    cases
}

/// The number that is read of a trial: in the claim's own window, unless another is given.
fn number<'a>(claim: &Claim, metric: &'a str, window: Option<[f64; 2]>) -> Number<'a> {
    Number { metric, window: window.unwrap_or(claim.window), aggregate: claim.aggregate }
}

impl<'a> Case<'a> {
    fn new(
        claim: &Claim,
        trials: &Trials,
        metric: &'a str,
        window: Option<[f64; 2]>,
        statistic: &'a Statistic,
    ) -> Self {
        let sample = Sample::new(trials, statistic, number(claim, metric, window), &claim.layers);
        Self { metric, window, statistic, criterion: None, sample }
    }

    /// The case as a condition of its claim.
    fn condition(&self, trials: &Trials, decides: bool, notes: &mut Vec<String>) -> Part {
        let (metric, statistic) = (self.metric, self.statistic);
        let (estimate, remark) = self.sample.estimate();
        notes.extend(remark);
        let paired = trials.seeds(&statistic.arms()).1.len();
        let without = paired - self.sample.seeds();
        if without > 0 {
            notes.push(format!(
                "On `{metric}`, {without} of {paired} seeds have no value of {statistic}: they are left out."
            ));
        }
        notes.extend(self.infinite(estimate).map(|note| note + "; in the exact test they outweigh all others."));
        let decision = self.decision().filter(|_| decides);
        if decision.is_some_and(|decision| decision.disagree) {
            notes.push(format!("On `{metric}`, the interval of {statistic} and its exact sign-flip test disagree."));
        }
        self.part(estimate, decision)
    }

    fn decision(&self) -> Option<Decision> {
        match (&self.sample, self.criterion) {
            (Sample::Values(values), Some(criterion)) => Some(decide(values, criterion)),
            _ => None,
        }
    }

    fn part(&self, estimate: Option<Estimate>, decision: Option<Decision>) -> Part {
        Part {
            metric: self.metric.to_owned(),
            window: self.window,
            statistic: self.statistic.to_string(),
            unit: None,
            criterion: self.criterion.map(|criterion| criterion.to_string()),
            estimate,
            outcome: decision.map(|decision| decision.outcome),
            p_t: decision.and_then(|decision| decision.p_t),
            p_sign_flip: decision.and_then(|decision| decision.p_sign_flip),
        }
    }

    /// That seeds are left out of the interval because their values are not finite, as a sentence without its stop.
    fn infinite(&self, estimate: Option<Estimate>) -> Option<String> {
        let (seeds, finite) = (self.sample.seeds(), estimate.map_or(0, |estimate| estimate.seeds));
        let (metric, statistic, infinite) = (self.metric, self.statistic, seeds - finite);
        (infinite > 0).then(|| {
            format!(
                "On `{metric}`, {infinite} of {seeds} seeds have no finite value of {statistic}: they are left out of \
                 the interval"
            )
        })
    }
}

/// An estimate that is shown with the claim and decides nothing.
fn estimated(claim: &Claim, beside: &Beside, trials: &Trials, notes: &mut Vec<String>) -> Part {
    let metric = beside.metric.as_ref().unwrap_or(&claim.metric);
    let statistic = beside.statistic.as_ref().unwrap_or(&claim.statistic);
    let case = Case::new(claim, trials, metric, beside.window, statistic);
    let (estimate, _) = case.sample.estimate();
    notes.extend(case.infinite(estimate).map(|note| note + "."));
    Part { unit: beside.unit.clone().filter(|unit| *unit != claim.unit), ..case.part(estimate, None) }
}

/// Sentences on values that are named beside the claim and do not exist at this scale.
fn absent(claim: &Claim, trials: &Trials) -> Vec<String> {
    let beside = claim.beside.iter().filter_map(|beside| beside.statistic.as_ref());
    let named: BTreeSet<&str> = beside.flat_map(Statistic::arms).collect();
    let absent = trials.context.absent.iter().filter(|value| named.contains(value.as_str()));
    absent
        .map(|value| format!("There is no `{value}` at this scale: what names it beside the claim is empty."))
        .collect()
}

/// Sentences on the settings that were chosen for the claim's own statistic, and on those at the edge of their grid.
fn chosen_settings(claim: &Claim, trials: &Trials) -> Vec<String> {
    let mut notes = Vec::new();
    for metric in std::iter::once(&claim.metric).chain(&claim.confirm_on) {
        for name in claim.names() {
            let term = trials.term(name);
            let (Some(take), number) = (&term.take, number(claim, metric, None)) else { continue };
            if let Some(chosen) = chosen(trials, &term, number) {
                notes.push(chosen_setting(name, metric, &term, take, &chosen, &trials.context.choose_seeds));
            }
        }
    }
    notes
}

fn chosen_setting(name: &str, metric: &str, term: &Term, take: &Take, chosen: &Chosen, seeds: &[u64]) -> String {
    let seeds = seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let means = chosen.means.iter().map(|(x, mean)| format!("{mean:.1} at {x}")).collect::<Vec<_>>().join(", ");
    let along = term.along.as_deref().unwrap_or_default();
    let edge = if chosen.is_at_an_edge(take) { ", at the edge of its grid" } else { "" };
    let setting = match chosen.index {
        Some(index) => format!("is read at `{along}` = {}", chosen.means[index].0),
        None => format!("has no place: no `{along}` reaches what is asked"),
    };
    let which = match take {
        Take::FirstReached(Reached { arms, window: [from, to], .. }) => {
            let arms = arms.iter().map(|arm| format!("`{arm}`")).collect::<Vec<_>>().join(", ");
            format!("highest means of {arms} from {} to {} % of the run", 100.0 * from, 100.0 * to)
        }
        _ => "means".into(),
    };
    format!("On `{metric}`, `{name}` {setting}{edge}; on seeds {seeds} the {which} are {means}.")
}

/// Sentences on trials that diverged and on seeds that an arm lacks.
fn left_out(claim: &Claim, trials: &Trials) -> Vec<String> {
    let arms = claim.names();
    let mut notes = Vec::new();
    for arm in &arms {
        let trials = trials.of(arm);
        let diverged = trials.iter().filter(|trial| trial.ending != Ending::Finished).count();
        if diverged > 0 {
            notes.push(format!("{diverged} of {} trials of `{arm}` diverged.", trials.len()));
        }
    }
    let (any, each) = trials.seeds(&arms);
    if any != each {
        let lacking: Vec<String> = (&any - &each).iter().map(u64::to_string).collect();
        notes.push(format!("Not every arm has a trial of seed {}: left out of the pairs.", lacking.join(", ")));
    }
    notes
}
