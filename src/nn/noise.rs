//! The injected noise (Santurkar et al. 2018, appendix A.2.1, Algorithm 1) as a layer of its own.
//!
//! The two outer draws of the algorithm, μ and σ of each channel, are made here; the jitter of each element is made
//! by [`kernels::noise`](crate::kernels::noise), on every path from the same keyed generator.

use candle_core::{DType, Result, Tensor};
use rand_distr::{Distribution, StandardNormal, Uniform};
use statrs::distribution::{ContinuousCDF, Normal};

use super::mode::{NoiseKey, TRAINING};
use super::norm;
use crate::kernels::layout::from_grouped;
use crate::kernels::noise::{Jitter, noise_maps};
use crate::rng;
use crate::spec::{Noise, Redraw};

/// The noise that `key` names in the layer called `name` of `channels` channels; `None` where there is none.
pub fn draw(noise: Option<Noise>, key: Option<NoiseKey>, name: &str, channels: usize) -> Option<Jitter> {
    let (constants, key) = (noise?.at_dose(), key?);
    let (shift, scale) = match constants.redraw {
        Redraw::Once => channel_draws(&constants, rng::stream(key.seed, "held noise", name, 0), channels),
        Redraw::Drift(correlation) if key.purpose == TRAINING => drifting(&constants, correlation, key, name, channels),
        // Elsewhere than in training there is no step before: a fresh draw has the same distribution.
        Redraw::Step | Redraw::Drift(_) => {
            channel_draws(&constants, rng::stream(key.seed, key.purpose, name, key.step), channels)
        }
    };
    Some(Jitter {
        shift_jitter: vec![constants.shift_jitter as f32; channels],
        scale_jitter: constants.scale_jitter as f32,
        shift,
        scale,
        key: rng::key(key.seed, &format!("{} jitter", key.purpose), name, key.step),
    })
}

/// Lines 4–8 of Algorithm 1: μ ~ U(−n_μ, n_μ) and σ ~ U(1, n_σ) for each channel.
fn channel_draws(constants: &Noise, mut stream: impl rand::Rng, channels: usize) -> (Vec<f32>, Vec<f32>) {
    let shift = Uniform::new_inclusive(-constants.shift, constants.shift).expect("a checked width");
    let scale = Uniform::new_inclusive(1.0, constants.scale).expect("a checked width");
    (0..channels).map(|_| (shift.sample(&mut stream) as f32, scale.sample(&mut stream) as f32)).unzip()
}

/// μ and σ that move slowly: of the same uniform distributions at every step, from a stationary Gaussian AR(1) through
/// the normal distribution function.
///
/// Each step's innovations have a stream of their own and the state is worked out from them, so that it depends on the
/// step alone and a resumed trial goes on as if it had never stopped.
fn drifting(constants: &Noise, correlation: f64, key: NoiseKey, name: &str, channels: usize) -> (Vec<f32>, Vec<f32>) {
    let innovations = |step: u64| {
        let stream = rng::stream(key.seed, "drifting noise", name, step);
        StandardNormal.sample_iter(stream).take(2 * channels)
    };
    let first = key.step.saturating_sub(memory(correlation));
    let mut state: Vec<f64> = innovations(first).collect();
    let fresh = (1.0 - correlation * correlation).sqrt();
    for step in first + 1..=key.step {
        for (state, innovation) in state.iter_mut().zip(innovations(step)) {
            let innovation: f64 = innovation;
            *state = correlation * *state + fresh * innovation;
        }
    }
    let normal = Normal::standard();
    let uniform: Vec<f64> = state.into_iter().map(|z| normal.cdf(z)).collect();
    let shift = uniform[..channels].iter().map(|u| ((2.0 * u - 1.0) * constants.shift) as f32);
    let scale = uniform[channels..].iter().map(|u| (1.0 + u * (constants.scale - 1.0)) as f32);
    (shift.collect(), scale.collect())
}

/// After how many steps an AR(1) has forgotten an innovation to below the resolution of f32, 2⁻²⁴.
fn memory(correlation: f64) -> u64 {
    (24.0 * std::f64::consts::LN_2 / -correlation.ln()).ceil() as u64
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

/// The same in the kernels' layout, `a` (n, ⌈c/8⌉, h, w, 8), f32; and s, by which a gradient goes back.
///
/// # Errors
/// If `a` has other channels than `jitter`.
pub fn apply_grouped(a: &Tensor, jitter: &Jitter) -> Result<(Tensor, Tensor)> {
    let (n, _, h, w, _) = a.dims5()?;
    let (scale, shift) = noise_maps(jitter, n, h, w)?;
    Ok((a.mul(&scale)?.add(&shift)?, scale))
}

/// Each channel's standard deviation over the minibatch of `a` (n, c, h, w), a constant of the gradient.
///
/// # Errors
/// If `a` is of another shape.
pub fn standard_deviations(a: &Tensor) -> Result<Vec<f32>> {
    let a = a.detach();
    let centred = a.broadcast_sub(&norm::channel_mean(&a)?)?;
    norm::channel_mean(&centred.sqr()?)?.sqrt()?.flatten_all()?.to_dtype(DType::F32)?.to_vec1()
}

#[cfg(test)]
mod tests;
