//! The rest of a layer after its convolution: normalisation or bias, noise, ReLU and 2×2 max pooling.
//!
//! One kernel does all of it where the implementation is fast and the normalisation has a kernel. Elsewhere Candle's own
//! operations do: the oracle of the tests, and the way in for a normalisation that has no kernel yet. The convolution
//! stays fast then.

use std::sync::Arc;

use candle_core::{Result, Tensor, bail};

use super::activation::relu;
use super::block::{At, BatchMoments, Block, Gradients, Kind, Parameter, Pass, vector_jacobian};
use super::feature_maps::{FeatureMaps, to_layout_of};
use super::mode::{Implementation, StatisticsMode};
use super::noise;
use super::norm::{self, NormLayer};
use super::params::Params;
use super::pool::max_pool2;
use crate::kernels::divisor::Divisor;
use crate::kernels::fused::{Affine, Fused, Normalise, Statistics, standard_deviations};
use crate::kernels::noise::Jitter;
use crate::spec::{Noise, NoisePlace, ShiftUnit};

/// Normalisation, noise (or noise and normalisation) and ReLU, then 2×2 max pooling at the end of a stage.
#[derive(Clone, Debug)]
pub struct Epilogue {
    /// The name of the convolution before it: of its noise, and of its bias where no normalisation follows.
    pub name: String,
    /// Channels.
    pub channels: usize,
    /// The normalisation, where there is one.
    pub norm: Option<NormLayer>,
    /// The noise.
    pub noise: Option<Noise>,
    /// Whether pooling follows.
    pub pool: bool,
    /// The implementation that it runs on.
    pub implementation: Implementation,
}

/// A pass through the kernel.
#[derive(Debug)]
struct Kept {
    /// The kernel's input s·y + m, where noise comes between convolution and kernel; and s, by which the gradient goes back.
    entry: Option<(Tensor, Tensor)>,
    fused: Fused,
    /// The statistics that it normalised with.
    statistics: Statistics,
}

impl Kept {
    /// The input of the kernel, from the convolution's output.
    fn entered<'a>(&'a self, y: &'a Tensor) -> &'a Tensor {
        self.entry.as_ref().map_or(y, |(entered, _)| entered)
    }

    fn of(pass: &Pass) -> Option<&Kept> {
        pass.kept.as_ref()?.downcast_ref()
    }
}

impl Epilogue {
    /// The name of β, or of the convolution's bias where no normalisation follows.
    pub fn bias(&self) -> String {
        self.norm.as_ref().map_or_else(|| format!("{}.bias", self.name), NormLayer::beta)
    }

    /// Whether noise comes between the convolution and the normalisation.
    pub(crate) fn has_noise_before_norm(&self) -> bool {
        self.noise.is_some_and(|noise| noise.place == NoisePlace::BeforeNorm)
    }

    /// Whether one kernel does all of it.
    fn is_fused(&self) -> bool {
        self.implementation == Implementation::Fast && self.norm.as_ref().is_none_or(NormLayer::has_kernel)
    }

    /// The noise at `place`; `sd` gives each channel's standard deviation there, should it be the unit.
    fn jitter(&self, at: At, place: NoisePlace, sd: impl FnOnce() -> Result<Vec<f32>>) -> Result<Option<Jitter>> {
        let noise = self.noise.filter(|noise| noise.place == place);
        match noise::draw(noise, at.mode.noise, &self.name, self.channels) {
            Some(jitter) if self.noise.is_some_and(|noise| noise.unit == ShiftUnit::OwnSd) => {
                Ok(Some(jitter.in_units_of(&sd()?)))
            }
            jitter => Ok(jitter),
        }
    }

    /// The input of the ReLU, computed again from a pass, with the same noise to the bit.
    ///
    /// # Errors
    /// If `pass` is not of this block.
    pub fn before_relu(&self, at: At, pass: &Pass) -> Result<FeatureMaps> {
        let Some(kept) = Kept::of(pass) else {
            let (v, _) = self.plain_before_relu(at, &self.nchw(&pass.input)?)?;
            return Ok(FeatureMaps::new(v, self.channels, Implementation::Plain));
        };
        let v = kept.fused.before_relu(kept.entered(&pass.input), self.affine(at.params)?, &kept.statistics)?;
        Ok(FeatureMaps::new(v, self.channels, Implementation::Fast))
    }

    fn nchw(&self, y: &Tensor) -> Result<Tensor> {
        FeatureMaps::new(y.clone(), self.channels, self.implementation).nchw()
    }

