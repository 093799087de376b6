//! The gradient of the weight: sums over all pixels of input × output gradient.
//!
//! For one kernel row, `C` input channels and eight output channels the 3·C sums stay in registers while the kernel
//! walks over the pixels: each input pixel is broadcast once for the three kernel columns. Images are taken in blocks
//! whose slices of input and gradient stay in the first-level cache for all kernel rows.

use std::ops::Range;

use super::Size;
use super::pack::{TAPS, unpack, with_scratch};
use crate::kernels::isa::{self, Isa, Kernel};
use crate::kernels::lanes::{LANES, Lanes};
use crate::kernels::layout::groups;

/// Pixels in a block: eight channels of input and of gradient together take 24 KiB.
const BLOCK_PIXELS: usize = 384;

/// Input channels whose sums are held at a time: with three kernel columns 12 registers of 16.
const CHANNELS: usize = 4;

/// The gradient of the weight (c_out, c_in, 3, 3) from `input` and `grad`, the gradient of the output, grouped.
pub fn weight_gradient(
    isa: Isa,
    size: Size,
    in_channels: usize,
    out_channels: usize,
    input: &[f32],
    grad: &[f32],
) -> Vec<f32> {
    assert_eq!(input.len(), size.images * size.image_len(in_channels));
    assert_eq!(grad.len(), size.images * size.image_len(out_channels));
    let out_groups = groups(out_channels);
    with_scratch(out_groups * in_channels * TAPS * LANES, |sums| {
        sums.fill(0.0);
        isa::dispatch_on(isa, WeightGradient { size, in_channels, out_groups, input, grad, sums });
        unpack(sums, in_channels, out_channels)
    })
}

struct WeightGradient<'a> {
    size: Size,
    in_channels: usize,
    out_groups: usize,
    input: &'a [f32],
    grad: &'a [f32],
    /// [group of c_out][c_in][tap][lane]
    sums: &'a mut [f32],
}

/// Whole images, or some rows of one image.
#[derive(Clone)]
struct Block {
    images: Range<usize>,
    rows: Range<usize>,
}

impl Kernel for WeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let Size { images, height, width } = self.size;
        if images * height * width == 0 {
            return;
        }
        let block_images = (BLOCK_PIXELS / (height * width)).max(1);
        let block_rows = if block_images > 1 { height } else { (BLOCK_PIXELS / width).clamp(1, height) };
        for image in (0..images).step_by(block_images) {
            for row in (0..height).step_by(block_rows) {
                let images = image..images.min(image + block_images);
                let rows = row..height.min(row + block_rows);
                self.block::<L>(&Block { images, rows });
            }
        }
    }
}

