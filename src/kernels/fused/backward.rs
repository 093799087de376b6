//! The gradients. One pass takes them through pooling, ReLU and noise and sums them. Where the batch normalised, a second
//! one takes them through its statistics.

use std::mem::MaybeUninit;

use super::moments::accumulate;
use super::walk::{Chunk, Input, Place, Visitor, Walk, room};
use crate::kernels::divisor::{Divisor, Spread};
use crate::kernels::isa::{self, Kernel};
use crate::kernels::lanes::{LANES, Lanes};
use crate::kernels::layout::{Grouped, Pixel, load, store, write, written};

/// The gradients of y, γ and β; the last two padded to whole groups.
pub(super) fn backward(input: &Input, pool: bool, by: Option<Divisor>, grad: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let (shape, output) = (input.shape, if pool { input.shape.pooled() } else { input.shape });
    let grad = grad.as_chunks().0;
    assert_eq!(grad.len(), output.pixels());
    let batch = by.is_some();
    let mut sums = vec![Sums::default(); shape.groups];
    let first_pass = |grad_y: &mut [_]| {
        let visitor = &mut Backward { shape, output, pool, batch, grad_v: room(shape), grad, grad_y, sums: &mut sums };
        isa::dispatch(Walk { input, visitor });
    };
    // SAFETY: `Backward` writes every pixel of every chunk.
    let mut grad_y = unsafe { written(shape.pixels(), first_pass) };
    if let Some(by) = by {
        let (grad_y, along) = (grad_y.as_chunks_mut().0, along_statistics(input, &sums, by));
        match by.of {
            Spread::MeanAbsolute => isa::dispatch(Centre::<true> { input, along: &along, grad_y }),
            _ => isa::dispatch(Centre::<false> { input, along: &along, grad_y }),
        }
        if by.of == Spread::MaxAbsolute {
            correct_peaks(input, &along, grad_y);
        }
    }
    let inv_divisor = input.inv_divisor.as_flattened();
    let grad_gamma =
        sums.iter().flat_map(|sums| sums.grad_centred).zip(inv_divisor).map(|(sum, &i)| (sum * i as f64) as f32);
    let grad_beta = sums.iter().flat_map(|sums| sums.grad).map(|sum| sum as f32);
    (grad_y, grad_gamma.collect(), grad_beta.collect())
}

/// Sums over images and pixels, in double precision: of g, the gradient of a, and of g·(y − mean).
#[derive(Clone, Copy, Default)]
struct Sums {
    grad: [f64; LANES],
    grad_centred: [f64; LANES],
}

/// Writes g (times the gain, where that is all that is left to do) and sums it.
struct Backward<'a> {
    shape: Grouped,
    output: Grouped,
    pool: bool,
    batch: bool,
    /// Room for the gradient of v in a chunk.
    grad_v: Vec<Pixel>,
    grad: &'a [Pixel],
    grad_y: &'a mut [MaybeUninit<Pixel>],
    sums: &'a mut [Sums],
}

impl Visitor for Backward<'_> {
    #[inline(always)]
    fn visit<L: Lanes>(&mut self, place: Place, chunk: &Chunk<L>) {
        let grad_v = &mut self.grad_v[..place.pixels.len()];
        if !self.pool {
            for (pixel, (grad, grad_v)) in self.grad[place.pixels.clone()].iter().zip(&mut *grad_v).enumerate() {
                store(chunk.activation(pixel).where_greater(L::zero(), load(grad)), grad_v);
            }
        } else if place.rows == 2 {
            chunk.activations(grad_v);
            unpool::<L>(self.shape.width, &self.grad[place.pooled(self.output)], grad_v);
        } else {
            grad_v.fill([0.0; LANES]);
        }
        let factor = if self.batch { L::splat(1.0) } else { chunk.gain };
        let sums = through_noise(chunk, grad_v, factor, &mut self.grad_y[place.pixels]);
        accumulate(&mut self.sums[place.group].grad, sums[0]);
        accumulate(&mut self.sums[place.group].grad_centred, sums[1]);
    }
}

/// Writes g = s·`grad_v`, times `factor`; returns the sums of g and of g·(y − mean).
#[inline(always)]
fn through_noise<L: Lanes>(chunk: &Chunk<L>, grad_v: &[Pixel], factor: L, grad_y: &mut [MaybeUninit<Pixel>]) -> [L; 2] {
    let mut sums = [[L::zero(); 2]; 2];
    for (pixel, (grad, grad_y)) in grad_v.iter().zip(grad_y).enumerate() {
        let grad = chunk.through_noise(pixel, load(grad));
        // Two sums take turns, so that neither waits for itself.
        let [[sum, sum_centred], other] = sums;
        sums = [other, [sum.add(grad), grad.mul_add(chunk.centred(pixel), sum_centred)]];
        write(grad.mul(factor), grad_y);
    }
    [sums[0][0].add(sums[1][0]), sums[0][1].add(sums[1][1])]
}

