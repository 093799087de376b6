//! From trials to one value a seed: pairing over seeds, averaging over layers.

use std::collections::{BTreeMap, BTreeSet};

use super::value::Quantity;
use crate::record::{Ending, TrialRecords};
use crate::stats::{ConfidenceSet, Estimate, mean, ratio_of_means};
use crate::study::claim::{ArmRatio, ContrastRatio, Statistic};

/// The trials of a study by arm and seed, so that nothing depends on the order in which they came.
pub(super) struct Table<'a>(BTreeMap<&'a str, BTreeMap<u64, &'a TrialRecords>>);

impl<'a> Table<'a> {
    pub fn new(trials: &'a [TrialRecords]) -> Self {
        let mut arms: BTreeMap<&str, BTreeMap<u64, &TrialRecords>> = BTreeMap::new();
        for trial in trials {
            arms.entry(&trial.arm).or_default().insert(trial.seed, trial);
        }
        Self(arms)
    }

    pub fn trials(&self, arm: &str) -> impl Iterator<Item = &'a TrialRecords> {
        self.0.get(arm).into_iter().flat_map(|seeds| seeds.values().copied())
    }

    pub fn arms(&self) -> impl Iterator<Item = &'a str> {
        self.0.keys().copied()
    }

    pub fn diverged(&self, arm: &str) -> usize {
        self.trials(arm).filter(|trial| trial.ending != Ending::Finished).count()
    }

    /// Steps of the run.
    pub fn steps(&self) -> usize {
        self.0.values().flat_map(BTreeMap::values).map(|trial| trial.steps).max().unwrap_or(0)
    }

    /// The seeds that any, and that each, of the arms has.
    pub fn seeds(&self, arms: &BTreeSet<&str>) -> (BTreeSet<u64>, BTreeSet<u64>) {
        let of = |arm: &&str| self.trials(arm).map(|trial| trial.seed).collect::<BTreeSet<_>>();
        let each = arms.iter().map(of).reduce(|a, b| &a & &b).unwrap_or_default();
        (arms.iter().flat_map(of).collect(), each)
    }

    fn value(&self, arm: &str, seed: u64, quantity: Quantity, layer: Option<usize>) -> Option<f64> {
        quantity.of(self.0.get(arm)?.get(&seed)?, layer)
    }
}

/// One value a seed, or a pair of them for a ratio of means. Values may be infinite, or NaN for ∞ − ∞.
pub(super) enum Sample {
    Values(Vec<f64>),
    Pairs { of: Vec<f64>, to: Vec<f64> },
}

impl Sample {
    /// The sample of a statistic over the seeds whose trials have all its records.
    pub fn new(table: &Table, statistic: &Statistic, quantity: Quantity, layers: &[usize]) -> Self {
        let (_, seeds) = table.seeds(&statistic.arms());
        let per_seed = |of_arms: &dyn Fn(&Lookup) -> Option<f64>| -> Vec<Option<f64>> {
            let at = |seed, layer| of_arms(&|arm| table.value(arm, seed, quantity, layer));
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
        }
    }

    /// How many seeds it has, those without a finite value included.
    pub fn seeds(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Pairs { of, .. } => of.len(),
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
        }
    }
}

/// An arm's value.
type Lookup<'a> = dyn Fn(&str) -> Option<f64> + 'a;

/// A statistic of single values, one an arm: of a seed, or of published curves.
pub(super) fn of_single_values(statistic: &Statistic, value: &Lookup) -> Option<f64> {
    match statistic {
        Statistic::Contrast(weights) => contrast(weights, value),
        Statistic::LogRatio(ratio) => log_ratio(ratio, value),
        Statistic::RatioOfMeans(ContrastRatio { of, to }) => Some(contrast(of, value)? / contrast(to, value)?),
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
