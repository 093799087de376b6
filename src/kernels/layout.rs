//! The kernels' layout of activations, and the checks at their door.
//!
//! A *grouped* activation is a contiguous tensor of shape (n, ⌈c / 8⌉, h, w, 8): channel c is lane c mod 8 of
//! group ⌊c / 8⌋, so that one vector register holds eight channels of one pixel. Lanes without a channel hold zero.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Storage, Tensor, bail};

use super::lanes::LANES;

/// The number of groups that hold `channels` channels.
pub const fn groups(channels: usize) -> usize {
    channels.div_ceil(LANES)
}

/// Brings activations (n, c, h, w) to the grouped layout (n, ⌈c / 8⌉, h, w, 8). Differentiable.
///
/// # Errors
/// If `nchw` has other than four dimensions, or is not f32 on the CPU.
pub fn to_grouped(nchw: &Tensor) -> Result<Tensor> {
    nchw.contiguous()?.apply_op1(ToGrouped)
}

/// Every minibatch passes here; Candle's `pad_with_zeros`, `permute` and `contiguous` take ten times as long.
struct ToGrouped;

impl CustomOp1 for ToGrouped {
    fn name(&self) -> &'static str {
        "to_grouped"
    }

    fn cpu_fwd(&self, nchw: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = layout.shape().dims4()?;
        let shape = Shape::from((n, groups(c), h, w, LANES));
        let mut grouped = vec![0.0; shape.elem_count()];
        let plane = (h * w).max(1);
        let images = values("to_grouped", nchw, layout)?.chunks_exact((c * plane).max(1));
        let eights = images.flat_map(|image| image.chunks(LANES * plane));
        for (channels, group) in eights.zip(grouped.chunks_exact_mut(LANES * plane)) {
            for (lane, channel) in channels.chunks_exact(plane).enumerate() {
                for (pixel, &value) in group.as_chunks_mut::<LANES>().0.iter_mut().zip(channel) {
                    pixel[lane] = value;
                }
            }
        }
        Ok((CpuStorage::F32(grouped), shape))
    }

    fn bwd(&self, nchw: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        from_grouped(grad, nchw.dim(1)?).map(Some)
    }
}

/// Brings grouped activations (n, ⌈c / 8⌉, h, w, 8) back to (n, c, h, w). Differentiable; any dtype and device.
///
/// # Errors
/// If `grouped` does not have the groups that `channels` channels fill.
pub fn from_grouped(grouped: &Tensor, channels: usize) -> Result<Tensor> {
    let (n, groups, h, w, lanes) = grouped.dims5()?;
    if lanes != LANES || groups != self::groups(channels) {
        bail!("from_grouped: got shape {:?}, expected {channels} channels in groups of {LANES}", grouped.shape())
    }
    grouped.permute((0, 1, 4, 2, 3))?.reshape((n, groups * LANES, h, w))?.narrow(1, 0, channels)?.contiguous()
}

/// The values of a kernel's argument, which has to be contiguous and f32; `name` is for the error.
pub(super) fn values<'a>(name: &str, storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("{name}: got strides {:?} of shape {:?}, expected a contiguous tensor", layout.stride(), layout.shape())
    };
    match storage {
        CpuStorage::F32(values) => Ok(&values[start..end]),
        other => bail!("{name}: got dtype {:?}, expected F32", candle_core::backend::BackendStorage::dtype(other)),
    }
}

/// Calls `work` with the values of `tensors`, which have to be contiguous f32 on the CPU; their names are for the error.
pub(crate) fn with_values<const N: usize, T>(
    tensors: [(&str, &Tensor); N],
    work: impl FnOnce([&[f32]; N]) -> Result<T>,
) -> Result<T> {
    let read = tensors.map(|(name, tensor)| (name, tensor.storage_and_layout()));
    let mut all: [&[f32]; N] = [&[]; N];
    for (of_one, (name, (storage, layout))) in all.iter_mut().zip(&read) {
        *of_one = match &**storage {
            Storage::Cpu(storage) => values(name, storage, layout)?,
            other => bail!("{name}: expected a tensor on the CPU, got one on {:?}", other.device().location()),
        };
    }
    work(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Var};

    #[test]
    fn a_channel_lies_in_its_lane_and_comes_back() -> Result<()> {
        let (n, c, h, w) = (2, 11, 3, 2);
        let nchw = Tensor::arange(1f32, (n * c * h * w + 1) as f32, &Device::Cpu)?.reshape((n, c, h, w))?;
        let grouped = to_grouped(&nchw)?;
        assert_eq!(grouped.dims(), [n, 2, h, w, LANES]);
        assert!(grouped.is_contiguous());
        let pick = |t: &Tensor, index: &[usize]| -> Result<f32> {
            index.iter().try_fold(t.clone(), |t, &i| t.get(i))?.to_scalar()
        };
        assert_eq!(pick(&grouped, &[1, 1, 2, 0, 2])?, pick(&nchw, &[1, 10, 2, 0])?);
        assert_eq!(pick(&grouped, &[1, 1, 2, 0, 3])?, 0.0);
        let back = from_grouped(&grouped, c)?;
        assert_eq!(back.flatten_all()?.to_vec1::<f32>()?, nchw.flatten_all()?.to_vec1::<f32>()?);
        assert!(from_grouped(&grouped, 8).is_err());
        Ok(())
    }

    #[test]
    fn gradients_pass_through_both_ways() -> Result<()> {
        let x = Var::ones((2, 5, 2, 3), DType::F32, &Device::Cpu)?;
        let y = from_grouped(&to_grouped(&x)?.affine(3.0, 0.0)?, 5)?;
        let gradients = y.sqr()?.sum_all()?.backward()?;
        let gradient = gradients.get(&x).expect("x is a variable").flatten_all()?.to_vec1::<f32>()?;
        assert_eq!(gradient, vec![18.0; 60]);
        Ok(())
    }
}
