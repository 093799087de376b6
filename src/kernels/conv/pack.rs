//! Weights between PyTorch's order (c_out, c_in, 3, 3) and the kernels' blocks of nine taps × the lanes of a vector.

use std::cell::RefCell;

use crate::kernels::lanes::LANES;
use crate::kernels::layout::groups;

/// Taps of a 3×3 kernel.
pub const TAPS: usize = 9;

/// A cache line of floats, so that no load of a vector crosses two.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct CacheLine([f32; LINE]);

const LINE: usize = 16;

thread_local! {
    static SCRATCH: RefCell<Vec<CacheLine>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with `len` floats of this thread's scratch memory, whatever they hold.
/// Kept between calls, because fresh memory costs page faults.
pub fn with_scratch<T>(len: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        let lines = len.div_ceil(LINE);
        if scratch.len() < lines {
            scratch.resize(lines, CacheLine([0.0; LINE]));
        }
        // SAFETY: `CacheLine` is an array of `LINE` floats without padding, and there are at least `len / LINE` of them.
        work(unsafe { std::slice::from_raw_parts_mut(scratch.as_mut_ptr().cast(), len) })
    })
}

/// How a kernel reads a weight: which channels of the weight it makes (`outer`) and sums over (`inner`).
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    values: &'a [f32],
    /// Channels that are made, and the distance between two of them in `values`.
    outer: (usize, usize),
    /// Channels that are summed over, and the distance between two of them.
    inner: (usize, usize),
    /// Whether taps are taken from the last to the first.
    flipped: bool,
}

impl<'a> Weights<'a> {
    /// `values` of shape (c_out, c_in, 3, 3) as the convolution reads them.
    pub fn forward(values: &'a [f32], in_channels: usize, out_channels: usize) -> Self {
        let (outer, inner) = ((out_channels, in_channels * TAPS), (in_channels, TAPS));
        Self { values, outer, inner, flipped: false }
    }

    /// `values` of shape (c_out, c_in, 3, 3) as the convolution that is the input gradient reads them.
    pub fn transposed(values: &'a [f32], in_channels: usize, out_channels: usize) -> Self {
        let (outer, inner) = ((in_channels, TAPS), (out_channels, in_channels * TAPS));
        Self { values, outer, inner, flipped: true }
    }

    /// Channels that are summed over.
    pub fn in_channels(&self) -> usize {
        self.inner.0
    }

    /// Channels that are made.
    pub fn out_channels(&self) -> usize {
        self.outer.0
    }

    /// Floats of the packed weights.
    pub fn packed_len(&self) -> usize {
        groups(self.outer.0) * LANES * self.inner.0 * TAPS
    }

    /// Packs for vectors of `width` lanes, which hold whole groups of `outer` channels, as
    /// [vector][kernel row][`inner`][kernel column][lane], in the order in which they are read; lanes without a channel
    /// are zero.
    pub fn pack(&self, width: usize, packed: &mut [f32]) {
        let (outer, inner) = (self.outer.0, self.inner.0);
        for (vector, packed) in packed.chunks_exact_mut(inner * TAPS * width).enumerate() {
            let first = vector * width;
            let end = outer.min(first + width);
            if end < first + width {
                packed.fill(0.0);
            }
            for (row, packed) in packed.chunks_exact_mut(inner * 3 * width).enumerate() {
                for (channel, packed) in packed.chunks_exact_mut(3 * width).enumerate() {
                    for (lane, from) in (first..end).enumerate() {
                        let [left, middle, right] = self.taps(from, channel, row);
                        (packed[lane], packed[width + lane], packed[2 * width + lane]) = (left, middle, right);
                    }
                }
            }
        }
    }

    /// The taps of kernel row `row`.
    pub fn taps(&self, outer: usize, inner: usize, row: usize) -> [f32; 3] {
        let taps = &self.values[outer * self.outer.1 + inner * self.inner.1..][..TAPS];
        if self.flipped {
            [taps[8 - 3 * row], taps[7 - 3 * row], taps[6 - 3 * row]]
        } else {
            [taps[3 * row], taps[3 * row + 1], taps[3 * row + 2]]
        }
    }
}

/// Positions of sums that are unpacked at once: they stay in the first-level cache while lane after lane is read.
const UNPACKED: usize = 128;

/// Brings sums [vector of `width` channels of c_out][c_in][tap][lane] to PyTorch's order (c_out, c_in, 3, 3).
pub fn unpack(sums: &[f32], width: usize, in_channels: usize, out_channels: usize) -> Vec<f32> {
    let filter_len = in_channels * TAPS;
    let mut weight = vec![0.0; out_channels * filter_len];
    for (sums, filters) in sums.chunks_exact(filter_len * width).zip(weight.chunks_mut(filter_len * width)) {
        for (part, sums) in sums.chunks(UNPACKED * width).enumerate() {
            for (lane, filter) in filters.chunks_exact_mut(filter_len).enumerate() {
                let taps = filter[part * UNPACKED..].iter_mut();
                taps.zip(sums[lane..].iter().step_by(width)).for_each(|(tap, sum)| *tap = *sum);
            }
        }
    }
    weight
}
