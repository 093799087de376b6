//! Vectors of AVX-512.

use std::arch::x86_64::*;

use super::lanes::{LANES, Vector};

/// One AVX-512 register: two groups. Exists only where AVX-512F does (see [`isa`](super::isa)).
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
    unsafe fn load_groups(from: *const f32, distance: usize) -> Self {
        unsafe {
            let first = _mm512_castpd256_pd512(_mm256_loadu_pd(from.cast()));
            let second = _mm256_loadu_pd(from.add(distance).cast());
            Avx512(_mm512_castpd_ps(_mm512_insertf64x4::<1>(first, second)))
        }
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
    fn sub(self, other: Self) -> Self {
        Avx512(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Avx512(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn pin(self) -> Self {
        Avx512(unsafe { pin(self.0) })
    }
}
