//! 2×2 max pooling with a right gradient.

use candle_core::{Result, Tensor};

/// The maximum of every 2×2 window; an odd last row or column is dropped, as in PyTorch.
///
/// Candle 0.11.1's own `max_pool2d` gives a quarter of the gradient (it multiplies by the mean of the window's mask),
/// so the windows are split off as axes of their own. Equal values each get the gradient here, while the kernel gives it
/// to the first, as PyTorch does; after a ReLU they are zeros, which pass none on.
///
/// # Shapes
/// (n, c, h, w) → (n, c, ⌊h/2⌋, ⌊w/2⌋)
///
/// # Errors
/// If `x` has other than four dimensions, or a side shorter than 2.
pub fn max_pool2(x: &Tensor) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let (h, w) = (h / 2, w / 2);
    let even = x.narrow(2, 0, 2 * h)?.narrow(3, 0, 2 * w)?.contiguous()?;
    even.reshape((n, c, h, 2, w, 2))?.max(5)?.max(3)
}