    /// The input of the ReLU (n, c, h, w) from `y` (n, c, h, w), and the batch's moments where it was normalised by them.
    fn plain_before_relu(&self, at: At, y: &Tensor) -> Result<(Tensor, Option<BatchMoments>)> {
        let y = match self.jitter(at, NoisePlace::BeforeNorm, || noise::standard_deviations(y))? {
            Some(jitter) => &noise::apply(y, &jitter)?,
            None => y,
        };
        let (a, moments) = match &self.norm {
            Some(norm) => norm.plain(at, y)?,
            None => {
                let bias = at.params.get(&self.bias())?.reshape((1, self.channels, 1, 1))?;
                (y.broadcast_add(&bias)?, None)
            }
        };
        let v = match self.jitter(at, NoisePlace::AfterAffine, || noise::standard_deviations(&a))? {
            Some(jitter) => noise::apply(&a, &jitter)?,
            None => a,
        };
        Ok((v, moments))
    }

    fn plain(&self, at: At, y: &Tensor) -> Result<Pass> {
        let (v, moments) = self.plain_before_relu(at, &self.nchw(y)?)?;
        let z = relu(&v)?;
        let z = if self.pool { max_pool2(&z)? } else { z };
        Ok(Pass { moments, ..Pass::new(&self.name, y, to_layout_of(self.implementation, &z)?) })
    }

    fn fused(&self, at: At, y: &Tensor) -> Result<Pass> {
        let entry = self.entry(at, y)?;
        let entered = entry.as_ref().map_or(y, |(entered, _)| entered);
        let affine = self.affine(at.params)?;
        let fused = self.kernel(at, affine.0, entered)?;
        let (output, statistics) = fused.forward(entered, affine)?;
        let moments = batch_moments_of(&statistics, y)?;
        let kept = Kept { entry, fused, statistics };
        Ok(Pass { moments, kept: Some(Arc::new(kept)), ..Pass::new(&self.name, y, output) })
    }

    /// The result of the noise between convolution and normalisation on `y`, and its s, in the kernels' layout.
    fn entry(&self, at: At, y: &Tensor) -> Result<Option<(Tensor, Tensor)>> {
        let jitter = self.jitter(at, NoisePlace::BeforeNorm, || standard_deviations(y, self.channels))?;
        jitter.map(|jitter| noise::apply_grouped(y, &jitter)).transpose()
    }

    /// All that becomes of `y` in a mode, as one kernel.
    fn kernel(&self, at: At, gamma: Option<&Tensor>, y: &Tensor) -> Result<Fused> {
        let normalise = match (&self.norm, at.mode.statistics) {
            (None, _) => Normalise::nothing(self.channels),
            (Some(norm), StatisticsMode::Batch) => Normalise::Batch { by: norm.divisor, eps: norm::EPS },
            (Some(norm), StatisticsMode::Running) => {
                let (mean, divisor) = norm.running(at.buffers)?;
                let mean = mean.iter().map(|&mean| mean as f32).collect();
                let inv_divisor = divisor.iter().map(|divisor| (1.0 / divisor) as f32).collect();
                Normalise::Given(Statistics { mean, spread: Vec::new(), inv_divisor })
            }
        };
        let sd = || activation_sd(standard_deviations(y, self.channels)?, &normalise, gamma);
        let noise = self.jitter(at, NoisePlace::AfterAffine, sd)?;
        Ok(Fused { normalise, noise, pool: self.pool })
    }

    /// γ (c), where there is a normalisation, and β or the bias (c).
    fn affine<'a>(&self, params: &'a Params) -> Result<Affine<'a>> {
        let gamma = self.norm.as_ref().map(|norm| params.get(&norm.gamma())).transpose()?;
        Ok((gamma, params.get(&self.bias())?))
    }
}

impl Block for Epilogue {
    fn name(&self) -> &str {
        &self.name
    }

    /// γ and β, or the convolution's bias. Under a normalisation it would be removed, and is left out.
    fn parameters(&self) -> Vec<Parameter> {
        match &self.norm {
            Some(norm) => norm.parameters(),
            None => vec![Parameter::constant(self.bias(), Kind::Bias, self.channels, 0.0)],
        }
    }

    fn buffers(&self) -> Vec<Parameter> {
        self.norm.as_ref().map(NormLayer::buffers).unwrap_or_default()
    }

    fn forward(&self, at: At, y: &Tensor) -> Result<Pass> {
        if self.is_fused() { self.fused(at, y) } else { self.plain(at, y) }
    }

    fn backward(&self, at: At, pass: &Pass, gradient: &Tensor, need_input: bool) -> Result<Gradients> {
        let Some(kept) = Kept::of(pass) else {
            let forward = |at: At, y: &Tensor| self.plain(at, y);
            return vector_jacobian(forward, at, self.parameters(), &pass.input, gradient, need_input);
        };
        let (affine, y) = (self.affine(at.params)?, kept.entered(&pass.input));
        let (grad_y, grad_gamma, grad_beta) = kept.fused.backward(y, affine, &kept.statistics, gradient)?;
        let grad_y = match &kept.entry {
            Some((_, scale)) => grad_y.mul(scale)?,
            None => grad_y,
        };
        let mut gradients = Params::from_iter([(self.bias(), grad_beta)]);
        if let Some((norm, grad_gamma)) = self.norm.as_ref().zip(grad_gamma) {
            gradients.insert(norm.gamma(), grad_gamma);
        }
        Ok((Some(grad_y), gradients))
    }

