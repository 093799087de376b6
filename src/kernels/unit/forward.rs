//! The forward pass after the statistics: normalisation, noise, ReLU and pooling in one pass over memory.

use std::mem::MaybeUninit;

use super::walk::{Chunk, Input, Place, Visitor, Walk, room};
use crate::kernels::isa;
use crate::kernels::lanes::Lanes;
use crate::kernels::layout::{Grouped, Pixel, load, write};

/// v; writes all of `v`.
pub(super) fn before_relu(input: &Input, v: &mut [MaybeUninit<Pixel>]) {
    assert_eq!(v.len(), input.shape.pixels());
    isa::dispatch(Walk { input, visitor: &mut BeforeRelu { v } });
}

/// z = max(v, 0), then the 2×2 maxima if `pool`; writes all of `z`.
pub(super) fn forward(input: &Input, pool: bool, z: &mut [MaybeUninit<Pixel>]) {
    let (shape, output) = (input.shape, if pool { input.shape.pooled() } else { input.shape });
    assert_eq!(z.len(), output.pixels());
    isa::dispatch(Walk { input, visitor: &mut Forward { shape, output, pool, v: room(shape), z } });
}

struct BeforeRelu<'a> {
    v: &'a mut [MaybeUninit<Pixel>],
}

impl Visitor for BeforeRelu<'_> {
    #[inline(always)]
    fn visit<L: Lanes>(&mut self, place: Place, chunk: &Chunk<L>) {
        for (pixel, v) in self.v[place.pixels].iter_mut().enumerate() {
            write(chunk.activation(pixel), v);
        }
    }
}

struct Forward<'a> {
    shape: Grouped,
    output: Grouped,
    pool: bool,
    /// Room for a chunk.
    v: Vec<Pixel>,
    z: &'a mut [MaybeUninit<Pixel>],
}

impl Visitor for Forward<'_> {
    #[inline(always)]
    fn visit<L: Lanes>(&mut self, place: Place, chunk: &Chunk<L>) {
        if !self.pool {
            for (pixel, z) in self.z[place.pixels].iter_mut().enumerate() {
                write(relu(chunk.activation(pixel)), z);
            }
        } else if place.rows == 2 {
            chunk.activations(&mut self.v);
            for (column, z) in self.z[place.pooled(self.output)].iter_mut().enumerate() {
                let [a, b, c, d] = window::<L>(&self.v, self.shape.width, column);
                write(relu(a.max(b).max(c.max(d))), z);
            }
        }
    }
}

/// max(v, 0); not a number stays so, for a divergence must be seen. (A window's maximum keeps it for certain only where
/// it fills the window, which it does soon: the weights that made it have met every pixel.)
#[inline(always)]
fn relu<L: Lanes>(v: L) -> L {
    L::zero().max(v)
}

/// The 2×2 window of a chunk of two rows, row by row.
#[inline(always)]
fn window<L: Lanes>(chunk: &[Pixel], width: usize, column: usize) -> [L; 4] {
    let (top, bottom) = (&chunk[2 * column..][..2], &chunk[width + 2 * column..][..2]);
    [load(&top[0]), load(&top[1]), load(&bottom[0]), load(&bottom[1])]
}
