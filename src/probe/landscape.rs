//! The landscape around a step (the paper's figures 4, 10 and 11): the same minibatch, with the same noise, at several
//! step lengths along the gradient, and along a random direction of the same length.
//!
//! The function is what is minimised: the loss with its penalty ½·λ·‖w‖² where there is weight decay; the band of the
//! loss is then also given without it. Normalisation uses the minibatch's statistics; no running statistic is touched.

use anyhow::{Result, ensure};
use candle_core::Tensor;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::line::{Point, along, band, effective_beta};
use super::{Measurement, Memory, Quantity, StepContext, Work, check, is_due_from_start, record};
use crate::data::Dataset;
use crate::nn::Params;
use crate::record::Record;
use crate::rng;
use crate::spec::Spec;

/// Bands, each with its lowest and its highest value and its width, and their units.
///
/// The losses among them are found by probing beyond the step: they say how smooth the landscape is, not how well a
/// network has learnt. So neither direction is better, and a trial counts as far as it was measured, as it does for the
/// distances of the gradients; a diverged one has no landscape.
const BANDS: [(&str, &str); 3] = [("loss", "loss"), ("data_loss", "loss"), ("distance", "gradient")];

/// Readings of an effective β, and their units.
const BETAS: [(&str, &str); 4] = [
    ("", "gradient / weight"),
    ("_at", "learning rates"),
    ("_times_rate", "1 / learning rate"),
    ("_times_smallest", "1 / smallest step"),
];

/// Loss and gradient at several step lengths from a step (the paper's figures 4, 10 and 11).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Landscape {
    /// Measurements along the gradient, evenly spaced; the first is at the first step.
    pub points: usize,
    /// Measurements along a random direction, spaced alike; none if 0.
    pub random_points: usize,
    /// The step lengths, in learning rates, ascending.
    pub multiples: Vec<f64>,
    /// A step length below all of these, for a second reading of the effective β along the gradient.
    pub smaller_step: f64,
}

impl Landscape {
    /// The quantities along one direction, of which `betas` are effective βs.
    fn along(&self, direction: &str, betas: &[&str]) -> Vec<Quantity> {
        let ends = ["low", "high", "band"];
        let bands = BANDS.iter().flat_map(|(name, unit)| ends.map(|end| (format!("{name}_{end}"), *unit)));
        let distances = (1..=self.multiples.len()).map(|length| (format!("distance_{length:02}"), "gradient"));
        let betas = betas.iter().flat_map(|beta| BETAS.map(|(reading, unit)| (format!("{beta}{reading}"), unit)));
        let named = |(name, unit)| Quantity::new(format!("landscape.{direction}.{name}"), unit);
        bands.chain(distances).chain(betas).map(named).collect()
    }
}

impl Measurement for Landscape {
    fn quantities(&self) -> Vec<Quantity> {
        [self.along("gradient", &["beta", "beta_extended"]), self.along("random", &["beta"])].concat()
    }

    fn check(&self) -> Result<()> {
        check::points(self.points)?;
        let Landscape { multiples, smaller_step, .. } = self;
        let lengths: Vec<f64> = [&[0.0, *smaller_step], &multiples[..]].concat();
        let ascends = lengths.is_sorted_by(|a, b| a < b) && lengths.iter().all(|length| length.is_finite());
        ensure!(
            !multiples.is_empty() && ascends,
            "`multiples` are {multiples:?} and `smaller_step` is {smaller_step}; they must be positive and ascend, the \
             smaller step first"
        );
        Ok(())
    }

    /// A gradient per step length, the smaller one along the gradient alone.
    fn work(&self, spec: &Spec, _data: &Dataset) -> Work {
        let lengths = self.multiples.len();
        let [points, random_points] = [self.points, self.random_points].map(|points| points.min(spec.train.steps));
        Work { gradients: points * (lengths + 1) + random_points * lengths, ..Work::default() }
    }

