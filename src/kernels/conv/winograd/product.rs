//! The products of matrices at the 16 positions, ten to 24 vectors of sums in registers at a time.
//!
//! Where registers are wide and many, two strips are taken at once: each value that is spread over a vector is then read
//! for two multiply-adds, so that these, and not the reads, set the pace.

use std::ops::Range;

use super::{Matrices, POSITIONS, STRIP};
use crate::kernels::isa::GroupKernel;
use crate::kernels::lanes::Vector;

/// Sums (tiles × output channels) = patches (tiles × input channels) · filters (input channels × output channels).
pub struct Convolve<'a, 'm> {
    /// Tiles of the block.
    pub rows: usize,
    pub patches: &'a Matrices<'m>,
    pub filters: &'a Matrices<'m>,
    pub sums: &'a mut Matrices<'m>,
}

impl GroupKernel for Convolve<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        assert!(self.rows <= self.patches.rows.min(self.sums.rows), "a row for each tile");
        assert!(self.filters.rows <= self.patches.strips * STRIP, "a lane of patches for each filter");
        assert!(self.sums.strips <= self.filters.strips, "filters for each strip of sums");
        assert!(V::WIDTH == STRIP || 2 * V::WIDTH == STRIP, "one vector or two are a strip");
        // Twelve tiles × two strips or one of a wide vector each, or six × a strip of two vectors.
        if V::WIDTH < STRIP {
            return self.products::<V, 6, 2>(0..self.sums.strips);
        }
        let pairs = self.sums.strips / 2 * 2;
        self.products::<V, 12, 2>(0..pairs);
        self.products::<V, 12, 1>(pairs..self.sums.strips);
    }
}

impl Convolve<'_, '_> {
    /// The sums of the rows of the block in some strips, as many at a time as `N` vectors hold.
    #[inline(always)]
    fn products<V: Vector, const R: usize, const N: usize>(&mut self, strips: Range<usize>) {
        for position in 0..POSITIONS {
            for strip in strips.clone().step_by(N * V::WIDTH / STRIP) {
                let whole = self.rows - self.rows % R;
                // SAFETY: each call takes rows of the block, and the strips are a multiple of what a call takes.
                unsafe {
                    for row in (0..whole).step_by(R) {
                        self.product::<V, R, N>(position, strip, row);
                    }
                    for row in whole..self.rows {
                        self.product::<V, 1, N>(position, strip, row);
                    }
                }
            }
        }
    }

    /// `N` vectors of `R` rows of the sums.
    ///
    /// # Safety
    /// The matrices of tiles have the rows `row..row + R`, and those of output channels the strips of `N` vectors.
    #[inline(always)]
    unsafe fn product<V: Vector, const R: usize, const N: usize>(&mut self, position: usize, strip: usize, row: usize) {
        let in_channels = self.filters.rows;
        let filters = self.filters.vectors::<V, N>(position, strip);
        let mut sums = [[V::zero(); N]; R];
        // SAFETY: the caller's promise; the filters have a row for each input channel, the patches a lane.
        unsafe {
            for first in (0..in_channels).step_by(STRIP) {
                let patch = self.patches.at(position, first / STRIP, row);
                for lane in 0..STRIP.min(in_channels - first) {
                    add_products(&mut sums, patch.add(lane), STRIP, filters, first + lane);
                }
            }
            for n in 0..N {
                let to = self.sums.vector_mut::<V>(position, strip, row, n);
                for (r, sums) in sums.iter().enumerate() {
                    sums[n].store(to.add(r * STRIP));
                }
            }
        }
    }
}

/// Sums (input channels × output channels) += patches, transposed (input channels × tiles) · gradients (tiles × output
/// channels).
pub struct Correlate<'a, 'm> {
    /// Tiles of the block.
    pub rows: usize,
    pub patches: &'a Matrices<'m>,
    pub grads: &'a Matrices<'m>,
    pub sums: &'a mut Matrices<'m>,
}

impl GroupKernel for Correlate<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        assert!(self.rows <= self.patches.rows.min(self.grads.rows), "a row for each tile");
        assert!(self.sums.rows <= self.patches.strips * STRIP, "a lane of patches for each row of sums");
        assert!(self.sums.strips <= self.grads.strips, "gradients for each strip of sums");
        assert!(V::WIDTH == STRIP || 2 * V::WIDTH == STRIP, "one vector or two are a strip");
        let pairs = if V::WIDTH < STRIP { 0 } else { self.sums.strips / 2 * 2 };
        for position in 0..POSITIONS {
            for strip in (0..pairs).step_by(2).chain(pairs..self.sums.strips) {
                let mut channel = 0;
                while channel < self.sums.rows {
                    let left = (STRIP - channel % STRIP).min(self.sums.rows - channel);
                    // The channels of a strip of patches by wide vectors in two turns or at once, by others in turns of
                    // five, five and six.
                    // SAFETY: no turn takes more than the channels that are left in the strip.
                    channel += unsafe {
                        match (V::WIDTH == STRIP, strip < pairs, left) {
                            (true, true, 8..) => self.product::<V, 8, 2>(position, strip, channel),
                            (true, false, STRIP) => self.product::<V, 16, 1>(position, strip, channel),
                            (true, false, _) => self.product::<V, 1, 1>(position, strip, channel),
                            (false, _, 6) => self.product::<V, 6, 2>(position, strip, channel),
                            (false, _, 5..) => self.product::<V, 5, 2>(position, strip, channel),
                            _ => self.product::<V, 1, 2>(position, strip, channel),
                        }
                    };
                }
            }
        }
    }
}

impl Correlate<'_, '_> {
    /// Adds a block's share to `N` vectors of `R` rows of the sums, from `channel` on. Returns `R`.
    ///
    /// # Safety
    /// The input channels `channel..channel + R` exist and are in one strip; so are the strips of `N` vectors.
    #[inline(always)]
    unsafe fn product<V: Vector, const R: usize, const N: usize>(
        &mut self,
        position: usize,
        strip: usize,
        channel: usize,
    ) -> usize {
        let patch = self.patches.at(position, channel / STRIP, 0).wrapping_add(channel % STRIP);
        let grads = self.grads.vectors::<V, N>(position, strip);
        let mut sums = [[V::zero(); N]; R];
        // SAFETY: the caller's promise; patches and gradients have a row for each tile, the sums for each channel.
        unsafe {
            for tile in 0..self.rows {
                add_products(&mut sums, patch.add(tile * STRIP), 1, grads, tile);
            }
            for n in 0..N {
                let to = self.sums.vector_mut::<V>(position, strip, channel, n);
                for (r, sums) in sums.iter().enumerate() {
                    let to = to.add(r * STRIP);
                    sums[n].add(V::load(to)).store(to);
                }
            }
        }
        R
    }
}

/// Adds to each row of sums the product of one value of `left`, `distance` from row to row, with a row of `N` vectors.
///
/// # Safety
/// `left` is valid for reading at `r * distance` for all `r < R`, each of `right` for reading a vector of that row.
#[inline(always)]
unsafe fn add_products<V: Vector, const R: usize, const N: usize>(
    sums: &mut [[V; N]; R],
    left: *const f32,
    distance: usize,
    right: [*const f32; N],
    row: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut vectors = [V::zero(); N];
        for (vector, right) in vectors.iter_mut().zip(right) {
            *vector = V::load(right.add(row * STRIP));
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            let value = V::splat(*left.add(r * distance));
            for (sum, vector) in sums.iter_mut().zip(vectors) {
                *sum = value.mul_add(vector, *sum).pin();
            }
        }
    }
}
