//! The mean and variance of every channel in one pass over memory, and the sum and maximum of |y| in another.

use crate::kernels::divisor::{Divisor, Summary};
use crate::kernels::isa::{self, Kernel};
use crate::kernels::lanes::{LANES, Lanes};
use crate::kernels::layout::{Grouped, Pixel, load};

/// The summary that `by` needs of every channel (padded to whole groups).
pub(super) fn summaries(y: &[Pixel], shape: Grouped, by: Divisor) -> Vec<Summary> {
    let count = shape.images * shape.plane();
    let mut summaries: Vec<Summary> = moments(y, shape)
        .into_iter()
        .map(|(mean, variance)| Summary { count, mean, variance, ..Summary::default() })
        .collect();
    if by.needs_magnitudes() {
        let magnitudes = isa::dispatch(Magnitudes { y, shape });
        for (summary, (sum, max)) in summaries.iter_mut().zip(magnitudes) {
            (summary.mean_absolute, summary.max_absolute) = (sum / count as f64, max);
        }
    }
    summaries
}

/// Mean and biased variance of every channel (padded to whole groups).
pub(super) fn moments(y: &[Pixel], shape: Grouped) -> Vec<(f64, f64)> {
    isa::dispatch(Moments { y, shape })
}

struct Moments<'a> {
    y: &'a [Pixel],
    shape: Grouped,
}

impl Kernel for Moments<'_> {
    type Output = Vec<(f64, f64)>;

    /// Sums of y − pivot and of its square, with the first image's mean as the pivot. That mean is at most
    /// √n standard deviations from the batch's, so the variance loses at most a factor n + 1 of precision
    /// (and typically none), whatever the mean is.
    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<(f64, f64)> {
        let Grouped { images, groups, .. } = self.shape;
        let plane = self.shape.plane();
        let mut moments = Vec::with_capacity(groups * LANES);
        for group in 0..groups {
            let of_image = |image| &self.y[(image * groups + group) * plane..][..plane];
            let mut pivot = [0.0; LANES];
            accumulate(&mut pivot, sums_about(L::zero(), of_image(0))[0]);
            let pivot = pivot.map(|sum| (sum / plane as f64) as f32);
            let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
            for image in 0..images {
                let sums = sums_about(load::<L>(&pivot), of_image(image));
                accumulate(&mut first, sums[0]);
                accumulate(&mut second, sums[1]);
            }
            let count = (images * plane) as f64;
            moments.extend((0..LANES).map(|lane| {
                let offset = first[lane] / count;
                let var = second[lane] / count - offset * offset;
                // Not `max`, which would turn not-a-number into zero.
                (pivot[lane] as f64 + offset, if var < 0.0 { 0.0 } else { var })
            }));
        }
        moments
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

/// Σ |y| and max |y| of every channel.
struct Magnitudes<'a> {
    y: &'a [Pixel],
    shape: Grouped,
}

impl Kernel for Magnitudes<'_> {
    type Output = Vec<(f64, f64)>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<(f64, f64)> {
        let Grouped { images, groups, .. } = self.shape;
        let plane = self.shape.plane();
        let mut magnitudes = Vec::with_capacity(groups * LANES);
        for group in 0..groups {
            let (mut sums, mut max) = ([0.0; LANES], L::zero());
            for image in 0..images {
                let mut sum = L::zero();
                for pixel in &self.y[(image * groups + group) * plane..][..plane] {
                    let value = load::<L>(pixel);
                    let magnitude = value.max(L::zero().sub(value));
                    (sum, max) = (sum.add(magnitude), max.max(magnitude));
                }
                accumulate(&mut sums, sum);
            }
            let max = max.to_array();
            magnitudes.extend((0..LANES).map(|lane| (sums[lane], f64::from(max[lane]))));
        }
        magnitudes
    }
}
