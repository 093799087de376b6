//! The distribution of one unit's activation over training (the paper's figure 2, right), after the noise: before the
//! ReLU and after it. A unit is a channel; its values are those of a minibatch's images and pixels.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Measurement, Memory, Quantity, StepContext, check, is_due_from_start, record, units};
use crate::record::Record;
use crate::spec::Model;

/// Bins span this many standard deviations on either side of the mean; what lies outside counts in the outermost.
const SPAN: f64 = 4.0;

/// Before and after the ReLU.
const PLACES: [&str; 2] = ["pre", "post"];

fn bin_name(place: &str, bin: usize) -> String {
    format!("histogram.{place}.bin_{bin:02}")
}

/// The distribution of a unit's activation over training (the paper's figure 2, right).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// Layers measured.
    pub layers: Vec<usize>,
    /// Measurements, evenly spaced; the first is at the first step.
    pub points: usize,
    /// Bins of a histogram.
    pub bins: usize,
}

impl Measurement for Histogram {
    fn quantities(&self) -> Vec<Quantity> {
        let of_place = |place: &str| {
            let moments = ["mean", "sd"].map(|name| Quantity::new(format!("histogram.{place}.{name}"), "activation"));
            let bins = (0..self.bins).map(|bin| Quantity::new(bin_name(place, bin), "share of the values"));
            moments.into_iter().chain(bins).map(|quantity| quantity.at(&self.layers)).collect::<Vec<_>>()
        };
        PLACES.iter().flat_map(|place| of_place(place)).collect()
    }

    fn check(&self) -> Result<()> {
        check::points(self.points)?;
        check::counts(&[("bins", self.bins)])?;
        check::some_layers(&self.layers)
    }

    fn check_network(&self, model: &Model) -> Result<()> {
        check::convolutions(&self.layers, model)
    }

    fn during_step(&self, context: &StepContext, _memory: &mut Memory, records: &mut Vec<Record>) -> Result<()> {
        if !is_due_from_start(context.step, context.spec.train.steps, self.points) {
            return Ok(());
        }
        for &layer in &self.layers {
            let (conv, pass) = context.conv_layer(layer)?;
            let unit = units(layer, conv.epilogue.channels, 1)[0];
            let before = conv.before_relu(context.at(), pass)?.channel(unit)?;
            let after: Vec<f32> = before.iter().map(|value| value.max(0.0)).collect();
            for (place, values) in PLACES.into_iter().zip([before, after]) {
                let (mean, sd, shares) = histogram(&values, self.bins);
                records.push(record(context.step, format!("histogram.{place}.mean"), layer, mean));
                records.push(record(context.step, format!("histogram.{place}.sd"), layer, sd));
                for (bin, share) in shares.into_iter().enumerate() {
                    records.push(record(context.step, bin_name(place, bin), layer, share));
                }
            }
        }
        Ok(())
    }
}

/// Mean, standard deviation, and the share of the values in each of `bins` bins over mean ± [`SPAN`] deviations.
fn histogram(values: &[f32], bins: usize) -> (f64, f64, Vec<f64>) {
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let sd = (values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count).sqrt();
    let mut shares = vec![0.0; bins];
    for &value in values {
        let standardised = if sd > 0.0 { (f64::from(value) - mean) / sd } else { 0.0 };
        let place = (standardised + SPAN) / (2.0 * SPAN) * bins as f64;
        shares[(place.max(0.0) as usize).min(bins - 1)] += 1.0 / count;
    }
    (mean, sd, shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one_and_fall_where_the_values_are() {
        let (mean, sd, shares) = histogram(&[-1.0, -1.0, 1.0, 1.0], 8);
        assert_eq!((mean, sd), (0.0, 1.0));
        assert_eq!(shares, [0.0, 0.0, 0.0, 0.5, 0.0, 0.5, 0.0, 0.0]);
        let (.., constant) = histogram(&[3.0; 10], 8);
        assert!((constant.iter().sum::<f64>() - 1.0).abs() < 1e-12 && constant[4] > 0.99);
    }
}