/// Replaces the activations `v` of two rows by their gradients, from those of the pooled row.
#[inline(always)]
fn unpool<L: Lanes>(width: usize, grad: &[Pixel], v: &mut [Pixel]) {
    let (top, bottom) = v.split_at_mut(width);
    for (column, grad) in grad.iter().enumerate() {
        let [top, bottom] = [&mut top[2 * column..][..2], &mut bottom[2 * column..][..2]];
        let (a, b) = (load::<L>(&top[0]), load::<L>(&top[1]));
        let (c, d) = (load::<L>(&bottom[0]), load::<L>(&bottom[1]));
        let max = a.max(b).max(c.max(d));
        // The first that is not below the maximum takes the gradient; nothing remains for the others.
        let first = max.where_greater(L::zero(), load(grad));
        let second = max.where_greater(a, first);
        let third = max.where_greater(b, second);
        let fourth = max.where_greater(c, third);
        store(first.sub(second), &mut top[0]);
        store(second.sub(third), &mut top[1]);
        store(third.sub(fourth), &mut bottom[0]);
        store(fourth, &mut bottom[1]);
    }
    if width % 2 == 1 {
        // No gradient reaches a column that pooling drops.
        (top[width - 1], bottom[width - 1]) = ([0.0; LANES], [0.0; LANES]);
    }
}

/// The part that is subtracted from g in each channel of a group:
/// `offset` + `slope`·(y − mean) + `sign`·sgn(y), and `peak`·sgn(y) at the first y of the largest magnitude.
#[derive(Clone, Copy, Default)]
struct Along {
    offset: Pixel,
    slope: Pixel,
    sign: Pixel,
    peak: Pixel,
}

/// mean(g) + Σ g·(y − mean) / divisor · ∂divisor/∂y, group by group.
fn along_statistics(input: &Input, sums: &[Sums], by: Divisor) -> Vec<Along> {
    let count = input.shape.images * input.shape.plane();
    let mut groups = vec![Along::default(); sums.len()];
    for (group, (sums, along)) in sums.iter().zip(&mut groups).enumerate() {
        for lane in 0..LANES {
            let inv_divisor = input.inv_divisor[group][lane] as f64;
            // Lanes without a channel hold zero.
            let divisor = if inv_divisor == 0.0 { 0.0 } else { 1.0 / inv_divisor };
            let mean = input.mean[group][lane] as f64;
            let slopes = by.slopes(count, mean, divisor);
            let projection = sums.grad_centred[lane] / count as f64 * inv_divisor.powi(2);
            along.offset[lane] = (sums.grad[lane] / count as f64 + projection * slopes.constant) as f32;
            along.slope[lane] = (projection * slopes.centred) as f32;
            along.sign[lane] = (projection * slopes.sign) as f32;
            along.peak[lane] = (projection * slopes.peak) as f32;
        }
    }
    groups
}

/// Turns g into the gradient of y through the batch's statistics: gain·(g − what lies along them), but for the peaks.
struct Centre<'a, const SIGN: bool> {
    input: &'a Input<'a>,
    along: &'a [Along],
    grad_y: &'a mut [Pixel],
}

impl<const SIGN: bool> Kernel for Centre<'_, SIGN> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Input { y, shape, mean, gain, .. } = self.input;
        let planes = y.chunks_exact(shape.plane()).zip(self.grad_y.chunks_exact_mut(shape.plane()));
        for (plane, (y, grad_y)) in planes.enumerate() {
            let group = plane % shape.groups;
            let (gain, mean) = (load::<L>(&gain[group]), load(&mean[group]));
            let (offset, slope) = (load(&self.along[group].offset), load(&self.along[group].slope));
            let sign = load::<L>(&self.along[group].sign);
            for (y, grad) in y.iter().zip(grad_y) {
                let y = load::<L>(y);
                let mut along = y.sub(mean).mul_add(slope, offset);
                if SIGN {
                    let (up, down) = (y.where_greater(L::zero(), sign), L::zero().where_greater(y, sign));
                    along = along.add(up.sub(down));
                }
                store(load::<L>(grad).sub(along).mul(gain), grad);
            }
        }
    }
}

/// Subtracts gain·peak·sgn(y) at the first y of the largest magnitude in each channel.
fn correct_peaks(input: &Input, along: &[Along], grad_y: &mut [Pixel]) {
    let Input { y, shape, gain, .. } = input;
    for (group, along) in along.iter().enumerate() {
        let mut peaks = [(0.0f32, 0); LANES];
        for image in 0..shape.images {
            let start = (image * shape.groups + group) * shape.plane();
            for pixel in start..start + shape.plane() {
                for (peak, value) in peaks.iter_mut().zip(y[pixel]) {
                    if value.abs() > peak.0.abs() {
                        *peak = (value, pixel);
                    }
                }
            }
        }
        for (lane, (value, pixel)) in peaks.into_iter().enumerate().filter(|(_, (value, _))| *value != 0.0) {
            grad_y[pixel][lane] -= gain[group][lane] * along.peak[lane] * value.signum();
        }
    }
}
