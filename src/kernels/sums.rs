//! Sums of `f64` over feature maps, channel by channel: the moments and correlations that probes record.
//!
//! They are the same bits on every instruction set: no sum is fused or taken in another order.

use std::marker::PhantomData;

use super::isa::{self, Kernel};
use super::lanes::{LANES, Lanes};

/// How values lie in memory: runs of one image and one group of channels, whose lanes alternate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Runs {
    /// Images of the batch.
    pub images: usize,
    /// Groups of channels.
    pub groups: usize,
    /// Channels of a group: 1 or [`LANES`], the last group's filled up.
    pub lanes: usize,
    /// Values of a run.
    pub length: usize,
}

impl Runs {
    /// Values of a channel.
    pub fn count(&self) -> f64 {
        (self.images * self.length / self.lanes) as f64
    }
}

/// Σx, Σx², and both of the positive part of x, of each channel (the filling of the last group too).
pub fn powers(x: &[f32], runs: Runs) -> Vec<[f64; 4]> {
    sums::<Powers, 1, 4>([x], runs)
}

/// Σx, Σy, Σx², Σy², Σxy of each channel (the filling of the last group too).
pub fn products(x: &[f32], y: &[f32], runs: Runs) -> Vec<[f64; 5]> {
    sums::<Products, 2, 5>([x, y], runs)
}

/// The terms of a sum, N of M values each. A term of all lanes is an array, which the compiler keeps in vector registers.
trait Terms<const M: usize, const N: usize> {
    fn of<const WIDTH: usize>(values: [[f64; WIDTH]; M]) -> [[f64; WIDTH]; N];
}

/// x, x², and both of its positive part.
struct Powers;

impl Terms<1, 4> for Powers {
    #[inline(always)]
    fn of<const WIDTH: usize>([x]: [[f64; WIDTH]; 1]) -> [[f64; WIDTH]; 4] {
        let mut after = x;
        for value in &mut after {
            *value = positive_part(*value);
        }
        [x, product(x, x), after, product(after, after)]
    }
}

/// x, y, x², y², xy.
struct Products;

impl Terms<2, 5> for Products {
    #[inline(always)]
    fn of<const WIDTH: usize>([x, y]: [[f64; WIDTH]; 2]) -> [[f64; WIDTH]; 5] {
        [x, y, product(x, x), product(y, y), product(x, y)]
    }
}

#[inline(always)]
fn product<const WIDTH: usize>(mut x: [f64; WIDTH], y: [f64; WIDTH]) -> [f64; WIDTH] {
    for (x, y) in x.iter_mut().zip(y) {
        *x *= y;
    }
    x
}

/// The sums of T over images and pixels of `maps`, channel by channel (with the filling), in memory order.
fn sums<T: Terms<M, N>, const M: usize, const N: usize>(maps: [&[f32]; M], runs: Runs) -> Vec<[f64; N]> {
    isa::dispatch(Sums::<T, M, N> { maps, runs, terms: PhantomData })
}

struct Sums<'a, T, const M: usize, const N: usize> {
    maps: [&'a [f32]; M],
    runs: Runs,
    terms: PhantomData<T>,
}

impl<T: Terms<M, N>, const M: usize, const N: usize> Kernel for Sums<'_, T, M, N> {
    type Output = Vec<[f64; N]>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<[f64; N]> {
        if self.runs.lanes == LANES { self.of_lanes::<LANES>() } else { self.of_lanes::<1>() }
    }
}

impl<T: Terms<M, N>, const M: usize, const N: usize> Sums<'_, T, M, N> {
    #[inline(always)]
    fn of_lanes<const WIDTH: usize>(self) -> Vec<[f64; N]> {
        let Runs { images, groups, length, .. } = self.runs;
        let mut all = Vec::with_capacity(groups * WIDTH);
        for group in 0..groups {
            let mut sums = [[0f64; WIDTH]; N];
            for image in 0..images {
                let pixels = self.maps.map(|map| map[(image * groups + group) * length..][..length].as_chunks().0);
                add::<T, M, N, WIDTH>(&mut sums, pixels);
            }
            all.extend((0..WIDTH).map(|lane| sums.map(|sums| sums[lane])));
        }
        all
    }
}

/// Adds the terms of pixels of one run, lane by lane.
#[inline(always)]
fn add<T: Terms<M, N>, const M: usize, const N: usize, const WIDTH: usize>(
    sums: &mut [[f64; WIDTH]; N],
    pixels: [&[[f32; WIDTH]]; M],
) {
    let mut local = *sums;
    for pixel in 0..pixels[0].len() {
        let mut values = [[0.0; WIDTH]; M];
        for (values, pixels) in values.iter_mut().zip(pixels) {
            for (value, lane) in values.iter_mut().zip(pixels[pixel]) {
                *value = f64::from(lane);
            }
        }
        for (sums, terms) in local.iter_mut().zip(T::of(values)) {
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += term;
            }
        }
    }
    *sums = local;
}

/// max(0, x), and NaN of NaN, so that a channel that is broken does not look like a dead one.
#[inline(always)]
pub fn positive_part(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::isa::Isa;

    /// Probes' records may not depend on the processor.
    #[test]
    fn sums_are_the_same_bits_with_every_instruction_set() {
        let value = |i: usize| ((i * 7919 % 10_007) as f32 - 5000.0) / 337.0;
        let (x, y): (Vec<f32>, Vec<f32>) = (0..3 * 2 * 35 * 8).map(|i| (value(i), value(3 * i + 1))).unzip();
        let runs = Runs { images: 3, groups: 2, lanes: LANES, length: 35 * LANES };
        let sums_on = |isa: Isa| {
            let _chosen = isa.choose();
            (powers(&x, runs), products(&x, &y, runs))
        };
        for isa in Isa::available() {
            assert_eq!(sums_on(isa), sums_on(Isa::Plain), "{isa}");
        }
        let lane = |i: usize| i / (35 * LANES) % 2 == 1 && i % LANES == 5;
        let direct = (0..x.len()).filter(|&i| lane(i)).fold(0.0, |sum, i| sum + f64::from(x[i]) * f64::from(y[i]));
        assert_eq!(products(&x, &y, runs)[LANES + 5][4], direct);
    }
}
