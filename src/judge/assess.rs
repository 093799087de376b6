//! One claim, condition by condition on each of its readings, before the words.

use std::collections::BTreeSet;

use super::SEEDS_TO_JUDGE;
use super::curve::{Chosen, chosen};
use super::decide::decide;
use super::sample::Sample;
use super::trials::Trials;
use super::value::Number;
use super::verdict::Part;
use crate::record::Ending;
use crate::study::claim::{Beside, Claim, Criterion, Statistic};
use crate::study::{Reached, Take, Term};

/// Every condition of a claim on each of its readings, the claim's own reading first, and the fewest paired seeds of a
/// condition. Each is estimated, and decided if the claim is meant for this scale and has enough seeds.
pub(super) fn conditions(claim: &Claim, trials: &Trials, notes: &mut Vec<String>) -> (Vec<Part>, usize) {
    let mut cases = Vec::new();
    for reading in claim.readings() {
        cases.push(Case::new(claim, trials, reading, None, &claim.statistic, claim.criterion));
        for also in &claim.also {
            let metric = also.metric.as_ref().unwrap_or(reading);
            cases.push(Case::new(claim, trials, metric, also.window, &also.statistic, Some(also.criterion)));
        }
    }
    let seeds = cases.iter().map(|case| case.sample.seeds).min().unwrap_or(0);
    let decides = trials.context.judges(claim) && seeds >= SEEDS_TO_JUDGE;
    (cases.into_iter().map(|case| case.condition(decides, notes)).collect(), seeds)
}

/// A part of a claim with the numbers that it is made from.
struct Case {
    part: Part,
    criterion: Option<Criterion>,
    sample: Sample,
}

/// The number that is read of a trial: in the claim's own window, unless another is given.
fn number<'a>(claim: &Claim, metric: &'a str, window: Option<[f64; 2]>) -> Number<'a> {
    Number { metric, window: window.unwrap_or(claim.window), aggregate: claim.aggregate }
}

impl Case {
    fn new(
        claim: &Claim,
        trials: &Trials,
        metric: &str,
        window: Option<[f64; 2]>,
        statistic: &Statistic,
        criterion: Option<Criterion>,
    ) -> Self {
        let sample = Sample::new(trials, statistic, number(claim, metric, window), &claim.layers);
        let part = Part {
            metric: metric.to_owned(),
            window,
            statistic: statistic.to_string(),
            criterion: criterion.map(|criterion| criterion.to_string()),
            estimate: sample.estimate,
            ..Part::default()
        };
        Self { part, criterion, sample }
    }

    /// The part as a condition of its claim.
    fn condition(self, decides: bool, notes: &mut Vec<String>) -> Part {
        let infinite = self.infinite();
        let Self { mut part, criterion, sample: Sample { paired, seeds, values, remark, .. } } = self;
        let (metric, statistic) = (&part.metric, &part.statistic);
        notes.extend(remark);
        if seeds < paired {
            let without = paired - seeds;
            notes.push(format!(
                "On `{metric}`, {without} of {paired} seeds have no value of {statistic}: they are left out."
            ));
        }
        notes.extend(infinite.map(|note| note + "; in the exact test they outweigh all others."));
        if let (true, Some(values), Some(criterion)) = (decides, values, criterion) {
            let decision = decide(&values, criterion);
            if decision.disagree {
                notes
                    .push(format!("On `{metric}`, the interval of {statistic} and its exact sign-flip test disagree."));
            }
            part.outcome = Some(decision.outcome);
            (part.p_t, part.p_sign_flip) = (decision.p_t, decision.p_sign_flip);
        }
        part
    }

    /// That seeds are left out of the interval because their values are not finite, as a sentence without its stop.
    fn infinite(&self) -> Option<String> {
        let Part { metric, statistic, estimate, .. } = &self.part;
        let seeds = self.sample.seeds;
        let infinite = seeds - estimate.map_or(0, |estimate| estimate.seeds);
        (infinite > 0).then(|| {
            format!(
                "On `{metric}`, {infinite} of {seeds} seeds have no finite value of {statistic}: they are left out of \
                 the interval"
            )
        })
    }
}

/// An estimate that is shown with the claim and decides nothing.
pub(super) fn estimated(claim: &Claim, beside: &Beside, trials: &Trials, notes: &mut Vec<String>) -> Part {
    let metric = beside.metric.as_ref().unwrap_or(&claim.metric);
    let statistic = beside.statistic.as_ref().unwrap_or(&claim.statistic);
    let case = Case::new(claim, trials, metric, beside.window, statistic, None);
    notes.extend(case.infinite().map(|note| note + "."));
    Part { unit: beside.unit.clone().filter(|unit| *unit != claim.unit), ..case.part }
}

/// Sentences on the settings that were chosen for the claim's own statistic, and on those at the edge of their grid.
pub(super) fn chosen_settings(claim: &Claim, trials: &Trials) -> Vec<String> {
    let mut notes = Vec::new();
    for metric in claim.readings() {
        for name in claim.names() {
            let Some(term) = trials.term(name) else { continue };
            if let Some(chosen) = chosen(trials, term, number(claim, metric, None)) {
                notes.push(chosen_setting(name, metric, term, &chosen, &trials.context.choose_seeds));
            }
        }
    }
    notes
}

fn chosen_setting(name: &str, metric: &str, term: &Term, chosen: &Chosen, seeds: &[u64]) -> String {
    let seeds = seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let means = chosen.means.iter().map(|(x, mean)| format!("{mean:.1} at {x}")).collect::<Vec<_>>().join(", ");
    let along = term.along.as_deref().unwrap_or_default();
    let edge = if chosen.is_at_an_edge { ", at the edge of its grid" } else { "" };
    let setting = match chosen.index {
        Some(index) => format!("is read at `{along}` = {}", chosen.means[index].0),
        None => format!("has no place: no `{along}` reaches what is asked"),
    };
    let which = match &term.take {
        Some(Take::FirstReached(Reached { arms, window: [from, to], .. })) => {
            let arms = arms.iter().map(|arm| format!("`{arm}`")).collect::<Vec<_>>().join(", ");
            format!("highest means of {arms} from {} to {} % of the run", 100.0 * from, 100.0 * to)
        }
        _ => "means".into(),
    };
    format!("On `{metric}`, `{name}` {setting}{edge}; on seeds {seeds} the {which} are {means}.")
}

/// Sentences on values that further estimates name and that do not exist at this scale, on trials that diverged, and on
/// seeds that an arm lacks.
pub(super) fn left_out(claim: &Claim, trials: &Trials) -> Vec<String> {
    let beside = claim.beside.iter().filter_map(|beside| beside.statistic.as_ref()).flat_map(Statistic::arms);
    let absent: BTreeSet<&str> = beside.filter(|name| trials.term(name).is_none()).collect();
    let absent = absent
        .iter()
        .map(|name| format!("There is no `{name}` at this scale: the further estimates that name it are empty."));
    let mut notes: Vec<String> = absent.collect();
    let arms = claim.names();
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
