//! The work around the products: patches, gradients and taps spread over the 16 positions, and tiles and gradients of
//! taps made of the sums.
//!
//! Each is a small matrix applied to the columns and then to the rows of a patch, without a multiplication but by ½.

use std::marker::PhantomData;
use std::ops::Range;

use super::{Corner, Matrices, STRIP, Tiles};
use crate::kernels::conv::Size;
use crate::kernels::conv::pack::{TAPS, Weights};
use crate::kernels::isa::{self, Kernel};
use crate::kernels::lanes::{LANES, Lanes};

/// A matrix of O×I.
pub trait Side<const I: usize, const O: usize> {
    /// Its product with a column.
    fn times<L: Lanes>(column: [L; I]) -> [L; O];

    /// Its product with `tile`, and of that with the matrix transposed.
    #[inline(always)]
    fn both<L: Lanes>(tile: [[L; I]; I]) -> [[L; O]; O] {
        let mut left = [[L::zero(); I]; O];
        for x in 0..I {
            let mut column = [L::zero(); I];
            for y in 0..I {
                column[y] = tile[y][x];
            }
            let column = Self::times(column);
            for y in 0..O {
                left[y][x] = column[y];
            }
        }
        let mut both = [[L::zero(); O]; O];
        for y in 0..O {
            both[y] = Self::times(left[y]);
        }
        both
    }
}

/// Bᵀ, for a patch of the input.
pub struct Patch;
/// A, for a tile of the output's gradient.
pub struct Grad;
/// G, for the taps of a pair of channels.
struct Taps;
/// Aᵀ, for sums over input channels.
struct Tile;
/// Gᵀ, for sums over tiles.
struct TapsGrad;

impl Side<4, 4> for Patch {
    #[inline(always)]
    fn times<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 4] {
        [a.sub(c), b.add(c), c.sub(b), b.sub(d)]
    }
}

impl Side<2, 4> for Grad {
    #[inline(always)]
    fn times<L: Lanes>([a, b]: [L; 2]) -> [L; 4] {
        [a, a.add(b), a.sub(b), L::zero().sub(b)]
    }
}

impl Side<4, 2> for Tile {
    #[inline(always)]
    fn times<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 2] {
        [a.add(b).add(c), b.sub(c).sub(d)]
    }
}

impl Side<3, 4> for Taps {
    #[inline(always)]
    fn times<L: Lanes>([a, b, c]: [L; 3]) -> [L; 4] {
        let half = L::splat(0.5);
        let (outer, middle) = (a.add(c).mul(half), b.mul(half));
        [a, outer.add(middle), outer.sub(middle), c]
    }
}

impl Side<4, 3> for TapsGrad {
    #[inline(always)]
    fn times<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 3] {
        let half = L::splat(0.5);
        let (sum, difference) = (b.add(c).mul(half), b.sub(c).mul(half));
        [a.add(sum), difference, sum.add(d)]
    }
}

/// G g Gᵀ for all taps g: rows of input channels.
pub struct SpreadWeights<'a, 'm> {
    pub weights: Weights<'a>,
    pub to: &'a mut Matrices<'m>,
}

impl Kernel for SpreadWeights<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let out_channels = self.weights.out_channels();
        for group in 0..2 * self.to.strips {
            for row in 0..self.to.rows {
                let mut taps = [[[0.0; LANES]; 3]; 3];
                for lane in 0..LANES.min(out_channels.saturating_sub(group * LANES)) {
                    for (ky, taps) in taps.iter_mut().enumerate() {
                        let [left, middle, right] = self.weights.taps(group * LANES + lane, row, ky);
                        (taps[0][lane], taps[1][lane], taps[2][lane]) = (left, middle, right);
                    }
                }
                let mut vectors = [[L::zero(); 3]; 3];
                for (value, tap) in vectors.as_flattened_mut().iter_mut().zip(taps.as_flattened()) {
                    // SAFETY: an array of eight floats.
                    *value = unsafe { L::load(tap.as_ptr()) };
                }
                // SAFETY: the loops run over the rows and the groups of the strips that there are.
                unsafe { self.to.store(group, row, Taps::both(vectors)) }
            }
        }
    }
}

/// The product of the matrix `S`, from both sides, with the I×I pixels around every tile of a block: rows of tiles.
pub struct Spread<'a, 'm, S, const I: usize> {
    tiles: Tiles,
    block: Range<usize>,
    activation: &'a [f32],
    /// Groups of an image.
    groups: usize,
    to: &'a mut Matrices<'m>,
    side: PhantomData<S>,
}

