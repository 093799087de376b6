//! VGG-16 (Simonyan & Zisserman 2015, table 1, column D).

use super::activation::Activation;
use super::block::Blocks;
use super::convolution::{ConvLayer, Convolution};
use super::dense::{Dense, DenseKernel};
use super::epilogue::Epilogue;
use super::flatten::Flatten;
use super::mode::Implementation;
use super::norm::NormLayer;
use crate::spec::Vgg16;

/// The VGG-16 of `model` for square images of `inputs` (channels, height, width).
pub fn vgg16(model: &Vgg16, implementation: Implementation, inputs: &[usize], classes: usize) -> Blocks {
    let stages = Vgg16::STAGES.map(|stage| stage.iter().map(|width| width / model.width_divisor).collect());
    from_stages(&stages, model, implementation, inputs, classes)
}

/// Convolutions of the widths in `stages`, with pooling after each stage, then the fully connected layers.
/// Of `model`, what follows a convolution and the head count.
pub fn from_stages(
    stages: &[Vec<usize>],
    model: &Vgg16,
    implementation: Implementation,
    inputs: &[usize],
    classes: usize,
) -> Blocks {
    let (mut blocks, mut in_channels): (Blocks, _) = (Vec::new(), inputs[0]);
    let convolutions = stages.iter().map(Vec::len).sum();
    for stage in stages {
        for (index, &out_channels) in stage.iter().enumerate() {
            let layer = blocks.len() + 1;
            let name = format!("conv{layer}");
            let epilogue = Epilogue {
                name: name.clone(),
                channels: out_channels,
                norm: NormLayer::new(model.norm, layer, out_channels),
                noise: model.noise.filter(|noise| noise.follows(layer, convolutions)),
                pool: index + 1 == stage.len(),
                implementation,
            };
            let convolution = Convolution { name, in_channels, out_channels, implementation };
            blocks.push(Box::new(ConvLayer { convolution, epilogue }));
            in_channels = out_channels;
        }
    }
    blocks.push(Box::new(Flatten { channels: in_channels, implementation }));
    let side = inputs[1] >> stages.len();
    let kernel = if implementation == Implementation::Fast { DenseKernel::Gemm } else { DenseKernel::Plain };
    let mut inputs = in_channels * side * side;
    for (index, &outputs) in model.head.iter().chain([&classes]).enumerate() {
        let (name, last) = (format!("head{}", index + 1), index == model.head.len());
        let activation = if last { Activation::Identity } else { Activation::Relu };
        blocks.push(Box::new(Dense { name, inputs, outputs, bias: true, norm: None, activation, kernel, last }));
        inputs = outputs;
    }
    blocks
}
