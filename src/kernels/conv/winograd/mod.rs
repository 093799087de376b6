//! The convolution of large layers with fewer multiplications: Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray
//! 2016, “Fast algorithms for convolutional neural networks”, section 4.1).
//!
//! A tile y of 2×2 output pixels needs a patch d of 4×4 input pixels. With the taps g and the matrices that
//! `transform.rs` holds,
//!
//! y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
//!
//! takes 16 multiplications for a pair of channels where the direct convolution takes 36. Summed over the input channels
//! inside the brackets it is, at each of the 16 positions of a patch, a product of two matrices (`product.rs`): tiles ×
//! input channels by input channels × output channels. The gradient of the taps is the same read backwards, with the
//! output's gradient y′ and a sum over all tiles: Gᵀ [Σ (Bᵀ d B) ⊙ (A y′ Aᵀ)] G.
//!
//! Tiles are taken in blocks, so that what the products read at one position, its patches and a strip of its filters,
//! stays in the second-level cache. At an odd size the last tiles reach over the image: what they read there is zero, what
//! they make there is dropped.

mod product;
mod transform;

use std::ops::Range;
use std::ptr;

use self::product::{Convolve, Correlate};
use self::transform::{Grad, MakeTiles, Patch, SpreadWeights, make_taps, spread};
use super::Size;
use super::pack::{Weights, unpack, with_scratch};
use crate::kernels::isa;
use crate::kernels::lanes::{LANES, Vector};
use crate::kernels::layout::groups;

/// Channels of two groups, side by side in the matrices: AVX-512's vectors hold so many.
const STRIP: usize = 2 * LANES;

/// Positions of a patch of 4×4 pixels.
const POSITIONS: usize = 16;

/// Tiles in a block, a multiple of the rows that [`Convolve`] takes at once. Half or twice as many are no faster.
pub const BLOCK_TILES: usize = 60;

/// The smallest layer that is convolved this way, in pairs of channels × pixels of an image.
const LARGE: usize = 1 << 17;

/// Whether a layer is large enough for this to be used, and its maps wide enough for it to be faster: of maps up to 3×3
/// the direct convolution, which skips the taps in the padding, multiplies no more often.
///
/// Smaller layers, all those of VGG-16 at 1/8 width among them, stay with the direct convolution, which made, to the bit,
/// what has been reported of them.
pub fn pays(size: Size, in_channels: usize, out_channels: usize) -> bool {
    let strips_are_full = in_channels.min(out_channels) >= STRIP;
    let maps_are_wide = size.height.min(size.width) > 3;
    strips_are_full && maps_are_wide && size.height * size.width * in_channels * out_channels >= LARGE
}

/// The convolution of `input` by `weights`, grouped.
pub fn convolve(size: Size, input: &[f32], weights: Weights) -> Vec<f32> {
    let (in_channels, out_channels) = (weights.in_channels(), weights.out_channels());
    assert_eq!(input.len(), size.images * size.image_len(in_channels));
    let (tiles, len) = (Tiles(size), size.images * size.image_len(out_channels));
    let mut output = Vec::with_capacity(len);
    let shapes = [(in_channels, out_channels), (BLOCK_TILES, in_channels), (BLOCK_TILES, out_channels)];
    with_matrices(shapes, |[mut filters, mut patches, mut sums]| {
        isa::dispatch(SpreadWeights { weights, to: &mut filters });
        for block in tiles.blocks() {
            let rows = block.len();
            spread::<Patch, 4>(tiles, block.clone(), input, &mut patches);
            isa::dispatch_groups(2, Convolve { rows, patches: &patches, filters: &filters, sums: &mut sums });
            let (groups, output) = (groups(out_channels), output.as_mut_ptr());
            isa::dispatch_groups(groups, MakeTiles { tiles, block, sums: &sums, groups, output });
        }
    });
    // SAFETY: every pixel of every group of every image belongs to one tile of one block, and each was written.
    unsafe { output.set_len(len) };
    output
}

/// The gradient of the weight (c_out, c_in, 3, 3) from `input` and `grad`, the gradient of the output, grouped.
pub fn weight_gradient(size: Size, in_channels: usize, out_channels: usize, input: &[f32], grad: &[f32]) -> Vec<f32> {
    assert_eq!(input.len(), size.images * size.image_len(in_channels));
    assert_eq!(grad.len(), size.images * size.image_len(out_channels));
    let tiles = Tiles(size);
    let shapes = [(in_channels, out_channels), (BLOCK_TILES, in_channels), (BLOCK_TILES, out_channels)];
    with_matrices(shapes, |[mut sums, mut patches, mut grads]| {
        sums.values.fill(0.0);
        for block in tiles.blocks() {
            let rows = block.len();
            spread::<Patch, 4>(tiles, block.clone(), input, &mut patches);
            spread::<Grad, 2>(tiles, block, grad, &mut grads);
            isa::dispatch_groups(2, Correlate { rows, patches: &patches, grads: &grads, sums: &mut sums });
        }
        unpack(&make_taps(&sums), STRIP, in_channels, out_channels)
    })
}

/// A matrix of rows × channels for every position of a patch: [position][strip of channels][row][lane].
struct Matrices<'a> {
    values: &'a mut [f32],
    rows: usize,
    strips: usize,
}

