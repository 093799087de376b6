//! From trials to one value a seed: pairing over seeds, averaging over layers.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Context;
use super::curve::Reading;
use super::value::Quantity;
use crate::record::{Ending, TrialRecords};
use crate::stats::{ConfidenceSet, Estimate, mean, ratio_of_means, share};
use crate::study::claim::{ArmRatio, ContrastRatio, Share, Statistic};
use crate::study::{Point, Term};

/// The trials of a study by arm, swept values and seed, so that nothing depends on the order in which they came.
pub(super) struct Table<'a> {
    conditions: BTreeMap<(&'a str, &'a Swept), BTreeMap<u64, &'a TrialRecords>>,
    context: &'a Context,
}

type Swept = BTreeMap<String, String>;

impl<'a> Table<'a> {
    pub fn new(trials: &'a [TrialRecords], context: &'a Context) -> Self {
        let mut conditions: BTreeMap<_, BTreeMap<u64, &TrialRecords>> = BTreeMap::new();
        for trial in trials {
            conditions.entry((trial.arm.as_str(), &trial.sweep)).or_default().insert(trial.seed, trial);
        }
        Self { conditions, context }
    }

    /// What a name of a claim stands for: a name that the plan does not know for an arm that no sweep concerns.
    pub fn term(&self, name: &str) -> Cow<'a, Term> {
        match self.context.terms.get(name) {
            Some(term) => Cow::Borrowed(term),
            None => Cow::Owned(Term::of_arm(name)),
        }
    }

    /// The trial of an arm and seed at a point of a sweep.
    pub fn trial(&self, arm: &str, point: &Point, seed: u64) -> Option<&'a TrialRecords> {
        self.conditions.get(&(arm, &point.sweep))?.get(&seed).copied()
    }

    /// The trials behind a name, of the seeds that are judged.
    pub fn trials(&self, name: &str) -> Vec<&'a TrialRecords> {
        let term = self.term(name);
        let is_meant = |trial: &&TrialRecords| {
            let at = |point: &Point| point.sweep == trial.sweep;
            trial.arm == term.arm && term.points.iter().any(at) && !self.choose_seeds().contains(&trial.seed)
        };
        self.all().filter(is_meant).collect()
    }

    /// The seeds on which places of sweeps are chosen.
    pub fn choose_seeds(&self) -> &'a [u64] {
        &self.context.choose_seeds
    }

    /// The study's values that do not exist at this scale.
    pub fn absent_values(&self) -> &'a [String] {
        &self.context.absent
    }

    /// Every trial.
    fn all(&self) -> impl Iterator<Item = &'a TrialRecords> {
        self.conditions.values().flat_map(BTreeMap::values).copied()
    }

    pub fn diverged(&self, name: &str) -> usize {
        self.trials(name).iter().filter(|trial| trial.ending != Ending::Finished).count()
    }

    /// Steps of the trials behind names.
    pub fn steps_of(&self, names: &BTreeSet<&str>) -> usize {
        names.iter().flat_map(|name| self.trials(name)).map(|trial| trial.steps).max().unwrap_or(0)
    }

    /// The judged seeds that any, and that each, of the names has.
    pub fn seeds(&self, names: &BTreeSet<&str>) -> (BTreeSet<u64>, BTreeSet<u64>) {
        let of = |name: &&str| self.trials(name).iter().map(|trial| trial.seed).collect::<BTreeSet<_>>();
        let each = names.iter().map(of).reduce(|a, b| &a & &b).unwrap_or_default();
        (names.iter().flat_map(of).collect(), each)
    }
}

/// One value a seed, or a pair of them for a ratio of means. Values may be infinite, or NaN for ∞ − ∞.
pub(super) enum Sample {
    Values(Vec<f64>),
    Pairs {
        of: Vec<f64>,
        to: Vec<f64>,
    },
    /// How many seeds meet a criterion.
    Count {
        met: usize,
        of: usize,
    },
}

