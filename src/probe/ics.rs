//! Internal covariate shift while training (the paper's figure 3): how far each layer's gradient moves on the same
//! minibatch, with the same noise, when the layers before it alone take the trial's own step.
//!
//! A layer moves whole: its weight and its bias, or γ and β. Normalisation uses the minibatch's statistics, as in
//! training; no running statistic is touched. Because equal learning rates are not equally large steps (critique C11),
//! the shift is also measured after steps of one and the same relative length in every layer.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::shift::{Shift, shift};
use super::{Measurement, Memory, Quantity, StepContext, Work, check, is_due_from_start, record};
use crate::data::Dataset;
use crate::nn::{Block, Kind, Params};
use crate::record::Record;
use crate::spec::{Model, Spec};

/// The quantities, and their units, in the order in which they are recorded.
const QUANTITIES: [(&str, &str); 7] = [
    ("ics.distance", "gradient"),
    ("ics.relative", "norm of the gradient"),
    ("ics.cosine", "cosine"),
    ("ics.gradient_norm", "gradient"),
    ("ics.relative_update", "norm of the weight"),
    ("ics.matched.relative", "norm of the gradient"),
    ("ics.matched.cosine", "cosine"),
];

/// Internal covariate shift (the paper's definition 2.1, figure 3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ics {
    /// Layers measured.
    pub layers: Vec<usize>,
    /// Measurements, evenly spaced; the first is at the first step.
    pub points: usize,
    /// The length of the layers' steps in the second reading, as a share of the norm of their weights.
    pub matched_update: f64,
}

impl Measurement for Ics {
    fn quantities(&self) -> Vec<Quantity> {
        QUANTITIES.map(|(name, unit)| Quantity::new(name, unit).at(&self.layers)).into()
    }

    fn check(&self) -> Result<()> {
        check::points(self.points)?;
        check::positive("matched_update", self.matched_update)?;
        check::some_layers(&self.layers)
    }

    fn check_network(&self, model: &Model) -> Result<()> {
        check::layers_exist(&self.layers, model.layers())
    }

    /// Two readings per layer.
    fn work(&self, spec: &Spec, _data: &Dataset) -> Work {
        Work { gradients: 2 * self.layers.len() * self.points.min(spec.train.steps), ..Work::default() }
    }

    fn during_step(&self, context: &StepContext, _memory: &mut Memory, records: &mut Vec<Record>) -> Result<()> {
        if !is_due_from_start(context.step, context.spec.train.steps, self.points) {
            return Ok(());
        }
        let after = context.stepped()?;
        let direction = context.direction(context.params, &context.result.gradients)?;
        for &layer in &self.layers {
            let layers = context.network.layers();
            let Some((own_layer, earlier)) = layers.get(..layer).and_then(<[_]>::split_last) else {
                bail!("the network has {} layers and no layer {layer}", layers.len());
            };
            let weight = weight(*own_layer)?;
            let own = self.shift(context, &weight, after.only(earlier.iter().flat_map(|layer| names(*layer)))?)?;
            let matched = matched(context.params, &direction, earlier, self.matched_update)?;
            let matched = self.shift(context, &weight, matched)?;
            let update = relative_length(context.params, &direction, &weight, context.spec.train.learning_rate)?;
            let own = [own.distance, own.relative(), own.cosine, own.norm, update];
            let values = own.into_iter().chain([matched.relative(), matched.cosine]);
            records.extend(
                QUANTITIES.iter().zip(values).map(|((name, _), value)| record(context.step, *name, layer, value)),
            );
        }
        Ok(())
    }
}

impl Ics {
    fn shift(&self, context: &StepContext, weight: &str, moved: Params) -> candle_core::Result<Shift> {
        let gradients = &context.result.gradients;
        shift(context.params, gradients, &moved, weight, |params| Ok(context.loss_and_gradients(params)?.1))
    }
}

