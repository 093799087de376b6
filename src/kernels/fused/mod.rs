//! The operations after a convolution, fused: normalisation, noise, ReLU and 2×2 max pooling, forward and backward.
//!
//! With ŷ the normalised input and s, m the noise of every element,
//!
//! ```text
//! a = γ·ŷ + β,    v = s·a + m,    z = max(v, 0), then the maximum of every 2×2 window
//! ```
//!
//! The noise is generated again where it is needed, never stored. The kernels use one thread.

mod backward;
mod forward;
mod moments;
mod walk;

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};

use self::forward::forward;
use self::walk::Input;
use crate::kernels::divisor::{Divisor, Spread, Summary};
use crate::kernels::lanes::LANES;
use crate::kernels::layout::{Grouped, padded, values, with_values};
use crate::kernels::noise::Jitter;

/// How the input y is normalised to ŷ, channel by channel.
#[derive(Clone, Debug)]
pub enum Normalise {
    /// With the batch's own statistics: ŷ = (y − mean) / divisor.
    Batch {
        /// The divisor.
        by: Divisor,
        /// The ε in it.
        eps: f64,
    },
    /// With given statistics, which are constants of the gradient: ŷ = (y − mean) · inv_divisor.
    Given(Statistics),
}

impl Normalise {
    /// Not at all: ŷ = y. Without γ, β is then the bias of the convolution.
    pub fn nothing(channels: usize) -> Self {
        Normalise::Given(Statistics { mean: vec![0.0; channels], spread: vec![], inv_divisor: vec![1.0; channels] })
    }
}

/// The statistics that a forward pass normalises with, one value for each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Subtracted: 0 where nothing was normalised.
    pub mean: Vec<f32>,
    /// The value that running statistics are kept of; empty unless the batch normalised. It is the batch's biased
    /// variance where its deviation was divided by, else the divisor.
    pub spread: Vec<f32>,
    /// Multiplied with: 1 where nothing was normalised.
    pub inv_divisor: Vec<f32>,
}

/// Normalisation, noise, ReLU and pooling. One value serves one step of one layer.
#[derive(Clone, Debug)]
pub struct Fused {
    /// How y is normalised.
    pub normalise: Normalise,
    /// The noise after the affine map, if any.
    pub noise: Option<Jitter>,
    /// Whether the maximum of every 2×2 window follows the ReLU.
    pub pool: bool,
}

/// γ, if there is one, and β: each (c).
pub type Affine<'a> = (Option<&'a Tensor>, &'a Tensor);

impl Fused {
    /// The output z and the statistics it was normalised with. Differentiable, by [`Fused::backward`].
    ///
    /// # Shapes
    /// `y` (n, ⌈c/8⌉, h, w, 8); `gamma` (1 where there is none) and `beta` (c); the output is as `y`, or
    /// (n, ⌈c/8⌉, ⌊h/2⌋, ⌊w/2⌋, 8) with `pool`. All f32, contiguous, on the CPU. Lanes of `y` that have no
    /// channel hold zero; so do those of the output.
    ///
    /// # Errors
    /// If a shape, layout, type or device is not as said, or a window does not fit.
    pub fn forward(&self, y: &Tensor, affine: Affine) -> Result<(Tensor, Statistics)> {
        let statistics = with_arguments(y, affine, |arguments| Ok(self.statistics(&arguments)))?;
        let operation = Operation { fused: self.clone(), statistics: statistics.clone() };
        Ok((y.apply_op3(&gain_or_ones(affine)?, affine.1, operation)?, statistics))
    }

