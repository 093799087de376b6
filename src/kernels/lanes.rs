//! `f32` values that move together: eight, portable or in one AVX register, or sixteen in one of AVX-512.

use super::words::{PlainWords, Words};

/// The number of lanes, and of channels in a group of the kernels' layout.
pub const LANES: usize = 8;

/// `f32` lanes of one register: the channels of one group, or of several.
///
/// Values are made and used only inside a kernel that [`isa`](super::isa) dispatched to the matching instruction set;
/// every method is inlined there.
pub trait Vector: Copy {
    /// The number of lanes, a multiple of [`LANES`].
    const WIDTH: usize;
    /// All lanes zero.
    fn zero() -> Self;
    /// All lanes `value`.
    fn splat(value: f32) -> Self;
    /// Lanes from memory, of any alignment.
    ///
    /// # Safety
    /// `from` is valid for reading `WIDTH` values.
    unsafe fn load(from: *const f32) -> Self;
    /// Lanes to memory, of any alignment.
    ///
    /// # Safety
    /// `to` is valid for writing `WIDTH` values.
    unsafe fn store(self, to: *mut f32);
    /// Lanes to memory, each group of eight `distance` values after the one before it.
    ///
    /// # Safety
    /// Each of these places is valid for writing eight values.
    unsafe fn store_groups(self, to: *mut f32, distance: usize);
    /// `self · factor + summand` (fused where the instruction set can).
    fn mul_add(self, factor: Self, summand: Self) -> Self;
    /// `self + other`
    fn add(self, other: Self) -> Self;
    /// The same lanes, computed before anything that the program reads from memory later. No instruction.
    ///
    /// For sums that need every register: LLVM's scheduler moves loads up, then lacks a register and keeps a sum in
    /// memory, which more than halves the speed.
    fn pin(self) -> Self;
}

/// Eight lanes, one group, and what a kernel does with them beside sums of products.
pub trait Lanes: Vector {
    /// `self − other`
    fn sub(self, other: Self) -> Self;
    /// `self · other`
    fn mul(self, other: Self) -> Self;
    /// The greater of both, lane by lane; `other` where `self` is not a number.
    fn max(self, other: Self) -> Self;
    /// The lanes as an array.
    fn to_array(self) -> [f32; LANES];
    /// The integer words of the same instruction set.
    type Words: Words<Floats = Self>;
    /// `√self`
    fn sqrt(self) -> Self;
    /// `value` in the lanes where `self > other`, zero in the others (and where either is not a number).
    fn where_greater(self, other: Self, value: Self) -> Self;
}

/// Portable lanes.
#[derive(Clone, Copy)]
pub struct Plain([f32; LANES]);

