//! The parts of networks: blocks, normalisations, noise, initialisations; the architectures.

mod activation;
mod block;
mod convolution;
mod deep_linear;
mod dense;
mod epilogue;
mod feature_maps;
mod flatten;
mod init;
mod loss;
mod mode;
mod network;
mod noise;
mod norm;
mod params;
mod pool;
mod vgg;

use candle_core::DType;

use crate::spec::{Loss, Model};

pub use block::{At, BatchMoments, Block, Blocks, Kind, Parameter, Pass};
pub(crate) use convolution::ConvLayer;
pub use convolution::Convolution;
pub use epilogue::Epilogue;
pub use feature_maps::FeatureMaps;
pub(crate) use loss::correct;
pub(crate) use mode::TRAINING;
pub use mode::{Implementation, Mode, NoiseKey, StatisticsMode};
pub use network::{Network, StepResult};
pub(crate) use norm::EPS as NORM_EPS;
pub use norm::NormLayer;
pub use params::Params;
pub use pool::max_pool2;
pub use vgg::from_stages;

/// The network of `model` that minimises `loss`, for examples of `inputs` (channels, height, width; or one length) and
/// outputs of length `outputs`.
pub fn network(model: &Model, loss: Loss, implementation: Implementation, inputs: &[usize], outputs: usize) -> Network {
    let (blocks, init) = match model {
        Model::Vgg16(model) => (vgg::vgg16(model, implementation, inputs, outputs), model.init),
        Model::DeepLinear(model) => (deep_linear::deep_linear(model, implementation, inputs[0], outputs), model.init),
    };
    Network::new(blocks, init, loss)
}

/// The fastest implementation of `model` in `dtype`: convolutions have kernels in single precision, other networks in
/// double precision too.
pub fn fastest(model: &Model, dtype: DType) -> Implementation {
    let has_kernels = dtype == DType::F32 || (dtype == DType::F64 && !model.kind().is_convolutional);
    if has_kernels { Implementation::Fast } else { Implementation::Plain }
}
