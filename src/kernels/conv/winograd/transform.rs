//! The work around the products: patches, gradients and taps spread over the 16 positions, and tiles and gradients of
//! taps made of the sums.
//!
//! Each is a small matrix applied to the columns and then to the rows of a patch, without a multiplication but by ½.

use std::marker::PhantomData;
use std::ops::Range;

use super::{Corner, Matrices, STRIP, Tiles};
use crate::kernels::conv::Size;
use crate::kernels::conv::pack::{TAPS, Weights};
use crate::kernels::isa::{self, GroupKernel, Kernel};
use crate::kernels::lanes::{LANES, Lanes, Vector};

/// A matrix of O×I.
pub trait Side<const I: usize, const O: usize> {
    /// Its product with a column.
    fn times<V: Vector>(column: [V; I]) -> [V; O];

    /// Its product with `tile`, and of that with the matrix transposed.
    #[inline(always)]
    fn both<V: Vector>(tile: [[V; I]; I]) -> [[V; O]; O] {
        let mut left = [[V::zero(); I]; O];
        for x in 0..I {
            let mut column = [V::zero(); I];
            for y in 0..I {
                column[y] = tile[y][x];
            }
            let column = Self::times(column);
            for y in 0..O {
                left[y][x] = column[y];
            }
        }
        let mut both = [[V::zero(); O]; O];
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
    fn times<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 4] {
        [a.sub(c), b.add(c), c.sub(b), b.sub(d)]
    }
}

impl Side<2, 4> for Grad {
    #[inline(always)]
    fn times<V: Vector>([a, b]: [V; 2]) -> [V; 4] {
        [a, a.add(b), a.sub(b), V::zero().sub(b)]
    }
}

impl Side<4, 2> for Tile {
    #[inline(always)]
    fn times<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 2] {
        [a.add(b).add(c), b.sub(c).sub(d)]
    }
}

impl Side<3, 4> for Taps {
    #[inline(always)]
    fn times<V: Vector>([a, b, c]: [V; 3]) -> [V; 4] {
        let half = V::splat(0.5);
        let (outer, middle) = (a.add(c).mul(half), b.mul(half));
        [a, outer.add(middle), outer.sub(middle), c]
    }
}

impl Side<4, 3> for TapsGrad {
    #[inline(always)]
    fn times<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 3] {
        let half = V::splat(0.5);
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
pub fn spread<S: Side<I, 4>, const I: usize>(tiles: Tiles, block: Range<usize>, activation: &[f32], to: &mut Matrices) {
    let Size { images, height, width } = tiles.0;
    let groups = activation.len() / images / (height * width * LANES);
    isa::dispatch_groups(groups, Spread { tiles, block, activation, groups, to, side: PhantomData::<S> })
}

struct Spread<'a, 'm, S, const I: usize> {
    tiles: Tiles,
    block: Range<usize>,
    activation: &'a [f32],
    /// Groups of an image.
    groups: usize,
    to: &'a mut Matrices<'m>,
    side: PhantomData<S>,
}

impl<S, const I: usize> Spread<'_, '_, S, I> {
    /// The pixels around a tile, of the groups of a vector from `group` on; those outside the image are zero.
    #[inline(always)]
    fn patch<V: Vector>(&self, corner: &Corner, group: usize) -> [[V; I]; I] {
        let Size { height, width, .. } = self.tiles.0;
        let plane = height * width * LANES;
        let from = &self.activation[self.tiles.plane(corner, group, self.groups)..][..plane * V::WIDTH / LANES];
        // A patch of 4×4 starts one pixel before its tile.
        let border = (I - 2) / 2;
        let (top, left) = (corner.y.wrapping_sub(border), corner.x.wrapping_sub(border));
        let inside = |y: usize, x: usize| y < height && x < width;
        let whole = inside(top, left) && inside(top + I - 1, left + I - 1);
        let mut patch = [[V::zero(); I]; I];
        for (dy, row) in patch.iter_mut().enumerate() {
            for (dx, value) in row.iter_mut().enumerate() {
                let (y, x) = (top.wrapping_add(dy), left.wrapping_add(dx));
                if whole || inside(y, x) {
                    // SAFETY: the pixel is in the plane of each of the vector's groups.
                    *value = unsafe { V::load_groups(from.as_ptr().add((y * width + x) * LANES), plane) };
                }
            }
        }
        patch
    }
}

impl<S: Side<I, 4>, const I: usize> GroupKernel for Spread<'_, '_, S, I> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        assert!(self.block.len() <= self.to.rows, "a row for each tile");
        assert!(self.groups * LANES <= self.to.strips * STRIP, "a strip for each group");
        // The spare group of an odd last strip keeps what it held: of patches only lanes with a channel are read, and of
        // the gradient's sums these lanes are dropped.
        for vector in 0..self.groups * LANES / V::WIDTH {
            for (row, corner) in self.tiles.corners(self.block.clone()).enumerate() {
                let patch = self.patch::<V>(&corner, vector * V::WIDTH / LANES);
                // SAFETY: a block has no more tiles than the matrices have rows, and the strip is one of theirs.
                unsafe { self.to.store(vector, row, S::both(patch)) }
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

impl GroupKernel for MakeTiles<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Size { height, width, .. } = self.tiles.0;
        assert!(self.block.len() <= self.sums.rows, "a row for each tile");
        assert!(self.groups * LANES <= self.sums.strips * STRIP, "a strip for each group");
        for vector in 0..self.groups * LANES / V::WIDTH {
            for (row, corner) in self.tiles.corners(self.block.clone()).enumerate() {
                let plane = self.tiles.plane(&corner, vector * V::WIDTH / LANES, self.groups);
                // SAFETY: a block has no more tiles than the matrices have rows; the strip holds existing groups.
                let made = Tile::both(unsafe { self.sums.load::<V>(vector, row) });
                for (y, made) in (corner.y..height).zip(made) {
                    for (x, made) in (corner.x..width).zip(made) {
                        let to = self.output.wrapping_add(plane + (y * width + x) * LANES);
                        // SAFETY: the output has room for every pixel of every group of every image.
                        unsafe { made.store_groups(to, height * width * LANES) }
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