    /// The gradients with respect to `y`, `gamma` (if there is one) and `beta`, from `grad_z`, that of the output.
    ///
    /// `statistics` are those that [`Fused::forward`] returned for the same arguments. Where v = 0 the ReLU
    /// passes no gradient; of equal values in a window the first, row by row, gets it (as in PyTorch).
    ///
    /// # Shapes
    /// As for [`Fused::forward`]; `grad_z` is as its output, every gradient as its argument.
    ///
    /// # Errors
    /// If a shape, layout, type or device is not as said.
    pub fn backward(
        &self,
        y: &Tensor,
        affine: Affine,
        statistics: &Statistics,
        grad_z: &Tensor,
    ) -> Result<(Tensor, Option<Tensor>, Tensor)> {
        with_arguments(y, affine, |arguments| {
            let output = self.output(arguments.shape)?.shape();
            if *grad_z.shape() != output {
                bail!("gradient of the output: expected the shape {output:?}, got {:?}", grad_z.shape())
            }
            let input = self.input(&arguments, statistics)?;
            let by = match self.normalise {
                Normalise::Batch { by, .. } => Some(by),
                Normalise::Given(_) => None,
            };
            let (grad_y, grad_gamma, grad_beta) = with_values([("gradient of the output", grad_z)], |[grad_z]| {
                Ok(backward::backward(&input, self.pool, by, grad_z))
            })?;
            let channels = arguments.beta.len();
            let per_channel = |values: Vec<f32>| Tensor::from_slice(&values[..channels], channels, &Device::Cpu);
            let grad_gamma = affine.0.map(|_| per_channel(grad_gamma)).transpose()?;
            let grad_y = Tensor::from_vec(grad_y, arguments.shape.shape(), &Device::Cpu)?;
            Ok((grad_y, grad_gamma, per_channel(grad_beta)?))
        })
    }

    /// The activation v before ReLU and pooling, with the same noise to the bit; shaped as `y`.
    ///
    /// # Errors
    /// If a shape, layout, type or device is not as [`Fused::forward`] wants it.
    pub fn before_relu(&self, y: &Tensor, affine: Affine, statistics: &Statistics) -> Result<Tensor> {
        with_arguments(y, affine, |arguments| {
            let input = self.input(&arguments, statistics)?;
            Tensor::from_vec(forward::<false>(&input, false), arguments.shape.shape(), &Device::Cpu)
        })
    }

    fn statistics(&self, arguments: &Arguments) -> Statistics {
        let channels = arguments.beta.len();
        match &self.normalise {
            Normalise::Given(statistics) => statistics.clone(),
            Normalise::Batch { by, eps } => {
                let summaries = moments::summaries(arguments.y.as_chunks().0, arguments.shape, by.needs_magnitudes());
                let summaries = &summaries[..channels];
                let spread = |summary: &Summary| match by.of {
                    Spread::Deviation => summary.variance,
                    _ => by.value(summary, *eps),
                };
                Statistics {
                    mean: summaries.iter().map(|summary| summary.mean as f32).collect(),
                    spread: summaries.iter().map(|summary| spread(summary) as f32).collect(),
                    inv_divisor: summaries.iter().map(|summary| (1.0 / by.value(summary, *eps)) as f32).collect(),
                }
            }
        }
    }

    /// The extents of the output.
    fn output(&self, y: Grouped) -> Result<Grouped> {
        if !self.pool {
            return Ok(y);
        }
        if y.height < 2 || y.width < 2 {
            bail!("2×2 pooling: expected at least 2×2 pixels, got {}×{}", y.height, y.width)
        }
        Ok(y.pooled())
    }

    fn input<'a>(&self, arguments: &Arguments<'a>, statistics: &Statistics) -> Result<Input<'a>> {
        let (groups, channels) = (arguments.shape.groups, arguments.beta.len());
        let (mean, inv_divisor) = (&statistics.mean, &statistics.inv_divisor);
        if mean.len() != channels || inv_divisor.len() != channels {
            bail!("statistics: expected {channels} channels, got {} and {}", mean.len(), inv_divisor.len())
        }
        let gain: Vec<f32> = arguments.gamma.iter().zip(inv_divisor).map(|(gamma, inv)| gamma * inv).collect();
        if let Some(jitter) = &self.noise {
            jitter.check(channels)?;
        }
        Ok(Input {
            y: arguments.y.as_chunks().0,
            shape: arguments.shape,
            mean: padded(mean, groups),
            inv_divisor: padded(inv_divisor, groups),
            gain: padded(&gain, groups),
            beta: padded(arguments.beta, groups),
            jitter: self.noise.as_ref().map(|jitter| jitter.padded(groups)),
        })
    }
}