    fn during_step(&self, context: &StepContext, _memory: &mut Memory, records: &mut Vec<Record>) -> Result<()> {
        let due = |points| is_due_from_start(context.step, context.spec.train.steps, points);
        if !(due(self.points) || due(self.random_points)) {
            return Ok(());
        }
        let rate = context.spec.train.learning_rate;
        let gradient = context.direction(context.params, &context.result.gradients)?;
        let on_line = |direction: &Params, multiples: &[f64]| {
            let lengths: Vec<f64> = multiples.iter().map(|multiple| multiple * rate).collect();
            along(context.params, &gradient, direction, &lengths, |params| minimised(context, params))
        };
        let mut add = |direction: &str, betas: &[&str], readings: Vec<Option<f64>>| {
            let read = self.along(direction, betas).into_iter().zip(readings);
            records
                .extend(read.filter_map(|(quantity, value)| Some(record(context.step, quantity.name, None, value?))));
        };
        if due(self.points) {
            let multiples = [&[self.smaller_step], &self.multiples[..]].concat();
            let found = on_line(&gradient, &multiples)?;
            add(
                "gradient",
                &["beta", "beta_extended"],
                readings(context, &gradient, &found[1..], &[&found[1..], &found])?,
            );
        }
        if due(self.random_points) {
            let direction = random_direction(context, gradient.norm()?)?;
            let found = on_line(&direction, &self.multiples)?;
            add("random", &["beta"], readings(context, &direction, &found, &[&found])?);
        }
        Ok(())
    }
}

/// The loss with its penalty, and its gradient.
fn minimised(context: &StepContext, params: &Params) -> candle_core::Result<(f64, Params)> {
    let (loss, gradients) = context.loss_and_gradients(params)?;
    let gradient = context.direction(params, &gradients)?;
    let decay = context.spec.train.weight_decay;
    let penalty = if decay == 0.0 { 0.0 } else { 0.5 * decay * params.dot(params)? };
    Ok((loss + penalty, gradient))
}

/// Independent normal numbers in every parameter, of norm `norm` together.
fn random_direction(context: &StepContext, norm: f64) -> candle_core::Result<Params> {
    let normal = context.params.map(|name, tensor| {
        let mut stream = rng::stream(context.seed, "landscape direction", name, context.step as u64);
        let values: Vec<f64> = StandardNormal.sample_iter(&mut stream).take(tensor.elem_count()).collect();
        Tensor::from_vec(values, tensor.dims(), tensor.device())?.to_dtype(tensor.dtype())
    })?;
    let scale = norm / normal.norm()?;
    normal.map(|_, tensor| tensor.affine(scale, 0.0))
}

/// The readings of one direction in the order of its quantities, with an effective β of each of `betas`. Where there is no
/// penalty, there is none of a loss without it.
fn readings(
    context: &StepContext,
    direction: &Params,
    points: &[Point],
    betas: &[&[Point]],
) -> Result<Vec<Option<f64>>> {
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = band(values);
        [low, high, high - low].map(Some)
    };
    let mut readings = ends(&mut points.iter().map(|point| point.value)).to_vec();
    readings.extend(if context.spec.train.weight_decay == 0.0 {
        [None; 3]
    } else {
        let penalties = penalties(context, points, direction)?;
        ends(&mut points.iter().zip(penalties).map(|(point, penalty)| point.value - penalty))
    });
    let distances = points.iter().map(|point| point.gradient_distance);
    readings.extend(ends(&mut distances.clone()));
    readings.extend(distances.map(Some));
    readings.extend(betas.iter().flat_map(|points| beta(context, points)).map(Some));
    Ok(readings)
}

/// ½·λ·‖w − η·d‖² at each point: a parabola in η.
fn penalties(context: &StepContext, points: &[Point], direction: &Params) -> candle_core::Result<Vec<f64>> {
    let params = context.params;
    let (ww, wd, dd) = (params.dot(params)?, params.dot(direction)?, direction.dot(direction)?);
    let decay = context.spec.train.weight_decay;
    let penalty = |eta: f64| 0.5 * decay * (ww - 2.0 * eta * wd + eta * eta * dd);
    Ok(points.iter().map(|point| penalty(point.length)).collect())
}

