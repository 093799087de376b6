//! 2×2 max pooling with a right gradient.

use candle_core::{Result, Tensor};

/// The maximum of every 2×2 window; an odd last row or column is dropped. NaN of a window that holds one.
///
/// Candle 0.11.1's own `max_pool2d` gives a quarter of the gradient (it multiplies by the mean of the window's mask). Of
/// equal values the first, row by row, gets the gradient, as in the kernel and in PyTorch: ties above zero are common
/// where an image's background is constant.
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
    let windows = even.reshape((n, c, h, 2, w, 2))?.permute((0, 1, 2, 4, 3, 5))?.reshape((n, c, h, w, 4))?;
    let order = windows.detach();
    let infinity = order.zeros_like()?.affine(1.0, f64::INFINITY)?;
    let first = order.ne(&order)?.where_cond(&infinity, &order)?.argmax_keepdim(4)?;
    windows.gather(&first, 4)?.squeeze(4)
}