impl Sample {
    /// The sample of a statistic over the seeds whose trials have all its records.
    pub fn new(table: &Table, statistic: &Statistic, quantity: Quantity, layers: &[usize]) -> Self {
        let (_, seeds) = table.seeds(&statistic.arms());
        let per_seed = |of_arms: &dyn Fn(&Lookup) -> Option<f64>| -> Vec<Option<f64>> {
            let at = |seed, layer| of_arms(&|name| Reading { table, quantity, layers, layer, seed }.of(name));
            seeds.iter().map(|&seed| over_layers(layers, |layer| at(seed, layer))).collect()
        };
        match statistic {
            Statistic::Contrast(_) | Statistic::LogRatio(_) => {
                Self::Values(per_seed(&|value| of_single_values(statistic, value)).into_iter().flatten().collect())
            }
            Statistic::RatioOfMeans(ContrastRatio { of, to }) => {
                let numerators = per_seed(&|value| contrast(of, value));
                let denominators = per_seed(&|value| contrast(to, value));
                let (of, to) = numerators.into_iter().zip(denominators).filter_map(|(a, b)| a.zip(b)).unzip();
                Self::Pairs { of, to }
            }
            Statistic::Share(Share { of, meets }) => {
                let values: Vec<f64> = per_seed(&|value| value(of)).into_iter().flatten().collect();
                Self::Count { met: values.iter().filter(|value| meets.contains(**value)).count(), of: values.len() }
            }
        }
    }

    /// How many seeds it has, those without a finite value included.
    pub fn seeds(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Pairs { of, .. } => of.len(),
            Self::Count { of, .. } => *of,
        }
    }

    /// Its estimate, and a remark where a confidence set is no interval.
    pub fn estimate(&self) -> (Option<Estimate>, Option<String>) {
        match self {
            Self::Values(values) => (Estimate::of_mean(values), None),
            Self::Pairs { of, to } => match ratio_of_means(of, to) {
                Some((estimate, set)) => (Some(estimate), set.and_then(unbounded)),
                None => (None, None),
            },
            Self::Count { met, of } => (share(*met, *of), None),
        }
    }
}

/// The value of an arm, or of a study's value.
type Lookup<'a> = dyn Fn(&str) -> Option<f64> + 'a;

/// A statistic of single values, one an arm: of a seed, or of published curves.
pub(super) fn of_single_values(statistic: &Statistic, value: &Lookup) -> Option<f64> {
    match statistic {
        Statistic::Contrast(weights) => contrast(weights, value),
        Statistic::LogRatio(ratio) => log_ratio(ratio, value),
        Statistic::RatioOfMeans(ContrastRatio { of, to }) => Some(contrast(of, value)? / contrast(to, value)?),
        Statistic::Share(Share { of, meets }) => Some(f64::from(u8::from(meets.contains(value(of)?)))),
    }
}

fn contrast(weights: &BTreeMap<String, f64>, value: &Lookup) -> Option<f64> {
    weights.iter().map(|(arm, weight)| Some(weight * value(arm)?)).sum()
}

fn log_ratio(ratio: &ArmRatio, value: &Lookup) -> Option<f64> {
    Some((value(&ratio.of)? / value(&ratio.to)?).ln())
}

/// The mean of `value` over the layers, or its value for the whole network; `None` where a layer has none.
fn over_layers(layers: &[usize], value: impl Fn(Option<usize>) -> Option<f64>) -> Option<f64> {
    match layers {
        [] => value(None),
        _ => mean(&layers.iter().map(|&layer| value(Some(layer))).collect::<Option<Vec<_>>>()?),
    }
}

fn unbounded(set: ConfidenceSet) -> Option<String> {
    match set {
        ConfidenceSet::Interval(..) => None,
        ConfidenceSet::Outside(low, high) => {
            Some(format!("Fieller's 95 % set is everything but ({low:.3}, {high:.3}): the denominator may be 0."))
        }
        ConfidenceSet::Everything => Some("Fieller's 95 % set holds every ratio: the denominator may be 0.".into()),
    }
}
