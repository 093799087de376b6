//! The gradient of the weight: sums over all pixels of input × output gradient.
//!
//! For one kernel row, `C` input channels and the output channels of a vector (one group, or with AVX-512 two) the 3·C
//! sums stay in registers while the kernel walks over the pixels: each input pixel is broadcast once for the three
//! kernel columns. Images are taken in blocks whose slices (eight channels of the input, a vector of the gradient) stay
//! in the first-level cache for all kernel rows.

use std::ops::Range;

use super::Size;
use super::pack::{TAPS, unpack, with_scratch};
use crate::kernels::isa::{self, GroupKernel};
use crate::kernels::lanes::{LANES, Vector};
use crate::kernels::layout::groups;

/// Pixels in a block: its slices of input and of gradient together take 24 KiB. With AVX-512 they take 36, more than some
/// first-level caches; a smaller block would add in another order than AVX2 does.
const BLOCK_PIXELS: usize = 384;

/// The gradient of the weight (c_out, c_in, 3, 3) from `input` and `grad`, the gradient of the output, grouped.
pub fn weight_gradient(size: Size, in_channels: usize, out_channels: usize, input: &[f32], grad: &[f32]) -> Vec<f32> {
    assert_eq!(input.len(), size.images * size.image_len(in_channels));
    assert_eq!(grad.len(), size.images * size.image_len(out_channels));
    let (in_groups, out_groups) = (groups(in_channels), groups(out_channels));
    let sums_len = out_groups * in_channels * TAPS * LANES;
    let block_len = BLOCK_PIXELS.max(size.width) * LANES;
    with_scratch(sums_len + (in_groups + 2) * block_len, |scratch| {
        let (sums, rest) = scratch.split_at_mut(sums_len);
        let (grad_room, input_room) = rest.split_at_mut(2 * block_len);
        sums.fill(0.0);
        let input = Side { values: input, groups: in_groups, room: input_room };
        let grad = Side { values: grad, groups: out_groups, room: grad_room };
        let kernel = WeightGradient { size, in_channels, out_channels, input, grad, sums };
        isa::dispatch_groups(out_groups, kernel)
    })
}

struct WeightGradient<'a> {
    size: Size,
    in_channels: usize,
    out_channels: usize,
    input: Side<'a>,
    grad: Side<'a>,
    /// [vector of c_out][c_in][tap][lane]
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
    /// Copies the slice of `group` of several images of `image_len` values to room `place` for it, one image behind the
    /// other: their distance in memory, often a power of two, would have them evict each other from the cache.
    fn copy(&mut self, images: &Range<usize>, group: usize, image_len: usize, place: usize) {
        if images.len() > 1 {
            let room = &mut self.room[place * BLOCK_PIXELS * LANES..][..images.len() * image_len];
            for (room, i) in room.chunks_exact_mut(image_len).zip(images.clone()) {
                room.copy_from_slice(&self.values[(i * self.groups + group) * image_len..][..image_len]);
            }
        }
    }

    /// That slice: the copy of several images, or one image where it is.
    fn slice(&self, images: &Range<usize>, group: usize, image_len: usize, place: usize) -> *const f32 {
        if images.len() > 1 {
            self.room[place * BLOCK_PIXELS * LANES..].as_ptr()
        } else {
            self.values[(images.start * self.groups + group) * image_len..][..image_len].as_ptr()
        }
    }

    /// The slice of `group` and the one after it, copied to bring their channels together pixel by pixel: where it would
    /// start if it had all rows of `width` pixels, not those of `block` only.
    fn pair_slice(&mut self, block: &Block, group: usize, image_len: usize, width: usize) -> *const f32 {
        let rows = block.rows.start * width * LANES..block.rows.end * width * LANES;
        let room = self.room.as_chunks_mut::<{ 2 * LANES }>().0.chunks_exact_mut(rows.len() / LANES);
        for (room, image) in room.zip(block.images.clone()) {
            let [first, second] = [group, group + 1].map(|group| {
                let image = &self.values[(image * self.groups + group) * image_len..][..image_len];
                image[rows.clone()].as_chunks::<LANES>().0
            });
            for (pair, (first, second)) in room.iter_mut().zip(first.iter().zip(second)) {
                pair[..LANES].copy_from_slice(first);
                pair[LANES..].copy_from_slice(second);
            }
        }
        self.room.as_ptr().wrapping_sub(2 * rows.start)
    }
}

impl GroupKernel for WeightGradient<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn run<V: Vector>(mut self) -> Vec<f32> {
        let Size { images, height, width } = self.size;
        if images * height * width == 0 {
            return unpack(self.sums, V::WIDTH, self.in_channels, self.out_channels);
        }
        let block_images = (BLOCK_PIXELS / (height * width)).max(1);
        let block_rows = if block_images > 1 { height } else { (BLOCK_PIXELS / width).clamp(1, height) };
        for image in (0..images).step_by(block_images) {
            for row in (0..height).step_by(block_rows) {
                let images = image..images.min(image + block_images);
                let rows = row..height.min(row + block_rows);
                self.block::<V>(&Block { images, rows });
            }
        }
        unpack(self.sums, V::WIDTH, self.in_channels, self.out_channels)
    }
}

