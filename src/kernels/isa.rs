//! Which instructions the kernels use, and the one place that chooses.
//!
//! A kernel is written once, over [`Lanes`]: eight `f32` values that move together.
//! [`dispatch_on`] compiles it for each instruction set; [`current`] picks one at run time.
//! All x86 code of the program stands in this file, `lanes.rs` and `words.rs`.

use std::fmt;

use super::lanes::{Lanes, Plain};

/// An instruction set that the kernels are compiled for.
///
/// Results of different sets agree to rounding (fused or separate multiply-add), not to the bit,
/// so the set is stored with a trial and a resume refuses another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Portable Rust, for any processor.
    Plain,
    /// x86-64 with AVX2 and FMA.
    Avx2(Detected),
}

/// That the processor has an instruction set: made by [`current`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected(());

impl Isa {
    /// Every set that this processor can run, the portable one first.
    pub fn available() -> Vec<Self> {
        match current() {
            Isa::Plain => vec![Isa::Plain],
            best @ Isa::Avx2(_) => vec![Isa::Plain, best],
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Isa::Plain => "plain",
            Isa::Avx2(_) => "avx2",
        })
    }
}

/// The set in use: the processor's best.
pub fn current() -> Isa {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        return Isa::Avx2(Detected(()));
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

/// Runs `kernel` with `isa`; the caller has it from [`current`] or [`Isa::available`].
pub fn dispatch_on<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    match isa {
        Isa::Plain => kernel.run::<Plain>(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: only `current` makes a `Detected`, and it has checked the processor.
        Isa::Avx2(_) => unsafe { run_avx2(kernel) },
        #[cfg(not(target_arch = "x86_64"))]
        Isa::Avx2(_) => unreachable!("detected on x86-64 only"),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<super::lanes::Avx2>()
}
