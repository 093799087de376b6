//! From trials to one value per seed: pairing over seeds, averaging over layers.

use super::curve::{InSeed, Lookup, contrast};
use super::trials::Trials;
use super::value::Number;
use crate::stats::{ConfidenceSet, Estimate, mean, ratio_of_means, share};
use crate::study::claim::Statistic;

/// One value per seed, or a pair of them for a ratio of means. Values may be infinite, or NaN for ∞ − ∞.
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
    pub fn new(trials: &Trials, statistic: &Statistic, number: Number, layers: &[usize]) -> Self {
        let (_, seeds) = trials.seeds(&statistic.arms());
        let per_seed = |of_arms: &dyn Fn(&Lookup) -> Option<f64>| -> Vec<Option<f64>> {
            let at = |seed, layer| of_arms(&|name| InSeed { trials, number, layers, layer, seed }.value(name));
            seeds.iter().map(|&seed| over_layers(layers, |layer| at(seed, layer))).collect()
        };
        match statistic {
            Statistic::Contrast(_) | Statistic::LogRatio { .. } => {
                Self::Values(per_seed(&|value| of_single_values(statistic, value)).into_iter().flatten().collect())
            }
            Statistic::RatioOfMeans { of, to } => {
                let numerators = per_seed(&|value| contrast(of, value));
                let denominators = per_seed(&|value| contrast(to, value));
                let (of, to) = numerators.into_iter().zip(denominators).filter_map(|(a, b)| a.zip(b)).unzip();
                Self::Pairs { of, to }
            }
            Statistic::Share { of, meets } => {
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

    /// Its estimate, and a remark where a confidence set is not an interval.
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

/// A statistic of single values, one per arm: of a seed, or of published curves.
pub(super) fn of_single_values(statistic: &Statistic, value: &Lookup) -> Option<f64> {
    match statistic {
        Statistic::Contrast(weights) => contrast(weights, value),
        Statistic::LogRatio { of, to } => Some((value(of)? / value(to)?).ln()),
        Statistic::RatioOfMeans { of, to } => Some(contrast(of, value)? / contrast(to, value)?),
        Statistic::Share { of, meets } => Some(f64::from(u8::from(meets.contains(value(of)?)))),
    }
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
