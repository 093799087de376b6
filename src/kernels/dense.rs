//! A fully connected layer and the normalisation after it, forward and backward, in f32 or f64 and on one thread.
//!
//! **Layout.** Activations are (units, samples): the values of a unit over the batch lie together, so that products run
//! along them in registers and a normalisation reads one row. A deep linear network of ten units takes more time in the
//! overhead of general operations than in its arithmetic; here a layer is a few plain loops.
//!
//! The loops are compiled for the instruction set of [`isa`](super::isa), without fused multiply-add and with sums in a fixed order:
//! every instruction set gives the same bits.

use std::mem::MaybeUninit;

use candle_core::WithDType;

use super::divisor::{Divisor, Slopes, Summary};
use super::isa::Kernel;
use super::lanes::Lanes;

/// Values that are worked on together.
const BLOCK: usize = 16;

/// How the values of a unit are normalised: ŷ = (y − mean) / divisor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitStatistics {
    /// Subtracted.
    pub mean: f64,
    /// Divided by.
    pub divisor: f64,
    /// The biased variance of the batch, where it normalised.
    pub variance: f64,
    /// The gradient of the divisor, where the batch normalised; `None` for given statistics.
    pub slopes: Option<Slopes>,
}

/// W·x: (outputs, n).
pub struct Product<'a, T> {
    /// W (outputs, inputs).
    pub weight: &'a [T],
    /// x (inputs, n).
    pub x: &'a [T],
    /// Samples.
    pub n: usize,
}

impl<T: WithDType> Kernel for Product<'_, T> {
    type Output = Vec<T>;
    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<T> {
        match (self.outputs() > 1, self.n >= BLOCK) {
            (true, true) => self.tiles::<2, BLOCK>(),
            (true, false) => self.tiles::<2, 1>(),
            (false, true) => self.tiles::<1, BLOCK>(),
            (false, false) => self.tiles::<1, 1>(),
        }
    }
}

impl<T: WithDType> Product<'_, T> {
    #[inline(always)]
    fn outputs(&self) -> usize {
        self.weight.len() * self.n / self.x.len()
    }

    /// Tiles of `R` outputs × `B` samples; the last ones overlap those before and compute the same values again.
    #[inline(always)]
    fn tiles<const R: usize, const B: usize>(&self) -> Vec<T> {
        let outputs = self.outputs();
        let mut y = Vec::with_capacity(outputs * self.n);
        let to = y.spare_capacity_mut();
        for start in (0..self.n).step_by(B) {
            for output in (0..outputs).step_by(R) {
                self.tile::<R, B>(output.min(outputs - R), start.min(self.n - B), to);
            }
        }
        // SAFETY: every sample of every output is in a tile, which wrote it.
        unsafe { y.set_len(outputs * self.n) };
        y
    }

    /// Writes `B` samples from `start` on of `R` outputs. (Two at a time: each value of x is read for both.)
    #[inline(always)]
    fn tile<const R: usize, const B: usize>(&self, output: usize, start: usize, y: &mut [MaybeUninit<T>]) {
        let (n, inputs) = (self.n, self.x.len() / self.n);
        let mut sums = [[T::zero(); B]; R];
        for input in 0..inputs {
            let x: &[T; B] = self.x[input * n + start..].first_chunk().expect("a whole block");
            for (r, sums) in sums.iter_mut().enumerate() {
                let w = self.weight[(output + r) * inputs + input];
                for lane in 0..B {
                    sums[lane] += w * x[lane];
                }
            }
        }
        for r in 0..R {
            let to = &mut y[(output + r) * n + start..][..B];
            for lane in 0..B {
                to[lane].write(sums[r][lane]);
            }
        }
    }
}

/// a·bᵀ: (rows of a, rows of b).
pub struct OuterProduct<'a, T> {
    /// Rows of `n` values.
    pub a: &'a [T],
    /// Rows of `n` values.
    pub b: &'a [T],
    /// Values of a row.
    pub n: usize,
}

impl<T: WithDType> Kernel for OuterProduct<'_, T> {
    type Output = Vec<T>;
    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<T> {
        if self.a.len() > self.n { self.rows::<2>() } else { self.rows::<1>() }
    }
}

impl<T: WithDType> OuterProduct<'_, T> {
    /// `R` rows of a at a time, so that each value of b is read for all; the last ones overlap those before.
    #[inline(always)]
    fn rows<const R: usize>(&self) -> Vec<T> {
        let OuterProduct { a, b, n } = *self;
        let (rows, columns) = (a.len() / n, b.len() / n);
        let mut product = vec![T::zero(); rows * columns];
        for row in (0..rows).step_by(R) {
            let row = row.min(rows - R);
            for (column, b) in b.chunks_exact(n).enumerate() {
                let dots = dots::<T, R>(&a[row * n..], b);
                for r in 0..R {
                    product[(row + r) * columns + column] = dots[r];
                }
            }
        }
        product
    }
}

