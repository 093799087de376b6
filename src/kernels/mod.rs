//! CPU kernels behind Candle's custom operations: what a convolution block does, fast, in f32 and on one thread.
//!
//! **Layout.** Activations are (n, ⌈c/8⌉, h, w, 8): channel c is lane c mod 8 of group ⌊c/8⌋, so eight channels of a
//! pixel are one AVX register and lie together, and a row of pixels can be read one after another. Lanes beyond the
//! channels hold zero in every output. [`layout`] goes there and back.
//!
//! **One source.** A kernel is written once over eight [`lanes`] and compiled for each
//! instruction set; [`isa`] chooses at run time. Inside, only plain loops and inlined functions: a closure around
//! lanes is compiled without the instruction set. The convolutions, where most arithmetic is, are written over vectors
//! of one group or two: AVX-512 serves them with two groups in a register, and all else with more registers.
//!
//! **Tiling.** [`conv`] keeps a tile of the output in registers (of one group, eight pixels of a wide image or twelve of
//! several small ones; of two groups, up to sixteen) while it runs over taps and input channels: one load of a vector of
//! weights serves all its pixels, each of which is broadcast. Taps outside the image are skipped, not padded. The input
//! gradient is the same kernel with transposed, flipped weights; the weight gradient keeps a row of taps × four input
//! channels (of two groups, eight) in registers while it runs over pixels that fit the first cache. Large layers take
//! Winograd's way instead: 4×4 pixels for 2×2 are transformed, which leaves 16 multiplications of a pair of channels
//! where nine taps are 36.
//!
//! **Fusion.** [`fused`] does everything after a convolution in one pass: normalisation, [`noise`], ReLU and pooling,
//! forward and backward. The noise is drawn where it is used, again in the backward pass, from a generator keyed by
//! (key, image), and never stored.
//!
//! [`divisor`] defines the divisor of a normalisation, for all of them. `dense` is a whole layer of a deep linear
//! network, in f32 or f64.
//! `update` is the step down the gradient; `sums` over feature maps are what probes record. `linear` calls the `gemm` crate on one thread; [`memory`] has a
//! step find the memory that the last one freed.
//! `unsafe` is in this room only, each with its reason; shapes, types and contiguity are checked before it.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod conv;
pub(crate) mod dense;
pub mod divisor;
pub mod fused;
pub mod isa;
pub mod lanes;
pub mod layout;
pub(crate) mod linear;
pub mod memory;
pub mod noise;
mod plain;
mod random;
pub(crate) mod sums;
pub(crate) mod update;
