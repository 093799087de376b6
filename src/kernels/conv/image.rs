//! The convolution of an image by packed weights: the forward pass, and the input gradient.
//!
//! The work is cut into tiles of `R` images × `P` neighbouring pixels × eight output channels, whose sums stay in
//! registers (12 of AVX2's 16) until they are done. For each kernel row and input channel a tile loads three weight
//! vectors, one for each kernel column, and broadcasts every input pixel once for all three: about half a load for a
//! multiply-add. Taps outside the image are skipped, so small maps cost what they contain; small maps are also why a
//! tile spans images.
//!
//! Where the images or the columns do not divide by the tile, the last tile overlaps the one before: it computes the
//! same values again, to the bit.

use super::Size;
use super::pack::{TAPS, Weights, with_scratch};
use crate::kernels::isa::{self, Isa, Kernel};
use crate::kernels::lanes::{LANES, Lanes};
use crate::kernels::layout::groups;

/// Images are taken in blocks of about this many bytes of input, half of a usual second-level cache.
const BLOCK_BYTES: usize = 256 << 10;

/// The convolution of `input` with `weight` (c_out, c_in, 3, 3), grouped.
pub fn forward(
    isa: Isa,
    size: Size,
    in_channels: usize,
    out_channels: usize,
    input: &[f32],
    weight: &[f32],
) -> Vec<f32> {
    convolve(isa, size, input, Weights::forward(weight, in_channels, out_channels))
}

/// The gradient of the input from `grad`, that of the output, and `weight` (c_out, c_in, 3, 3), grouped.
pub fn input_gradient(
    isa: Isa,
    size: Size,
    in_channels: usize,
    out_channels: usize,
    grad: &[f32],
    weight: &[f32],
) -> Vec<f32> {
    convolve(isa, size, grad, Weights::transposed(weight, in_channels, out_channels))
}

fn convolve(isa: Isa, size: Size, input: &[f32], weights: Weights) -> Vec<f32> {
    let out_groups = groups(weights.out_channels());
    assert_eq!(input.len(), size.images * size.image_len(weights.in_channels()));
    let len = size.images * size.image_len(weights.out_channels());
    let mut output = Vec::with_capacity(len);
    with_scratch(out_groups * weights.group_len(), |packed| {
        weights.pack(packed);
        let (in_channels, output) = (weights.in_channels(), output.as_mut_ptr());
        isa::dispatch_on(isa, Convolution { size, in_channels, out_groups, input, packed, output });
    });
    // SAFETY: the kernel wrote every pixel of every group of every image.
    unsafe { output.set_len(len) };
    output
}

struct Convolution<'a> {
    size: Size,
    in_channels: usize,
    out_groups: usize,
    input: &'a [f32],
    packed: &'a [f32],
    /// Room for `size.images` images of `out_groups` groups, not yet initialised.
    output: *mut f32,
}

impl Kernel for Convolution<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        match self.size.width {
            0 => {}
            1 => self.blocks::<L, 12, 1>(),
            2 => self.blocks::<L, 6, 2>(),
            3 => self.blocks::<L, 4, 3>(),
            _ => self.blocks::<L, 3, 4>(),
        }
    }
}

