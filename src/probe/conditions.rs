//! How often the conditions of the paper's theorems hold while a network trains (Santurkar et al. 2018, section 4).
//!
//! Of a unit whose normalised output over the minibatch is ŷ, with z = γŷ + β and g = ∂L/∂z, theorem 4.1 says that
//! normalisation shrinks the gradient by γ²/σ² and by what of g lies along ŷ; theorem 4.2 that it lowers the curvature
//! along the gradient if ⟨g, ŷ⟩ > 0 and the Hessian H = ∂²L/∂z² is positive semi-definite. Asked here, unit by unit
//! (a unit is a channel, γ taken to be positive as in the paper): is ⟨g, ŷ⟩ > 0, is gᵀHg > 0, is γ²/σ² < 1, and are all three?
//!
//! ⟨g, ŷ⟩ and γ²/σ² are known of every unit, gᵀHg and so all three of a fixed few (`units` of the study's file): the
//! shares are of these. ⟨g, ŷ⟩ is the gradient of γ. gᵀHg comes from two gradients at z ± ηg in the one unit, with all that follows the
//! normalisation as in the step, noise and all. A unit with g = 0 fulfils neither of the first two. Only layers with
//! BatchNorm, and no noise before it, have something to measure.

use anyhow::Result;
use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use super::{Measurement, Memory, Quantity, StepContext, Work, check, is_due_from_start, record, units};
use crate::data::Dataset;
use crate::kernels::divisor::Divisor;
use crate::nn::{Block, ConvLayer, Epilogue, FeatureMaps, NORM_EPS, NormLayer};
use crate::record::Record;
use crate::spec::{Model, Spec};

/// The shares of units that fulfil each condition, and all three.
const SHARES: [&str; 4] = ["conditions.along", "conditions.convex", "conditions.shrinking", "conditions.all"];
/// The geometric mean of γ²/σ².
const GAIN: &str = "conditions.gain";

/// How often the conditions of the paper's theorems hold (its section 4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Layers measured.
    pub layers: Vec<usize>,
    /// Fixed units (channels) per layer whose curvature is measured; all of them where a layer has fewer.
    pub units: usize,
    /// Measurements, evenly spaced; the first is at the first step.
    pub points: usize,
    /// The step of the second differences, as a share of the norm of the unit's activation around its mean.
    pub length: f64,
}

impl Measurement for Conditions {
    fn quantities(&self) -> Vec<Quantity> {
        let shares = SHARES.map(|name| Quantity::new(name, "% of units"));
        shares.into_iter().chain([Quantity::new(GAIN, "ratio")]).map(|quantity| quantity.at(&self.layers)).collect()
    }

    fn check(&self) -> Result<()> {
        check::counts(&[("units", self.units)])?;
        check::points(self.points)?;
        check::positive("length", self.length)?;
        check::some_layers(&self.layers)
    }

    fn check_network(&self, model: &Model) -> Result<()> {
        check::convolutions(&self.layers, model)
    }

    /// Each gradient goes from its layer on: half of the network in the mean.
    fn work(&self, spec: &Spec, _data: &Dataset) -> Work {
        Work {
            gradients: self.layers.len() * (2 * self.units + 1) * self.points.min(spec.train.steps) / 2,
            ..Work::default()
        }
    }

    fn during_step(&self, context: &StepContext, _memory: &mut Memory, records: &mut Vec<Record>) -> Result<()> {
        if !is_due_from_start(context.step, context.spec.train.steps, self.points) {
            return Ok(());
        }
        for &layer in &self.layers {
            let conv = context.network.conv_layer(layer)?;
            let norm = conv.epilogue.norm.as_ref().filter(|norm| norm.divisor == Divisor::BATCH_NORM);
            if let Some(norm) = norm.filter(|_| !conv.epilogue.has_noise_before_norm()) {
                self.measure(context, layer, norm, records)?;
            }
        }
        Ok(())
    }
}

impl Conditions {
    fn measure(&self, context: &StepContext, layer: usize, norm: &NormLayer, records: &mut Vec<Record>) -> Result<()> {
        let along: Vec<bool> =
            values(context.result.gradients.get(&norm.gamma())?)?.iter().map(|&dot| dot > 0.0).collect();
        let gains = gains(context, layer, norm)?;
        let tail = Tail::new(context, layer)?;
        let (mut convex, mut all) = (Vec::new(), Vec::new());
        for unit in units(layer, norm.channels, self.units) {
            convex.push(tail.curvature(unit, self.length)? > 0.0);
            all.push(convex[convex.len() - 1] && along[unit] && gains[unit] < 1.0);
        }
        let shrinking: Vec<bool> = gains.iter().map(|&gain| gain < 1.0).collect();
        for (name, holds) in SHARES.into_iter().zip([&along, &convex, &shrinking, &all]) {
            records.push(record(context.step, name, layer, percent(holds)));
        }
        let log_gain = gains.iter().map(|gain| gain.ln()).sum::<f64>() / gains.len() as f64;
        records.push(record(context.step, GAIN, layer, log_gain.exp()));
        Ok(())
    }
}

