//! From feature maps to vectors.

use candle_core::{Result, Tensor};

use super::block::{At, Block, Gradients, Pass};
use super::feature_maps::{FeatureMaps, to_layout_of};
use super::mode::Implementation;
use super::params::Params;

/// Feature maps of `channels` channels as vectors (n, c·h·w), in PyTorch's order (c, h, w).
#[derive(Clone, Debug)]
pub struct Flatten {
    /// Channels of the input.
    pub channels: usize,
    /// The implementation whose layout the input has.
    pub implementation: Implementation,
}

impl Block for Flatten {
    fn name(&self) -> &str {
        "flatten"
    }

    fn forward(&self, _: At, x: &Tensor) -> Result<Pass> {
        let maps = FeatureMaps::new(x.clone(), self.channels, self.implementation);
        Ok(Pass::new(self.name(), x, maps.nchw()?.flatten_from(1)?.contiguous()?))
    }

    fn backward(&self, _: At, pass: &Pass, gradient: &Tensor, _: bool) -> Result<Gradients> {
        let dims = pass.input.dims();
        let nchw = gradient.reshape((dims[0], self.channels, dims[2], dims[3]))?;
        Ok((Some(to_layout_of(self.implementation, &nchw)?), Params::default()))
    }
}
