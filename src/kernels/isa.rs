//! The instruction sets of the kernels, and the one place that chooses.
//!
//! A kernel is written once, over `Lanes`: eight `f32` values that move together, one group of channels.
//! `dispatch` compiles it for each instruction set; [`current`] picks one at run time.
//! The convolutions, where most of a training step's arithmetic is, are written over any [`Vector`], so that
//! [`dispatch_groups`] can give them registers that hold two groups. All else is compiled for AVX-512 over
//! eight lanes: that brings twice as many registers, and instructions such as rotation.
//! All x86 code of the program is in this file, `avx2.rs` and `avx512.rs`.

use std::fmt;

use serde::Serialize;

use super::lanes::{Lanes, Vector};
use super::plain::Plain;

/// An instruction set that the kernels are compiled for.
///
/// Results of portable Rust and of the others agree to rounding (separate or fused multiply-add), not to the bit,
/// so the set is stored with a trial and a resume refuses one that rounds differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Isa {
    /// Portable Rust, for any processor.
    Plain,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 (F, VL, BW and DQ), AVX2 and FMA. Its results are AVX2's, to the bit.
    Avx512,
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The set in use: the processor's best.
pub fn current() -> Isa {
    #[cfg(test)]
    if let Some(chosen) = choice::CHOSEN.get() {
        return chosen;
    }
    best()
}

fn best() -> Isa {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        let has_avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq");
        return if has_avx512 { Isa::Avx512 } else { Isa::Avx2 };
    }
    Isa::Plain
}

/// The choice of another set than the best, for tests.
#[cfg(test)]
mod choice {
    use std::cell::Cell;

    use super::{Isa, best};

    thread_local!(pub static CHOSEN: Cell<Option<Isa>> = const { Cell::new(None) });

    /// As long as it lives, its set is the current one of this thread.
    pub struct Chosen(());

    impl Isa {
        /// Every set that this processor can run, the portable one first.
        pub fn available() -> Vec<Self> {
            match best() {
                Isa::Plain => vec![Isa::Plain],
                Isa::Avx2 => vec![Isa::Plain, Isa::Avx2],
                Isa::Avx512 => vec![Isa::Plain, Isa::Avx2, Isa::Avx512],
            }
        }

        /// Makes this set the current one of this thread, until the result is dropped.
        #[must_use]
        pub fn choose(self) -> Chosen {
            assert!(Isa::available().contains(&self), "this processor has no {self}");
            CHOSEN.set(Some(self));
            Chosen(())
        }
    }

    impl Drop for Chosen {
        fn drop(&mut self) {
            CHOSEN.set(None);
        }
    }
}

/// A computation written over any [`Lanes`]. Mark `run` `#[inline(always)]`, and all that it calls,
/// so that it is compiled with the instructions of the [`current`] set.
pub(crate) trait Kernel {
    /// The result.
    type Output;
    /// The computation.
    fn run<L: Lanes>(self) -> Self::Output;
}

/// A computation written over any [`Vector`] of channels that it makes; as `Kernel` otherwise.
pub trait GroupKernel {
    /// The result.
    type Output;
    /// The computation.
    fn run<V: Vector>(self) -> Self::Output;
}

/// Runs `kernel` with the [`current`] set.
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    match current() {
        Isa::Plain => kernel.run::<Plain>(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the current set is one that was detected.
        Isa::Avx2 => unsafe { run_avx2(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx512 => unsafe { run_avx512(kernel) },
        #[cfg(not(target_arch = "x86_64"))]
        Isa::Avx2 | Isa::Avx512 => unreachable!("detected on x86-64 only"),
    }
}

/// Runs `kernel`, which makes `groups` groups of channels, with the widest vectors of the [`current`] set that hold whole
/// groups.
pub fn dispatch_groups<K: GroupKernel>(groups: usize, kernel: K) -> K::Output {
    match current() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the current set is one that was detected.
        Isa::Avx512 if groups.is_multiple_of(2) => unsafe { run_two_groups(kernel) },
        _ => dispatch(OneGroup(kernel)),
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
    kernel.run::<super::avx2::Avx2>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<super::avx2::Avx2>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn run_two_groups<K: GroupKernel>(kernel: K) -> K::Output {
    kernel.run::<super::avx512::Avx512>()
}
