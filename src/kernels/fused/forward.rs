//! The forward pass after the statistics: normalisation, noise, ReLU and pooling in one pass over memory.

use std::mem::MaybeUninit;

use super::walk::{Chunk, Input, Place, Visitor, Walk, room};
use crate::kernels::isa;
use crate::kernels::lanes::Lanes;
use crate::kernels::layout::{Grouped, Pixel, load, write, written};

/// z = max(v, 0) with `RELU`, else v; then the 2×2 maxima if `pool`.
pub(super) fn forward<const RELU: bool>(input: &Input, pool: bool) -> Vec<f32> {
    let (shape, output) = (input.shape, if pool { input.shape.pooled() } else { input.shape });
    let walk = |z: &mut [_]| {
        isa::dispatch(Walk { input, visitor: &mut Forward::<RELU> { shape, output, pool, v: room(shape), z } });
    };
    // SAFETY: `Forward` writes every pixel: of every chunk, or of the row that pooling makes of it.
    unsafe { written(output.pixels(), walk) }
}

struct Forward<'a, const RELU: bool> {
    shape: Grouped,
    output: Grouped,
    pool: bool,
    /// Room for a chunk.
    v: Vec<Pixel>,
    z: &'a mut [MaybeUninit<Pixel>],
}

impl<const RELU: bool> Visitor for Forward<'_, RELU> {
    #[inline(always)]
    fn visit<L: Lanes>(&mut self, place: Place, chunk: &Chunk<L>) {
        if !self.pool {
            for (pixel, z) in self.z[place.pixels].iter_mut().enumerate() {
                let v = chunk.activation(pixel);
                write(if RELU { relu(v) } else { v }, z);
            }
        } else if place.rows == 2 {
            chunk.activations(&mut self.v);
            for (column, z) in self.z[place.pooled(self.output)].iter_mut().enumerate() {
                let [a, b, c, d] = window::<L>(&self.v, self.shape.width, column);
                let v = a.max(b).max(c.max(d));
                write(if RELU { relu(v) } else { v }, z);
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