impl Convolution<'_> {
    #[inline(always)]
    fn blocks<L: Lanes, const R: usize, const P: usize>(&self) {
        if self.size.images >= R {
            self.tiles_of::<L, R, P>();
        } else {
            self.tiles_of::<L, 1, P>();
        }
    }

    /// All tiles, those that share input and weights near each other in time.
    #[inline(always)]
    fn tiles_of<L: Lanes, const R: usize, const P: usize>(&self) {
        let Size { images, height, .. } = self.size;
        let image_bytes = size_of::<f32>() * self.size.image_len(self.in_channels);
        let block = (BLOCK_BYTES / image_bytes.max(1)).next_multiple_of(R).max(R);
        for start in (0..images).step_by(block) {
            for group in 0..self.out_groups {
                for image in (start..images.min(start + block)).step_by(R) {
                    let image = image.min(images - R);
                    for y in 0..height {
                        // SAFETY: `image + R <= images`, `group < out_groups`, `y < height`; the width is at least
                        // `P`, and is `P` where that is less than four.
                        unsafe { self.row::<L, R, P>(image, group, y) }
                    }
                }
            }
        }
    }

    /// The tiles of row `y` of `R` images from `image` on.
    ///
    /// # Safety
    /// `image + R <= images`, `group < out_groups`, `y < height`, and `P <= width`.
    #[inline(always)]
    unsafe fn row<L: Lanes, const R: usize, const P: usize>(&self, image: usize, group: usize, y: usize) {
        let last = self.size.width - P;
        // SAFETY: the caller's promise, and `x + P <= width`.
        unsafe {
            if last == 0 {
                return self.tile::<L, R, P, true, true>(image, group, y, 0);
            }
            self.tile::<L, R, P, true, false>(image, group, y, 0);
            for x in (P..last).step_by(P) {
                self.tile::<L, R, P, false, false>(image, group, y, x);
            }
            self.tile::<L, R, P, false, true>(image, group, y, last);
        }
    }

    /// Pixels `x..x + P` of row `y` of `R` images. `LEFT`, `RIGHT`: whether they touch the image's side.
    ///
    /// # Safety
    /// As for [`row`](Self::row), `x + P <= width`, `LEFT == (x == 0)` and `RIGHT == (x + P == width)`.
    #[inline(always)]
    unsafe fn tile<L: Lanes, const R: usize, const P: usize, const LEFT: bool, const RIGHT: bool>(
        &self,
        image: usize,
        group: usize,
        y: usize,
        x: usize,
    ) {
        let Size { height, width, .. } = self.size;
        let in_stride = self.size.image_len(self.in_channels);
        let out_stride = self.out_groups * height * width * LANES;
        let row_weights = self.in_channels * 3 * LANES;
        let mut sums = [[L::zero(); P]; R];
        // SAFETY: input rows `y + ky - 1` exist for these kernel rows, and of their columns `x - 1..=x + P` those
        // outside the image are not read; weights are packed for every group, kernel row and input channel; the
        // output has room for every image, group, row and column.
        unsafe {
            for ky in self.size.kernel_rows(y) {
                let mut weights = self.packed.as_ptr().add(group * TAPS * self.in_channels * LANES + ky * row_weights);
                for first in (0..self.in_channels).step_by(LANES) {
                    let pixel = ((first / LANES * height + y + ky - 1) * width + x) * LANES;
                    let input = self.input.as_ptr().add(image * in_stride + pixel);
                    for lane in 0..LANES.min(self.in_channels - first) {
                        add_row::<L, R, P, LEFT, RIGHT>(&mut sums, input.add(lane), in_stride, weights);
                        weights = weights.add(3 * LANES);
                    }
                }
            }
            let output = self.output.add(image * out_stride + ((group * height + y) * width + x) * LANES);
            for (r, sums) in sums.iter().enumerate() {
                for (p, sum) in sums.iter().enumerate() {
                    sum.store(output.add(r * out_stride + p * LANES));
                }
            }
        }
    }
}

/// Adds one input channel's share of one kernel row to the sums of a tile.
///
/// # Safety
/// `input` is valid for reading at `r * stride + p * LANES` for all `r < R` and for `p` from -1 (0 if `LEFT`) to
/// `P` (`P - 1` if `RIGHT`); `weights` for reading three vectors.
#[inline(always)]
unsafe fn add_row<L: Lanes, const R: usize, const P: usize, const LEFT: bool, const RIGHT: bool>(
    sums: &mut [[L; P]; R],
    input: *const f32,
    stride: usize,
    weights: *const f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let weights = [L::load(weights), L::load(weights.add(LANES)), L::load(weights.add(2 * LANES))];
        for column in usize::from(LEFT)..P + 2 - usize::from(RIGHT) {
            for (r, sums) in sums.iter_mut().enumerate() {
                // Column `column` is the input pixel that kernel column `kx` brings to output pixel `column - kx`.
                let value = L::splat(*input.add(r * stride).offset((column as isize - 1) * LANES as isize));
                for (kx, &weight) in weights.iter().enumerate() {
                    if (kx..kx + P).contains(&column) {
                        sums[column - kx] = value.mul_add(weight, sums[column - kx]);
                    }
                }
            }
        }
    }
}