/// One forward pass in a graph, with the statistics that its arguments gave.
struct Operation {
    fused: Fused,
    statistics: Statistics,
}

impl CustomOp3 for Operation {
    fn name(&self) -> &'static str {
        "fused"
    }

    fn cpu_fwd(
        &self,
        y: &CpuStorage,
        yl: &Layout,
        gamma: &CpuStorage,
        gl: &Layout,
        beta: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let gamma = values("gamma", gamma, gl)?;
        let (y, beta) = (values("input", y, yl)?, values("beta", beta, bl)?);
        let arguments = Arguments::new(y, yl.shape(), gamma, beta)?;
        let output = self.fused.output(arguments.shape)?;
        let input = self.fused.input(&arguments, &self.statistics)?;
        Ok((CpuStorage::F32(forward::<true>(&input, self.fused.pool)), output.shape()))
    }

    fn bwd(
        &self,
        y: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (grad_y, grad_gamma, grad_beta) =
            self.fused.backward(y, (Some(gamma), beta), &self.statistics, &grad.contiguous()?)?;
        Ok((Some(grad_y), grad_gamma, Some(grad_beta)))
    }
}

/// The standard deviation (biased) of every channel of `y` over images and pixels.
///
/// # Shapes
/// `y` (n, ⌈c/8⌉, h, w, 8), contiguous f32 on the CPU, of `channels` channels.
///
/// # Errors
/// If the shape, layout, type or device is not as said.
pub(crate) fn standard_deviations(y: &Tensor, channels: usize) -> Result<Vec<f32>> {
    let shape = Grouped::of(y.shape(), "input")?;
    let summaries = with_values([("input", y)], |[y]| Ok(moments::summaries(y.as_chunks().0, shape, false)))?;
    Ok(summaries[..channels].iter().map(|summary| summary.variance.sqrt() as f32).collect())
}

/// The values that a fused kernel works on, checked.
struct Arguments<'a> {
    y: &'a [f32],
    shape: Grouped,
    gamma: &'a [f32],
    beta: &'a [f32],
}

impl<'a> Arguments<'a> {
    fn new(y: &'a [f32], shape: &Shape, gamma: &'a [f32], beta: &'a [f32]) -> Result<Self> {
        let shape = Grouped::of(shape, "input")?;
        if beta.len().div_ceil(LANES) != shape.groups {
            bail!("beta: expected the channels of {} groups of {LANES}, got {}", shape.groups, beta.len())
        }
        if gamma.len() != beta.len() {
            bail!("gamma: expected {} channels as in beta, got {}", beta.len(), gamma.len())
        }
        Ok(Arguments { y, shape, gamma, beta })
    }
}

/// γ, or where there is none, ones, which give the same bits.
fn gain_or_ones((gamma, beta): Affine) -> Result<Tensor> {
    gamma.map_or_else(|| beta.ones_like(), |gamma| Ok(gamma.clone()))
}

/// Calls `work` with the values of a fused kernel's arguments.
fn with_arguments<T>(y: &Tensor, affine: Affine, work: impl FnOnce(Arguments) -> Result<T>) -> Result<T> {
    let tensors = [("input", y), ("beta", affine.1), ("gamma", &gain_or_ones(affine)?)];
    with_values(tensors, |[values, beta, gamma]| work(Arguments::new(values, y.shape(), gamma, beta)?))
}

#[cfg(test)]
mod tests;