/// The statistics of each row of `y`.
pub struct Statistics<'a, T> {
    /// (units, n).
    pub y: &'a [T],
    /// Samples.
    pub n: usize,
    /// The divisor.
    pub divisor: Divisor,
    /// The ε in it.
    pub eps: f64,
}

impl<T: WithDType> Kernel for Statistics<'_, T> {
    type Output = Vec<UnitStatistics>;
    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<UnitStatistics> {
        let mut statistics = Vec::with_capacity(self.y.len() / self.n);
        for y in self.y.chunks_exact(self.n) {
            let summary = summary(y, self.divisor.needs_magnitudes());
            let divisor = self.divisor.value(&summary, self.eps);
            let slopes = Some(self.divisor.slopes(summary.count, summary.mean, divisor));
            statistics.push(UnitStatistics { mean: summary.mean, divisor, variance: summary.variance, slopes });
        }
        statistics
    }
}

#[inline(always)]
fn summary<T: WithDType>(y: &[T], magnitudes: bool) -> Summary {
    let count = y.len() as f64;
    let mean = sum(y).to_f64() / count;
    let center = T::from_f64(mean);
    let variance = dot_about(y, center, y, center).to_f64() / count;
    let (sum, max_absolute) = if magnitudes { absolute(y) } else { (T::zero(), T::zero()) };
    Summary { count: y.len(), mean, variance, mean_absolute: sum.to_f64() / count, max_absolute: max_absolute.to_f64() }
}

/// γ·(y − mean) / divisor + β, row by row.
pub struct Normalise<'a, T> {
    /// (units, n).
    pub y: &'a [T],
    /// Samples.
    pub n: usize,
    /// Those of each unit.
    pub statistics: &'a [UnitStatistics],
    /// γ of each unit.
    pub gamma: &'a [T],
    /// β of each unit.
    pub beta: &'a [T],
}

impl<T: WithDType> Kernel for Normalise<'_, T> {
    type Output = Vec<T>;
    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<T> {
        let mut output = Vec::with_capacity(self.y.len());
        for (unit, y) in self.y.chunks_exact(self.n).enumerate() {
            let UnitStatistics { mean, divisor, .. } = self.statistics[unit];
            let (mean, beta) = (T::from_f64(mean), self.beta[unit]);
            let gain = self.gamma[unit] / T::from_f64(divisor);
            for &y in y {
                output.push((y - mean) * gain + beta);
            }
        }
        output
    }
}

/// The gradients of [`Normalise`] with respect to y, γ and β.
pub struct NormaliseBackward<'a, T> {
    /// (units, n).
    pub y: &'a [T],
    /// Samples.
    pub n: usize,
    /// Those of each unit.
    pub statistics: &'a [UnitStatistics],
    /// γ of each unit.
    pub gamma: &'a [T],
    /// The gradient of the result.
    pub grad: &'a [T],
}

impl<T: WithDType> Kernel for NormaliseBackward<'_, T> {
    type Output = (Vec<T>, Vec<T>, Vec<T>);
    #[inline(always)]
    fn run<L: Lanes>(self) -> Self::Output {
        let mut grad_y = vec![T::zero(); self.y.len()];
        let (mut grad_gamma, mut grad_beta) = (Vec::new(), Vec::new());
        for unit in 0..self.statistics.len() {
            let row = unit * self.n..(unit + 1) * self.n;
            let (y, grad) = (&self.y[row.clone()], &self.grad[row.clone()]);
            let sums = unit_backward(y, grad, &self.statistics[unit], self.gamma[unit], &mut grad_y[row]);
            grad_gamma.push(sums[0]);
            grad_beta.push(sums[1]);
        }
        (grad_y, grad_gamma, grad_beta)
    }
}

