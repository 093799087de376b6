//! The fully connected layer in f32 on one thread.
//!
//! Candle's `matmul` asks rayon how many threads to use; trials run in parallel on one thread each, so this calls the
//! same `gemm` crate without threads. Which of its kernels runs depends on the processor, not on [`isa`](super::isa).

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};

use super::layout::{values, with_values};

/// Fully connected layer x·Wᵀ + b.
///
/// As a [`CustomOp3`] its arguments are x (n, k), W (o, k) and b (o), its result (n, o).
pub struct Linear;

impl Linear {
    /// x·Wᵀ + b (n, o) of `x` (n, k), `weight` W (o, k) and `bias` b (o). Differentiable.
    ///
    /// # Errors
    /// If an argument is not contiguous f32 on the CPU, or the shapes do not fit.
    pub fn forward(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
        x.apply_op3(weight, bias, Linear)
    }

    /// The gradients of x (n, k), of W (o, k) and of b (o), from `grad` (n, o), that of the result. Needs no graph and
    /// makes none.
    ///
    /// # Errors
    /// As for [`forward`](Self::forward).
    pub fn backward(x: &Tensor, weight: &Tensor, grad: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        with_values([("linear x", x), ("linear weight", weight), ("linear output gradient", grad)], |values| {
            let x_matrix = Matrix::of("linear x", values[0], x.shape())?;
            let weight_matrix = Matrix::of("linear weight", values[1], weight.shape())?;
            let grad_matrix = Matrix::of("linear output gradient", values[2], grad.shape())?;
            let product = |a: Matrix, b: Matrix| {
                let zeros = vec![0.0; a.rows * b.columns];
                Tensor::from_vec(add_product(zeros, a, b)?, (a.rows, b.columns), &Device::Cpu)
            };
            let grad_bias = Tensor::from_vec(grad_matrix.sum_of_rows(), grad_matrix.columns, &Device::Cpu)?;
            Ok((product(grad_matrix, weight_matrix)?, product(grad_matrix.transposed(), x_matrix)?, grad_bias))
        })
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = Matrix::of("linear x", values("linear x", x, x_layout)?, x_layout.shape())?;
        let weight = values("linear weight", weight, weight_layout)?;
        let weight = Matrix::of("linear weight", weight, weight_layout.shape())?;
        let bias = values("linear bias", bias, bias_layout)?;
        if bias.len() != weight.rows {
            bail!("linear bias: got shape {:?}, expected ({},)", bias_layout.shape(), weight.rows)
        }
        let result = bias.repeat(x.rows);
        let shape = Shape::from((x.rows, weight.rows));
        Ok((CpuStorage::F32(add_product(result, x, weight.transposed())?), shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (grad_x, grad_weight, grad_bias) = Self::backward(x, weight, &grad.contiguous()?)?;
        Ok((Some(grad_x), Some(grad_weight), Some(grad_bias)))
    }
}

/// A view of a matrix; strides are in values.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    fn of(name: &str, values: &'a [f32], shape: &Shape) -> Result<Self> {
        let &[rows, columns] = shape.dims() else { bail!("{name}: got shape {shape:?}, expected a matrix") };
        Ok(Self { values, rows, columns, row_stride: columns, column_stride: 1 })
    }

    /// The sum of the rows of a matrix that is not transposed.
    fn sum_of_rows(self) -> Vec<f32> {
        let mut sums = vec![0.0; self.columns];
        for row in self.values.chunks_exact(self.columns.max(1)) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
        sums
    }

    fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// Summands that are added in one call. `gemm` cuts longer sums by the size of the processor's cache, which would make
/// their rounding depend on it; up to here it cuts none.
const SUMMANDS: usize = 512;

/// `sum` + a·b, where `sum` is a row-major matrix.
fn add_product(mut sum: Vec<f32>, a: Matrix, b: Matrix) -> Result<Vec<f32>> {
    if a.columns != b.rows {
        bail!("linear: got ({}, {}) · ({}, {}), expected equal inner sizes", a.rows, a.columns, b.rows, b.columns)
    }
    assert_eq!(sum.len(), a.rows * b.columns);
    for first in (0..a.columns).step_by(SUMMANDS) {
        let summands = SUMMANDS.min(a.columns - first);
        // SAFETY: a `Matrix` views all of its values (`rows · columns` of them) with strides that stay within, of which
        // these are the columns of `a`, and the rows of `b`, from `first` on; `sum` has the size asserted, row-major.
        unsafe {
            gemm::gemm(
                a.rows,
                b.columns,
                summands,
                sum.as_mut_ptr(),
                1,
                b.columns as isize,
                true,
                a.values.as_ptr().add(first * a.column_stride),
                a.column_stride as isize,
                a.row_stride as isize,
                b.values.as_ptr().add(first * b.row_stride),
                b.column_stride as isize,
                b.row_stride as isize,
                1.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;
    use candle_core::{DType, Device, Var};
    use rand_distr::{Distribution, StandardNormal};

    fn draw(name: &str, shape: impl Into<Shape>) -> Result<Tensor> {
        let shape = shape.into();
        let stream = rng::stream(3, "test", name, 0);
        let values: Vec<f32> = StandardNormal.sample_iter(stream).take(shape.elem_count()).collect();
        Tensor::from_vec(values, shape, &Device::Cpu)
    }

    /// Output and gradients of x, W, b by Candle's own operations in f64.
    fn reference(x: &Tensor, weight: &Tensor, bias: &Tensor, grad: &Tensor) -> Result<[Tensor; 4]> {
        let var = |t: &Tensor| Var::from_tensor(&t.to_dtype(DType::F64)?);
        let (x, weight, bias) = (var(x)?, var(weight)?, var(bias)?);
        let output = x.matmul(&weight.t()?)?.broadcast_add(&bias)?;
        let gradients = (&output * grad.to_dtype(DType::F64)?)?.sum_all()?.backward()?;
        let gradient = |of: &Var| gradients.get(of).expect("a variable of the loss").clone();
        Ok([output.detach(), gradient(&x), gradient(&weight), gradient(&bias)])
    }

    /// The bound is that of the convolution's tests: k·ε times the sum of the absolute values of k summands.
    #[test]
    fn output_and_gradients_equal_plain_matrix_products() -> Result<()> {
        for (n, k, o) in [(1, 1, 1), (3, 7, 2), (128, 64, 10), (5, 1, 40), (33, 130, 65), (70, 1100, 66)] {
            let var = |t: Tensor| Var::from_tensor(&t);
            let (x, weight, bias) = (var(draw("x", (n, k))?)?, var(draw("weight", (o, k))?)?, var(draw("bias", o)?)?);
            let grad = draw("grad", (n, o))?;
            let expected = reference(&x, &weight, &bias, &grad)?;
            let bound = reference(&x.abs()?, &weight.abs()?, &bias.abs()?, &grad.abs()?)?;

            let output = Linear::forward(&x, &weight, &bias)?;
            let gradients = (&output * &grad)?.sum_all()?.backward()?;
            let got =
                [&output, gradients.get(&x).unwrap(), gradients.get(&weight).unwrap(), gradients.get(&bias).unwrap()];
            for (((got, expected), bound), summands) in got.iter().zip(&expected).zip(&bound).zip([k + 1, o, n, n]) {
                let error = (got.to_dtype(DType::F64)? - expected)?.abs()?;
                let allowed = (bound * (summands as f64 * f64::from(f32::EPSILON)))?;
                assert!((error / allowed)?.max_all()?.to_scalar::<f64>()? <= 1.0, "{n} {k} {o}");
            }

            let (grad_x, grad_weight, grad_bias) = Linear::backward(&x, &weight, &grad)?;
            for (direct, got) in [&grad_x, &grad_weight, &grad_bias].into_iter().zip(&got[1..]) {
                let bits = |t: &Tensor| t.flatten_all()?.to_vec1::<f32>();
                assert_eq!(bits(direct)?, bits(got)?, "the same backward, the same bits");
            }
        }
        Ok(())
    }

    #[test]
    fn unfit_shapes_are_errors() -> Result<()> {
        let (x, weight, bias) = (draw("x", (3, 4))?, draw("weight", (2, 5))?, draw("bias", 2)?);
        let message = |result: Result<Tensor>| result.expect_err("an unfit argument").to_string();
        assert!(message(Linear::forward(&x, &weight, &bias)).contains("(3, 4) · (5, 2)"));
        assert!(message(Linear::forward(&x, &draw("weight", (3, 4))?, &bias)).contains("bias: got shape [2]"));
        assert!(message(Linear::forward(&x.t()?, &weight, &bias)).contains("x: got strides"));
        Ok(())
    }
}
