//! The normalisation of a layer: its parameters, its running statistics, and itself in Candle's own operations.

use candle_core::{DType, Result, Tensor};

use super::activation::relu;
use super::block::{At, BatchMoments, Kind, Parameter, Pass};
use super::mode::StatisticsMode;
use super::params::Params;
use crate::kernels::divisor::{Divisor, Spread};
use crate::spec::{Norm, NormDivisor};

/// Added to a variance before its root, or to another divisor.
pub const EPS: f64 = 1e-5;

/// Weight of the new value in a running statistic, as PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// The divisor of `norm`.
fn divisor(norm: Norm) -> Divisor {
    let (of, matched) = match norm.divisor {
        NormDivisor::StandardDeviation => return Divisor::BATCH_NORM,
        NormDivisor::L1 => (Spread::MeanAbsolute, false),
        NormDivisor::L2 => (Spread::RootMeanSquare, false),
        NormDivisor::Linf => (Spread::MaxAbsolute, false),
        NormDivisor::L1Matched => (Spread::MeanAbsolute, true),
        NormDivisor::LinfMatched => (Spread::MaxAbsolute, true),
    };
    Divisor { of, matched }
}

/// A normalisation of `channels` channels.
#[derive(Clone, Debug)]
pub struct NormLayer {
    /// Its name; γ is `NAME.weight` (c), β is `NAME.bias` (c).
    pub name: String,
    /// Its divisor.
    pub divisor: Divisor,
    /// Channels.
    pub channels: usize,
}

impl NormLayer {
    /// The normalisation after `layer`, counted from 1; `None` where `norm` is.
    pub fn new(norm: Option<Norm>, layer: usize, channels: usize) -> Option<Self> {
        norm.map(|norm| NormLayer { name: format!("norm{layer}"), divisor: divisor(norm), channels })
    }

    /// Whether the fused kernel can do it.
    pub(super) fn has_kernel(&self) -> bool {
        true
    }

    /// The name of γ (c).
    pub fn gamma(&self) -> String {
        format!("{}.weight", self.name)
    }

    /// The name of β (c).
    pub fn beta(&self) -> String {
        format!("{}.bias", self.name)
    }

    fn running_mean(&self) -> String {
        format!("{}.running_mean", self.name)
    }

    /// BatchNorm keeps its variance, as PyTorch; the others what they divide by.
    fn running_spread(&self) -> String {
        let name = if self.keeps_variance() { "running_var" } else { "running_divisor" };
        format!("{}.{name}", self.name)
    }

    /// Whether its running statistic is a variance.
    pub(super) fn keeps_variance(&self) -> bool {
        self.divisor.of == Spread::Deviation
    }

    /// γ, which starts at 1, and β, at 0.
    pub(super) fn parameters(&self) -> Vec<Parameter> {
        let constant = |name, kind, initial| Parameter::constant(name, kind, self.channels, initial);
        vec![constant(self.gamma(), Kind::Gain, 1.0), constant(self.beta(), Kind::Bias, 0.0)]
    }

    /// The running mean, which starts at 0, and the running variance or divisor, at 1.
    pub(super) fn buffers(&self) -> Vec<Parameter> {
        let constant = |name, initial| Parameter::constant(name, Kind::Statistic, self.channels, initial);
        vec![constant(self.running_mean(), 0.0), constant(self.running_spread(), 1.0)]
    }

    /// Moves the running statistics towards the batch's: running ← 0.9 · running + 0.1 · new, as PyTorch, the variance
    /// with Bessel's correction.
    fn update_running(&self, buffers: &mut Params, moments: &BatchMoments) -> Result<()> {
        let mix = |old: &Tensor, new: &Tensor, scale: f64| {
            old.affine(1.0 - MOMENTUM, 0.0)?.add(&new.affine(MOMENTUM * scale, 0.0)?)
        };
        let bessel = moments.count as f64 / moments.count.saturating_sub(1).max(1) as f64;
        let scale = if self.keeps_variance() { bessel } else { 1.0 };
        let mean = mix(buffers.get(&self.running_mean())?, &moments.mean, 1.0)?;
        let spread = mix(buffers.get(&self.running_spread())?, &moments.spread, scale)?;
        buffers.insert(self.running_mean(), mean);
        buffers.insert(self.running_spread(), spread);
        Ok(())
    }

