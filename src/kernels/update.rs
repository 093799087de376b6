//! The last operation of every training step, in one pass over memory.

use candle_core::{DType, Result, Tensor, WithDType};

use super::isa::{self, Kernel};
use super::lanes::Lanes;
use super::layout::with_values;

/// `a` − `factor`·`b`, with the roundings of Candle's `a.sub(&b.affine(factor, 0.0)?)`, which serves all types but f32 and
/// f64.
///
/// # Errors
/// If the shapes differ.
pub(crate) fn minus_scaled(a: &Tensor, b: &Tensor, factor: f64) -> Result<Tensor> {
    let shapes_agree = a.shape() == b.shape() && a.dtype() == b.dtype() && a.device().is_cpu();
    match a.dtype() {
        DType::F32 if shapes_agree => on_values::<f32>(a, b, factor),
        DType::F64 if shapes_agree => on_values::<f64>(a, b, factor),
        _ => a.sub(&b.affine(factor, 0.0)?),
    }
}

fn on_values<T: WithDType>(a: &Tensor, b: &Tensor, factor: f64) -> Result<Tensor> {
    let operands = [("minuend", &a.contiguous()?), ("subtrahend", &b.contiguous()?)];
    let values = with_values(operands, |[a, b]: [&[T]; 2]| {
        Ok(isa::dispatch(MinusScaled { a, b, factor: T::from_f64(factor) }))
    })?;
    Tensor::from_vec(values, a.shape(), a.device())
}

struct MinusScaled<'a, T> {
    a: &'a [T],
    b: &'a [T],
    factor: T,
}

impl<T: WithDType> Kernel for MinusScaled<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<T> {
        let mut values = self.a.to_vec();
        for i in 0..values.len().min(self.b.len()) {
            // The sum with zero turns −0 to +0, as Candle's does.
            values[i] -= self.b[i] * self.factor + T::zero();
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn it_rounds_as_candle_does_in_every_type() -> Result<()> {
        let a = Tensor::new(&[[1.0, -0.0, 1e-30], [3.7, -2.2, 0.1]], &Device::Cpu)?;
        let b = Tensor::new(&[[0.3, 0.0], [-0.0, 7.0], [1e30, 0.7]], &Device::Cpu)?.t()?;
        for dtype in [DType::F32, DType::F64, DType::BF16] {
            let (a, b) = (a.to_dtype(dtype)?, b.to_dtype(dtype)?);
            let bits = |tensor: Tensor| -> Result<Vec<u64>> {
                let values = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
                Ok(values.into_iter().map(f64::to_bits).collect())
            };
            assert_eq!(bits(minus_scaled(&a, &b, 0.1)?)?, bits(a.sub(&b.affine(0.1, 0.0)?)?)?, "{dtype:?}");
        }
        assert!(minus_scaled(&a, &b.t()?, 0.1).is_err(), "other shapes");
        Ok(())
    }
}
