//! From trials to one value per seed: pairing over seeds, averaging over layers.

use super::curve::{InSeed, Lookup, contrast, log_ratio};
use super::trials::Trials;
use super::value::Number;
use crate::stats::{ConfidenceSet, Estimate, mean, ratio_of_means, share};
use crate::study::claim::Statistic;

/// A statistic over the seeds whose trials have all its records.
pub(super) struct Sample {
    /// How many seeds have a trial of each arm.
    pub paired: usize,
    /// How many of them it has a value of, those without a finite value included.
    pub seeds: usize,
    /// One value per seed, infinite or NaN (for ∞ − ∞) too; `None` where only all seeds together have one.
    pub values: Option<Vec<f64>>,
    pub estimate: Option<Estimate>,
    /// A remark where a confidence set is not an interval.
    pub remark: Option<String>,
}

impl Sample {
    pub fn new(trials: &Trials, statistic: &Statistic, number: Number, layers: &[usize]) -> Self {
        let (_, seeds) = trials.seeds(&statistic.arms());
        let paired = seeds.len();
        let per_seed = |of_arms: &dyn Fn(&Lookup) -> Option<f64>| -> Vec<Option<f64>> {
            let at = |seed, layer| of_arms(&|name| InSeed { trials, number, layers, layer, seed }.value(name));
            seeds.iter().map(|&seed| over_layers(layers, |layer| at(seed, layer))).collect()
        };
        match statistic {
            Statistic::Contrast(_) | Statistic::LogRatio { .. } => {
                let values = per_seed(&|value| of_single_values(statistic, value));
                let values: Vec<f64> = values.into_iter().flatten().collect();
                let estimate = Estimate::of_mean(&values);
                Self { paired, seeds: values.len(), values: Some(values), estimate, remark: None }
            }
            Statistic::RatioOfMeans { of, to } => {
                let numerators = per_seed(&|value| contrast(of, value));
                let denominators = per_seed(&|value| contrast(to, value));
                let (of, to): (Vec<f64>, Vec<f64>) =
                    numerators.into_iter().zip(denominators).filter_map(|(a, b)| a.zip(b)).unzip();
                let (estimate, set) = ratio_of_means(&of, &to).unzip();
                Self { paired, seeds: of.len(), values: None, estimate, remark: set.flatten().and_then(unbounded) }
            }
            Statistic::Share { of, meets } => {
                let values: Vec<f64> = per_seed(&|value| value(of)).into_iter().flatten().collect();
                let met = values.iter().filter(|value| meets.contains(**value)).count();
                Self { paired, seeds: values.len(), values: None, estimate: share(met, values.len()), remark: None }
            }
        }
    }
}

/// A statistic of single values, one per arm: of a seed, or of published curves.
pub(super) fn of_single_values(statistic: &Statistic, value: &Lookup) -> Option<f64> {
    match statistic {
        Statistic::Contrast(weights) => contrast(weights, value),
        Statistic::LogRatio { of, to } => Some(log_ratio(value(of)?, value(to)?)),
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
