//! How a pass through a network is made.

use super::noise::NoiseMode;

/// Which implementation a network runs on. A trial takes one and the same from its first step to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Candle's own operations on (n, c, h, w).
    Plain,
    /// Our kernels on (n, ⌈c/8⌉, h, w, 8).
    Fast,
}

/// How a pass through the network is made.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// What normalisations normalise with.
    pub statistics: StatisticsMode,
    /// What the noise layers do.
    pub noise: NoiseMode,
}

/// What normalisations normalise with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatisticsMode {
    /// Moments of the batch, as in training.
    Batch,
    /// Running averages of them.
    Running,
}
