//! The fully connected layer: x ↦ W·x, then a bias or a normalisation and an activation function, where it has them.
//!
//! It has two kernels, whose roundings differ. The head of a VGG uses the `gemm` crate's products. A deep linear network
//! uses loops over few units and many examples, in either precision, which carry their own normalisation.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, WithDType, bail};

use super::activation::{Activation, activate};
use super::block::{At, BatchMoments, Block, Gradients, Kind, Parameter, Pass, vector_jacobian};
use super::mode::StatisticsMode;
use super::norm::{self, EPS, NormLayer};
use super::params::Params;
use crate::kernels::dense::{Normalise, NormaliseBackward, OuterProduct, Product, Statistics, UnitStatistics};
use crate::kernels::isa;
use crate::kernels::layout::with_values;
use crate::kernels::linear::Linear;

/// The implementation of a dense layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenseKernel {
    /// Candle's own operations on (n, units), any type.
    Plain,
    /// The `gemm` crate without threads on (n, units), f32. It needs a bias.
    Gemm,
    /// Loops on (units, n), f32 or f64. They have neither a bias nor an activation function.
    Loops,
}

/// A fully connected layer with what follows it.
#[derive(Clone, Debug)]
pub struct Dense {
    /// Its name; the weight is `NAME.weight` (outputs, inputs), the bias `NAME.bias` (outputs).
    pub name: String,
    /// Length of the input.
    pub inputs: usize,
    /// Length of the output.
    pub outputs: usize,
    /// Whether it has a bias.
    pub bias: bool,
    /// The normalisation, where there is one.
    pub norm: Option<NormLayer>,
    /// The activation function.
    pub activation: Activation,
    /// The implementation that it runs on.
    pub kernel: DenseKernel,
    /// Whether the output is (n, outputs) whatever the kernel's own layout is: that of the network.
    pub last: bool,
}

impl Dense {
    fn weight(&self) -> String {
        format!("{}.weight", self.name)
    }

    fn bias(&self) -> String {
        format!("{}.bias", self.name)
    }

    /// All of it on (n, units) in operations that Candle differentiates.
    fn composed(&self, at: At, x: &Tensor) -> Result<Pass> {
        let weight = at.params.get(&self.weight())?;
        let bias = self.bias.then(|| at.params.get(&self.bias())).transpose()?;
        let y = match (self.kernel, bias) {
            (DenseKernel::Gemm, Some(bias)) => Linear::forward(x, weight, bias)?,
            (_, Some(bias)) => x.matmul(&weight.t()?)?.broadcast_add(bias)?,
            (_, None) => x.matmul(&weight.t()?)?,
        };
        let (y, moments) = match &self.norm {
            Some(norm) => {
                let (n, units) = y.dims2()?;
                let (y, moments) = norm.plain(at, &y.reshape((n, units, 1, 1))?)?;
                (y.reshape((n, units))?, moments)
            }
            None => (y, None),
        };
        Ok(Pass { moments, ..Pass::new(&self.name, x, activate(self.activation, &y)?) })
    }

    /// Whether [`gemm_backward`](Self::gemm_backward) can go back through it.
    fn has_gemm_backward(&self) -> bool {
        let simple = matches!(self.activation, Activation::Identity | Activation::Relu);
        self.kernel == DenseKernel::Gemm && self.bias && self.norm.is_none() && simple
    }

    fn gemm_backward(&self, at: At, pass: &Pass, gradient: &Tensor) -> Result<Gradients> {
        let grad_y = match self.activation == Activation::Relu {
            true => gradient.mul(&pass.output.gt(0f64)?.to_dtype(gradient.dtype())?)?,
            false => gradient.clone(),
        };
        let (grad_x, grad_weight, grad_bias) = Linear::backward(&pass.input, at.params.get(&self.weight())?, &grad_y)?;
        Ok((Some(grad_x), Params::from_iter([(self.weight(), grad_weight), (self.bias(), grad_bias)])))
    }
}

