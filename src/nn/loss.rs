//! The losses that training minimises, with their gradients; and accuracy.

use candle_core::{D, DType, Result, Tensor};
use candle_nn::loss::cross_entropy;
use candle_nn::ops::softmax;

use crate::kernels::update::minus_scaled;
use crate::spec::Loss;

/// How many rows of `logits` (n, classes) are largest at their label (n).
///
/// # Errors
/// If the shapes do not fit.
pub fn correct(logits: &Tensor, labels: &Tensor) -> Result<usize> {
    let hits = logits.argmax(D::Minus1)?.eq(labels)?.to_dtype(DType::U32)?.sum_all()?;
    Ok(hits.to_scalar::<u32>()? as usize)
}

/// The loss of an output (n, classes or outputs), in Candle's own operations.
pub(super) fn loss_of(loss: Loss, output: &Tensor, labels: &Tensor) -> Result<Tensor> {
    match loss {
        Loss::CrossEntropy => cross_entropy(output, labels),
        Loss::HalfSquaredErrorSum => output.sub(labels)?.sqr()?.sum_all()?.affine(0.5, 0.0),
    }
}

/// The loss and its gradient with respect to the output.
pub(super) fn loss_and_gradient(loss: Loss, output: &Tensor, labels: &Tensor) -> Result<(f64, Tensor)> {
    match loss {
        // Mean cross-entropy in nats, and its gradient (softmax − one-hot) / n, of logits (n, classes).
        Loss::CrossEntropy => {
            let (n, classes) = output.dims2()?;
            let loss = cross_entropy(output, labels)?.to_dtype(DType::F64)?.to_scalar()?;
            let one_hot =
                candle_nn::encoding::one_hot(labels.clone(), classes, 1f32, 0f32)?.to_dtype(output.dtype())?;
            Ok((loss, softmax(output, D::Minus1)?.sub(&one_hot)?.affine(1.0 / n as f64, 0.0)?))
        }
        Loss::HalfSquaredErrorSum => {
            let errors = minus_scaled(output, labels, 1.0)?;
            let squares = errors.sqr()?.sum_all()?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
            Ok((0.5 * squares, errors))
        }
    }
}
