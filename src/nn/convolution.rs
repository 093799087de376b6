//! A 3×3 convolution, and the layer that it makes with its epilogue.

use candle_core::{Result, Tensor};

use super::block::{At, Block, Gradients, Parameter, Pass, vector_jacobian};
use super::epilogue::Epilogue;
use super::feature_maps::{FeatureMaps, to_layout_of};
use super::mode::Implementation;
use super::params::Params;
use crate::kernels::conv::Conv3x3;

/// A 3×3 convolution with stride 1 and padding 1, without a bias.
#[derive(Clone, Debug)]
pub struct Convolution {
    /// Its name; the weight is `NAME.weight` (c_out, c_in, 3, 3).
    pub name: String,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// The implementation that it runs on.
    pub implementation: Implementation,
}

impl Convolution {
    fn weight(&self) -> String {
        format!("{}.weight", self.name)
    }
}

impl Block for Convolution {
    fn name(&self) -> &str {
        &self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::weight(self.weight(), &[self.out_channels, self.in_channels, 3, 3])]
    }

    fn enter(&self, images: &Tensor) -> Result<Tensor> {
        to_layout_of(self.implementation, images)
    }

    fn forward(&self, at: At, x: &Tensor) -> Result<Pass> {
        let weight = at.params.get(&self.weight())?;
        let y = match self.implementation {
            Implementation::Plain => x.conv2d(weight, 1, 1, 1, 1)?,
            Implementation::Fast => Conv3x3::forward(x, weight)?,
        };
        Ok(Pass::new(&self.name, x, y))
    }

    fn backward(&self, at: At, pass: &Pass, gradient: &Tensor, need_input: bool) -> Result<Gradients> {
        if self.implementation == Implementation::Plain {
            let forward = |at: At, x: &Tensor| self.forward(at, x);
            return vector_jacobian(forward, at, self.parameters(), &pass.input, gradient, need_input);
        }
        let weight = at.params.get(&self.weight())?;
        let grad_input = need_input.then(|| Conv3x3::input_gradient(weight, gradient)).transpose()?;
        let grad_weight = Conv3x3::weight_gradient(&pass.input, weight, gradient)?;
        Ok((grad_input, Params::from_iter([(self.weight(), grad_weight)])))
    }
}

/// A convolution with its epilogue: a layer, as probes count them.
#[derive(Clone, Debug)]
pub struct ConvLayer {
    /// The convolution.
    pub convolution: Convolution,
    /// Normalisation or bias, noise, ReLU and pooling.
    pub epilogue: Epilogue,
}

impl ConvLayer {
    /// The input of the ReLU, computed again from `pass` with the same noise to the bit.
    ///
    /// # Errors
    /// If `pass` is not of this layer.
    pub fn before_relu(&self, at: At, pass: &Pass) -> Result<FeatureMaps> {
        self.epilogue.before_relu(at, &pass.inner[1])
    }
}

impl Block for ConvLayer {
    fn name(&self) -> &str {
        &self.convolution.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        [self.convolution.parameters(), self.epilogue.parameters()].concat()
    }

    fn buffers(&self) -> Vec<Parameter> {
        self.epilogue.buffers()
    }

    fn enter(&self, images: &Tensor) -> Result<Tensor> {
        self.convolution.enter(images)
    }

    fn forward(&self, at: At, x: &Tensor) -> Result<Pass> {
        let convolution = self.convolution.forward(at, x)?;
        let epilogue = self.epilogue.forward(at, &convolution.output)?;
        let pass = Pass::new(self.name(), x, epilogue.output.clone());
        Ok(Pass { inner: vec![convolution, epilogue], ..pass })
    }

    fn backward(&self, at: At, pass: &Pass, gradient: &Tensor, need_input: bool) -> Result<Gradients> {
        let (grad_y, of_epilogue) = self.epilogue.backward(at, &pass.inner[1], gradient, true)?;
        let grad_y = grad_y.expect("it was asked for");
        let (grad_input, of_convolution) = self.convolution.backward(at, &pass.inner[0], &grad_y, need_input)?;
        Ok((grad_input, of_convolution.with(&of_epilogue)))
    }

    fn update_buffers(&self, pass: &Pass, buffers: &mut Params) -> Result<()> {
        self.epilogue.update_buffers(&pass.inner[1], buffers)
    }
}