/// The effective β, the step length of its maximum in learning rates, and β in units of one over the learning rate and of
/// one over the smallest step.
fn beta(context: &StepContext, points: &[Point]) -> [f64; BETAS.len()] {
    let rate = context.spec.train.learning_rate;
    let (beta, length) = effective_beta(points).unwrap_or((f64::NAN, f64::NAN));
    let (smallest, _) = band(points.iter().map(|point| point.length));
    [beta, length / rate, beta * rate, beta * smallest]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer;
    use crate::probe::testing::{Step, value};

    fn measured(step: &Step) -> Vec<Record> {
        let mut records = Vec::new();
        let probe = Landscape { points: 1, random_points: 1, multiples: vec![0.5, 1.0, 4.0], smaller_step: 0.25 };
        probe.during_step(&step.context(), &mut Memory::new(), &mut records).unwrap();
        records
    }

    /// Against the optimiser's own steps of half, one, four and a quarter of the learning rate.
    #[test]
    fn along_the_gradient_lie_the_optimisers_own_steps() {
        let step = Step::new(0.1);
        let records = measured(&step);
        let read = |name: &str| value(&records, &format!("landscape.gradient.{name}"), None);
        let here = step.context().direction(&step.params, &step.result.gradients).unwrap();
        let mut found = Vec::new();
        for multiple in [0.5, 1.0, 4.0, 0.25] {
            let mut train = step.spec.train.clone();
            train.learning_rate *= multiple;
            let there = optimizer::step(&train, &step.optimizer, &step.params, &step.result.gradients).unwrap().0;
            let (loss, gradients) = step.context().loss_and_gradients(&there).unwrap();
            let penalty = 0.05 * there.norm().unwrap().powi(2);
            let distance =
                optimizer::direction(&train, &step.optimizer, &there, &gradients).unwrap().distance(&here).unwrap();
            found.push((loss, loss + penalty, distance, distance / there.distance(&step.params).unwrap()));
        }
        let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-4, "{a} and {b}");
        let largest = |values: [f64; 3]| values.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let of = |part: fn(&(f64, f64, f64, f64)) -> f64| largest([0, 1, 2].map(|n| part(&found[n])));
        close(read("data_loss_high"), of(|point| point.0));
        close(read("loss_high"), of(|point| point.1));
        close(read("loss_band"), read("loss_high") - read("loss_low"));
        close(read("distance_high"), of(|point| point.2));
        close(read("distance_03"), found[2].2);
        close(read("beta"), of(|point| point.3));
        close(read("beta_extended"), of(|point| point.3).max(found[3].3));
        close(read("beta_times_rate"), 0.1 * read("beta"));
        close(read("beta_extended_times_smallest"), 0.025 * read("beta_extended"));
        assert!([0.5, 1.0, 4.0].iter().any(|multiple| (read("beta_at") - multiple).abs() < 1e-12));
    }

    /// It is as long as the gradient and almost at a right angle to it: of 2,500 numbers, the cosine of two
    /// directions has a standard deviation of 0.02.
    #[test]
    fn the_random_direction_has_the_length_of_the_gradient_and_not_its_direction() {
        let step = Step::new(0.0);
        let direction = random_direction(&step.context(), 2.5).unwrap();
        assert!((direction.norm().unwrap() - 2.5).abs() < 1e-5);
        let gradient = &step.result.gradients;
        assert!((direction.dot(gradient).unwrap() / (2.5 * gradient.norm().unwrap())).abs() < 0.07);
        let records = measured(&step);
        assert!(records.iter().all(|record| !record.name.contains("data_loss")), "it would say the same twice");
        assert_ne!(
            value(&records, "landscape.random.distance_high", None),
            value(&records, "landscape.gradient.distance_high", None)
        );
    }
}
