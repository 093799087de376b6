//! How a pass through a network is made.

/// The implementation that a block runs on. A trial keeps its own from the first step to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Implementation {
    /// Candle's own operations on (n, c, h, w) or (n, units).
    Plain,
    /// Our kernels on (n, ⌈c/8⌉, h, w, 8).
    Fast,
}

/// How a pass through the network is made.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// The statistics that normalisations normalise with.
    pub statistics: StatisticsMode,
    /// The random numbers of the noise; `None` for a pass without noise.
    pub noise: Option<NoiseKey>,
}

/// The statistics that normalisations normalise with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatisticsMode {
    /// Moments of the batch, as in training.
    Batch,
    /// Running averages of them.
    Running,
}

/// The purpose of a training step's noise.
pub const TRAINING: &str = "noise";

/// Which random numbers a pass through the network uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoiseKey {
    /// The trial's seed.
    pub seed: u64,
    /// The use of the noise: `TRAINING`, or another word elsewhere, so that nothing moves training's draws.
    pub purpose: &'static str,
    /// The step; in an evaluation, which of its passes.
    pub step: u64,
}