impl WeightGradient<'_> {
    #[inline(always)]
    fn block<V: Vector>(&mut self, block: &Block) {
        let image_len = self.size.height * self.size.width * LANES;
        for group in 0..self.input.groups {
            self.input.copy(&block.images, group, image_len, group);
        }
        for out_group in (0..self.grad.groups).step_by(V::WIDTH / LANES) {
            let grad = match V::WIDTH {
                LANES => {
                    self.grad.copy(&block.images, out_group, image_len, 0);
                    self.grad.slice(&block.images, out_group, image_len, 0)
                }
                _ => self.grad.pair_slice(block, out_group, image_len, self.size.width),
            };
            for group in 0..self.input.groups {
                let input = self.input.slice(&block.images, group, image_len, group);
                let end = self.in_channels.min((group + 1) * LANES);
                for ky in 0..3 {
                    let mut channel = group * LANES;
                    while channel < end {
                        let pass = Pass { input, grad, out_group, channel, ky };
                        // Sums for three kernel columns: 12 registers of 16, or of wide ones 24 of 32.
                        channel += match end - channel {
                            1 => self.add_pass::<V, 1>(block, &pass),
                            2 => self.add_pass::<V, 2>(block, &pass),
                            3 => self.add_pass::<V, 3>(block, &pass),
                            8 if V::WIDTH > LANES => self.add_pass::<V, 8>(block, &pass),
                            _ => self.add_pass::<V, 4>(block, &pass),
                        }
                    }
                }
            }
        }
    }

    /// Adds a block's share to the sums of one pass: of its kernel row, `C` input channels and output channels.
    /// Returns `C`.
    #[inline(always)]
    fn add_pass<V: Vector, const C: usize>(&mut self, block: &Block, pass: &Pass) -> usize {
        // SAFETY: `block` made the pass for input channels that exist; the width is the images'.
        let sums = unsafe {
            match self.size.width {
                2 => pass.sum::<V, C>(block, self.size.height, 2),
                4 => pass.sum::<V, C>(block, self.size.height, 4),
                width => pass.sum::<V, C>(block, self.size.height, width),
            }
        };
        for (c, sums) in sums.iter().enumerate() {
            let vector = pass.out_group * LANES * self.in_channels * TAPS;
            let start = vector + ((pass.channel + c) * TAPS + 3 * pass.ky) * V::WIDTH;
            let totals = &mut self.sums[start..][..3 * V::WIDTH];
            for (sum, total) in sums.iter().zip(totals.chunks_exact_mut(V::WIDTH)) {
                // SAFETY: the chunk has `WIDTH` floats.
                unsafe { sum.add(V::load(total.as_ptr())).store(total.as_mut_ptr()) }
            }
        }
        C
    }
}

/// One walk over a block: some input channels of one group, a vector of output channels, one kernel row.
struct Pass {
    /// The block's slice of the input.
    input: *const f32,
    /// The block's slice of the output's gradient, or where it would start if it had all rows.
    grad: *const f32,
    /// The first group of output channels.
    out_group: usize,
    /// The first of the input channels.
    channel: usize,
    ky: usize,
}

impl Pass {
    /// The sums by input channel and kernel column.
    ///
    /// # Safety
    /// The slices hold the block's images of `height` × `width` pixels (the gradient's at least the block's rows of
    /// them), and the input's group holds the `C` channels from `self.channel` on.
    #[inline(always)]
    unsafe fn sum<V: Vector, const C: usize>(&self, block: &Block, height: usize, width: usize) -> [[V; 3]; C] {
        // Rows of the output whose row `y + ky - 1` of the input exists.
        let rows = block.rows.start.max(usize::from(self.ky == 0))..block.rows.end.min(height + 1 - self.ky);
        let mut sums = [[V::zero(); 3]; C];
        for image in 0..block.images.len() {
            for y in rows.clone() {
                let row = image * height + y;
                // SAFETY: both rows exist and are `width` pixels long, by the caller's promise and the choice of rows.
                unsafe {
                    let input = self.input.add((row + self.ky - 1) * width * LANES + self.channel % LANES);
                    let grad = self.grad.wrapping_add(row * width * V::WIDTH);
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
unsafe fn add_row<V: Vector, const C: usize>(
    sums: &mut [[V; 3]; C],
    input: *const f32,
    grad: *const f32,
    width: usize,
) {
    let at = |x: usize| (input.wrapping_add(x * LANES), grad.wrapping_add(x * V::WIDTH));
    // SAFETY: the caller's promise; a pixel at a side does not read beyond it.
    unsafe {
        if width == 1 {
            return add_pixel::<V, C, true, true>(sums, at(0));
        }
        add_pixel::<V, C, true, false>(sums, at(0));
        for x in 1..width - 1 {
            add_pixel::<V, C, false, false>(sums, at(x));
        }
        add_pixel::<V, C, false, true>(sums, at(width - 1));
    }
}

/// Adds one input pixel, which kernel column `kx` brings to the output pixel `1 - kx` columns to the right.
/// `LEFT`, `RIGHT`: whether it is the first or last of its row.
///
/// # Safety
/// `input` is valid for reading `C` floats, `grad` for reading this pixel and its neighbours within the row.
#[inline(always)]
unsafe fn add_pixel<V: Vector, const C: usize, const LEFT: bool, const RIGHT: bool>(
    sums: &mut [[V; 3]; C],
    (input, grad): (*const f32, *const f32),
) {
    // SAFETY: the caller's promise.
    unsafe {
        let right = if RIGHT { None } else { Some(V::load(grad.add(V::WIDTH))) };
        let left = if LEFT { None } else { Some(V::load(grad.sub(V::WIDTH))) };
        let grads = [right, Some(V::load(grad)), left];
        for (c, sums) in sums.iter_mut().enumerate() {
            let value = V::splat(*input.add(c));
            for (sum, grad) in sums.iter_mut().zip(grads) {
                if let Some(grad) = grad {
                    *sum = value.mul_add(grad, *sum).pin();
                }
            }
        }
    }
}
