//! What networks are made of: layers, normalisations, noise; the architectures.

mod block;
mod deep_linear;
mod feature_maps;
mod init;
mod loss;
mod network;
mod noise;
mod norm;
mod params;
mod pool;
#[cfg(test)]
mod testing;

pub use block::{AfterConvolution, ConvBlock, ConvPass, LinearBlock, LinearPass, Mode, Moments, Path, StatisticsMode};
pub use deep_linear::{DeepLinearBlock, DeepLinearPass};
pub use feature_maps::{ChannelMoments, FeatureMaps};
pub use loss::correct;
pub use network::{Block, BlockPass, Network, StepResult};
pub use noise::{NoiseKey, NoiseMode, TRAINING};
pub use norm::EPS as NORM_EPS;
pub use params::{LayerParameters, Params};
pub use pool::max_pool2;
