//! The value of a claim's name in one seed: an arm's own, or that of its curve over a sweep or the layers.

use std::collections::BTreeMap;

use super::trials::Trials;
use super::value::Number;
use crate::stats::{largest_passing, mean, rank_correlation, slope, smallest_passing, zero_crossing};
use crate::study::{CurvePoint, LAYERS, Level, Passing, Reached, Take, Term};

/// The value of an arm, or of a study's value, by its name.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Option<f64> + 'a;

/// The weighted sum of values; `None` where one is missing.
pub(super) fn contrast(weights: &BTreeMap<String, f64>, value: &Lookup) -> Option<f64> {
    weights.iter().map(|(name, weight)| Some(weight * value(name)?)).sum()
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
        let term = self.trials.term(name);
        match &term.take {
            None => self.at(&term, term.points.first()?),
            Some(Take::Best | Take::FirstReached(_)) => {
                self.at(&term, &term.points[chosen(self.trials, &term, self.number)?.index?])
            }
            Some(Take::Largest(passing)) => {
                let level = self.level(passing)?;
                Some(largest_passing(&self.curve(&term)?, |y| passing.passes(y, level)))
            }
            Some(Take::Smallest(passing)) => {
                let level = self.level(passing)?;
                Some(smallest_passing(&self.curve(&term)?, |y| passing.passes(y, level)))
            }
            Some(Take::Slope) => Some(slope(&self.curve(&term)?)),
            Some(Take::LogSlope) => {
                let logarithms: Vec<_> = self.curve(&term)?.into_iter().map(|(x, y)| (x.ln(), y)).collect();
                Some(slope(&logarithms))
            }
            Some(Take::RankCorrelation) => Some(rank_correlation(&self.curve(&term)?)),
            Some(Take::ZeroCrossing) => Some(zero_crossing(&self.curve(&term)?)),
        }
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

    fn level(&self, passing: &Passing) -> Option<f64> {
        match passing.level() {
            Level::Number(level) => Some(*level),
            Level::Contrast(weights) => contrast(weights, &|name| self.value(name)),
        }
    }
}

/// A point of a sweep that was chosen on seeds of its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    /// Its number among the term's points; `None` where no swept value reaches what is asked.
    pub index: Option<usize>,
    /// The swept values with the means that it was chosen by.
    pub means: Vec<(f64, f64)>,
}

impl Chosen {
    /// Whether a better point may lie beyond the grid.
    pub fn is_at_an_edge(&self, take: &Take) -> bool {
        self.index.is_some_and(|index| index == 0 || (*take == Take::Best && index + 1 == self.means.len()))
    }
}

/// The point of a term that is chosen by the means over the choosing seeds; `None` where none is, or records are missing.
pub(super) fn chosen(trials: &Trials, term: &Term, number: Number) -> Option<Chosen> {
    match term.take.as_ref()? {
        Take::Best => {
            let means = means(trials, &term.points, std::slice::from_ref(&term.arm), number)?;
            // Of equal means the first: `max_by` would take the last.
            let best = (0..means.len()).rev().max_by(|&a, &b| means[a].1.total_cmp(&means[b].1))?;
            Some(Chosen { index: Some(best), means })
        }
        Take::FirstReached(Reached { arms, at_least, window }) => {
            let number = Number::mean(number.metric, *window);
            let means = means(trials, &term.points, arms, number)?;
            let index = means.iter().position(|mean| mean.1 >= *at_least);
            Some(Chosen { index, means })
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