impl<'a, 'm, S, const I: usize> Spread<'a, 'm, S, I> {
    pub fn new(tiles: Tiles, block: Range<usize>, activation: &'a [f32], to: &'a mut Matrices<'m>) -> Self {
        let groups = activation.len() / tiles.0.images / (tiles.0.height * tiles.0.width * LANES);
        Self { tiles, block, activation, groups, to, side: PhantomData }
    }

    /// The pixels of a group around a tile; those outside the image are zero.
    #[inline(always)]
    fn patch<L: Lanes>(&self, corner: &Corner, group: usize) -> [[L; I]; I] {
        let Size { height, width, .. } = self.tiles.0;
        let plane = &self.activation[self.tiles.plane(corner, group, self.groups)..][..height * width * LANES];
        // A patch of 4×4 starts one pixel before its tile.
        let border = (I - 2) / 2;
        let mut patch = [[L::zero(); I]; I];
        for (dy, row) in patch.iter_mut().enumerate() {
            let y = corner.y + dy;
            if y < border || y >= height + border {
                continue;
            }
            let from = ((y - border) * width + corner.x) * LANES;
            for (dx, value) in row.iter_mut().enumerate() {
                let x = corner.x + dx;
                if x >= border && x < width + border {
                    // SAFETY: row `y - border` and column `x - border` are in the plane.
                    *value = unsafe { L::load(plane.as_ptr().add(from + dx * LANES - border * LANES)) };
                }
            }
        }
        patch
    }
}

impl<S: Side<I, 4>, const I: usize> Kernel for Spread<'_, '_, S, I> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        assert!(self.block.len() <= self.to.rows, "a row for each tile");
        // The spare group of an odd last strip keeps what it held: of patches only lanes with a channel are read, and of
        // the gradient's sums these lanes are dropped.
        for strip in 0..self.to.strips {
            for (row, tile) in self.block.clone().enumerate() {
                let corner = self.tiles.corner(tile);
                for group in 2 * strip..self.groups.min(2 * strip + 2) {
                    let patch = self.patch::<L>(&corner, group);
                    // SAFETY: a block has no more tiles than the matrices have rows, and the strip is one of theirs.
                    unsafe { self.to.store(group, row, S::both(patch)) }
                }
            }
        }
    }
}

/// Aᵀ m A for the sums m of every tile of a block: its pixels of the output.
pub struct MakeTiles<'a, 'm> {
    pub tiles: Tiles,
    pub block: Range<usize>,
    pub sums: &'a Matrices<'m>,
    /// Groups of an image.
    pub groups: usize,
    /// Room for all images, perhaps not yet initialised.
    pub output: *mut f32,
}

impl Kernel for MakeTiles<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Size { height, width, .. } = self.tiles.0;
        assert!(self.block.len() <= self.sums.rows, "a row for each tile");
        for group in 0..self.groups {
            for (row, tile) in self.block.clone().enumerate() {
                let corner = self.tiles.corner(tile);
                let plane = self.output.wrapping_add(self.tiles.plane(&corner, group, self.groups));
                // SAFETY: a block has no more tiles than the matrices have rows; the strip holds an existing group.
                let made = Tile::both(unsafe { self.sums.load::<L>(group, row) });
                for (y, made) in (corner.y..height).zip(made) {
                    for (x, made) in (corner.x..width).zip(made) {
                        // SAFETY: the output has room for every pixel of every group of every image.
                        unsafe { made.store(plane.add((y * width + x) * LANES)) }
                    }
                }
            }
        }
    }
}

/// Gᵀ s G for the sums s of all pairs of channels: [strip of c_out][c_in][tap][lane].
pub fn make_taps(sums: &Matrices) -> Vec<f32> {
    isa::dispatch(MakeTaps { sums })
}

struct MakeTaps<'a, 'm> {
    sums: &'a Matrices<'m>,
}

impl Kernel for MakeTaps<'_, '_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<f32> {
        let mut taps = vec![0.0; self.sums.strips * self.sums.rows * TAPS * STRIP];
        for (i, taps) in taps.chunks_exact_mut(TAPS * STRIP).enumerate() {
            for half in 0..2 {
                let (strip, row) = (i / self.sums.rows, i % self.sums.rows);
                // SAFETY: there is a chunk for every row of every strip.
                let made = TapsGrad::both(unsafe { self.sums.load::<L>(2 * strip + half, row) });
                for (tap, made) in taps.chunks_exact_mut(STRIP).zip(made.as_flattened()) {
                    tap[half * LANES..][..LANES].copy_from_slice(&made.to_array());
                }
            }
        }
        taps
    }
}
