//! What networks are made of: layers, normalisations, noise; the architectures.

mod activation;
mod block;
mod deep_linear;
mod feature_maps;
mod init;
mod linear;
mod loss;
mod mode;
mod network;
mod noise;
mod norm;
mod params;
mod pool;

pub use block::{AfterConvolution, ConvBlock, ConvPass};
pub use deep_linear::{DeepLinearBlock, DeepLinearPass};
pub use feature_maps::{ChannelMoments, FeatureMaps};
pub use linear::{LinearBlock, LinearPass};
pub use loss::correct;
pub use mode::{Mode, Path, StatisticsMode};
pub use network::{Block, BlockPass, Network, StepResult};
pub use noise::{NoiseKey, NoiseMode, TRAINING};
pub use norm::{EPS as NORM_EPS, Moments};
pub use params::{LayerParameters, Params};
pub use pool::max_pool2;
