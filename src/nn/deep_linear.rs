//! A layer of a deep linear network: x ↦ W·x, then a normalisation where the arm has one, and no activation function.
//!
//! Neither a plain layer nor one before a normalisation has a bias: the paper minimises ‖W₁…W_k·x − A·x‖², and under a
//! normalisation β does its work. The last layer is never normalised, as the layer that makes the logits of a VGG is not:
//! its output must take any scale.

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor, WithDType, bail};

use super::init;
use super::mode::{Path, StatisticsMode};
use super::norm::{EPS, Moments, NormLayer};
use super::params::{LayerParameters, Params};
use crate::kernels::dense::{self, UnitStatistics};
use crate::spec::{Init, Norm};

/// A linear layer with what follows it.
#[derive(Clone, Debug)]
pub struct DeepLinearBlock {
    /// Counted from 1.
    pub layer: usize,
    /// Length of the input.
    pub inputs: usize,
    /// Length of the output.
    pub outputs: usize,
    /// The normalisation.
    pub norm: Option<Norm>,
    /// Whether it makes the network's output.
    pub last: bool,
}

/// What a pass through a [`DeepLinearBlock`] keeps, for its backward and for probes: (n, units) on the plain path,
/// (units, n) on the fast one.
#[derive(Clone, Debug)]
pub struct DeepLinearPass {
    /// The block's input.
    pub input: Tensor,
    /// W·x, before the normalisation.
    pub y: Tensor,
    /// What it made of it: (n, outputs) on either path where the block is the last.
    pub output: Tensor,
    /// The batch's moments, where it was normalised by them.
    pub moments: Option<Moments>,
    /// What the fast path normalised with.
    statistics: Option<Vec<UnitStatistics>>,
}

impl DeepLinearBlock {
    fn weight(&self) -> String {
        format!("linear{}.weight", self.layer)
    }

    fn norm_layer(&self) -> Option<NormLayer> {
        NormLayer::new(self.norm, self.layer, self.outputs)
    }

    /// The names of its parameters.
    pub fn parameters(&self) -> LayerParameters {
        let norm = self.norm_layer();
        LayerParameters {
            weight: self.weight(),
            bias: norm.map(|norm| norm.beta()),
            gamma: norm.map(|norm| norm.gamma()),
        }
    }

    /// Adds the initial parameters: the weight by `init`, γ = 1, β = 0.
    pub(super) fn init(&self, params: &mut Params, init: Init, seed: u64, dtype: DType) -> Result<()> {
        let name = self.weight();
        params.insert(name.clone(), init::weight(init, seed, &name, &[self.outputs, self.inputs], dtype)?);
        self.norm_layer().map_or(Ok(()), |norm| norm.init(params, dtype))
    }

    /// Adds the initial running statistics.
    pub(super) fn init_buffers(&self, buffers: &mut Params, dtype: DType) -> Result<()> {
        self.norm_layer().map_or(Ok(()), |norm| norm.init_buffers(buffers, dtype))
    }

    /// Moves the running statistics towards the batch's.
    pub(super) fn update_running(&self, buffers: &mut Params, moments: &Moments) -> Result<()> {
        self.norm_layer().map_or(Ok(()), |norm| norm.update_running(buffers, moments))
    }

    /// The pass of `x`, in the layout of `path`.
    pub(super) fn forward(
        &self,
        path: Path,
        params: &Params,
        buffers: &Params,
        mode: StatisticsMode,
        x: &Tensor,
    ) -> Result<DeepLinearPass> {
        match (path, x.dtype()) {
            (Path::Plain, _) => self.plain(params, buffers, mode, x),
            (Path::Fast, DType::F32) => self.fast::<f32>(params, buffers, mode, x),
            (Path::Fast, DType::F64) => self.fast::<f64>(params, buffers, mode, x),
            (Path::Fast, other) => bail!("a deep linear network: expected f32 or f64, got {other:?}"),
        }
    }

    fn plain(&self, params: &Params, buffers: &Params, mode: StatisticsMode, x: &Tensor) -> Result<DeepLinearPass> {
        let y = x.matmul(&params.get(&self.weight())?.t()?)?;
        let (output, moments) = match self.norm_layer() {
            None => (y.clone(), None),
            Some(norm) => {
                let (n, units) = y.dims2()?;
                let (output, moments) = norm.plain(params, buffers, mode, &y.reshape((n, units, 1, 1))?)?;
                (output.reshape((n, units))?, moments)
            }
        };
        Ok(DeepLinearPass { input: x.clone(), y, output, moments, statistics: None })
    }

    fn fast<T: WithDType>(
        &self,
        params: &Params,
        buffers: &Params,
        mode: StatisticsMode,
        x: &Tensor,
    ) -> Result<DeepLinearPass> {
        let (inputs, n) = x.dims2()?;
        if inputs != self.inputs {
            bail!("layer {}: expected {} inputs, got {inputs}", self.layer, self.inputs);
        }
        let y = with(&[params.get(&self.weight())?, x], |slices: &[&[T]]| dense::product(slices[0], slices[1], n))?;
        let statistics = self.statistics(buffers, mode, &y, n)?;
        let tensor = |values: Vec<T>| Tensor::from_vec(values, (self.outputs, n), &Device::Cpu);
        let (output, moments) = match (self.norm_layer(), &statistics) {
            (Some(norm), Some(statistics)) => {
                let output = with(&[params.get(&norm.gamma())?, params.get(&norm.beta())?], |affine: &[&[T]]| {
                    dense::normalise(&y, n, statistics, affine[0], affine[1])
                })?;
                (Some(tensor(output)?), self.moments::<T>(&norm, statistics, n)?)
            }
            _ => (None, None),
        };
        let y = tensor(y)?;
        let output = output.unwrap_or_else(|| y.clone());
        let output = if self.last { output.t()?.contiguous()? } else { output };
        Ok(DeepLinearPass { input: x.clone(), y, output, moments, statistics })
    }

