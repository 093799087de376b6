//! The settings of the injected noise (Santurkar et al. 2018, Algorithm 1).

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use super::is_default;
use super::word::Worded;

/// The constants of Algorithm 1, in units of the normalised activation, and where and when the noise acts.
///
/// In a study file `"algorithm_1"` (the paper's constants; `"none"` for no noise), or a table of these settings.
///
/// A setting that the paper does not vary is not written where it is as in the paper, so that the identities of the
/// paper's trials do not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Noise {
    /// n_μ: a channel's shift is μ ~ U(−n_μ, n_μ).
    pub shift: f64,
    /// n_σ: a channel's scale is σ ~ U(1, n_σ).
    pub scale: f64,
    /// r_μ: an element's shift is m ~ U(μ − r_μ, μ + r_μ).
    pub shift_jitter: f64,
    /// r_σ: an element's scale is s ~ N(σ, r_σ), with r_σ taken as the standard deviation.
    pub scale_jitter: f64,
    /// When μ and σ are drawn; the elements' jitter is always fresh.
    pub redraw: Redraw,
    /// The factor of n_μ, n_σ − 1, r_μ and r_σ: the same draws, larger or smaller. 0 means no noise.
    #[serde(skip_serializing_if = "is_one")]
    pub dose: f64,
    /// Which convolutions are followed by it.
    #[serde(skip_serializing_if = "is_default")]
    pub layers: NoisyLayers,
    /// Its place in a layer.
    #[serde(skip_serializing_if = "is_default")]
    pub place: NoisePlace,
    /// The unit of n_μ and r_μ.
    #[serde(skip_serializing_if = "is_default")]
    pub unit: ShiftUnit,
    /// The step of training from which it is on.
    #[serde(skip_serializing_if = "is_default")]
    pub from: usize,
}

/// When a channel's μ and σ are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redraw {
    /// Afresh at each step, as in the paper.
    Step,
    /// Once, and then held: the noise no longer moves in time.
    Once,
    /// Drifting: at each step of the same uniform distribution, but following a Gaussian AR(1) with this correlation
    /// from step to step.
    Drift(f64),
}

/// Which convolutions are followed by noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoisyLayers {
    /// All, as in the paper.
    #[default]
    All,
    /// All but the last: whatever noise the network adds, a layer follows.
    AllButLast,
    /// The last alone.
    Last,
}

/// The place of the noise in a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoisePlace {
    /// After the normalisation's affine map (or the bias), before the ReLU, as in the paper.
    #[default]
    AfterAffine,
    /// Between the convolution and its normalisation.
    BeforeNorm,
}

/// The unit of shifts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShiftUnit {
    /// The activation's own unit, as in the paper.
    #[default]
    Absolute,
    /// The standard deviation that each channel has over the minibatch before the noise, a constant of the gradient.
    OwnSd,
}

fn is_one(value: &f64) -> bool {
    *value == 1.0
}

impl Default for Noise {
    /// The paper's (appendix A.2.1).
    fn default() -> Self {
        Noise {
            shift: 0.5,
            scale: 1.25,
            shift_jitter: 0.1,
            scale_jitter: 0.1,
            redraw: Redraw::Step,
            dose: 1.0,
            layers: NoisyLayers::All,
            place: NoisePlace::AfterAffine,
            unit: ShiftUnit::Absolute,
            from: 0,
        }
    }
}

impl Noise {
    /// The constants of the noise at its dose, whose own dose is 1.
    pub(crate) fn at_dose(&self) -> Self {
        Noise {
            shift: self.dose * self.shift,
            scale: 1.0 + self.dose * (self.scale - 1.0),
            shift_jitter: self.dose * self.shift_jitter,
            scale_jitter: self.dose * self.scale_jitter,
            dose: 1.0,
            ..*self
        }
    }

    /// Whether it follows convolution `layer` of `count`, counted from 1.
    pub(crate) fn follows(&self, layer: usize, count: usize) -> bool {
        match self.layers {
            NoisyLayers::All => true,
            NoisyLayers::AllButLast => layer < count,
            NoisyLayers::Last => layer == count,
        }
    }

    /// Whether training step `step`, counted from 0, comes before it is switched on.
    pub fn waits(&self, step: usize) -> bool {
        step < self.from
    }

    /// Whether the constants make distributions.
    ///
    /// # Errors
    /// The key, its value and what it must be.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let &Noise { shift, scale, shift_jitter, scale_jitter, dose, .. } = self;
        let widths = [("shift", shift), ("shift_jitter", shift_jitter), ("scale_jitter", scale_jitter), ("dose", dose)];
        for (key, value) in widths {
            ensure!(value >= 0.0 && value.is_finite(), "`model.noise.{key}` is {value}; it must be zero or positive");
        }
        ensure!(scale >= 1.0 && scale.is_finite(), "`model.noise.scale` is {scale}; it must be at least 1");
        // The draws are in single precision.
        let reach = dose * shift.max(scale).max(shift_jitter).max(scale_jitter);
        ensure!(reach <= 1e30, "`model.noise` reaches {reach:e} at its dose; single precision holds no such noise");
        if let Redraw::Drift(rho) = self.redraw {
            let is_share = (0.0..1.0).contains(&rho);
            ensure!(is_share, "`model.noise.redraw` has a drift of {rho}; it must be at least 0 and below 1");
        }
        Ok(())
    }
}

impl Worded for Noise {
    fn words() -> Vec<(&'static str, Option<Self>)> {
        vec![("none", None), ("algorithm_1", Some(Noise::default()))]
    }

    /// One identity for one training: a dose of nothing means no noise.
    fn is_nothing(&self) -> bool {
        self.dose == 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The identities of the paper's trials depend on this text.
    #[test]
    fn what_is_as_in_the_paper_is_not_written() {
        let paper = serde_json::to_string(&Noise::default()).unwrap();
        let expected = r#"{"shift":0.5,"scale":1.25,"shift_jitter":0.1,"scale_jitter":0.1,"redraw":"step"}"#;
        assert_eq!(paper, expected);
        let read = |text: &str| toml::from_str::<Noise>(text).unwrap();
        let variant = read(
            "dose = 2\nredraw = { drift = 0.99 }\nlayers = \"last\"\nplace = \"before_norm\"\nunit = \"own_sd\"\nfrom = 7",
        );
        let written = toml::to_string(&variant).unwrap();
        assert_eq!(read(&written), variant);
        let dosed = variant.at_dose();
        assert_eq!(
            (dosed.shift, dosed.scale, dosed.shift_jitter, dosed.scale_jitter, dosed.dose),
            (1.0, 1.5, 0.2, 0.2, 1.0)
        );
    }

    #[test]
    fn layers_and_steps_switch_it() {
        let noise = |layers| Noise { layers, from: 3, ..Default::default() };
        let noisy = |layers| (1..=4).filter(|&layer| noise(layers).follows(layer, 4)).collect::<Vec<_>>();
        assert_eq!(noisy(NoisyLayers::All), [1, 2, 3, 4]);
        assert_eq!(noisy(NoisyLayers::AllButLast), [1, 2, 3]);
        assert_eq!(noisy(NoisyLayers::Last), [4]);
        assert_eq!([2, 3].map(|step| noise(NoisyLayers::All).waits(step)), [true, false]);
    }
}
