//! A convolution and what follows it: normalisation, noise, ReLU, pooling.
//!
//! Every block has two paths: a plain one in Candle's own operations (any type, the oracle of the tests), and a fast
//! one of our kernels (f32 on the CPU), which also carries its own backward, so that training needs no graph.

use candle_core::{DType, Device, Result, Tensor, bail};

use super::activation::relu;
use super::feature_maps::FeatureMaps;
use super::mode::{Mode, Path, StatisticsMode};
use super::noise::{self, NoiseMode};
use super::norm::{self, Moments, NormLayer};
use super::params::{LayerParameters, Params};
use super::{init, pool};
use crate::kernels::conv::Conv3x3;
use crate::kernels::divisor::Divisor;
use crate::kernels::noise::Jitter;
use crate::kernels::unit::{Normalise, Statistics, Unit, standard_deviations};
use crate::spec::{Init, Noise, NoisePlace, Norm, ShiftUnit};

/// A 3×3 convolution (stride 1, padding 1), then normalisation, noise (or noise and normalisation) and ReLU, where the arm has them,
/// then 2×2 max pooling at the end of a stage.
#[derive(Clone, Debug)]
pub struct ConvBlock {
    /// Counted from 1.
    pub layer: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// The normalisation.
    pub norm: Option<Norm>,
    /// The noise.
    pub noise: Noise,
    /// Whether pooling follows.
    pub pool: bool,
}

/// What a block made of its convolution's output.
#[derive(Clone, Debug)]
pub struct AfterConvolution {
    /// The block's output, in the path's layout.
    pub output: Tensor,
    /// The batch's moments, where it was normalised by them.
    pub moments: Option<Moments>,
    /// How the kernel made it, on the fast path.
    fused: Option<Fused>,
}

/// A pass through the kernel.
#[derive(Clone, Debug)]
struct Fused {
    /// What the noise between convolution and kernel made, if there is any.
    entry: Option<Entry>,
    unit: Unit,
    /// What it normalised with.
    statistics: Statistics,
}

/// What enters the kernel where noise stands before it.
#[derive(Clone, Debug)]
struct Entry {
    /// s·y + m, in the kernels' layout.
    y: Tensor,
    /// s, by which the gradient goes back.
    scale: Tensor,
}

impl Fused {
    /// What entered the kernel, from the convolution's output.
    fn entered<'a>(&'a self, y: &'a Tensor) -> &'a Tensor {
        self.entry.as_ref().map_or(y, |entry| &entry.y)
    }
}

/// What a pass through a [`ConvBlock`] keeps, for its backward and for probes.
#[derive(Clone, Debug)]
pub struct ConvPass {
    /// The block's input, in the path's layout.
    pub input: Tensor,
    /// The convolution's output, in the path's layout.
    pub y: Tensor,
    /// What became of it.
    pub after: AfterConvolution,
}

impl ConvBlock {
    fn weight(&self) -> String {
        format!("conv{}.weight", self.layer)
    }

    /// The name of β, or of the convolution's bias where no normalisation follows.
    fn bias(&self) -> String {
        self.norm_layer().map_or_else(|| format!("conv{}.bias", self.layer), |norm| norm.beta())
    }

    fn norm_layer(&self) -> Option<NormLayer> {
        NormLayer::new(self.norm, self.layer, self.out_channels)
    }

    /// The names of its parameters.
    pub fn parameters(&self) -> LayerParameters {
        let gamma = self.norm_layer().map(|norm| norm.gamma());
        LayerParameters { weight: self.weight(), bias: Some(self.bias()), gamma }
    }

    /// Adds the initial parameters: weights by `init`, γ = 1, biases and β = 0. Under a normalisation the convolution
    /// has no bias, which the normalisation would remove.
    pub(super) fn init(&self, params: &mut Params, init: Init, seed: u64, dtype: DType) -> Result<()> {
        let (name, c) = (self.weight(), self.out_channels);
        let weight = init::weight(init, seed, &name, &[c, self.in_channels, 3, 3], dtype)?;
        params.insert(name, weight);
        match self.norm_layer() {
            Some(norm) => norm.init(params, dtype),
            None => self.init_bias(params, dtype),
        }
    }

    /// Adds a bias of 0.
    pub(super) fn init_bias(&self, params: &mut Params, dtype: DType) -> Result<()> {
        params.insert(self.bias(), Tensor::zeros(self.out_channels, dtype, &Device::Cpu)?);
        Ok(())
    }

    /// Adds the initial running statistics.
    pub(super) fn init_buffers(&self, buffers: &mut Params, dtype: DType) -> Result<()> {
        self.norm_layer().map_or(Ok(()), |norm| norm.init_buffers(buffers, dtype))
    }

