//! The convolution of an image by packed weights: the forward pass, and the input gradient.
//!
//! The work is cut into tiles of `R` images × `P` neighbouring pixels × the channels of a vector (one group, or with
//! AVX-512 two), whose sums stay in registers (12 of AVX2's 16, 16 of AVX-512's 32) until they are done. For each kernel
//! row and input channel a tile loads three weight vectors, one for each kernel column, and broadcasts every input pixel
//! once for all three: about half a load for a multiply-add. Taps outside the image are skipped, so small maps cost what
//! they contain; small maps are also why a tile spans images.
//!
//! Where the images or the columns do not divide by the tile, the last tile overlaps the one before: it computes the
//! same values again, to the bit.

use super::Size;
use super::pack::{TAPS, Weights, with_scratch};
use crate::kernels::isa::{self, GroupKernel};
use crate::kernels::lanes::{LANES, Vector};
use crate::kernels::layout::groups;

/// Images are taken in blocks of about this many bytes of input, half of a usual second-level cache.
const BLOCK_BYTES: usize = 256 << 10;

/// The convolution of `input` by `weights`, grouped.
pub fn convolve(size: Size, input: &[f32], weights: Weights) -> Vec<f32> {
    let out_groups = groups(weights.out_channels());
    assert_eq!(input.len(), size.images * size.image_len(weights.in_channels()));
    let len = size.images * size.image_len(weights.out_channels());
    let mut output = Vec::with_capacity(len);
    with_scratch(weights.packed_len(), |packed| {
        let (in_channels, output) = (weights.in_channels(), output.as_mut_ptr());
        let kernel = Convolution { size, in_channels, out_groups, input, weights, packed, output };
        isa::dispatch_groups(out_groups, kernel);
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
    weights: Weights<'a>,
    /// Room for the weights as the kernel reads them.
    packed: &'a mut [f32],
    /// Room for `size.images` images of `out_groups` groups, not yet initialised.
    output: *mut f32,
}

impl GroupKernel for Convolution<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        assert!(self.out_groups.is_multiple_of(V::WIDTH / LANES), "vectors hold whole groups");
        self.weights.pack(V::WIDTH, self.packed);
        if V::WIDTH == LANES {
            // Twelve sums, or for wide maps eight: there three images would compete for the first-level cache.
            match self.size.width {
                0 => {}
                1 => self.tiles::<V, 12, 1>(),
                2 => self.tiles::<V, 6, 2>(),
                3 => self.tiles::<V, 4, 3>(),
                4..16 => self.tiles::<V, 3, 4>(),
                _ => self.tiles::<V, 1, 8>(),
            }
        } else {
            // Sixteen sums: two units with a latency of four cycles need eight that do not wait, and often three
            // additions in a row go to the same.
            match self.size.width {
                0 => {}
                1 => self.tiles::<V, 16, 1>(),
                2 => self.tiles::<V, 8, 2>(),
                3 => self.tiles::<V, 5, 3>(),
                4..16 => self.tiles::<V, 4, 4>(),
                _ => self.tiles::<V, 1, 16>(),
            }
        }
    }
}