/// γ²/σ² of each channel, where σ² is the minibatch's variance + ε.
fn gains(context: &StepContext, layer: usize, norm: &NormLayer) -> Result<Vec<f64>> {
    let (_, pass) = context.conv_layer(layer)?;
    let moments = &pass.inner[1].moments;
    let variances = values(&moments.as_ref().expect("training normalises by the batch").spread)?;
    let gammas = values(context.params.get(&norm.gamma())?)?;
    Ok(gammas.iter().zip(variances).map(|(gamma, variance)| gamma * gamma / (variance + NORM_EPS)).collect())
}

fn values(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.to_dtype(DType::F64)?.to_vec1()?)
}

fn percent(holds: &[bool]) -> f64 {
    100.0 * holds.iter().filter(|&&holds| holds).count() as f64 / holds.len() as f64
}

/// The part of the network after the normalisation of a layer, as a function of z (n, c, h, w) with the gradient g at the step's own z.
struct Tail<'a> {
    context: &'a StepContext<'a>,
    layer: usize,
    z: Tensor,
    g: Tensor,
}

impl<'a> Tail<'a> {
    fn new(context: &'a StepContext, layer: usize) -> Result<Self> {
        let z = normalised(context, layer)?;
        let g = gradient(context, layer, &z)?;
        Ok(Tail { context, layer, z, g })
    }

    /// gᵀHg of one unit by central differences, with a step of `length` times the norm of the unit's z around its mean.
    /// Not a number where g or that norm is zero.
    fn curvature(&self, unit: usize, length: f64) -> Result<f64> {
        let channels = self.g.dim(1)?;
        let only = (0..channels).map(|channel| f64::from(u8::from(channel == unit)));
        let only = Tensor::from_iter(only, self.g.device())?.to_dtype(self.g.dtype())?;
        let direction = self.g.broadcast_mul(&only.reshape((1, channels, 1, 1))?)?;
        let z = self.z.narrow(1, unit, 1)?;
        let around = z.broadcast_sub(&z.mean_all()?)?;
        let eta = length * (dot(&around, &around)? / dot(&direction, &direction)?).sqrt();
        if !(eta > 0.0 && eta.is_finite()) {
            return Ok(f64::NAN);
        }
        let at = |eta: f64| gradient(self.context, self.layer, &self.z.add(&direction.affine(eta, 0.0)?)?);
        Ok(dot(&at(eta)?.sub(&at(-eta)?)?, &direction)? / (2.0 * eta))
    }
}

/// z = γŷ + β of the step (n, c, h, w).
fn normalised(context: &StepContext, layer: usize) -> Result<Tensor> {
    let (conv, pass) = context.conv_layer(layer)?;
    let clean = Epilogue { noise: None, ..conv.epilogue.clone() };
    let pass = clean.forward(context.at(), &pass.inner[1].input)?;
    Ok(clean.before_relu(context.at(), &pass)?.nchw()?)
}

/// ∂L/∂z (n, c, h, w) at `z`.
fn gradient(context: &StepContext, layer: usize, z: &Tensor) -> Result<Tensor> {
    let ConvLayer { convolution, epilogue } = context.network.conv_layer(layer)?;
    let z = convolution.enter(z)?;
    let g = context.network.gradient_after_norm(layer, context.at(), &z, context.labels)?;
    Ok(FeatureMaps::new(g, epilogue.channels, epilogue.implementation).nchw()?)
}