    /// Moves the running statistics towards the batch's.
    pub(super) fn update_running(&self, buffers: &mut Params, moments: &Moments) -> Result<()> {
        self.norm_layer().map_or(Ok(()), |norm| norm.update_running(buffers, moments))
    }

    /// Whether noise stands between the convolution and the normalisation.
    pub fn has_noise_before_norm(&self) -> bool {
        matches!(self.noise, Noise::Algorithm1(constants) if constants.place == NoisePlace::BeforeNorm)
    }

    /// The noise that stands at `place`; `sd` gives each channel's standard deviation there, should it be the unit.
    fn jitter(
        &self,
        place: NoisePlace,
        mode: NoiseMode,
        sd: impl FnOnce() -> Result<Vec<f32>>,
    ) -> Result<Option<Jitter>> {
        let Noise::Algorithm1(constants) = self.noise else { return Ok(None) };
        if constants.place != place {
            return Ok(None);
        }
        match noise::draw(&self.noise, mode, &format!("conv{}", self.layer), self.out_channels) {
            Some(jitter) if constants.unit == ShiftUnit::OwnSd => Ok(Some(jitter.in_units_of(&sd()?))),
            jitter => Ok(jitter),
        }
    }

    /// What the noise between convolution and normalisation makes of `y`, in the kernels' layout.
    fn entry(&self, mode: NoiseMode, y: &Tensor) -> Result<Option<Entry>> {
        let jitter = self.jitter(NoisePlace::BeforeNorm, mode, || standard_deviations(y, self.out_channels))?;
        let applied = jitter.map(|jitter| noise::apply_grouped(y, &jitter)).transpose()?;
        Ok(applied.map(|(y, scale)| Entry { y, scale }))
    }

    /// The convolution of `x`, both in the layout of `path`.
    pub fn convolution(&self, path: Path, params: &Params, x: &Tensor) -> Result<Tensor> {
        let weight = params.get(&self.weight())?;
        match path {
            Path::Plain => x.conv2d(weight, 1, 1, 1, 1),
            Path::Fast => Conv3x3::forward(x, weight),
        }
    }

    /// The block's output from its convolution's output `y`.
    pub fn after_convolution(
        &self,
        path: Path,
        params: &Params,
        buffers: &Params,
        mode: Mode,
        y: &Tensor,
    ) -> Result<AfterConvolution> {
        match path {
            Path::Plain => {
                let (v, moments) = self.plain_before_relu(params, buffers, mode, y)?;
                let z = relu(&v)?;
                let output = if self.pool { pool::max_pool2(&z)? } else { z };
                Ok(AfterConvolution { output, moments, fused: None })
            }
            Path::Fast => {
                let entry = self.entry(mode.noise, y)?;
                let y = entry.as_ref().map_or(y, |entry| &entry.y);
                let (gamma, beta) = self.affine(params)?;
                let unit = self.unit(gamma, buffers, mode, y)?;
                let (output, statistics) = unit.clone().apply(y, gamma, beta)?;
                let moments = batch_moments_of(&statistics, y)?;
                let statistics = (*statistics).clone();
                Ok(AfterConvolution { output, moments, fused: Some(Fused { entry, unit, statistics }) })
            }
        }
    }

    /// What enters the ReLU, computed again from a pass, with the same noise to the bit.
    ///
    /// # Errors
    /// If `pass` is not of this block.
    pub fn before_relu(&self, params: &Params, buffers: &Params, mode: Mode, pass: &ConvPass) -> Result<FeatureMaps> {
        let (v, path) = match &pass.after.fused {
            None => (self.plain_before_relu(params, buffers, mode, &pass.y)?.0, Path::Plain),
            Some(fused) => {
                let (gamma, beta) = self.affine(params)?;
                (fused.unit.before_relu(fused.entered(&pass.y), gamma, beta, &fused.statistics)?, Path::Fast)
            }
        };
        Ok(FeatureMaps::new(v, self.out_channels, path))
    }

    /// What enters the ReLU (n, c, h, w), and the batch's moments where it was normalised by them.
    fn plain_before_relu(
        &self,
        params: &Params,
        buffers: &Params,
        mode: Mode,
        y: &Tensor,
    ) -> Result<(Tensor, Option<Moments>)> {
        let y = &match self.jitter(NoisePlace::BeforeNorm, mode.noise, || noise::standard_deviations(y))? {
            Some(jitter) => noise::apply(y, &jitter)?,
            None => y.clone(),
        };
        let (a, moments) = match self.norm_layer() {
            Some(norm) => norm.plain(params, buffers, mode.statistics, y)?,
            None => {
                let bias = params.get(&self.bias())?.reshape((1, self.out_channels, 1, 1))?;
                (y.broadcast_add(&bias)?, None)
            }
        };
        let v = match self.jitter(NoisePlace::AfterAffine, mode.noise, || noise::standard_deviations(&a))? {
            Some(jitter) => noise::apply(&a, &jitter)?,
            None => a,
        };
        Ok((v, moments))
    }