fn names(layer: &dyn Block) -> Vec<String> {
    layer.parameters().into_iter().map(|parameter| parameter.name).collect()
}

/// The name of the weight of `layer`.
fn weight(layer: &dyn Block) -> candle_core::Result<String> {
    match layer.parameters().into_iter().find(|parameter| parameter.kind == Kind::Weight) {
        Some(weight) => Ok(weight.name),
        None => candle_core::bail!("layer `{}` has no weight", layer.name()),
    }
}

/// ‖η·d‖ / ‖w‖ of the weight called `name`, where η is `length`.
fn relative_length(params: &Params, direction: &Params, name: &str, length: f64) -> candle_core::Result<f64> {
    let norm = |params: &Params| params.only([name])?.norm();
    Ok(length * norm(direction)? / norm(params)?)
}

/// `layers` after a step down `direction` whose length in each layer's weight is `share` of that weight's norm. A layer
/// that has no direction stays.
fn matched(params: &Params, direction: &Params, layers: &[&dyn Block], share: f64) -> candle_core::Result<Params> {
    let mut moved = Params::default();
    for &layer in layers {
        let relative = relative_length(params, direction, &weight(layer)?, 1.0)?;
        let length = if relative > 0.0 { share / relative } else { 0.0 };
        moved = moved.with(&params.only(names(layer))?.moved(direction, -length)?);
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{Step, value};

    fn measured(step: &Step) -> Vec<Record> {
        let mut records = Vec::new();
        let probe = Ics { layers: vec![1, 2, 3], points: 1, matched_update: 0.01 };
        probe.during_step(&step.context(), &mut Memory::new(), &mut records).unwrap();
        records
    }

    /// The third layer's gradient with the names of the first two layers written out, weight decay and all.
    #[test]
    fn earlier_layers_move_whole_by_the_optimisers_own_step() {
        let step = Step::new(0.1);
        let records = measured(&step);
        let after = step.context().stepped().unwrap();
        let parts = ["conv1.weight", "norm1.weight", "norm1.bias", "conv2.weight", "norm2.weight", "norm2.bias"];
        let mixed = step.params.with(&after.only(parts).unwrap());
        let (_, there) = step.context().loss_and_gradients(&mixed).unwrap();
        let weight = ["conv3.weight"];
        let (g, moved) = (step.result.gradients.only(weight).unwrap(), there.only(weight).unwrap());
        assert_eq!(value(&records, "ics.distance", Some(3)), g.distance(&moved).unwrap());
        assert_eq!(value(&records, "ics.gradient_norm", Some(3)), g.norm().unwrap());
        let (own, taken) = (step.params.only(weight).unwrap(), after.only(weight).unwrap());
        let update = own.distance(&taken).unwrap() / own.norm().unwrap();
        assert!((value(&records, "ics.relative_update", Some(3)) / update - 1.0).abs() < 1e-5);
    }

    /// Nothing comes before the first layer: its gradient on the same minibatch, with the same noise, is the same to
    /// the bit.
    #[test]
    fn the_first_layer_has_no_shift() {
        let records = measured(&Step::new(0.0));
        for reading in ["ics.", "ics.matched."] {
            assert_eq!(value(&records, &format!("{reading}relative"), Some(1)), 0.0);
            assert!((value(&records, &format!("{reading}cosine"), Some(1)) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn matched_steps_have_the_same_relative_length_in_every_layer() {
        let step = Step::new(0.1);
        let direction = step.context().direction(&step.params, &step.result.gradients).unwrap();
        let moved = matched(&step.params, &direction, &step.network.layers()[..2], 0.01).unwrap();
        assert_eq!(moved.iter().count(), 6);
        for name in ["conv1.weight", "conv2.weight"] {
            let (before, after) = (step.params.only([name]).unwrap(), moved.only([name]).unwrap());
            assert!((after.distance(&before).unwrap() / before.norm().unwrap() - 0.01).abs() < 1e-6);
        }
    }
}