impl Block for Dense {
    fn name(&self) -> &str {
        &self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        let weight = Parameter::weight(self.weight(), &[self.outputs, self.inputs]);
        let bias = self.bias.then(|| Parameter::constant(self.bias(), Kind::Bias, self.outputs, 0.0));
        let norm = self.norm.as_ref().map(NormLayer::parameters).unwrap_or_default();
        std::iter::once(weight).chain(bias).chain(norm).collect()
    }

    fn buffers(&self) -> Vec<Parameter> {
        self.norm.as_ref().map(NormLayer::buffers).unwrap_or_default()
    }

    fn enter(&self, examples: &Tensor) -> Result<Tensor> {
        match (self.kernel, examples.dtype()) {
            (DenseKernel::Loops, DType::F32) => transposed::<f32>(examples),
            (DenseKernel::Loops, _) => transposed::<f64>(examples),
            _ => Ok(examples.clone()),
        }
    }

    fn forward(&self, at: At, x: &Tensor) -> Result<Pass> {
        match (self.kernel, x.dtype()) {
            (DenseKernel::Loops, DType::F32) => self.loops::<f32>(at, x),
            (DenseKernel::Loops, DType::F64) => self.loops::<f64>(at, x),
            (DenseKernel::Loops, other) => bail!("{}: expected f32 or f64, got {other:?}", self.name),
            _ => self.composed(at, x),
        }
    }

    fn backward(&self, at: At, pass: &Pass, gradient: &Tensor, need_input: bool) -> Result<Gradients> {
        match (self.kernel, gradient.dtype()) {
            (DenseKernel::Loops, DType::F32) => self.loops_backward::<f32>(at, pass, gradient),
            (DenseKernel::Loops, _) => self.loops_backward::<f64>(at, pass, gradient),
            _ if self.has_gemm_backward() => self.gemm_backward(at, pass, gradient),
            _ => {
                let forward = |at: At, x: &Tensor| self.composed(at, x);
                vector_jacobian(forward, at, self.parameters(), &pass.input, gradient, need_input)
            }
        }
    }

    fn update_buffers(&self, pass: &Pass, buffers: &mut Params) -> Result<()> {
        norm::update_running(self.norm.as_ref(), pass, buffers)
    }
}

/// The loops, on (units, n).
impl Dense {
    fn loops<T: WithDType>(&self, at: At, x: &Tensor) -> Result<Pass> {
        let (inputs, n) = x.dims2()?;
        if inputs != self.inputs {
            bail!("{}: expected {} inputs, got {inputs}", self.name, self.inputs);
        }
        let y = Self::product::<T>(at.params.get(&self.weight())?, x, n)?;
        let tensor = |values: Vec<T>| Tensor::from_vec(values, (self.outputs, n), &Device::Cpu);
        let pass = |output: Tensor, moments, kept: Loops| -> Result<Pass> {
            let output = if self.last { transposed::<T>(&output)? } else { output };
            Ok(Pass { moments, kept: Some(Arc::new(kept)), ..Pass::new(&self.name, x, output) })
        };
        let Some(norm) = &self.norm else {
            let y = tensor(y)?;
            return pass(y.clone(), None, Loops { y, statistics: None });
        };
        let statistics = self.statistics(norm, at, &y, n)?;
        let affine = [("γ", at.params.get(&norm.gamma())?), ("β", at.params.get(&norm.beta())?)];
        let output = with_values(affine, |[gamma, beta]| {
            Ok(isa::dispatch(Normalise { y: &y, n, statistics: &statistics, gamma, beta }))
        })?;
        let moments = moments::<T>(norm, &statistics, n)?;
        pass(tensor(output)?, moments, Loops { y: tensor(y)?, statistics: Some(statistics) })
    }

    /// `weight`·`x`.
    fn product<T: WithDType>(weight: &Tensor, x: &Tensor, n: usize) -> Result<Vec<T>> {
        with_values([("weight", weight), ("x", x)], |[weight, x]| Ok(isa::dispatch(Product { weight, x, n })))
    }

