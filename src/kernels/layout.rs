//! The kernels' layout of activations, and the checks at their door.
//!
//! A *grouped* activation is a contiguous tensor of shape (n, ⌈c / 8⌉, h, w, 8): channel c is lane c mod 8 of
//! group ⌊c / 8⌋, so that one vector register holds eight channels of one pixel. Lanes without a channel hold zero.

use std::mem::MaybeUninit;

use candle_core::backend::BackendStorage as _;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Storage, Tensor, WithDType, bail};

use super::lanes::{LANES, Lanes};

/// The number of groups that hold `channels` channels.
pub(crate) const fn groups(channels: usize) -> usize {
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
        let images = values::<f32>("to_grouped", nchw, layout)?.chunks_exact((c * plane).max(1));
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

/// The values of a kernel's argument, which has to be contiguous and of type `T`; `name` is for the error.
pub(super) fn values<'a, T: WithDType>(name: &str, storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("{name}: got strides {:?} of shape {:?}, expected a contiguous tensor", layout.stride(), layout.shape())
    };
    match storage.as_slice() {
        Ok(values) => Ok(&values[start..end]),
        Err(_) => bail!("{name}: got dtype {:?}, expected {:?}", storage.dtype(), T::DTYPE),
    }
}

/// Calls `work` with the values of `tensors`, which have to be contiguous, of type `T` and on the CPU; their names are for
/// the error.
pub(crate) fn with_values<const N: usize, T: WithDType, R>(
    tensors: [(&str, &Tensor); N],
    work: impl FnOnce([&[T]; N]) -> Result<R>,
) -> Result<R> {
    let read = tensors.map(|(name, tensor)| (name, tensor.storage_and_layout()));
    let mut all: [&[T]; N] = [&[]; N];
    for (of_one, (name, (storage, layout))) in all.iter_mut().zip(&read) {
        *of_one = match &**storage {
            Storage::Cpu(storage) => values(name, storage, layout)?,
            other => bail!("{name}: expected a tensor on the CPU, got one on {:?}", other.device().location()),
        };
    }
    work(all)
}

/// The eight channels of a group at one place of one image.
pub(super) type Pixel = [f32; LANES];

/// The extents of a grouped tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grouped {
    pub images: usize,
    pub groups: usize,
    pub height: usize,
    pub width: usize,
}

impl Grouped {
    /// Reads the extents from a tensor's shape; `name` is for the error.
    pub fn of(shape: &Shape, name: &str) -> Result<Self> {
        match *shape.dims() {
            [images, groups, height, width, LANES] if shape.elem_count() > 0 => {
                Ok(Grouped { images, groups, height, width })
            }
            _ => bail!("{name}: expected the shape (n, groups, h, w, {LANES}), nothing of it zero, got {shape:?}"),
        }
    }

    /// The extents after 2×2 pooling; an odd last row or column is dropped.
    pub(crate) fn pooled(self) -> Self {
        Grouped { height: self.height / 2, width: self.width / 2, ..self }
    }

    /// Pixels of one group of one image.
    pub(crate) fn plane(&self) -> usize {
        self.height * self.width
    }

    /// Pixels of all.
    pub fn pixels(&self) -> usize {
        self.images * self.groups * self.plane()
    }

    pub fn shape(&self) -> Shape {
        (self.images, self.groups, self.height, self.width, LANES).into()
    }
}

/// Per-channel values as lanes of groups; lanes without a channel are zero.
pub(super) fn padded(channels: &[f32], groups: usize) -> Vec<Pixel> {
    let mut pixels = vec![[0.0; LANES]; groups];
    pixels.as_flattened_mut()[..channels.len()].copy_from_slice(channels);
    pixels
}

/// The values of a new tensor, not zeroed first.
///
/// # Safety
/// `write` writes every pixel of its slice.
pub(super) unsafe fn written(pixels: usize, write: impl FnOnce(&mut [MaybeUninit<Pixel>])) -> Vec<f32> {
    let mut values = Vec::with_capacity(pixels);
    write(&mut values.spare_capacity_mut()[..pixels]);
    // SAFETY: the capacity is at least `pixels`, and the caller promises that all were written.
    unsafe { values.set_len(pixels) };
    values.into_flattened()
}

/// The lanes of a pixel. (Loops call this and the two below directly: a closure around lanes may be compiled
/// without the instruction set that the kernel was dispatched to.)
#[inline(always)]
pub(super) fn load<L: Lanes>(pixel: &Pixel) -> L {
    // SAFETY: a reference to eight values.
    unsafe { L::load(pixel.as_ptr()) }
}

/// Lanes to a pixel.
#[inline(always)]
pub(super) fn store<L: Lanes>(lanes: L, pixel: &mut Pixel) {
    // SAFETY: an exclusive reference to eight values.
    unsafe { lanes.store(pixel.as_mut_ptr()) }
}

/// Lanes to a pixel that need not hold values yet.
#[inline(always)]
pub(super) fn write<L: Lanes>(lanes: L, pixel: &mut MaybeUninit<Pixel>) {
    // SAFETY: an exclusive reference to room for eight values.
    unsafe { lanes.store(pixel.as_mut_ptr().cast()) }
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
