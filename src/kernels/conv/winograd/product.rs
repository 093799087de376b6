//! The products of matrices at the 16 positions, ten to sixteen vectors of sums in registers at a time.

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
    fn run<V: Vector>(self) {
        assert!(self.rows <= self.patches.rows.min(self.sums.rows), "a row for each tile");
        assert!(self.filters.rows <= self.patches.strips * STRIP, "a lane of patches for each filter");
        assert!(self.sums.strips <= self.filters.strips, "filters for each strip of sums");
        assert!(V::WIDTH == STRIP || 2 * V::WIDTH == STRIP, "one vector or two are a strip");
        // Six tiles × a strip of two vectors, or twelve × a wide one.
        if V::WIDTH == STRIP { self.products::<V, 12, 1>() } else { self.products::<V, 6, 2>() }
    }
}

impl Convolve<'_, '_> {
    #[inline(always)]
    fn products<V: Vector, const R: usize, const N: usize>(mut self) {
        for position in 0..POSITIONS {
            for strip in 0..self.sums.strips {
                let whole = self.rows - self.rows % R;
                // SAFETY: each call takes rows of the block.
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

    /// A strip of `R` rows of the sums.
    ///
    /// # Safety
    /// The matrices of tiles have the rows `row..row + R`, and `N` vectors are a strip.
    #[inline(always)]
    unsafe fn product<V: Vector, const R: usize, const N: usize>(&mut self, position: usize, strip: usize, row: usize) {
        let in_channels = self.filters.rows;
        let mut filter = self.filters.at(position, strip, 0);
        let mut sums = [[V::zero(); N]; R];
        // SAFETY: the caller's promise; the filters have a row for each input channel, the patches a lane.
        unsafe {
            for first in (0..in_channels).step_by(STRIP) {
                let patch = self.patches.at(position, first / STRIP, row);
                for lane in 0..STRIP.min(in_channels - first) {
                    add_products(&mut sums, patch.add(lane), STRIP, filter);
                    filter = filter.add(STRIP);
                }
            }
            let to = self.sums.at_mut(position, strip, row);
            for (r, sums) in sums.iter().enumerate() {
                for (n, sum) in sums.iter().enumerate() {
                    sum.store(to.add(r * STRIP + n * V::WIDTH));
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
        for position in 0..POSITIONS {
            for strip in 0..self.sums.strips {
                let mut channel = 0;
                while channel < self.sums.rows {
                    // The channels of a strip of patches in turns of five, five and six, or all at once by wide vectors.
                    let left = (STRIP - channel % STRIP).min(self.sums.rows - channel);
                    // SAFETY: no turn takes more than the channels that are left in the strip.
                    channel += unsafe {
                        match (V::WIDTH, left) {
                            (STRIP, STRIP) => self.product::<V, 16, 1>(position, strip, channel),
                            (STRIP, _) => self.product::<V, 1, 1>(position, strip, channel),
                            (_, 6) => self.product::<V, 6, 2>(position, strip, channel),
                            (_, 5..) => self.product::<V, 5, 2>(position, strip, channel),
                            _ => self.product::<V, 1, 2>(position, strip, channel),
                        }
                    };
                }
            }
        }
    }
}

impl Correlate<'_, '_> {
    /// Adds a block's share to a strip of `R` rows of the sums, from `channel` on. Returns `R`.
    ///
    /// # Safety
    /// The input channels `channel..channel + R` exist and stand in one strip; `N` vectors are a strip.
    #[inline(always)]
    unsafe fn product<V: Vector, const R: usize, const N: usize>(
        &mut self,
        position: usize,
        strip: usize,
        channel: usize,
    ) -> usize {
        let patch = self.patches.at(position, channel / STRIP, 0).wrapping_add(channel % STRIP);
        let grad = self.grads.at(position, strip, 0);
        let mut sums = [[V::zero(); N]; R];
        // SAFETY: the caller's promise; patches and gradients have a row for each tile, the sums for each channel.
        unsafe {
            for tile in 0..self.rows {
                add_products(&mut sums, patch.add(tile * STRIP), 1, grad.add(tile * STRIP));
            }
            let to = self.sums.at_mut(position, strip, channel);
            for (r, sums) in sums.iter().enumerate() {
                for (n, sum) in sums.iter().enumerate() {
                    let to = to.add(r * STRIP + n * V::WIDTH);
                    sum.add(V::load(to)).store(to);
                }
            }
        }
        R
    }
}

/// Adds to each row of sums the product of one value of `left`, `distance` from row to row, with a strip.
///
/// # Safety
/// `left` is valid for reading at `r * distance` for all `r < R`, `right` for reading `N` vectors.
#[inline(always)]
unsafe fn add_products<V: Vector, const R: usize, const N: usize>(
    sums: &mut [[V; N]; R],
    left: *const f32,
    distance: usize,
    right: *const f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut strip = [V::zero(); N];
        for (n, vector) in strip.iter_mut().enumerate() {
            *vector = V::load(right.add(n * V::WIDTH));
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            let value = V::splat(*left.add(r * distance));
            for (sum, vector) in sums.iter_mut().zip(strip) {
                *sum = value.mul_add(vector, *sum).pin();
            }
        }
    }
}