impl Plain {
    #[inline(always)]
    pub(super) fn from_array(lanes: [f32; LANES]) -> Self {
        Plain(lanes)
    }
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Plain(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl Vector for Plain {
    const WIDTH: usize = LANES;
    #[inline(always)]
    fn zero() -> Self {
        Plain([0.0; LANES])
    }
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Plain([value; LANES])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise; an array of `f32` needs no more alignment than `f32`.
        Plain(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_groups(self, to: *mut f32, _: usize) {
        // SAFETY: the caller's promise, for the one group that there is.
        unsafe { self.store(to) }
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        // Separate roundings: without FMA instructions a fused one is a slow library call.
        self.mul(factor).add(summand)
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    fn pin(self) -> Self {
        self
    }
}

impl Lanes for Plain {
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn to_array(self) -> [f32; LANES] {
        self.0
    }
    type Words = PlainWords;
    #[inline(always)]
    fn sqrt(self) -> Self {
        Plain(self.0.map(f32::sqrt))
    }
    #[inline(always)]
    fn where_greater(self, other: Self, value: Self) -> Self {
        Plain(std::array::from_fn(|i| if self.0[i] > other.0[i] { value.0[i] } else { 0.0 }))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::super::words::Avx2Words;
    use super::{LANES, Lanes, Vector};
    use std::arch::x86_64::*;

    /// One AVX register. Exists only where AVX2 and FMA do (see [`super::super::isa`]).
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256);

    impl Avx2 {
        #[inline(always)]
        pub(in super::super) fn from_register(register: __m256) -> Self {
            Avx2(register)
        }
        #[inline(always)]
        pub(in super::super) fn register(self) -> __m256 {
            self.0
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn pin(mut lanes: __m256) -> __m256 {
        // SAFETY: the assembly is a comment.
        unsafe { std::arch::asm!("/* {0} */", inout(ymm_reg) lanes, options(nostack, preserves_flags)) };
        lanes
    }

    // SAFETY (every block below): a value of this type is made only in a kernel dispatched to AVX2
    // and FMA; loads and stores pass their caller's promise on.
    impl Vector for Avx2 {
        const WIDTH: usize = LANES;
        #[inline(always)]
        fn zero() -> Self {
            Avx2(unsafe { _mm256_setzero_ps() })
        }
        #[inline(always)]
        fn splat(value: f32) -> Self {
            Avx2(unsafe { _mm256_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Avx2(unsafe { _mm256_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm256_storeu_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn store_groups(self, to: *mut f32, _: usize) {
            unsafe { self.store(to) }
        }
        #[inline(always)]
        fn mul_add(self, factor: Self, summand: Self) -> Self {
            Avx2(unsafe { _mm256_fmadd_ps(self.0, factor.0, summand.0) })
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Avx2(unsafe { _mm256_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn pin(self) -> Self {
            Avx2(unsafe { pin(self.0) })
        }
    }

    // SAFETY (every block below): as above.
    impl Lanes for Avx2 {
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Avx2(unsafe { _mm256_sub_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Avx2(unsafe { _mm256_mul_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            Avx2(unsafe { _mm256_max_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn to_array(self) -> [f32; LANES] {
            let mut array = [0.0; LANES];
            unsafe { _mm256_storeu_ps(array.as_mut_ptr(), self.0) };
            array
        }
        type Words = Avx2Words;
        #[inline(always)]
        fn sqrt(self) -> Self {
            Avx2(unsafe { _mm256_sqrt_ps(self.0) })
        }
        #[inline(always)]
        fn where_greater(self, other: Self, value: Self) -> Self {
            Avx2(unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(self.0, other.0), value.0) })
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use avx512::Avx512;

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{LANES, Vector};
    use std::arch::x86_64::*;

    /// One AVX-512 register: two groups. Exists only where AVX-512F does (see [`super::super::isa`]).
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512);

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn pin(mut lanes: __m512) -> __m512 {
        // SAFETY: the assembly is a comment.
        unsafe { std::arch::asm!("/* {0} */", inout(zmm_reg) lanes, options(nostack, preserves_flags)) };
        lanes
    }

    // SAFETY (every block below): a value of this type is made only in a kernel dispatched to AVX-512F;
    // loads and stores pass their caller's promise on.
    impl Vector for Avx512 {
        const WIDTH: usize = 2 * LANES;
        #[inline(always)]
        fn zero() -> Self {
            Avx512(unsafe { _mm512_setzero_ps() })
        }
        #[inline(always)]
        fn splat(value: f32) -> Self {
            Avx512(unsafe { _mm512_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Avx512(unsafe { _mm512_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm512_storeu_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn store_groups(self, to: *mut f32, distance: usize) {
            unsafe {
                let halves = _mm512_castps_pd(self.0);
                _mm256_storeu_pd(to.cast(), _mm512_castpd512_pd256(halves));
                _mm256_storeu_pd(to.add(distance).cast(), _mm512_extractf64x4_pd::<1>(halves));
            }
        }
        #[inline(always)]
        fn mul_add(self, factor: Self, summand: Self) -> Self {
            Avx512(unsafe { _mm512_fmadd_ps(self.0, factor.0, summand.0) })
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Avx512(unsafe { _mm512_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn pin(self) -> Self {
            Avx512(unsafe { pin(self.0) })
        }
    }
}
