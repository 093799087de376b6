//! Batch normalisation in Candle's own operations, and its running statistics.

use candle_core::{Result, Tensor};

/// Added to a variance before its root.
pub const EPS: f64 = 1e-5;

/// Weight of the new value in a running statistic, as PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// Mean and biased variance of each channel of `y` (n, c, h, w) over n, h and w: each (1, c, 1, 1).
///
/// # Errors
/// If `y` is of another shape.
pub fn batch_moments(y: &Tensor) -> Result<(Tensor, Tensor)> {
    let mean = channel_mean(y)?;
    let variance = channel_mean(&y.broadcast_sub(&mean)?.sqr()?)?;
    Ok((mean, variance))
}

/// The mean of each channel of `y` (n, c, h, w) over n, h and w: (1, c, 1, 1).
fn channel_mean(y: &Tensor) -> Result<Tensor> {
    y.mean_keepdim(3)?.mean_keepdim(2)?.mean_keepdim(0)
}

/// ŷ = (y − mean) / √(variance + [`EPS`]), for `y` (n, c, h, w) and statistics (1, c, 1, 1).
///
/// # Errors
/// If the shapes do not fit.
pub fn normalise(y: &Tensor, mean: &Tensor, variance: &Tensor) -> Result<Tensor> {
    y.broadcast_sub(mean)?.broadcast_div(&variance.affine(1.0, EPS)?.sqrt()?)
}

/// The running mean and variance (c) after a batch whose moments (c) were taken over `count` values.
///
/// As PyTorch: running ← 0.9 · running + 0.1 · new, the variance with Bessel's correction.
///
/// # Errors
/// If the shapes differ.
pub fn update_running(
    running: (&Tensor, &Tensor),
    mean: &Tensor,
    variance: &Tensor,
    count: usize,
) -> Result<(Tensor, Tensor)> {
    let bessel = count as f64 / count.saturating_sub(1).max(1) as f64;
    let mix = |old: &Tensor, new: &Tensor, scale: f64| {
        old.affine(1.0 - MOMENTUM, 0.0)?.add(&new.affine(MOMENTUM * scale, 0.0)?)
    };
    Ok((mix(running.0, mean, 1.0)?, mix(running.1, variance, bessel)?))
}