    /// The statistics that each unit of `y` is normalised with.
    fn statistics<T: WithDType>(&self, norm: &NormLayer, at: At, y: &[T], n: usize) -> Result<Vec<UnitStatistics>> {
        if at.mode.statistics == StatisticsMode::Batch {
            return Ok(isa::dispatch(Statistics { y, n, divisor: norm.divisor, eps: EPS }));
        }
        let (mean, divisor) = norm.running(at.buffers)?;
        let unit = |(mean, divisor)| UnitStatistics { mean, divisor, variance: f64::NAN, slopes: None };
        Ok(mean.into_iter().zip(divisor).map(unit).collect())
    }

    fn loops_backward<T: WithDType>(&self, at: At, pass: &Pass, gradient: &Tensor) -> Result<Gradients> {
        let Some(kept) = pass.kept.as_ref().and_then(|kept| kept.downcast_ref::<Loops>()) else {
            bail!("{}: the pass is not through this block", self.name)
        };
        let (_, n) = kept.y.dims2()?;
        let grad_output = if self.last { transposed::<T>(gradient)? } else { gradient.clone() };
        let mut gradients = Params::default();
        let grad_y = match (&self.norm, &kept.statistics) {
            (Some(norm), Some(statistics)) => {
                let arguments = [("W·x", &kept.y), ("γ", at.params.get(&norm.gamma())?), ("gradient", &grad_output)];
                let (grad_y, grad_gamma, grad_beta) = with_values(arguments, |[y, gamma, grad]: [&[T]; 3]| {
                    Ok(isa::dispatch(NormaliseBackward { y, n, statistics, gamma, grad }))
                })?;
                let units = |values: Vec<T>| Tensor::from_vec(values, self.outputs, &Device::Cpu);
                gradients.insert(norm.gamma(), units(grad_gamma)?);
                gradients.insert(norm.beta(), units(grad_beta)?);
                Tensor::from_vec(grad_y, (self.outputs, n), &Device::Cpu)?
            }
            _ => grad_output,
        };
        let grad_weight = with_values([("gradient", &grad_y), ("x", &pass.input)], |[a, b]: [&[T]; 2]| {
            Ok(isa::dispatch(OuterProduct { a, b, n }))
        })?;
        gradients.insert(self.weight(), Tensor::from_vec(grad_weight, (self.outputs, self.inputs), &Device::Cpu)?);
        let grad_x = Self::product::<T>(&transposed::<T>(at.params.get(&self.weight())?)?, &grad_y, n)?;
        Ok((Some(Tensor::from_vec(grad_x, (self.inputs, n), &Device::Cpu)?), gradients))
    }
}

/// The transpose of a matrix, contiguous. (Candle's own copy reckons with strides at every element.)
fn transposed<T: WithDType>(matrix: &Tensor) -> Result<Tensor> {
    let (rows, columns) = matrix.dims2()?;
    let values = with_values([("matrix", &matrix.contiguous()?)], |[values]: [&[T]; 1]| {
        let mut transposed = vec![T::zero(); values.len()];
        for (at, row) in values.chunks_exact(columns).enumerate() {
            for (column, &value) in row.iter().enumerate() {
                transposed[column * rows + at] = value;
            }
        }
        Ok(transposed)
    })?;
    Tensor::from_vec(values, (columns, rows), &Device::Cpu)
}

/// The part of a pass that the loops keep.
struct Loops {
    /// W·x, before the normalisation.
    y: Tensor,
    /// The statistics that it was normalised with.
    statistics: Option<Vec<UnitStatistics>>,
}

/// The moments in `units`; `None` where the batch was not normalised by its own.
fn moments<T: WithDType>(norm: &NormLayer, units: &[UnitStatistics], n: usize) -> Result<Option<BatchMoments>> {
    if units.iter().any(|unit| unit.slopes.is_none()) {
        return Ok(None);
    }
    let tensor = |of: &dyn Fn(&UnitStatistics) -> f64| {
        let values: Vec<T> = units.iter().map(|unit| T::from_f64(of(unit))).collect();
        Tensor::from_vec(values, units.len(), &Device::Cpu)
    };
    let spread = tensor(&|unit| if norm.keeps_variance() { unit.variance } else { unit.divisor })?;
    Ok(Some(BatchMoments { mean: tensor(&|unit| unit.mean)?, spread, count: n }))
}