/// Writes the gradient of a unit's values; returns those of its γ and β.
#[inline(always)]
fn unit_backward<T: WithDType>(y: &[T], grad: &[T], statistics: &UnitStatistics, gamma: T, grad_y: &mut [T]) -> [T; 2] {
    let UnitStatistics { mean, divisor, slopes, .. } = *statistics;
    let (gain, center) = (gamma / T::from_f64(divisor), T::from_f64(mean));
    let (total, projection) = (sum(grad), dot_about(y, center, grad, T::zero()));
    // Without slopes the statistics are constants of the gradient, the mean too.
    let count = y.len() as f64;
    let mean_grad = if slopes.is_some() { total.to_f64() / count } else { 0.0 };
    let slopes = slopes.unwrap_or_default();
    let along = projection.to_f64() / (count * divisor * divisor);
    let offset = T::from_f64(mean_grad + along * slopes.constant);
    let (centred, sign) = (T::from_f64(along * slopes.centred), T::from_f64(along * slopes.sign));
    let without_sign = |i: usize| grad[i] - offset - centred * (y[i] - center);
    if sign == T::zero() {
        for (i, grad_y) in grad_y.iter_mut().enumerate() {
            *grad_y = without_sign(i) * gain;
        }
    } else {
        for (i, grad_y) in grad_y.iter_mut().enumerate() {
            let up = if y[i] > T::zero() { sign } else { T::zero() };
            let down = if y[i] < T::zero() { sign } else { T::zero() };
            *grad_y = (without_sign(i) - (up - down)) * gain;
        }
    }
    if slopes.peak != 0.0 {
        let peak = first_peak(y);
        let step = T::from_f64(along * slopes.peak) * gain;
        grad_y[peak] = if y[peak] > T::zero() { grad_y[peak] - step } else { grad_y[peak] + step };
    }
    // ŷ is (y − mean) / divisor, and γ's gradient the sum of g·ŷ.
    [projection / T::from_f64(divisor), total]
}

/// The first of the values with the largest magnitude.
#[inline(always)]
fn first_peak<T: WithDType>(y: &[T]) -> usize {
    let mut peak = 0;
    for i in 0..y.len() {
        if magnitude(y[i]) > magnitude(y[peak]) {
            peak = i;
        }
    }
    peak
}

#[inline(always)]
fn magnitude<T: WithDType>(value: T) -> T {
    if value < T::zero() { T::zero() - value } else { value }
}

/// Σ of sums that took turns.
#[inline(always)]
fn total<T: WithDType>(sums: [T; BLOCK], rest: T) -> T {
    let mut total = rest;
    for sum in sums {
        total += sum;
    }
    total
}

#[inline(always)]
fn sum<T: WithDType>(values: &[T]) -> T {
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    let mut sums = [T::zero(); BLOCK];
    for values in blocks {
        for lane in 0..BLOCK {
            sums[lane] += values[lane];
        }
    }
    let mut last = T::zero();
    for &value in rest {
        last += value;
    }
    total(sums, last)
}

/// Σ a·b for each of the first `R` rows of `a`, which are as long as `b`.
#[inline(always)]
fn dots<T: WithDType, const R: usize>(a: &[T], b: &[T]) -> [T; R] {
    let (blocks, rest) = b.as_chunks::<BLOCK>();
    let (mut sums, mut last) = ([[T::zero(); BLOCK]; R], [T::zero(); R]);
    for (at, b_block) in blocks.iter().enumerate() {
        for r in 0..R {
            let a: &[T; BLOCK] = a[r * b.len() + at * BLOCK..].first_chunk().expect("a whole row");
            for lane in 0..BLOCK {
                sums[r][lane] += a[lane] * b_block[lane];
            }
        }
    }
    for r in 0..R {
        let a = &a[r * b.len() + b.len() - rest.len()..];
        for i in 0..rest.len() {
            last[r] += a[i] * rest[i];
        }
        last[r] = total(sums[r], last[r]);
    }
    last
}

/// Σ (a − a_center)·(b − b_center)
#[inline(always)]
fn dot_about<T: WithDType>(a: &[T], a_center: T, b: &[T], b_center: T) -> T {
    let ((a_blocks, a_rest), (b_blocks, b_rest)) = (a.as_chunks::<BLOCK>(), b.as_chunks::<BLOCK>());
    let mut sums = [T::zero(); BLOCK];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..BLOCK {
            sums[lane] += (a[lane] - a_center) * (b[lane] - b_center);
        }
    }
    let mut last = T::zero();
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        last += (a - a_center) * (b - b_center);
    }
    total(sums, last)
}

/// Σ |y| and max |y|
#[inline(always)]
fn absolute<T: WithDType>(y: &[T]) -> (T, T) {
    let (blocks, rest) = y.as_chunks::<BLOCK>();
    let (mut sums, mut max) = ([T::zero(); BLOCK], [T::zero(); BLOCK]);
    for y in blocks {
        for lane in 0..BLOCK {
            let value = magnitude(y[lane]);
            sums[lane] += value;
            max[lane] = if value > max[lane] { value } else { max[lane] };
        }
    }
    let (mut last, mut largest) = (T::zero(), T::zero());
    for &y in rest {
        last += magnitude(y);
        largest = if magnitude(y) > largest { magnitude(y) } else { largest };
    }
    for value in max {
        largest = if value > largest { value } else { largest };
    }
    (total(sums, last), largest)
}
