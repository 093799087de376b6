//! How far the mean and variance of units move from one step to the next (the paper's figure 8), after the noise:
//! before the ReLU and after it.
//!
//! A unit is a channel, and its moments are taken over the minibatch and the pixels: in a convolution the paper counts
//! height and width as part of the batch.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Measurement, Memory, Quantity, StepContext, check, record, units};
use crate::record::Record;
use crate::spec::Model;

/// Mean and biased variance of each unit of a layer, before (`[0]`) and after (`[1]`) the ReLU.
type LayerMoments = [Vec<(f64, f64)>; 2];

const PLACES: [&str; 2] = ["pre", "post"];

/// The statistics, and their units.
const STATISTICS: [(&str, &str); 4] = [
    ("mean_drift", "standard deviations"),
    ("variance_drift", "variances"),
    ("mean_drift_raw", "activation"),
    ("variance_drift_raw", "activation²"),
];

/// How far the mean and the variance of units move from step to step (the paper's figure 8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    /// Layers measured.
    pub layers: Vec<usize>,
    /// Fixed units (channels) per layer; all of them where a layer has fewer.
    pub units: usize,
    /// Steps that one record averages over.
    pub bin: usize,
}

impl Measurement for Moments {
    fn quantities(&self) -> Vec<Quantity> {
        let of_place = |place| STATISTICS.map(|(name, unit)| Quantity::new(format!("moments.{place}.{name}"), unit));
        PLACES.into_iter().flat_map(of_place).map(|quantity| quantity.at(&self.layers)).collect()
    }

    fn check(&self) -> Result<()> {
        check::counts(&[("units", self.units), ("bin", self.bin)])?;
        check::some_layers(&self.layers)
    }

    fn check_network(&self, model: &Model) -> Result<()> {
        check::convolutions(&self.layers, model)
    }

    fn during_step(&self, context: &StepContext, memory: &mut Memory, records: &mut Vec<Record>) -> Result<()> {
        let taken = context.step + 1;
        let is_last = taken == context.spec.train.steps || !context.result.loss.is_finite();
        let bin_ends = taken.is_multiple_of(self.bin) || is_last;
        let mut remembered = std::mem::take(memory).into_iter();
        for &layer in &self.layers {
            let mut drift = Drift::recall(&mut remembered);
            drift.add(moments(context, layer, self.units)?);
            if bin_ends {
                drift.flush(context.step, layer, records);
            }
            memory.extend(drift.numbers());
        }
        Ok(())
    }
}

/// The drift of a layer since the bin began.
struct Drift {
    previous: Option<LayerMoments>,
    /// Sums over the bin, place by place and statistic by statistic.
    sums: [[f64; 4]; 2],
    steps: usize,
}

/// The moments of the fixed units of `layer` in this step.
fn moments(context: &StepContext, layer: usize, count: usize) -> Result<LayerMoments> {
    let (conv, pass) = context.conv_layer(layer)?;
    let all = conv.before_relu(context.at(), pass)?.moments()?;
    let chosen = units(layer, conv.epilogue.channels, count);
    Ok(all.map(|all| chosen.iter().map(|&unit| all[unit]).collect()))
}

/// Means over the units of |Δμ|/sd, |Δσ²|/σ², |Δμ| and |Δσ²|, in units' own standard deviations and variances before
/// the move. A unit without any variance (dead behind its ReLU) has no unit of measure and is left out of the first two; one whose
/// variance is not a number is not.
fn drift(before: &[(f64, f64)], after: &[(f64, f64)]) -> [f64; 4] {
    let moves = || before.iter().zip(after).map(|(b, a)| ((a.0 - b.0).abs(), (a.1 - b.1).abs(), b.1));
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
        if count == 0 { f64::NAN } else { sum / f64::from(count) }
    };
    [
        mean(
            &mut moves().filter(|&(.., variance)| variance != 0.0).map(|(shift, _, variance)| shift / variance.sqrt()),
        ),
        mean(&mut moves().filter(|&(.., variance)| variance != 0.0).map(|(_, change, variance)| change / variance)),
        mean(&mut moves().map(|(shift, ..)| shift)),
        mean(&mut moves().map(|(_, change, _)| change)),
    ]
}

impl Drift {
    fn add(&mut self, now: LayerMoments) {
        if let Some(previous) = &self.previous {
            for place in 0..2 {
                let drift = drift(&previous[place], &now[place]);
                for (sum, value) in self.sums[place].iter_mut().zip(drift) {
                    *sum += value;
                }
            }
            self.steps += 1;
        }
        self.previous = Some(now);
    }

    fn flush(&mut self, step: usize, layer: usize, records: &mut Vec<Record>) {
        if self.steps == 0 {
            return;
        }
        for (place, sums) in PLACES.iter().zip(&self.sums) {
            for ((statistic, _), sum) in STATISTICS.iter().zip(sums) {
                let name = format!("moments.{place}.{statistic}");
                records.push(record(step, name, layer, sum / self.steps as f64));
            }
        }
        self.sums = [[0.0; 4]; 2];
        self.steps = 0;
    }

    /// Itself as numbers, for the memory.
    fn numbers(&self) -> Vec<f64> {
        let empty = [Vec::new(), Vec::new()];
        let previous = self.previous.as_ref().unwrap_or(&empty);
        let mut state = vec![self.steps as f64, previous[0].len() as f64];
        state.extend(self.sums.as_flattened());
        state.extend(previous.iter().flatten().flat_map(|&(mean, variance)| [mean, variance]));
        state
    }

    /// The next one of the memory; a new one where there is none.
    fn recall(remembered: &mut impl Iterator<Item = f64>) -> Self {
        let mut next = || remembered.next().unwrap_or(0.0);
        let (steps, count) = (next() as usize, next() as usize);
        let mut sums = [[0.0; 4]; 2];
        for sum in sums.as_flattened_mut() {
            *sum = next();
        }
        let mut place = || (0..count).map(|_| (next(), next())).collect();
        let previous: LayerMoments = [place(), place()];
        Drift { previous: (count > 0).then_some(previous), sums, steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_measured_in_each_units_own_standard_deviation() {
        let before = [(0.0, 4.0), (1.0, 1.0), (0.0, 0.0)];
        let after = [(1.0, 6.0), (0.0, 1.0), (3.0, 1.0)];
        assert_eq!(drift(&before, &after), [(0.5 + 1.0) / 2.0, 0.25, 5.0 / 3.0, 1.0]);
    }

    #[test]
    fn a_restored_probe_goes_on_as_if_nothing_had_happened() {
        let moments = |t: usize| {
            let unit = |u: usize| (((t * 7 + u * 3) % 11) as f64 / 3.0, 1.0 + (t % 3) as f64);
            [vec![unit(1), unit(2)], vec![unit(3), unit(4)]]
        };
        let mut whole = Drift::recall(&mut std::iter::empty());
        let mut resumed = Drift::recall(&mut std::iter::empty());
        for t in 0..6 {
            whole.add(moments(t));
            resumed.add(moments(t));
            resumed = Drift::recall(&mut resumed.numbers().into_iter());
        }
        let (mut a, mut b) = (Vec::new(), Vec::new());
        whole.flush(5, 9, &mut a);
        resumed.flush(5, 9, &mut b);
        assert_eq!(a, b);
        assert_eq!(a.len(), 8);
    }
}
