//! The normalisation of a layer: its parameters, its running statistics, and itself in Candle's own operations.

use candle_core::{DType, Device, Result, Tensor};

use super::activation::relu;
use super::mode::StatisticsMode;
use super::params::Params;
use crate::kernels::divisor::{Divisor, Spread};
use crate::spec::{Norm, NormDivisor};

/// Added to a variance before its root, or to another divisor.
pub const EPS: f64 = 1e-5;

/// Weight of the new value in a running statistic, as PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// The divisor of `norm`.
pub fn divisor(norm: Norm) -> Divisor {
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

/// Mean and spread of each channel, over `count` values.
#[derive(Clone, Debug)]
pub struct Moments {
    /// (c)
    pub mean: Tensor,
    /// What running statistics are kept of (c): the biased variance under BatchNorm, what is divided by under the others.
    pub spread: Tensor,
    /// Values a channel.
    pub count: usize,
}

/// A normalisation of `channels` channels.
#[derive(Clone, Copy, Debug)]
pub struct NormLayer {
    /// What it divides by.
    pub divisor: Divisor,
    /// The layer that it follows, counted from 1.
    pub layer: usize,
    /// Channels.
    pub channels: usize,
}

impl NormLayer {
    /// The normalisation after `layer`; `None` where `norm` is.
    pub fn new(norm: Option<Norm>, layer: usize, channels: usize) -> Option<Self> {
        norm.map(|norm| NormLayer { divisor: divisor(norm), layer, channels })
    }

    /// The name of γ (c).
    pub fn gamma(&self) -> String {
        format!("norm{}.weight", self.layer)
    }

    /// The name of β (c).
    pub fn beta(&self) -> String {
        format!("norm{}.bias", self.layer)
    }

    fn running_mean(&self) -> String {
        format!("norm{}.running_mean", self.layer)
    }

    /// BatchNorm keeps its variance, as PyTorch; the others what they divide by.
    fn running_spread(&self) -> String {
        let name = if self.keeps_variance() { "running_var" } else { "running_divisor" };
        format!("norm{}.{name}", self.layer)
    }

    /// Whether its running statistic is a variance.
    pub fn keeps_variance(&self) -> bool {
        self.divisor.of == Spread::Deviation
    }

    /// Adds γ = 1 and β = 0.
    pub fn init(&self, params: &mut Params, dtype: DType) -> Result<()> {
        params.insert(self.gamma(), Tensor::ones(self.channels, dtype, &Device::Cpu)?);
        params.insert(self.beta(), Tensor::zeros(self.channels, dtype, &Device::Cpu)?);
        Ok(())
    }

    /// Adds the initial running statistics: mean 0, variance or divisor 1.
    pub fn init_buffers(&self, buffers: &mut Params, dtype: DType) -> Result<()> {
        buffers.insert(self.running_mean(), Tensor::zeros(self.channels, dtype, &Device::Cpu)?);
        buffers.insert(self.running_spread(), Tensor::ones(self.channels, dtype, &Device::Cpu)?);
        Ok(())
    }

    /// Moves the running statistics towards the batch's: running ← 0.9 · running + 0.1 · new, as PyTorch, the variance
    /// with Bessel's correction.
    pub fn update_running(&self, buffers: &mut Params, moments: &Moments) -> Result<()> {
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
    pub fn running(&self, buffers: &Params) -> Result<(Vec<f64>, Vec<f64>)> {
        let values = |name: String| buffers.get(&name)?.to_dtype(DType::F64)?.to_vec1::<f64>();
        let (mean, mut spread) = (values(self.running_mean())?, values(self.running_spread())?);
        if self.keeps_variance() {
            spread.iter_mut().for_each(|variance| *variance = (*variance + EPS).sqrt());
        }
        Ok((mean, spread))
    }

    /// γ·ŷ + β of `y` (n, c, h, w) in Candle's own operations, and the batch's moments where it was normalised by them.
    pub fn plain(
        &self,
        params: &Params,
        buffers: &Params,
        statistics: StatisticsMode,
        y: &Tensor,
    ) -> Result<(Tensor, Option<Moments>)> {
        let per_channel = |tensor: &Tensor| tensor.reshape((1, self.channels, 1, 1));
        let (mean, divisor, moments) = match statistics {
            StatisticsMode::Batch => {
                let mean = channel_mean(y)?;
                let (divisor, spread) = self.plain_divisor(y, &mean)?;
                let flat = |moment: &Tensor| Ok::<_, candle_core::Error>(moment.flatten_all()?.detach());
                let moments =
                    Moments { mean: flat(&mean)?, spread: flat(&spread)?, count: y.elem_count() / self.channels };
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

/// The mean of each channel of `y` (n, c, h, w) over n, h and w: (1, c, 1, 1).
pub fn channel_mean(y: &Tensor) -> Result<Tensor> {
    y.mean_keepdim(3)?.mean_keepdim(2)?.mean_keepdim(0)
}