    /// What each unit of `y` is normalised with; `None` without normalisation.
    fn statistics<T: WithDType>(
        &self,
        buffers: &Params,
        mode: StatisticsMode,
        y: &[T],
        n: usize,
    ) -> Result<Option<Vec<UnitStatistics>>> {
        let Some(norm) = self.norm_layer() else { return Ok(None) };
        Ok(Some(match mode {
            StatisticsMode::Batch => dense::statistics(y, n, norm.divisor, EPS),
            StatisticsMode::Running => {
                let (mean, divisor) = norm.running(buffers)?;
                let units = mean.into_iter().zip(divisor);
                units
                    .map(|(mean, divisor)| UnitStatistics { mean, divisor, variance: f64::NAN, slopes: None })
                    .collect()
            }
        }))
    }

    fn moments<T: WithDType>(&self, norm: &NormLayer, units: &[UnitStatistics], n: usize) -> Result<Option<Moments>> {
        if units.iter().any(|unit| unit.slopes.is_none()) {
            return Ok(None);
        }
        let tensor = |of: &dyn Fn(&UnitStatistics) -> f64| {
            let values: Vec<T> = units.iter().map(|unit| T::from_f64(of(unit))).collect();
            Tensor::from_vec(values, units.len(), &Device::Cpu)
        };
        let spread = tensor(&|unit| if norm.keeps_variance() { unit.variance } else { unit.divisor })?;
        Ok(Some(Moments { mean: tensor(&|unit| unit.mean)?, spread, count: n }))
    }

    /// The gradient of the input of a pass on the fast path; those of the parameters are added to `gradients`.
    pub(super) fn backward(
        &self,
        params: &Params,
        pass: &DeepLinearPass,
        grad_output: &Tensor,
        gradients: &mut Params,
    ) -> Result<Tensor> {
        match grad_output.dtype() {
            DType::F32 => self.backward_in::<f32>(params, pass, grad_output, gradients),
            DType::F64 => self.backward_in::<f64>(params, pass, grad_output, gradients),
            other => bail!("a deep linear network: expected f32 or f64, got {other:?}"),
        }
    }

    fn backward_in<T: WithDType>(
        &self,
        params: &Params,
        pass: &DeepLinearPass,
        grad_output: &Tensor,
        gradients: &mut Params,
    ) -> Result<Tensor> {
        let (_, n) = pass.y.dims2()?;
        let grad_output = if self.last { grad_output.t()?.contiguous()? } else { grad_output.clone() };
        let units = |values: Vec<T>| Tensor::from_vec(values, self.outputs, &Device::Cpu);
        let grad_y = match (self.norm_layer(), &pass.statistics) {
            (Some(norm), Some(statistics)) => {
                let arguments = [&pass.y, params.get(&norm.gamma())?, &grad_output];
                let (grad_y, grad_gamma, grad_beta) = with(&arguments, |slices: &[&[T]]| {
                    dense::normalise_backward(slices[0], n, statistics, slices[1], slices[2])
                })?;
                gradients.insert(norm.gamma(), units(grad_gamma)?);
                gradients.insert(norm.beta(), units(grad_beta)?);
                Tensor::from_vec(grad_y, (self.outputs, n), &Device::Cpu)?
            }
            _ => grad_output,
        };
        let grad_weight =
            with(&[&grad_y, &pass.input], |slices: &[&[T]]| dense::outer_product(slices[0], slices[1], n))?;
        gradients.insert(self.weight(), Tensor::from_vec(grad_weight, (self.outputs, self.inputs), &Device::Cpu)?);
        let transposed = params.get(&self.weight())?.t()?.contiguous()?;
        let grad_x = with(&[&transposed, &grad_y], |slices: &[&[T]]| dense::product(slices[0], slices[1], n))?;
        Tensor::from_vec(grad_x, (self.inputs, n), &Device::Cpu)
    }
}

/// `then` of the values of `tensors`, which are contiguous and on the CPU.
fn with<T: WithDType, R>(tensors: &[&Tensor], then: impl FnOnce(&[&[T]]) -> R) -> Result<R> {
    let guards: Vec<_> = tensors.iter().map(|tensor| tensor.storage_and_layout()).collect();
    let mut slices = Vec::with_capacity(guards.len());
    for (storage, layout) in &guards {
        let (Storage::Cpu(storage), Some((start, end))) = (&**storage, layout.contiguous_offsets()) else {
            bail!("a deep linear network: expected contiguous tensors on the CPU, got {layout:?}");
        };
        slices.push(&CpuStorage::as_slice::<T>(storage)?[start..end]);
    }
    Ok(then(&slices))
}
