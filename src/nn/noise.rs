//! The injected noise (Santurkar et al. 2018, appendix A.2.1, Algorithm 1) as a layer of its own.
//!
//! The two outer draws of the algorithm, μ and σ of each channel, are made here; the jitter of each element is made
//! by [`kernels::noise`](crate::kernels::noise), on every path from the same keyed generator.

use candle_core::{Result, Tensor};
use rand_distr::{Distribution, Uniform};

use crate::kernels::layout::from_grouped;
use crate::kernels::noise::{Jitter, noise_maps};
use crate::rng;
use crate::study::{Noise, NoiseConstants, Redraw};

/// Which random numbers a pass through the network uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoiseKey {
    /// The trial's seed.
    pub seed: u64,
    /// What the noise is for: `"noise"` in training, another word elsewhere, so that nothing moves training's draws.
    pub purpose: &'static str,
    /// The step; in an evaluation, which of its passes.
    pub step: u64,
}

/// What a noise layer does in a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoiseMode {
    /// Nothing.
    Off,
    /// Every random scale and shift at its mean; a scale and shift that are held for the whole trial as they are.
    Mean {
        /// The trial's seed, which the held values come from.
        seed: u64,
    },
    /// Algorithm 1.
    On(NoiseKey),
}

/// The noise that `mode` makes in the layer called `name` of `channels` channels; `None` where there is none.
pub fn draw(noise: &Noise, mode: NoiseMode, name: &str, channels: usize) -> Option<Jitter> {
    let Noise::Algorithm1(constants) = noise else { return None };
    match mode {
        NoiseMode::Off => None,
        NoiseMode::On(key) => Some(on(constants, key, name, channels)),
        NoiseMode::Mean { seed } => Some(mean(constants, seed, name, channels)),
    }
}

/// Lines 4–8 of Algorithm 1: μ ~ U(−n_μ, n_μ) and σ ~ U(1, n_σ) for each channel.
fn on(constants: &NoiseConstants, key: NoiseKey, name: &str, channels: usize) -> Jitter {
    let (shift, scale) = match constants.redraw {
        Redraw::Step => moving(constants, key, name, channels),
        Redraw::Once => held(constants, key.seed, name, channels),
    };
    Jitter {
        shift,
        scale,
        shift_jitter: constants.shift_jitter as f32,
        scale_jitter: constants.scale_jitter as f32,
        key: rng::key(key.seed, &format!("{} jitter", key.purpose), name, key.step),
    }
}

fn mean(constants: &NoiseConstants, seed: u64, name: &str, channels: usize) -> Jitter {
    let (shift, scale) = match constants.redraw {
        Redraw::Step => (vec![0.0; channels], vec![0.5 * (1.0 + constants.scale) as f32; channels]),
        Redraw::Once => held(constants, seed, name, channels),
    };
    Jitter { shift, scale, shift_jitter: 0.0, scale_jitter: 0.0, key: 0 }
}

fn moving(constants: &NoiseConstants, key: NoiseKey, name: &str, channels: usize) -> (Vec<f32>, Vec<f32>) {
    channel_draws(constants, &mut rng::stream(key.seed, key.purpose, name, key.step), channels)
}

fn held(constants: &NoiseConstants, seed: u64, name: &str, channels: usize) -> (Vec<f32>, Vec<f32>) {
    channel_draws(constants, &mut rng::stream(seed, "held noise", name, 0), channels)
}

fn channel_draws(constants: &NoiseConstants, stream: &mut impl rand::Rng, channels: usize) -> (Vec<f32>, Vec<f32>) {
    let shift = Uniform::new_inclusive(-constants.shift, constants.shift).expect("a checked width");
    let scale = Uniform::new_inclusive(1.0, constants.scale).expect("a checked width");
    (0..channels).map(|_| (shift.sample(stream) as f32, scale.sample(stream) as f32)).unzip()
}

/// a ← s·a + m (line 10 of Algorithm 1) in Candle's own operations; the gradient flows through s.
///
/// # Shapes
/// `a` (n, c, h, w), any type; so is the result.
///
/// # Errors
/// If `a` has other channels than `jitter`.
pub fn apply(a: &Tensor, jitter: &Jitter) -> Result<Tensor> {
    let (n, channels, h, w) = a.dims4()?;
    let (scale, shift) = noise_maps(jitter, n, h, w)?;
    let nchw = |map| from_grouped(map, channels)?.to_dtype(a.dtype());
    a.mul(&nchw(&scale)?)?.add(&nchw(&shift)?)
}

#[cfg(test)]
mod tests;
