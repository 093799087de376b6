//! The mean and variance of every channel in one pass over memory, and the sum and maximum of |y| in another.

use crate::kernels::divisor::Summary;
use crate::kernels::isa::{self, Kernel};
use crate::kernels::lanes::{LANES, Lanes};
use crate::kernels::layout::{Grouped, Pixel, load};

/// The moments of every channel (padded to whole groups), those of |y| if there are to be `magnitudes`.
pub(super) fn summaries(y: &[Pixel], shape: Grouped, magnitudes: bool) -> Vec<Summary> {
    isa::dispatch(Summaries { y, shape, magnitudes })
}

struct Summaries<'a> {
    y: &'a [Pixel],
    shape: Grouped,
    magnitudes: bool,
}

impl Kernel for Summaries<'_> {
    type Output = Vec<Summary>;

    /// Sums of y − pivot and of its square, with the first image's mean as the pivot. That mean is at most
    /// √n standard deviations from the batch's, so the variance loses at most a factor n + 1 of precision
    /// (and typically none), whatever the mean is.
    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<Summary> {
        let Grouped { images, groups, .. } = self.shape;
        let plane = self.shape.plane();
        let count = images * plane;
        let mut summaries = Vec::with_capacity(groups * LANES);
        for group in 0..groups {
            let of_image = |image| &self.y[(image * groups + group) * plane..][..plane];
            let mut pivot = [0.0; LANES];
            accumulate(&mut pivot, sums_about(L::zero(), of_image(0))[0]);
            let pivot = pivot.map(|sum| (sum / plane as f64) as f32);
            let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
            let (mut absolute, mut largest) = ([0.0; LANES], L::zero());
            for image in 0..images {
                let sums = sums_about(load::<L>(&pivot), of_image(image));
                accumulate(&mut first, sums[0]);
                accumulate(&mut second, sums[1]);
                if self.magnitudes {
                    accumulate(&mut absolute, sum_of_magnitudes(of_image(image), &mut largest));
                }
            }
            let largest = largest.to_array();
            summaries.extend((0..LANES).map(|lane| {
                let offset = first[lane] / count as f64;
                let variance = second[lane] / count as f64 - offset * offset;
                Summary {
                    count,
                    mean: pivot[lane] as f64 + offset,
                    // Not `max`, which would turn not-a-number into zero.
                    variance: if variance < 0.0 { 0.0 } else { variance },
                    mean_absolute: absolute[lane] / count as f64,
                    max_absolute: f64::from(largest[lane]),
                }
            }));
        }
        summaries
    }
}

/// The sums of y − pivot and of its square.
#[inline(always)]
fn sums_about<L: Lanes>(pivot: L, y: &[Pixel]) -> [L; 2] {
    let mut sums = [[L::zero(); 2]; 4];
    let (fours, rest) = y.as_chunks::<4>();
    for four in fours {
        for (sums, pixel) in sums.iter_mut().zip(four) {
            add_about(sums, pivot, pixel);
        }
    }
    for pixel in rest {
        add_about(&mut sums[0], pivot, pixel);
    }
    let [a, b, c, d] = sums;
    [a[0].add(b[0]).add(c[0].add(d[0])), a[1].add(b[1]).add(c[1].add(d[1]))]
}

#[inline(always)]
fn add_about<L: Lanes>(sums: &mut [L; 2], pivot: L, pixel: &Pixel) {
    let difference = load::<L>(pixel).sub(pivot);
    *sums = [sums[0].add(difference), difference.mul_add(difference, sums[1])];
}

/// Adds lanes to sums of double precision.
#[inline(always)]
pub(super) fn accumulate<L: Lanes>(sums: &mut [f64; LANES], lanes: L) {
    for (sum, lane) in sums.iter_mut().zip(lanes.to_array()) {
        *sum += lane as f64;
    }
}

/// Σ |y|; `largest` becomes the maximum of it and |y|.
#[inline(always)]
fn sum_of_magnitudes<L: Lanes>(y: &[Pixel], largest: &mut L) -> L {
    let mut sum = L::zero();
    for pixel in y {
        let value = load::<L>(pixel);
        let magnitude = value.max(L::zero().sub(value));
        (sum, *largest) = (sum.add(magnitude), largest.max(magnitude));
    }
    sum
}
