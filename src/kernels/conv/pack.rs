//! Weights between PyTorch's order (c_out, c_in, 3, 3) and the kernels' blocks of nine taps × eight lanes.

use std::cell::RefCell;

use crate::kernels::lanes::LANES;

/// Taps of a 3×3 kernel.
pub const TAPS: usize = 9;

/// Eight floats on a 32-byte boundary, so that no load of them crosses a cache line.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Aligned([f32; LANES]);

thread_local! {
    static SCRATCH: RefCell<Vec<Aligned>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with `len` floats (a multiple of eight) of this thread's scratch memory, whatever they hold.
/// Kept between calls, because fresh memory costs page faults.
pub fn with_scratch<T>(len: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    debug_assert_eq!(len % LANES, 0);
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() < len / LANES {
            scratch.resize(len / LANES, Aligned([0.0; LANES]));
        }
        // SAFETY: `Aligned` is an array of `LANES` floats without padding, and there are `len / LANES` of them.
        work(unsafe { std::slice::from_raw_parts_mut(scratch.as_mut_ptr().cast(), len) })
    })
}

/// How the image kernel reads a weight: which channels of the weight it makes (`outer`) and sums over (`inner`).
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

    /// Floats of one packed group of eight `outer` channels.
    pub fn group_len(&self) -> usize {
        self.inner.0 * TAPS * LANES
    }

    /// Packs as [group of `outer`][kernel row][`inner`][kernel column][lane], in the order in which they are read;
    /// lanes without a channel are zero.
    pub fn pack(&self, packed: &mut [f32]) {
        let (outer, outer_stride) = self.outer;
        let (inner, inner_stride) = self.inner;
        for (group, packed) in packed.chunks_exact_mut(self.group_len()).enumerate() {
            let lanes = LANES.min(outer - group * LANES);
            for channel in 0..inner {
                let mut block = [[0.0; LANES]; TAPS];
                for lane in 0..lanes {
                    let start = (group * LANES + lane) * outer_stride + channel * inner_stride;
                    let taps: &[f32; TAPS] = self.values[start..][..TAPS].try_into().expect("TAPS long");
                    for (tap, &value) in taps.iter().enumerate() {
                        block[if self.flipped { TAPS - 1 - tap } else { tap }][lane] = value;
                    }
                }
                for (row, block) in block.chunks_exact(3).enumerate() {
                    packed[(row * inner + channel) * 3 * LANES..][..3 * LANES].copy_from_slice(block.as_flattened());
                }
            }
        }
    }
}

/// Brings sums [group of c_out][c_in][tap][lane] to PyTorch's order (c_out, c_in, 3, 3).
pub fn unpack(sums: &[f32], in_channels: usize, out_channels: usize) -> Vec<f32> {
    let mut weight = Vec::with_capacity(out_channels * in_channels * TAPS);
    for out in 0..out_channels {
        let sums = &sums[(out / LANES) * in_channels * TAPS * LANES..][..in_channels * TAPS * LANES];
        weight.extend(sums.iter().skip(out % LANES).step_by(LANES));
    }
    weight
}