    /// All that becomes of `y` in `mode`, as one kernel.
    fn unit(&self, gamma: Option<&Tensor>, buffers: &Params, mode: Mode, y: &Tensor) -> Result<Unit> {
        let normalise = match (self.norm_layer(), mode.statistics) {
            (None, _) => Normalise::Nothing,
            (Some(norm), StatisticsMode::Batch) => Normalise::Batch { by: norm.divisor, eps: norm::EPS },
            (Some(norm), StatisticsMode::Running) => {
                let (mean, divisor) = norm.running(buffers)?;
                let mean = mean.iter().map(|&mean| mean as f32).collect();
                Normalise::Given { mean, inv_divisor: divisor.iter().map(|divisor| (1.0 / divisor) as f32).collect() }
            }
        };
        let sd = || activation_sd(standard_deviations(y, self.out_channels)?, &normalise, gamma);
        let noise = self.jitter(NoisePlace::AfterAffine, mode.noise, sd)?;
        Ok(Unit { normalise, noise, pool: self.pool })
    }

    /// γ (c), where there is a normalisation, and β or the bias (c).
    fn affine<'a>(&self, params: &'a Params) -> Result<(Option<&'a Tensor>, &'a Tensor)> {
        let gamma = self.norm_layer().map(|norm| params.get(&norm.gamma())).transpose()?;
        Ok((gamma, params.get(&self.bias())?))
    }

    /// The gradient of the input of a pass on the fast path (`None` unless `need_input`); those of the parameters are
    /// added to `gradients`.
    pub(super) fn backward(
        &self,
        params: &Params,
        pass: &ConvPass,
        grad_output: &Tensor,
        need_input: bool,
        gradients: &mut Params,
    ) -> Result<Option<Tensor>> {
        let Some(fused) = &pass.after.fused else { bail!("only the fast path carries its own backward") };
        let ((gamma, beta), y) = (self.affine(params)?, fused.entered(&pass.y));
        let (grad_y, grad_gamma, grad_beta) = fused.unit.backward(y, gamma, beta, &fused.statistics, grad_output)?;
        let grad_y = match &fused.entry {
            Some(entry) => grad_y.mul(&entry.scale)?,
            None => grad_y,
        };
        let weight = params.get(&self.weight())?;
        let (grad_input, grad_weight) = Conv3x3::backward(&pass.input, weight, &grad_y, need_input)?;
        gradients.insert(self.weight(), grad_weight);
        gradients.insert(self.bias(), grad_beta);
        if let Some((norm, grad_gamma)) = self.norm_layer().zip(grad_gamma) {
            gradients.insert(norm.gamma(), grad_gamma);
        }
        Ok(grad_input)
    }
}

/// Each channel's standard deviation after normalisation and affine map, from those before.
fn activation_sd(mut sd: Vec<f32>, normalise: &Normalise, gamma: Option<&Tensor>) -> Result<Vec<f32>> {
    let gamma = gamma.map(Tensor::to_vec1::<f32>).transpose()?;
    for (channel, sd) in sd.iter_mut().enumerate() {
        *sd *= match normalise {
            Normalise::Nothing => 1.0,
            Normalise::Batch { by, .. } if *by != Divisor::BATCH_NORM => {
                bail!("noise in units of a channel's own standard deviation needs BatchNorm or no normalisation")
            }
            Normalise::Batch { eps, .. } => (1.0 / (f64::from(*sd).powi(2) + eps).sqrt()) as f32,
            Normalise::Given { inv_divisor, .. } => inv_divisor[channel],
        };
        *sd *= gamma.as_ref().map_or(1.0, |gamma| gamma[channel].abs());
    }
    Ok(sd)
}

/// The moments in `statistics` as tensors; `None` where the batch was not normalised by its own.
fn batch_moments_of(statistics: &Statistics, y: &Tensor) -> Result<Option<Moments>> {
    if statistics.spread.is_empty() {
        return Ok(None);
    }
    let (n, _, h, w, _) = y.dims5()?;
    let tensor = |values: &[f32]| Tensor::from_slice(values, values.len(), y.device());
    Ok(Some(Moments { mean: tensor(&statistics.mean)?, spread: tensor(&statistics.spread)?, count: n * h * w }))
}