fn dot(a: &Tensor, b: &Tensor) -> Result<f64> {
    let (a, b) = (a.to_dtype(DType::F64)?, b.to_dtype(DType::F64)?);
    Ok(a.mul(&b)?.sum_all()?.to_scalar()?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::nn::{At, Implementation, Params};
    use crate::probe::testing::{Step, value};

    /// The gradient at the cut against the step's own backward: ⟨g, ŷ⟩ is γ's gradient, ⟨g, 1⟩ is β's.
    #[test]
    fn the_gradient_after_the_normalisation_is_the_steps_own() {
        let step = Step::new(0.0);
        let context = step.context();
        for layer in 1..=3 {
            let tail = Tail::new(&context, layer).unwrap();
            let gradients = |name: &str| values(step.result.gradients.get(&format!("norm{layer}.{name}")).unwrap());
            let (of_gamma, of_beta) = (gradients("weight").unwrap(), gradients("bias").unwrap());
            let scale = of_beta.iter().chain(&of_gamma).fold(0.0f64, |largest, value| largest.max(value.abs()));
            for channel in 0..tail.g.dim(1).unwrap() {
                // At initialisation γ is 1 and β 0, so that z is ŷ.
                let (z, g) = (tail.z.narrow(1, channel, 1).unwrap(), tail.g.narrow(1, channel, 1).unwrap());
                assert!((dot(&g, &z).unwrap() - of_gamma[channel]).abs() < 1e-5 * scale);
                assert!((dot(&g, &g.ones_like().unwrap()).unwrap() - of_beta[channel]).abs() < 1e-5 * scale);
            }
        }
    }

    /// Against the second difference of the loss itself, on the plain path in f64, where no gradient of ours takes part.
    #[test]
    fn curvature_is_the_second_difference_of_the_loss() {
        let step = Step::on(Implementation::Plain, DType::F64, 0.0);
        let context = step.context();
        for (layer, unit) in [(1, 3), (2, 0), (2, 5), (3, 11)] {
            let tail = Tail::new(&context, layer).unwrap();
            // Both steps so short that no ReLU turns within them.
            let curvature = tail.curvature(unit, 3e-7).unwrap();
            let channels = tail.g.dim(1).unwrap();
            let only: Vec<f64> = (0..channels).map(|c| f64::from(u8::from(c == unit))).collect();
            let only = Tensor::new(only, &Device::Cpu).unwrap().reshape((1, channels, 1, 1)).unwrap();
            let direction = tail.g.broadcast_mul(&only).unwrap();
            let eta = 1e-5 / dot(&direction, &direction).unwrap().sqrt();
            let loss_at = |eta: f64| {
                let z = tail.z.add(&direction.affine(eta, 0.0).unwrap()).unwrap();
                let rest = Epilogue { norm: None, ..context.network.conv_layer(layer).unwrap().epilogue.clone() };
                let zero = Tensor::zeros(channels, DType::F64, &Device::Cpu).unwrap();
                let bias = Params::from_iter([(rest.bias(), zero)]);
                let mut x = rest.forward(At { params: &bias, ..context.at() }, &z).unwrap().output;
                for block in &context.network.blocks()[layer..] {
                    x = block.forward(context.at(), &x).unwrap().output;
                }
                candle_nn::loss::cross_entropy(&x, context.labels).unwrap().to_scalar::<f64>().unwrap()
            };
            let second = (loss_at(eta) - 2.0 * loss_at(0.0) + loss_at(-eta)) / (eta * eta);
            assert!((curvature - second).abs() < 1e-2 * second.abs(), "layer {layer}: {curvature} and {second}");
        }
    }

    /// γ²/σ² with the variance taken from the convolution's output itself.
    #[test]
    fn shares_are_those_of_the_channels() {
        let step = Step::new(0.0);
        let mut records = Vec::new();
        let probe = Conditions { layers: vec![1, 3], units: 16, points: 1, length: 0.01 };
        probe.during_step(&step.context(), &mut Memory::new(), &mut records).unwrap();
        for layer in [1, 3] {
            let context = step.context();
            let (conv, pass) = context.conv_layer(layer).unwrap();
            let y = pass.inner[1].input.clone();
            let y = FeatureMaps::new(y, conv.epilogue.channels, conv.convolution.implementation);
            let variances = y.moments().unwrap()[0].clone().into_iter().map(|(_, variance)| variance);
            let gains: Vec<f64> = variances.map(|variance| 1.0 / (variance + 1e-5)).collect();
            let share = 100.0 * gains.iter().filter(|&&gain| gain < 1.0).count() as f64 / gains.len() as f64;
            assert_eq!(value(&records, "conditions.shrinking", Some(layer)), share);
            let gain = gains.iter().map(|gain| gain.ln()).sum::<f64>() / gains.len() as f64;
            assert!((value(&records, "conditions.gain", Some(layer)) / gain.exp() - 1.0).abs() < 1e-4);
            let share = |name: &str| value(&records, &format!("conditions.{name}"), Some(layer));
            let least = ["along", "convex", "shrinking"].map(share).into_iter().fold(100.0, f64::min);
            assert!(share("all") <= least, "all three cannot hold oftener than one");
        }
    }
}
