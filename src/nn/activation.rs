//! Activation functions in Candle's own operations.

use candle_core::{Result, Tensor};

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// None: x.
    Identity,
    /// max(0, x).
    Relu,
}

/// The activation function of `x`, element by element.
///
/// # Errors
/// Candle's.
pub(super) fn activate(activation: Activation, x: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Identity => Ok(x.clone()),
        Activation::Relu => relu(x),
    }
}

/// max(0, x), and NaN of NaN: Candle's own `relu` makes 0 of it, so that a network that diverged would look well.
pub(super) fn relu(x: &Tensor) -> Result<Tensor> {
    x.le(0f64)?.where_cond(&x.zeros_like()?, x)
}