impl Convolution<'_> {
    #[inline(always)]
    fn tiles<V: Vector, const R: usize, const P: usize>(&self) {
        if self.size.images >= R {
            self.tiles_of::<V, R, P>();
        } else {
            self.tiles_of::<V, 1, P>();
        }
    }

    /// All tiles, those that share input and weights near each other in time.
    #[inline(always)]
    fn tiles_of<V: Vector, const R: usize, const P: usize>(&self) {
        let Size { images, height, .. } = self.size;
        let image_bytes = size_of::<f32>() * self.size.image_len(self.in_channels);
        let block = (BLOCK_BYTES / image_bytes.max(1)).next_multiple_of(R).max(R);
        for start in (0..images).step_by(block) {
            for group in (0..self.out_groups).step_by(V::WIDTH / LANES) {
                for image in (start..images.min(start + block)).step_by(R) {
                    let image = image.min(images - R);
                    for y in 0..height {
                        // SAFETY: `image + R <= images`, the vector's groups from `group` on exist, for it divides
                        // them; `y < height`; the width is at least `P`, and is `P` where that is less than four.
                        unsafe { self.row::<V, R, P>(image, group, y) }
                    }
                }
            }
        }
    }

    /// The tiles of row `y` of `R` images from `image` on.
    ///
    /// # Safety
    /// `image + R <= images`, the vector's groups from `group` on exist, `y < height`, and `P <= width`.
    #[inline(always)]
    unsafe fn row<V: Vector, const R: usize, const P: usize>(&self, image: usize, group: usize, y: usize) {
        let row = self.locate(image, group, y, V::WIDTH);
        let last = self.size.width - P;
        // SAFETY: the caller's promise, and `x + P <= width`.
        unsafe {
            if last == 0 {
                return self.tile::<V, R, P, true, true>(&row, 0);
            }
            self.tile::<V, R, P, true, false>(&row, 0);
            for x in (P..last).step_by(P) {
                self.tile::<V, R, P, false, false>(&row, x);
            }
            self.tile::<V, R, P, false, true>(&row, last);
        }
    }

    /// Pixels `x..x + P` of row `y` of `R` images. `LEFT`, `RIGHT`: whether they touch the image's side.
    ///
    /// # Safety
    /// As for [`row`](Self::row), `x + P <= width`, `LEFT == (x == 0)` and `RIGHT == (x + P == width)`.
    #[inline(always)]
    unsafe fn tile<V: Vector, const R: usize, const P: usize, const LEFT: bool, const RIGHT: bool>(
        &self,
        row: &TileRow,
        x: usize,
    ) {
        let Size { height, width, .. } = self.size;
        let mut sums = [[V::zero(); P]; R];
        // SAFETY: `row` is in bounds by the caller's promise. The input has the rows of `row.kernel_rows`, and of
        // columns `x - 1..=x + P` those outside the image are not read; weights are packed for every group, kernel row
        // and input channel; the output has room for every image, group, row and column.
        unsafe {
            for ky in 0..row.kernel_rows {
                let mut weights = row.weights.add(ky * self.in_channels * 3 * V::WIDTH);
                for first in (0..self.in_channels).step_by(LANES) {
                    let input = row.input.add(((first / LANES * height + ky) * width + x) * LANES);
                    for lane in 0..LANES.min(self.in_channels - first) {
                        add_row::<V, R, P, LEFT, RIGHT>(&mut sums, input.add(lane), row.in_stride, weights);
                        weights = weights.add(3 * V::WIDTH);
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                for (p, sum) in sums.iter().enumerate() {
                    sum.store_groups(row.output.add(r * row.out_stride + (x + p) * LANES), height * width * LANES);
                }
            }
        }
    }

    /// Finds row `y` of `group` of the images from `image` on.
    ///
    /// Not inlined, because LLVM would do this arithmetic again in the innermost loop rather than keep its results.
    #[inline(never)]
    fn locate(&self, image: usize, group: usize, y: usize, vector_width: usize) -> TileRow {
        let Size { height, width, .. } = self.size;
        let in_stride = self.size.image_len(self.in_channels);
        let out_stride = self.out_groups * height * width * LANES;
        let kernel_rows = self.size.kernel_rows(y);
        let input_y = y + kernel_rows.start - 1;
        let first_weight = (group * TAPS * LANES + kernel_rows.start * 3 * vector_width) * self.in_channels;
        TileRow {
            input: self.input[image * in_stride + input_y * width * LANES..].as_ptr(),
            in_stride,
            weights: self.packed[first_weight..].as_ptr(),
            kernel_rows: kernel_rows.len(),
            output: self.output.wrapping_add(image * out_stride + (group * height + y) * width * LANES),
            out_stride,
        }
    }
}

/// Where the tiles of a row read and write. Strides are from image to image.
struct TileRow {
    /// The input row of the first kernel row that meets the image.
    input: *const f32,
    in_stride: usize,
    /// The weights of that kernel row.
    weights: *const f32,
    kernel_rows: usize,
    output: *mut f32,
    out_stride: usize,
}

/// Adds one input channel's share of one kernel row to the sums of a tile.
///
/// # Safety
/// `input` is valid for reading at `r * stride + p * LANES` for all `r < R` and for `p` from -1 (0 if `LEFT`) to
/// `P` (`P - 1` if `RIGHT`); `weights` for reading three vectors.
#[inline(always)]
unsafe fn add_row<V: Vector, const R: usize, const P: usize, const LEFT: bool, const RIGHT: bool>(
    sums: &mut [[V; P]; R],
    input: *const f32,
    stride: usize,
    weights: *const f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let weights = [V::load(weights), V::load(weights.add(V::WIDTH)), V::load(weights.add(2 * V::WIDTH))];
        // Written out: LLVM would leave a loop of this length rolled, and the sums in memory.
        if !LEFT {
            add_column(sums, input.sub(LANES), stride, weights, 0);
        }
        add_column(sums, input, stride, weights, 1);
        if P > 1 {
            add_column(sums, input.add(LANES), stride, weights, 2);
        }
        if P > 2 {
            add_column(sums, input.add(2 * LANES), stride, weights, 3);
        }
        if P > 3 {
            add_column(sums, input.add(3 * LANES), stride, weights, 4);
        }
        if P > 4 {
            add_column(sums, input.add(4 * LANES), stride, weights, 5);
            add_column(sums, input.add(5 * LANES), stride, weights, 6);
            add_column(sums, input.add(6 * LANES), stride, weights, 7);
            add_column(sums, input.add(7 * LANES), stride, weights, 8);
        }
        if P > 8 {
            add_column(sums, input.add(8 * LANES), stride, weights, 9);
            add_column(sums, input.add(9 * LANES), stride, weights, 10);
            add_column(sums, input.add(10 * LANES), stride, weights, 11);
            add_column(sums, input.add(11 * LANES), stride, weights, 12);
            add_column(sums, input.add(12 * LANES), stride, weights, 13);
            add_column(sums, input.add(13 * LANES), stride, weights, 14);
            add_column(sums, input.add(14 * LANES), stride, weights, 15);
            add_column(sums, input.add(15 * LANES), stride, weights, 16);
        }
        if !RIGHT {
            add_column(sums, input.add(P * LANES), stride, weights, P + 1);
        }
    }
}

/// Adds one input column: the one that kernel column `kx` brings to the tile's output column `column - kx`.
///
/// # Safety
/// `input` is valid for reading at `r * stride` for all `r < R`.
#[inline(always)]
unsafe fn add_column<V: Vector, const R: usize, const P: usize>(
    sums: &mut [[V; P]; R],
    input: *const f32,
    stride: usize,
    weights: [V; 3],
    column: usize,
) {
    for (r, sums) in sums.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        let value = V::splat(unsafe { *input.add(r * stride) });
        for (kx, weight) in weights.into_iter().enumerate() {
            if column >= kx && column - kx < P {
                sums[column - kx] = value.mul_add(weight, sums[column - kx]).pin();
            }
        }
    }
}
