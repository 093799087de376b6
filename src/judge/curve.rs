//! What a name of a claim comes down to in one seed: an arm's value, or that of its curve over a sweep or the layers.

use super::sample::Table;
use super::value::Quantity;
use crate::stats::{largest_passing, mean, rank_correlation, slope, smallest_passing, zero_crossing};
use crate::study::{LAYERS, Level, Passing, Point, Reached, Take, Term};

/// One seed, layer and quantity, in which names have values.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub table: &'a Table<'a>,
    pub quantity: Quantity<'a>,
    /// All layers of the claim, for curves over them.
    pub layers: &'a [usize],
    /// The layer that is being read; none for a record of the whole network.
    pub layer: Option<usize>,
    pub seed: u64,
}

impl Reading<'_> {
    /// The value of an arm or of a study's value.
    pub fn of(&self, name: &str) -> Option<f64> {
        let term = self.table.term(name);
        match &term.take {
            None => self.at(&term, term.points.first()?),
            Some(Take::Best | Take::FirstReached(_)) => {
                self.at(&term, &term.points[chosen(self.table, &term, self.quantity)?.place?])
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

    fn at(&self, term: &Term, point: &Point) -> Option<f64> {
        self.quantity.of(self.table.trial(&term.arm, point, self.seed)?, self.layer)
    }

    /// The seed's curve; `None` where a point lacks its records.
    fn curve(&self, term: &Term) -> Option<Vec<(f64, f64)>> {
        if term.along.as_deref() == Some(LAYERS) {
            let at = |&layer: &usize| {
                let value = Reading { layer: Some(layer), ..*self }.at(term, term.points.first()?)?;
                Some((layer as f64, value))
            };
            return self.layers.iter().map(at).collect();
        }
        term.points.iter().map(|point| Some((point.x, self.at(term, point)?))).collect()
    }

    fn level(&self, passing: &Passing) -> Option<f64> {
        match passing.level() {
            Level::Number(level) => Some(*level),
            Level::Contrast(weights) => weights.iter().map(|(name, weight)| Some(weight * self.of(name)?)).sum(),
        }
    }
}

/// A place of a sweep that was chosen on seeds of its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    /// Its number among the term's points; `None` where no swept value reaches what is asked.
    pub place: Option<usize>,
    /// The swept values with the means that it was chosen by.
    pub means: Vec<(f64, f64)>,
}

impl Chosen {
    /// Whether a better place may lie beyond the grid.
    pub fn is_at_an_edge(&self, take: &Take) -> bool {
        self.place.is_some_and(|place| place == 0 || (*take == Take::Best && place + 1 == self.means.len()))
    }
}

/// Where a term's place is chosen, by the means over the choosing seeds; `None` where none is, or records are missing.
pub(super) fn chosen(table: &Table, term: &Term, quantity: Quantity) -> Option<Chosen> {
    match term.take.as_ref()? {
        Take::Best => {
            let means = means(table, &term.points, std::slice::from_ref(&term.arm), quantity)?;
            // Of equal means the first: `max_by` would take the last.
            let best = (0..means.len()).rev().max_by(|&a, &b| means[a].1.total_cmp(&means[b].1))?;
            Some(Chosen { place: Some(best), means })
        }
        Take::FirstReached(Reached { arms, at_least, window }) => {
            let quantity = Quantity::mean(quantity.metric, *window);
            let means = means(table, &term.points, arms, quantity)?;
            let place = means.iter().position(|mean| mean.1 >= *at_least);
            Some(Chosen { place, means })
        }
        _ => None,
    }
}

/// At each point the highest of the arms' means over the choosing seeds.
fn means(table: &Table, points: &[Point], arms: &[String], quantity: Quantity) -> Option<Vec<(f64, f64)>> {
    let of_arm = |arm: &String, point: &Point| {
        let of_seed = |&seed: &u64| quantity.of(table.trial(arm, point, seed)?, None);
        mean(&table.choose_seeds().iter().map(of_seed).collect::<Option<Vec<f64>>>()?)
    };
    let highest = |point: &Point| {
        let means = arms.iter().map(|arm| of_arm(arm, point)).collect::<Option<Vec<f64>>>()?;
        Some((point.x, means.into_iter().reduce(f64::max)?))
    };
    points.iter().map(highest).collect()
}
