//! How far the distribution of a unit's activation moves over training, as a whole (the paper's figure 6 shows it): the
//! Wasserstein-1 distance to the distribution at the measurement before, in units of the unit's own standard deviation.
//!
//! Activations are those before the ReLU, over the images and pixels of the step's own minibatch. A distance below about
//! 1/√(values) is not more than the difference of two minibatches.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Measurement, Memory, Quantity, StepContext, check, is_due_from_start, record, units};
use crate::record::Record;
use crate::spec::Model;
use crate::stats::mean;

/// Quantiles that stand for a distribution.
const QUANTILES: usize = 64;

const DRIFT: &str = "wasserstein.pre.drift";

/// How far the whole distribution of units moves between measurements (the paper's figure 6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wasserstein {
    /// Layers measured.
    pub layers: Vec<usize>,
    /// Fixed units (channels) per layer; all of them where a layer has fewer.
    pub units: usize,
    /// Measurements, evenly spaced; the first, from which the next is told, is at the first step.
    pub points: usize,
}

impl Measurement for Wasserstein {
    fn quantities(&self) -> Vec<Quantity> {
        vec![Quantity::new(DRIFT, "standard deviations").at(&self.layers)]
    }

    fn check(&self) -> Result<()> {
        check::counts(&[("units", self.units)])?;
        check::points(self.points)?;
        check::some_layers(&self.layers)
    }

    fn check_network(&self, model: &Model) -> Result<()> {
        check::convolutions(&self.layers, model)
    }

    fn during_step(&self, context: &StepContext, memory: &mut Memory, records: &mut Vec<Record>) -> Result<()> {
        if !is_due_from_start(context.step, context.spec.train.steps, self.points) {
            return Ok(());
        }
        let now: Vec<Vec<Distribution>> =
            self.layers.iter().map(|&layer| self.distributions(context, layer)).collect::<Result<_>>()?;
        for ((layer, before), now) in self.layers.iter().zip(&recalled(memory, self.layers.len())).zip(&now) {
            let drifts: Vec<f64> = before.iter().zip(now).filter_map(|(before, now)| before.drift(now)).collect();
            let drift = mean(&drifts).unwrap_or(f64::NAN);
            records.push(record(context.step, DRIFT, *layer, drift));
        }
        *memory = remembered(&now);
        Ok(())
    }
}

/// A unit's values: evenly spaced quantiles and the standard deviation.
#[derive(Clone, Debug, PartialEq)]
struct Distribution {
    quantiles: Vec<f64>,
    deviation: f64,
}

impl Wasserstein {
    fn distributions(&self, context: &StepContext, layer: usize) -> Result<Vec<Distribution>> {
        let (conv, pass) = context.conv_layer(layer)?;
        let maps = conv.before_relu(context.at(), pass)?;
        let chosen = units(layer, conv.epilogue.channels, self.units);
        chosen.into_iter().map(|unit| Ok(Distribution::of(maps.channel(unit)?))).collect()
    }
}

/// Distributions, layer by layer and unit by unit, as numbers for the memory: first how many units each layer has.
fn remembered(layers: &[Vec<Distribution>]) -> Memory {
    let sizes = layers.iter().map(|layer| layer.len() as f64);
    let numbers = layers.iter().flatten().flat_map(|unit| unit.quantiles.iter().chain([&unit.deviation]));
    sizes.chain(numbers.copied()).collect()
}

/// The distributions of as many `layers` in the memory; none before the first measurement.
fn recalled(memory: &Memory, layers: usize) -> Vec<Vec<Distribution>> {
    let (sizes, numbers) = memory.split_at(layers.min(memory.len()));
    let mut units = numbers
        .chunks_exact(QUANTILES + 1)
        .map(|numbers| Distribution { quantiles: numbers[..QUANTILES].to_vec(), deviation: numbers[QUANTILES] });
    sizes.iter().map(|&size| units.by_ref().take(size as usize).collect()).collect()
}

impl Distribution {
    fn of(mut values: Vec<f32>) -> Self {
        values.sort_unstable_by(f32::total_cmp);
        let at = |index: usize| f64::from(values[(2 * index + 1) * values.len() / (2 * QUANTILES)]);
        let count = values.len() as f64;
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
        let variance = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
        Distribution { quantiles: (0..QUANTILES).map(at).collect(), deviation: variance.sqrt() }
    }

    /// The distance to `other`, in standard deviations of `self`; `None` where it has none.
    fn drift(&self, other: &Distribution) -> Option<f64> {
        let moves = self.quantiles.iter().zip(&other.quantiles).map(|(before, after)| (after - before).abs());
        let distance = moves.sum::<f64>() / QUANTILES as f64;
        (self.deviation != 0.0).then(|| distance / self.deviation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shift by δ is at distance δ; a stretch of U(−1, 1) by two at distance E|x| = ½.
    #[test]
    fn the_distance_of_a_shift_and_of_a_stretch() {
        let grid: Vec<f32> = (0..6400).map(|i| (i as f32 + 0.5) / 3200.0 - 1.0).collect();
        let of = |f: &dyn Fn(f32) -> f32| Distribution::of(grid.iter().map(|&x| f(x)).collect());
        let deviation = 1.0 / 3f64.sqrt();
        let drift = |f: &dyn Fn(f32) -> f32| of(&|x| x).drift(&of(f)).unwrap() * deviation;
        assert!((drift(&|x| x + 0.3) - 0.3).abs() < 1e-5);
        assert!((drift(&|x| -2.0 * x) - 0.5).abs() < 1e-3);
        assert_eq!(of(&|_| 1.0).drift(&of(&|x| x)), None);
    }

    #[test]
    fn what_it_remembers_comes_back() {
        let unit = |shift: f32| Distribution::of((0..100).map(|i| i as f32 + shift).collect());
        assert!(recalled(&Memory::new(), 2).is_empty());
        let layers = vec![vec![unit(0.0), unit(1.0)], vec![unit(2.0)]];
        assert_eq!(recalled(&remembered(&layers), 2), layers);
    }
}