    /// The running mean, and the divisor that the running statistics make (in double precision).
    pub(super) fn running(&self, buffers: &Params) -> Result<(Vec<f64>, Vec<f64>)> {
        let values = |name: String| buffers.get(&name)?.to_dtype(DType::F64)?.to_vec1::<f64>();
        let (mean, mut spread) = (values(self.running_mean())?, values(self.running_spread())?);
        if self.keeps_variance() {
            spread.iter_mut().for_each(|variance| *variance = (*variance + EPS).sqrt());
        }
        Ok((mean, spread))
    }

    /// γ·ŷ + β of `y` (n, c, h, w) in Candle's own operations, and the batch's moments where it was normalised by them.
    pub(super) fn plain(&self, at: At, y: &Tensor) -> Result<(Tensor, Option<BatchMoments>)> {
        let At { params, buffers, mode } = at;
        let per_channel = |tensor: &Tensor| tensor.reshape((1, self.channels, 1, 1));
        let (mean, divisor, moments) = match mode.statistics {
            StatisticsMode::Batch => {
                let mean = channel_mean(y)?;
                let (divisor, spread) = self.plain_divisor(y, &mean)?;
                let flat = |moment: &Tensor| Ok::<_, candle_core::Error>(moment.flatten_all()?.detach());
                let moments =
                    BatchMoments { mean: flat(&mean)?, spread: flat(&spread)?, count: y.elem_count() / self.channels };
                (mean, divisor, Some(moments))
            }
            StatisticsMode::Running => {
                let mean = per_channel(buffers.get(&self.running_mean())?)?;
                let spread = per_channel(buffers.get(&self.running_spread())?)?;
                let divisor = if self.keeps_variance() { spread.affine(1.0, EPS)?.sqrt()? } else { spread };
                (mean, divisor, None)
            }
        };
        let normalised = y.broadcast_sub(&mean)?.broadcast_div(&divisor)?;
        let scaled = normalised.broadcast_mul(&per_channel(params.get(&self.gamma())?)?)?;
        Ok((scaled.broadcast_add(&per_channel(params.get(&self.beta())?)?)?, moments))
    }

    /// The batch's divisor, and what running statistics are kept of: each (1, c, 1, 1).
    fn plain_divisor(&self, y: &Tensor, mean: &Tensor) -> Result<(Tensor, Tensor)> {
        let eps = |spread: Tensor| spread.affine(1.0, EPS);
        // Its gradient at zero is zero, as that of |y| should be and Candle's is not.
        let absolute = || relu(y)?.add(&relu(&y.neg()?)?);
        let spread = match self.divisor.of {
            Spread::Deviation => {
                let variance = channel_mean(&y.broadcast_sub(mean)?.sqr()?)?;
                return Ok((eps(variance.clone())?.sqrt()?, variance));
            }
            Spread::MeanAbsolute => eps(channel_mean(&absolute()?)?)?,
            Spread::RootMeanSquare => eps(channel_mean(&y.sqr()?)?)?.sqrt()?,
            Spread::MaxAbsolute => eps(absolute()?.max_keepdim(3)?.max_keepdim(2)?.max_keepdim(0)?)?,
        };
        let count = y.elem_count() / self.channels;
        let expected = if self.divisor.matched { self.divisor.of.of_standard_normal(count) } else { 1.0 };
        let divisor = spread.affine(1.0 / expected, 0.0)?;
        Ok((divisor.clone(), divisor))
    }
}

/// Moves the running statistics of a block's normalisation, where it has one, towards those of its pass.
pub(super) fn update_running(norm: Option<&NormLayer>, pass: &Pass, buffers: &mut Params) -> Result<()> {
    match (norm, &pass.moments) {
        (Some(norm), Some(moments)) => norm.update_running(buffers, moments),
        _ => Ok(()),
    }
}

/// The mean of each channel of `y` (n, c, h, w) over n, h and w: (1, c, 1, 1).
pub(super) fn channel_mean(y: &Tensor) -> Result<Tensor> {
    y.mean_keepdim(3)?.mean_keepdim(2)?.mean_keepdim(0)
}
