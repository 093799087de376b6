//! The activation function of the plain path.

use candle_core::{Result, Tensor};

/// max(0, x), and NaN of NaN: Candle's own `relu` makes 0 of it, so that a network that diverged would look well.
pub(super) fn relu(x: &Tensor) -> Result<Tensor> {
    x.le(0f64)?.where_cond(&x.zeros_like()?, x)
}
