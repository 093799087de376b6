//! The fully connected layers after the convolutions.

use candle_core::{DType, Device, Result, Tensor};

use super::activation::relu;
use super::init;
use super::mode::Path;
use super::params::{LayerParameters, Params};
use crate::kernels::linear::Linear;
use crate::spec::Init;

/// A fully connected layer, with a ReLU unless it is the last.
#[derive(Clone, Debug)]
pub struct LinearBlock {
    /// Counted from 1.
    pub layer: usize,
    /// Length of the input.
    pub inputs: usize,
    /// Length of the output.
    pub outputs: usize,
    /// Whether it makes the logits.
    pub last: bool,
}

/// What a [`LinearBlock`] keeps of a pass for its backward.
#[derive(Clone, Debug)]
pub struct LinearPass {
    pub(super) input: Tensor,
    pub(super) output: Tensor,
}

impl LinearBlock {
    /// The names of its parameters.
    pub fn parameters(&self) -> LayerParameters {
        let (weight, bias) = (self.name("weight"), Some(self.name("bias")));
        LayerParameters { weight, bias, gamma: None }
    }

    fn name(&self, part: &str) -> String {
        format!("head{}.{part}", self.layer)
    }

    pub(super) fn init(&self, params: &mut Params, init: Init, seed: u64, dtype: DType) -> Result<()> {
        let name = self.name("weight");
        let weight = init::weight(init, seed, &name, &[self.outputs, self.inputs], dtype)?;
        params.insert(self.name("bias"), Tensor::zeros(self.outputs, dtype, &Device::Cpu)?);
        params.insert(name, weight);
        Ok(())
    }

    /// (n, inputs) → (n, outputs).
    pub(super) fn forward(&self, path: Path, params: &Params, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = (params.get(&self.name("weight"))?, params.get(&self.name("bias"))?);
        let output = match path {
            Path::Plain => x.matmul(&weight.t()?)?.broadcast_add(bias)?,
            Path::Fast => Linear::forward(x, weight, bias)?,
        };
        if self.last { Ok(output) } else { relu(&output) }
    }

    /// The gradient of the input (n, inputs); those of the parameters are added to `gradients`.
    pub(super) fn backward(
        &self,
        params: &Params,
        pass: &LinearPass,
        grad_output: &Tensor,
        gradients: &mut Params,
    ) -> Result<Tensor> {
        let grad = match self.last {
            true => grad_output.clone(),
            false => grad_output.mul(&pass.output.gt(0f64)?.to_dtype(grad_output.dtype())?)?,
        };
        let weight = params.get(&self.name("weight"))?;
        let (grad_x, grad_weight, grad_bias) = Linear::backward(&pass.input, weight, &grad)?;
        gradients.insert(self.name("weight"), grad_weight);
        gradients.insert(self.name("bias"), grad_bias);
        Ok(grad_x)
    }
}
