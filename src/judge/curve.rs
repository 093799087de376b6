//! The value of a claim's name in one seed: an arm's own, or that of its curve over a sweep or the layers.

use std::collections::BTreeMap;

use super::trials::Trials;
use super::value::Number;
use crate::stats::{largest_passing, mean, rank_correlation, slope, smallest_passing, zero_crossing};
use crate::study::{CurvePoint, LAYERS, Level, Passing, Reached, Take, Term};

/// The value of an arm, or of a study's value, by its name.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Option<f64> + 'a;

/// The most roundings of a term, as a rule, before it is weighted. A mean of m numbers rounds m times, at random, which
/// adds up to about √m half units in the last place. This covers means of 4,096 numbers.
const ROUNDINGS: usize = 64;

/// The weighted sum of values, exactly 0 where it is within their rounding; `None` where one is missing.
pub(super) fn contrast(weights: &BTreeMap<String, f64>, value: &Lookup) -> Option<f64> {
    let terms = weights.iter().map(|(name, weight)| Some(weight * value(name)?)).collect::<Option<Vec<f64>>>()?;
    Some(unless_rounding(terms.iter().sum(), terms.iter().map(|term| term.abs()).sum(), terms.len()))
}

/// The logarithm of one value over another, exactly 0 where they differ by their rounding.
pub(super) fn log_ratio(of: f64, to: f64) -> f64 {
    unless_rounding((of / to).ln(), 1.0, 2)
}

/// `value`, or 0 where its size is within the rounding of a sum of this many terms of altogether `size`. Each term is
/// rounded by half a unit in the last place in its weight, in its product and in every sum but the first, n + 1 times,
/// and [`ROUNDINGS`] times before.
fn unless_rounding(value: f64, size: f64, terms: usize) -> f64 {
    let rounding = (terms + 1 + ROUNDINGS) as f64 * f64::EPSILON / 2.0 * size;
    if size.is_finite() && value.abs() <= rounding { 0.0 } else { value }
}

/// One seed, layer and number, in which names have values.
#[derive(Clone, Copy)]
pub(super) struct InSeed<'a> {
    pub trials: &'a Trials<'a>,
    pub number: Number<'a>,
    /// All layers of the claim, for curves over them.
    pub layers: &'a [usize],
    /// The layer that is being read; none for a record of the whole network.
    pub layer: Option<usize>,
    pub seed: u64,
}

impl InSeed<'_> {
    /// The value of an arm or of a study's value.
    pub fn value(&self, name: &str) -> Option<f64> {
        let term = self.trials.term(name)?;
        let Some(take) = &term.take else { return self.at(term, term.points.first()?) };
        let curve = || self.curve(term);
        Some(match take {
            Take::Best | Take::FirstReached(_) => {
                let chosen = chosen(self.trials, term, self.number)?;
                self.at(term, &term.points[chosen.index?])?
            }
            Take::Largest(passing) => largest_passing(&curve()?, self.passes(passing)?),
            Take::Smallest(passing) => smallest_passing(&curve()?, self.passes(passing)?),
            Take::Slope => slope(&curve()?),
            Take::LogSlope => slope(&curve()?.into_iter().map(|(x, y)| (x.ln(), y)).collect::<Vec<_>>()),
            Take::RankCorrelation => rank_correlation(&curve()?),
            Take::ZeroCrossing => zero_crossing(&curve()?),
        })
    }

    fn at(&self, term: &Term, point: &CurvePoint) -> Option<f64> {
        self.number.of(self.trials.at(&term.arm, point, self.seed)?, self.layer, self.trials.context)
    }

    /// The seed's curve; `None` where a point lacks its records.
    fn curve(&self, term: &Term) -> Option<Vec<(f64, f64)>> {
        if term.along.as_deref() == Some(LAYERS) {
            let at = |&layer: &usize| {
                let value = InSeed { layer: Some(layer), ..*self }.at(term, term.points.first()?)?;
                Some((layer as f64, value))
            };
            return self.layers.iter().map(at).collect();
        }
        term.points.iter().map(|point| Some((point.x, self.at(term, point)?))).collect()
    }

    /// Whether a value passes, by the level in this seed.
    fn passes<'p>(&self, passing: &'p Passing) -> Option<impl Fn(f64) -> bool + use<'p>> {
        let level = match passing.level() {
            Level::Number(level) => *level,
            Level::Contrast(weights) => contrast(weights, &|name| self.value(name))?,
        };
        Some(move |value| passing.passes(value, level))
    }
}

/// A point of a sweep that was chosen on seeds of its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    /// Its number among the term's points; `None` where no swept value reaches what is asked.
    pub index: Option<usize>,
    /// The swept values with the means that it was chosen by.
    pub means: Vec<(f64, f64)>,
    /// Whether a better point may lie beyond the grid.
    pub is_at_an_edge: bool,
}

/// The point of a term that is chosen by the means over the choosing seeds; `None` where none is, or records are missing.
pub(super) fn chosen(trials: &Trials, term: &Term, number: Number) -> Option<Chosen> {
    match term.take.as_ref()? {
        Take::Best => {
            let means = means(trials, &term.points, std::slice::from_ref(&term.arm), number)?;
            // Of equal means the first: `max_by` would take the last.
            let best = (0..means.len()).rev().max_by(|&a, &b| means[a].1.total_cmp(&means[b].1))?;
            let is_at_an_edge = best == 0 || best + 1 == means.len();
            Some(Chosen { index: Some(best), means, is_at_an_edge })
        }
        Take::FirstReached(Reached { arms, at_least, window }) => {
            let number = Number::mean(number.metric, *window);
            let means = means(trials, &term.points, arms, number)?;
            let index = means.iter().position(|mean| mean.1 >= *at_least);
            Some(Chosen { index, means, is_at_an_edge: index == Some(0) })
        }
        _ => None,
    }
}

/// At each point the highest of the arms' means over the choosing seeds.
fn means(trials: &Trials, points: &[CurvePoint], arms: &[String], number: Number) -> Option<Vec<(f64, f64)>> {
    let of_arm = |arm: &String, point: &CurvePoint| {
        let of_seed = |&seed: &u64| number.of(trials.at(arm, point, seed)?, None, trials.context);
        mean(&trials.context.choose_seeds.iter().map(of_seed).collect::<Option<Vec<f64>>>()?)
    };
    let highest = |point: &CurvePoint| {
        let means = arms.iter().map(|arm| of_arm(arm, point)).collect::<Option<Vec<f64>>>()?;
        Some((point.x, means.into_iter().reduce(f64::max)?))
    };
    points.iter().map(highest).collect()
}
