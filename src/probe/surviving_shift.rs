//! The part of the injected noise that the next layer's normalisation cannot remove (critique C2 of the noise experiment).
//!
//! At fixed weights and minibatch, layer l's noise is drawn again and again. The next layer's normalisation removes a
//! constant offset and a scale from each channel of that layer's convolution h. So the part that survives is the share of
//! h's variance over images and pixels that a constant and the noise-free value h₀ do *not* explain: 1 − corr(h, h₀)²,
//! averaged over channels and draws. The channel part (μ, σ) and the jitter (m, s around them) are also
//! measured apart. Networks without noise or without normalisation have nothing to measure.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Measurement, Memory, Quantity, StepContext, check, is_due, record};
use crate::nn::{At, Block, Epilogue, FeatureMaps, Mode, NoiseKey};
use crate::record::Record;
use crate::spec::{Model, Noise};

/// The share of the injected shift that the next layer's normalisation cannot remove (critique C2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SurvivingShift {
    /// Layers whose noise is redrawn.
    pub layers: Vec<usize>,
    /// Redraws per measurement.
    pub redraws: usize,
    /// Measurements, evenly spaced; the last is at the last step.
    pub points: usize,
}

impl Measurement for SurvivingShift {
    fn quantities(&self) -> Vec<Quantity> {
        let of = |part| Quantity::new(format!("surviving_shift.{part}"), "share of the variance").at(&self.layers);
        parts(Noise::default()).map(|(part, _)| of(part)).into()
    }

    fn check(&self) -> Result<()> {
        check::counts(&[("redraws", self.redraws)])?;
        check::points(self.points)?;
        check::some_layers(&self.layers)
    }

    fn check_network(&self, model: &Model) -> Result<()> {
        check::has_convolutions(model)?;
        // The last layer has no next one.
        check::layers_exist(&self.layers, model.layers() - 1)
    }

    fn during_step(&self, context: &StepContext, _memory: &mut Memory, records: &mut Vec<Record>) -> Result<()> {
        if !is_due(context.step + 1, context.spec.train.steps, self.points) {
            return Ok(());
        }
        for &layer in &self.layers {
            let epilogue = &context.network.conv_layer(layer)?.epilogue;
            let Some(constants) = epilogue.noise else { continue };
            if context.network.conv_layer(layer + 1)?.epilogue.norm.is_none() {
                continue;
            }
            for (part, constants) in parts(constants) {
                let epilogue = Epilogue { noise: Some(constants), ..epilogue.clone() };
                let share = self.unexplained(context, layer, &epilogue)?;
                records.push(record(context.step, format!("surviving_shift.{part}"), layer, share));
            }
        }
        Ok(())
    }
}

/// The whole noise, its channel part alone, and its jitter alone.
fn parts(whole: Noise) -> [(&'static str, Noise); 3] {
    [
        ("all", whole),
        ("channel", Noise { shift_jitter: 0.0, scale_jitter: 0.0, ..whole }),
        ("jitter", Noise { shift: 0.0, scale: 1.0, ..whole }),
    ]
}

impl SurvivingShift {
    /// The mean unexplained share over redraws and the channels that vary.
    fn unexplained(&self, context: &StepContext, layer: usize, epilogue: &Epilogue) -> Result<f64> {
        let (_, pass) = context.conv_layer(layer)?;
        let next = &context.network.conv_layer(layer + 1)?.convolution;
        // The next layer's convolution of what `epilogue` makes of the step's own convolution, with other noise.
        let next_convolution = |noise: Option<NoiseKey>| -> Result<FeatureMaps> {
            let at = At { mode: Mode { noise, ..context.mode }, ..context.at() };
            let output = epilogue.forward(at, &pass.inner[1].input)?.output;
            Ok(FeatureMaps::new(next.forward(at, &output)?.output, next.out_channels, next.implementation))
        };
        let clean = next_convolution(None)?;
        let (mut sum, mut count) = (0.0, 0);
        for redraw in 0..self.redraws {
            let Some(NoiseKey { seed, .. }) = context.mode.noise else { break };
            let step = (context.step * self.redraws + redraw) as u64;
            let noise = Some(NoiseKey { seed, purpose: "surviving shift", step });
            let noisy = next_convolution(noise)?;
            for explained in clean.squared_correlations(&noisy)?.into_iter().flatten() {
                sum += 1.0 - explained;
                count += 1;
            }
        }
        Ok(if count == 0 { f64::NAN } else { sum / f64::from(count) })
    }
}
