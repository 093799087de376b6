//! The gradient of the weight: sums over all pixels of input × output gradient.
//!
//! For one kernel row, `C` input channels and eight output channels the 3·C sums stay in registers while the kernel
//! walks over the pixels: each input pixel is broadcast once for the three kernel columns. Images are taken in blocks
//! whose slices (eight channels) of input and gradient stay in the first-level cache for all kernel rows.

use std::ops::Range;

use super::Size;
use super::pack::{TAPS, unpack, with_scratch};
use crate::kernels::isa::{self, Isa, Kernel};
use crate::kernels::lanes::{LANES, Lanes};
use crate::kernels::layout::groups;

/// Pixels in a block: its slices of input and of gradient together take 24 KiB.
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
    let (in_groups, out_groups) = (groups(in_channels), groups(out_channels));
    let sums_len = out_groups * in_channels * TAPS * LANES;
    let block_len = BLOCK_PIXELS * LANES;
    with_scratch(sums_len + (in_groups + 1) * block_len, |scratch| {
        let (sums, rest) = scratch.split_at_mut(sums_len);
        let (grad_room, input_room) = rest.split_at_mut(block_len);
        sums.fill(0.0);
        let input = Side { values: input, groups: in_groups, room: input_room };
        let grad = Side { values: grad, groups: out_groups, room: grad_room };
        isa::dispatch_on(isa, WeightGradient { size, in_channels, input, grad, sums: &mut *sums });
        unpack(sums, in_channels, out_channels)
    })
}

struct WeightGradient<'a> {
    size: Size,
    in_channels: usize,
    input: Side<'a>,
    grad: Side<'a>,
    /// [group of c_out][c_in][tap][lane]
    sums: &'a mut [f32],
}

/// The input, or the gradient of the output.
struct Side<'a> {
    values: &'a [f32],
    groups: usize,
    /// Room for slices of a block of small images.
    room: &'a mut [f32],
}

/// Whole images, or some rows of one image.
#[derive(Clone)]
struct Block {
    images: Range<usize>,
    rows: Range<usize>,
}

impl Side<'_> {
    /// The slice of `group` of images of `image_len` values, one behind the other. Several images are copied to room
    /// `place` for it: their distance in memory, often a power of two, would have them evict each other from the cache.
    fn slice(&mut self, images: &Range<usize>, group: usize, image_len: usize, place: usize) -> *const f32 {
        let image = |image: usize| &self.values[(image * self.groups + group) * image_len..][..image_len];
        if images.len() == 1 {
            return image(images.start).as_ptr();
        }
        let room = &mut self.room[place * BLOCK_PIXELS * LANES..][..images.len() * image_len];
        for (room, i) in room.chunks_exact_mut(image_len).zip(images.clone()) {
            room.copy_from_slice(image(i));
        }
        room.as_ptr()
    }
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
        let image_len = self.size.height * self.size.width * LANES;
        let inputs: Vec<_> =
            (0..self.input.groups).map(|group| self.input.slice(&block.images, group, image_len, group)).collect();
        for out_group in 0..self.grad.groups {
            let grad = self.grad.slice(&block.images, out_group, image_len, 0);
            for (group, &input) in inputs.iter().enumerate() {
                let end = self.in_channels.min((group + 1) * LANES);
                for ky in 0..3 {
                    for channel in (group * LANES..end).step_by(CHANNELS) {
                        let pass = Pass { input, grad, out_group, channel, ky };
                        match end - channel {
                            1 => self.add_pass::<L, 1>(block, &pass),
                            2 => self.add_pass::<L, 2>(block, &pass),
                            3 => self.add_pass::<L, 3>(block, &pass),
                            _ => self.add_pass::<L, CHANNELS>(block, &pass),
                        }
                    }
                }
            }
        }
    }

    /// Adds a block's share to the sums of one pass: of its kernel row, input channels and output channels.
    #[inline(always)]
    fn add_pass<L: Lanes, const C: usize>(&mut self, block: &Block, pass: &Pass) {
        // SAFETY: `block` made the pass for input channels that exist; the width is the images'.
        let sums = unsafe {
            match self.size.width {
                2 => pass.sum::<L, C>(block, self.size.height, 2),
                4 => pass.sum::<L, C>(block, self.size.height, 4),
                width => pass.sum::<L, C>(block, self.size.height, width),
            }
        };
        for (c, sums) in sums.iter().enumerate() {
            let start = ((pass.out_group * self.in_channels + pass.channel + c) * TAPS + 3 * pass.ky) * LANES;
            let totals = &mut self.sums[start..][..3 * LANES];
            for (sum, total) in sums.iter().zip(totals.chunks_exact_mut(LANES)) {
                // SAFETY: the chunk has `LANES` floats.
                unsafe { sum.add(L::load(total.as_ptr())).store(total.as_mut_ptr()) }
            }
        }
    }
}

/// One walk over a block: some input channels of one group, one group of output channels, one kernel row.
struct Pass {
    /// The block's slice of the input.
    input: *const f32,
    /// The block's slice of the output's gradient.
    grad: *const f32,
    out_group: usize,
    /// The first of the input channels.
    channel: usize,
    ky: usize,
}

impl Pass {
    /// The sums by input channel and kernel column.
    ///
    /// # Safety
    /// The slices hold the block's images of `height` × `width` pixels, and the input's group holds the `C` channels
    /// from `self.channel` on.
    #[inline(always)]
    unsafe fn sum<L: Lanes, const C: usize>(&self, block: &Block, height: usize, width: usize) -> [[L; 3]; C] {
        // Rows of the output whose row `y + ky - 1` of the input exists.
        let rows = block.rows.start.max(usize::from(self.ky == 0))..block.rows.end.min(height + 1 - self.ky);
        let mut sums = [[L::zero(); 3]; C];
        for image in 0..block.images.len() {
            for y in rows.clone() {
                let row = image * height + y;
                // SAFETY: both rows exist and are `width` pixels long, by the caller's promise and the choice of rows.
                unsafe {
                    let input = self.input.add((row + self.ky - 1) * width * LANES + self.channel % LANES);
                    let grad = self.grad.add(row * width * LANES);
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
                    *sum = value.mul_add(grad, *sum).pin();
                }
            }
        }
    }
}
