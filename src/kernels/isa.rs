//! Which instructions the kernels use, and the one place that chooses.
//!
//! A kernel is written once, over [`Lanes`]: eight `f32` values that move together, one group of channels.
//! [`dispatch_on`] compiles it for each instruction set; [`current`] picks one at run time.
//! The convolutions, where most of a training step's arithmetic is, are written over any [`Vector`], so that
//! [`dispatch_groups_on`] can give them registers that hold two groups. All else is compiled for AVX-512 over
//! eight lanes: that brings twice as many registers, and instructions such as rotation.
//! All x86 code of the program stands in this file, `lanes.rs` and `words.rs`.

use std::fmt;

use super::lanes::{Lanes, Plain, Vector};

/// An instruction set that the kernels are compiled for.
///
/// Results of portable Rust and of the others agree to rounding (separate or fused multiply-add), not to the bit,
/// so the set is stored with a trial and a resume refuses one that rounds differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Portable Rust, for any processor.
    Plain,
    /// x86-64 with AVX2 and FMA.
    Avx2(HasAvx2),
    /// x86-64 with AVX-512 (F, VL, BW and DQ), AVX2 and FMA. Its results are AVX2's, to the bit.
    Avx512(HasAvx512),
}

/// That the processor has AVX2 and FMA: made in this file alone, where it was detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HasAvx2(());

/// That the processor has AVX-512 F, VL, BW and DQ, AVX2 and FMA: made in this file alone, where it was detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HasAvx512(());

impl Isa {
    /// Every set that this processor can run, the portable one first.
    pub fn available() -> Vec<Self> {
        match current() {
            Isa::Plain => vec![Isa::Plain],
            avx2 @ Isa::Avx2(_) => vec![Isa::Plain, avx2],
            avx512 @ Isa::Avx512(_) => vec![Isa::Plain, Isa::Avx2(HasAvx2(())), avx512],
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Isa::Plain => "plain",
            Isa::Avx2(_) => "avx2",
            Isa::Avx512(_) => "avx512",
        })
    }
}

/// The set in use: the processor's best.
pub fn current() -> Isa {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        let has_avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq");
        return if has_avx512 { Isa::Avx512(HasAvx512(())) } else { Isa::Avx2(HasAvx2(())) };
    }
    Isa::Plain
}

/// A computation written over any [`Lanes`]. Mark `run` `#[inline(always)]`, and all that it calls,
/// so that it is compiled with the instructions of the set that [`dispatch_on`] was given.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// The computation.
    fn run<L: Lanes>(self) -> Self::Output;
}

/// A computation written over any [`Vector`] of channels that it makes; as [`Kernel`] otherwise.
pub trait GroupKernel {
    /// What it returns.
    type Output;
    /// The computation.
    fn run<V: Vector>(self) -> Self::Output;
}

/// Runs `kernel` with `isa`; the caller has it from [`current`] or [`Isa::available`].
pub fn dispatch_on<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    match isa {
        Isa::Plain => kernel.run::<Plain>(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the set holds the proof that the processor has it.
        Isa::Avx2(_) => unsafe { run_avx2(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx512(_) => unsafe { run_avx512(kernel) },
        #[cfg(not(target_arch = "x86_64"))]
        Isa::Avx2(_) | Isa::Avx512(_) => unreachable!("detected on x86-64 only"),
    }
}

/// Runs `kernel`, which makes `groups` groups of channels, with the widest vectors of `isa` that hold whole groups.
pub fn dispatch_groups_on<K: GroupKernel>(isa: Isa, groups: usize, kernel: K) -> K::Output {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the set holds the proof that the processor has it.
        Isa::Avx512(_) if groups.is_multiple_of(2) => unsafe { run_two_groups(kernel) },
        #[cfg(not(target_arch = "x86_64"))]
        Isa::Avx512(_) if groups.is_multiple_of(2) => unreachable!("detected on x86-64 only"),
        _ => dispatch_on(isa, OneGroup(kernel)),
    }
}

/// A kernel over vectors of one group each.
struct OneGroup<K>(K);

impl<K: GroupKernel> Kernel for OneGroup<K> {
    type Output = K::Output;
    #[inline(always)]
    fn run<L: Lanes>(self) -> K::Output {
        self.0.run::<L>()
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<super::lanes::Avx2>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<super::lanes::Avx2>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn run_two_groups<K: GroupKernel>(kernel: K) -> K::Output {
    kernel.run::<super::lanes::Avx512>()
}
