//! The deep linear network: linear layers with a normalisation where the arm has one, and no activation function between
//! them (Santurkar et al. 2018, section 2.3).
//!
//! Neither a plain layer nor one before a normalisation has a bias: the paper minimises ‖W₁…W_k·x − A·x‖², and under a
//! normalisation β does its work. The last layer is never normalised, as the layer that makes the logits of a VGG is not:
//! its output must take any scale.

use super::activation::Activation;
use super::block::{Block, Blocks};
use super::dense::{Dense, DenseKernel};
use super::mode::Implementation;
use super::norm::NormLayer;
use crate::spec::DeepLinear;

/// The deep linear network of `model`, from vectors of `inputs` numbers to vectors of `outputs`.
pub fn deep_linear(model: &DeepLinear, implementation: Implementation, inputs: usize, outputs: usize) -> Blocks {
    let &DeepLinear { depth, width, .. } = model;
    let kernel = if implementation == Implementation::Fast { DenseKernel::Loops } else { DenseKernel::Plain };
    let block = |layer: usize| -> Box<dyn Block> {
        let (inputs, last) = (if layer == 1 { inputs } else { width }, layer == depth);
        let outputs = if last { outputs } else { width };
        let norm = if last { None } else { NormLayer::new(model.norm, layer, outputs) };
        let (name, activation) = (format!("linear{layer}"), Activation::Identity);
        Box::new(Dense { name, inputs, outputs, bias: false, norm, activation, kernel, last })
    };
    (1..=depth).map(block).collect()
}
