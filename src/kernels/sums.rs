//! Sums of `f64` over feature maps, channel by channel: the moments and correlations that probes record.
//!
//! They are the same bits on every instruction set: no sum is fused or taken in another order.

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

/// Σx, Σx⁺, Σx² and Σ(x⁺)² of each channel (the filling of the last group too), where x⁺ is the positive part of x.
pub fn powers(x: &[f32], runs: Runs) -> Vec<[f64; 4]> {
    isa::dispatch(Sums::<true, 4> { x, y: x, runs })
}

/// Σx, Σy, Σx², Σy² and Σxy of each channel (the filling of the last group too).
pub fn products(x: &[f32], y: &[f32], runs: Runs) -> Vec<[f64; 5]> {
    isa::dispatch(Sums::<false, 5> { x, y, runs })
}

/// The first `N` of Σx, Σy, Σx², Σy², Σxy; with `POSITIVE`, y⁺ is in the place of y.
struct Sums<'a, const POSITIVE: bool, const N: usize> {
    x: &'a [f32],
    y: &'a [f32],
    runs: Runs,
}

impl<const POSITIVE: bool, const N: usize> Kernel for Sums<'_, POSITIVE, N> {
    type Output = Vec<[f64; N]>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<[f64; N]> {
        if self.runs.lanes == LANES { self.of_lanes::<LANES>() } else { self.of_lanes::<1>() }
    }
}

impl<const POSITIVE: bool, const N: usize> Sums<'_, POSITIVE, N> {
    /// The sums over images and pixels, channel by channel, in memory order.
    #[inline(always)]
    fn of_lanes<const WIDTH: usize>(self) -> Vec<[f64; N]> {
        let Runs { images, groups, length, .. } = self.runs;
        let mut all = Vec::with_capacity(groups * WIDTH);
        for group in 0..groups {
            let mut sums = [[0f64; WIDTH]; N];
            for image in 0..images {
                let run = (image * groups + group) * length;
                add::<POSITIVE, N, WIDTH>(&mut sums, &self.x[run..][..length], &self.y[run..][..length]);
            }
            all.extend((0..WIDTH).map(|lane| sums.map(|sums| sums[lane])));
        }
        all
    }
}

/// Adds one run. The terms of all lanes are arrays, which the compiler keeps in vector registers.
#[inline(always)]
fn add<const POSITIVE: bool, const N: usize, const WIDTH: usize>(sums: &mut [[f64; WIDTH]; N], x: &[f32], y: &[f32]) {
    let mut local = *sums;
    for (x, y) in x.as_chunks::<WIDTH>().0.iter().zip(y.as_chunks::<WIDTH>().0) {
        for lane in 0..WIDTH {
            let (x, y) = (f64::from(x[lane]), f64::from(y[lane]));
            let y = if POSITIVE { positive_part(y) } else { y };
            let terms = [x, y, x * x, y * y, x * y];
            for term in 0..N {
                local[term][lane] += terms[term];
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