impl WeightGradient<'_> {
    #[inline(always)]
    fn block<L: Lanes>(&mut self, block: &Block) {
        for out_group in 0..self.out_groups {
            for first in (0..self.in_channels).step_by(LANES) {
                let end = self.in_channels.min(first + LANES);
                for ky in 0..3 {
                    for channel in (first..end).step_by(CHANNELS) {
                        match end - channel {
                            1 => self.add_channels::<L, 1>(block, out_group, channel, ky),
                            2 => self.add_channels::<L, 2>(block, out_group, channel, ky),
                            3 => self.add_channels::<L, 3>(block, out_group, channel, ky),
                            _ => self.add_channels::<L, CHANNELS>(block, out_group, channel, ky),
                        }
                    }
                }
            }
        }
    }

    /// Adds a block's share to the sums of kernel row `ky`, input channels `channel..channel + C` (of one group) and
    /// the output channels of `out_group`.
    #[inline(always)]
    fn add_channels<L: Lanes, const C: usize>(&mut self, block: &Block, out_group: usize, channel: usize, ky: usize) {
        assert!(channel + C <= self.in_channels && channel % LANES + C <= LANES && out_group < self.out_groups);
        // SAFETY: the assertion, and that a block lies within the images.
        let sums = unsafe {
            match self.size.width {
                2 => self.sum::<L, C>(block, out_group, channel, ky, 2),
                4 => self.sum::<L, C>(block, out_group, channel, ky, 4),
                width => self.sum::<L, C>(block, out_group, channel, ky, width),
            }
        };
        for (c, sums) in sums.iter().enumerate() {
            let start = ((out_group * self.in_channels + channel + c) * TAPS + 3 * ky) * LANES;
            let total = &mut self.sums[start..][..3 * LANES];
            for (sum, total) in sums.iter().zip(total.chunks_exact_mut(LANES)) {
                // SAFETY: the chunk has `LANES` floats.
                unsafe { sum.add(L::load(total.as_ptr())).store(total.as_mut_ptr()) }
            }
        }
    }

    /// The sums of [`add_channels`](Self::add_channels) over a block, by channel and kernel column. `width` is the
    /// images', given apart so that the loop over few columns is unrolled.
    ///
    /// # Safety
    /// The block, `out_group` and `channel..channel + C` exist, the latter in one group; `width == size.width`.
    #[inline(always)]
    unsafe fn sum<L: Lanes, const C: usize>(
        &self,
        block: &Block,
        out_group: usize,
        channel: usize,
        ky: usize,
        width: usize,
    ) -> [[L; 3]; C] {
        let height = self.size.height;
        let in_stride = self.size.image_len(self.in_channels);
        let grad_stride = self.out_groups * height * width * LANES;
        // Rows of the output whose row `y + ky - 1` of the input exists.
        let rows = block.rows.start.max(usize::from(ky == 0))..block.rows.end.min(height + 1 - ky);
        let mut sums = [[L::zero(); 3]; C];
        for image in block.images.clone() {
            for y in rows.clone() {
                let pixel = (channel / LANES * height + y + ky - 1) * width * LANES + channel % LANES;
                // SAFETY: both rows exist and are `width` pixels long, by the caller's promise and the choice of rows.
                unsafe {
                    let input = self.input.as_ptr().add(image * in_stride + pixel);
                    let grad = self.grad.as_ptr().add(image * grad_stride + (out_group * height + y) * width * LANES);
                    add_row(&mut sums, input, grad, width);
                }
            }
        }
        sums
    }
}

/// Adds a row of pixels.
///
/// # Safety
/// `input` and `grad` are valid for reading rows of `width > 0` pixels (of `input`, the first `C` lanes of each).
#[inline(always)]
unsafe fn add_row<L: Lanes, const C: usize>(sums: &mut [[L; 3]; C], input: *const f32, grad: *const f32, width: usize) {
    let at = |x: usize| (input.wrapping_add(x * LANES), grad.wrapping_add(x * LANES));
    // SAFETY: the caller's promise; a pixel at a side does not read beyond it.
    unsafe {
        if width == 1 {
            return add_pixel::<L, C, true, true>(sums, at(0));
        }
        add_pixel::<L, C, true, false>(sums, at(0));
        for x in 1..width - 1 {
            add_pixel::<L, C, false, false>(sums, at(x));
        }
        add_pixel::<L, C, false, true>(sums, at(width - 1));
    }
}

/// Adds one input pixel, which kernel column `kx` brings to the output pixel `1 - kx` columns to the right.
/// `LEFT`, `RIGHT`: whether it is the first or last of its row.
///
/// # Safety
/// `input` is valid for reading `C` floats, `grad` for reading this pixel and its neighbours within the row.
#[inline(always)]
unsafe fn add_pixel<L: Lanes, const C: usize, const LEFT: bool, const RIGHT: bool>(
    sums: &mut [[L; 3]; C],
    (input, grad): (*const f32, *const f32),
) {
    // SAFETY: the caller's promise.
    unsafe {
        let right = if RIGHT { None } else { Some(L::load(grad.add(LANES))) };
        let left = if LEFT { None } else { Some(L::load(grad.sub(LANES))) };
        let grads = [right, Some(L::load(grad)), left];
        for (c, sums) in sums.iter_mut().enumerate() {
            let value = L::splat(*input.add(c));
            for (sum, grad) in sums.iter_mut().zip(grads) {
                if let Some(grad) = grad {
                    *sum = value.mul_add(grad, *sum);
                }
            }
        }
    }
}
