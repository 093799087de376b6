//! Activations in the kernels' layout, as slices: (images, groups, height, width, 8), where channel `c` is
//! lane `c % 8` of group `c / 8` and lanes without a channel hold zero.

use std::mem::MaybeUninit;

use candle_core::{Result, Shape, bail};

use super::lanes::{LANES, Lanes};

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
    pub fn pooled(self) -> Self {
        Grouped { height: self.height / 2, width: self.width / 2, ..self }
    }

    /// Pixels of one group of one image.
    pub fn plane(&self) -> usize {
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