    fn update_buffers(&self, pass: &Pass, buffers: &mut Params) -> Result<()> {
        norm::update_running(self.norm.as_ref(), pass, buffers)
    }
}

/// Each channel's standard deviation after normalisation and affine map, from those before.
fn activation_sd(mut sd: Vec<f32>, normalise: &Normalise, gamma: Option<&Tensor>) -> Result<Vec<f32>> {
    let gamma = gamma.map(Tensor::to_vec1::<f32>).transpose()?;
    for (channel, sd) in sd.iter_mut().enumerate() {
        *sd *= match normalise {
            Normalise::Batch { by, .. } if *by != Divisor::BATCH_NORM => {
                bail!("noise in units of a channel's own standard deviation needs BatchNorm or no normalisation")
            }
            Normalise::Batch { eps, .. } => (1.0 / (f64::from(*sd).powi(2) + eps).sqrt()) as f32,
            Normalise::Given(statistics) => statistics.inv_divisor[channel],
        };
        *sd *= gamma.as_ref().map_or(1.0, |gamma| gamma[channel].abs());
    }
    Ok(sd)
}

/// The moments in `statistics` as tensors; `None` where the batch was not normalised by its own.
fn batch_moments_of(statistics: &Statistics, y: &Tensor) -> Result<Option<BatchMoments>> {
    if statistics.spread.is_empty() {
        return Ok(None);
    }
    let (n, _, h, w, _) = y.dims5()?;
    let tensor = |values: &[f32]| Tensor::from_slice(values, values.len(), y.device());
    Ok(Some(BatchMoments { mean: tensor(&statistics.mean)?, spread: tensor(&statistics.spread)?, count: n * h * w }))
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::nn::{Mode, NoiseKey};
    use crate::spec::{Noise, Norm};

    fn values(tensor: &Tensor) -> Vec<f64> {
        tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    /// A normalisation without a kernel takes this way through a fast network: Candle's operations in the kernels'
    /// layout, and the default backward. Output, moments and gradients are those of the kernel but for rounding.
    #[test]
    fn what_has_no_kernel_is_computed_in_the_kernels_layout_too() {
        let block = Epilogue {
            name: "conv1".into(),
            channels: 11,
            norm: NormLayer::new(Some(Norm::BATCH), 1, 11),
            noise: Some(Noise::default()),
            pool: true,
            implementation: Implementation::Fast,
        };
        let tensor = |length: usize, step: f64| {
            let values = (0..length).map(|i| (i as f64 * step).sin() as f32);
            Tensor::from_iter(values, &Device::Cpu).unwrap()
        };
        let y = to_layout_of(block.implementation, &tensor(4 * 11 * 6 * 6, 1.7).reshape((4, 11, 6, 6)).unwrap());
        let (y, gamma) = (y.unwrap(), tensor(11, 0.7).affine(0.3, 1.0).unwrap());
        let params = Params::from_iter([("norm1.weight".into(), gamma), ("norm1.bias".into(), tensor(11, 0.9))]);
        let noise = Some(NoiseKey { seed: 1, purpose: "noise", step: 2 });
        let mode = Mode { statistics: StatisticsMode::Batch, noise };
        let at = At { params: &params, buffers: &Params::default(), mode };
        let (kernel, plain) = (block.fused(at, &y).unwrap(), block.plain(at, &y).unwrap());
        let gradient = to_layout_of(block.implementation, &tensor(4 * 11 * 9, 2.3).reshape((4, 11, 3, 3)).unwrap());
        let back = |pass: &Pass| block.backward(at, pass, gradient.as_ref().unwrap(), true).unwrap();
        let ((of_y, of_params), (plain_of_y, plain_of_params)) = (back(&kernel), back(&plain));
        let close = |a: &Tensor, b: &Tensor| {
            let (a, b) = (values(a), values(b));
            let size = a.iter().fold(0f64, |size, value| size.max(value.abs()));
            assert_eq!(a.len(), b.len());
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5 * size), "{a:?} {b:?}");
        };
        close(&kernel.output, &plain.output);
        close(&of_y.unwrap(), &plain_of_y.unwrap());
        ["norm1.weight", "norm1.bias"]
            .iter()
            .for_each(|name| close(of_params.get(name).unwrap(), plain_of_params.get(name).unwrap()));
        let (moments, plain_moments) = (kernel.moments.unwrap(), plain.moments.unwrap());
        close(&moments.mean, &plain_moments.mean);
        close(&moments.spread, &plain_moments.spread);
        let v = |pass: &Pass| block.before_relu(at, pass).unwrap().nchw().unwrap();
        let pass = block.plain(at, &y).unwrap();
        close(&v(&block.fused(at, &y).unwrap()), &v(&pass));
    }
}