/// Calls `work` with matrices of `shapes` (rows, channels) in this thread's scratch memory, whatever they hold.
fn with_matrices<const N: usize, T>(shapes: [(usize, usize); N], work: impl FnOnce([Matrices; N]) -> T) -> T {
    let shapes = shapes.map(|(rows, channels)| (rows, channels.div_ceil(STRIP)));
    let len = |(rows, strips)| POSITIONS * Matrices::position_len(rows, strips);
    with_scratch(shapes.into_iter().map(len).sum(), |mut scratch| {
        work(shapes.map(|(rows, strips)| {
            let values = scratch.split_off_mut(..len((rows, strips))).expect("room for each of them");
            Matrices { values, rows, strips }
        }))
    })
}

impl Matrices<'_> {
    /// Floats of one position: a row more than it holds, because positions whose distance is a power of two would evict
    /// each other from the cache.
    fn position_len(rows: usize, strips: usize) -> usize {
        (strips * rows + 1) * STRIP
    }

    #[inline(always)]
    fn start(&self, position: usize, strip: usize, row: usize) -> usize {
        debug_assert!(position < POSITIONS && strip < self.strips && row < self.rows);
        position * Self::position_len(self.rows, self.strips) + (strip * self.rows + row) * STRIP
    }

    /// Where a strip of a row starts; that of the next row follows.
    #[inline(always)]
    fn at(&self, position: usize, strip: usize, row: usize) -> *const f32 {
        self.values[self.start(position, strip, row)..].as_ptr()
    }

    /// The same, to write.
    #[inline(always)]
    fn at_mut(&mut self, position: usize, strip: usize, row: usize) -> *mut f32 {
        let start = self.start(position, strip, row);
        self.values[start..].as_mut_ptr()
    }

    /// Vector `n` of a row, counted from the start of a strip on.
    #[inline(always)]
    fn vector<V: Vector>(&self, position: usize, strip: usize, row: usize, n: usize) -> *const f32 {
        self.at(position, strip + n * V::WIDTH / STRIP, row).wrapping_add(n * V::WIDTH % STRIP)
    }

    /// The first row's `N` vectors from the start of a strip on.
    #[inline(always)]
    fn vectors<V: Vector, const N: usize>(&self, position: usize, strip: usize) -> [*const f32; N] {
        let mut vectors = [ptr::null(); N];
        for (n, vector) in vectors.iter_mut().enumerate() {
            *vector = self.vector::<V>(position, strip, 0, n);
        }
        vectors
    }

    /// The same as `vector`, to write.
    #[inline(always)]
    fn vector_mut<V: Vector>(&mut self, position: usize, strip: usize, row: usize, n: usize) -> *mut f32 {
        self.at_mut(position, strip + n * V::WIDTH / STRIP, row).wrapping_add(n * V::WIDTH % STRIP)
    }

    /// Vector `n` of a row at each of the 4×4 positions.
    ///
    /// # Safety
    /// The row and the strip of the vector exist.
    #[inline(always)]
    unsafe fn load<V: Vector>(&self, n: usize, row: usize) -> [[V; 4]; 4] {
        let (from, distance) = (self.vector::<V>(0, 0, row, n), Self::position_len(self.rows, self.strips));
        let mut patch = [[V::zero(); 4]; 4];
        for (position, value) in patch.as_flattened_mut().iter_mut().enumerate() {
            // SAFETY: each position has that row, by the caller's promise, and all vectors of the strip.
            *value = unsafe { V::load(from.add(position * distance)) };
        }
        patch
    }

    /// The same, to write.
    ///
    /// # Safety
    /// The row and the strip of the vector exist.
    #[inline(always)]
    unsafe fn store<V: Vector>(&mut self, n: usize, row: usize, patch: [[V; 4]; 4]) {
        let (to, distance) = (self.vector_mut::<V>(0, 0, row, n), Self::position_len(self.rows, self.strips));
        for (position, value) in patch.as_flattened().iter().enumerate() {
            // SAFETY: as for `load`.
            unsafe { value.store(to.add(position * distance)) }
        }
    }
}

/// The tiles of 2×2 pixels of all images, numbered by image, row and column.
#[derive(Clone, Copy)]
struct Tiles(Size);

/// The place of a tile: its image and its upper left pixel.
#[derive(Clone, Copy)]
struct Corner {
    image: usize,
    y: usize,
    x: usize,
}

impl Tiles {
    fn blocks(self) -> impl Iterator<Item = Range<usize>> {
        let Size { images, height, width } = self.0;
        let count = images * height.div_ceil(2) * width.div_ceil(2);
        (0..count).step_by(BLOCK_TILES).map(move |start| start..count.min(start + BLOCK_TILES))
    }

    /// The corners of a block's tiles, in order.
    #[inline(always)]
    fn corners(self, block: Range<usize>) -> impl Iterator<Item = Corner> {
        let (rows, columns) = (self.0.height.div_ceil(2), self.0.width.div_ceil(2));
        let (image, tile) = (block.start / (rows * columns), block.start % (rows * columns));
        let mut next = Corner { image, y: tile / columns * 2, x: tile % columns * 2 };
        block.map(move |_| {
            let corner = next;
            next.x += 2;
            if next.x >= self.0.width {
                (next.x, next.y) = (0, next.y + 2);
            }
            if next.y >= self.0.height {
                (next.y, next.image) = (0, next.image + 1);
            }
            corner
        })
    }

    /// Floats before the plane of `group` in the image of `corner`, where an image has `groups`.
    #[inline(always)]
    fn plane(self, corner: &Corner, group: usize, groups: usize) -> usize {
        (corner.image * groups + group) * self.0.height * self.0.width * LANES
    }
}
