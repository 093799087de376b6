//! Lanes and words of AVX2 with FMA.

use std::arch::x86_64::*;

use super::lanes::{LANES, Lanes, Vector, Words};

/// One AVX register. Exists only where AVX2 and FMA do (see [`isa`](super::isa)).
#[derive(Clone, Copy)]
pub struct Avx2(__m256);

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
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        Avx2(unsafe { _mm256_fmadd_ps(self.0, factor.0, summand.0) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Avx2(unsafe { _mm256_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Avx2(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Avx2(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn pin(self) -> Self {
        Avx2(unsafe { pin(self.0) })
    }
}

// SAFETY (every block below): as above.
impl Lanes for Avx2 {
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Avx2(unsafe { _mm256_max_ps(self.0, other.0) })
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

/// One AVX2 register. Exists only where AVX2 does (see [`isa`](super::isa)).
#[derive(Clone, Copy)]
pub struct Avx2Words(__m256i);

// SAFETY (every block below): a value of this type is made only in a kernel dispatched to AVX2.
impl Words for Avx2Words {
    type Floats = Avx2;
    #[inline(always)]
    fn from_bits_of(floats: Avx2) -> Self {
        Avx2Words(unsafe { _mm256_castps_si256(floats.0) })
    }
    #[inline(always)]
    fn as_bits_of_floats(self) -> Avx2 {
        Avx2(unsafe { _mm256_castsi256_ps(self.0) })
    }
    #[inline(always)]
    fn signed_to_floats(self) -> Avx2 {
        Avx2(unsafe { _mm256_cvtepi32_ps(self.0) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Avx2Words(unsafe { _mm256_add_epi32(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Avx2Words(unsafe { _mm256_sub_epi32(self.0, other.0) })
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Avx2Words(unsafe { _mm256_xor_si256(self.0, other.0) })
    }
    #[inline(always)]
    fn shift_left<const BITS: i32>(self) -> Self {
        Avx2Words(unsafe { _mm256_slli_epi32::<BITS>(self.0) })
    }
    #[inline(always)]
    fn shift_right<const BITS: i32>(self) -> Self {
        Avx2Words(unsafe { _mm256_srli_epi32::<BITS>(self.0) })
    }
    #[inline(always)]
    fn shift_right_signed<const BITS: i32>(self) -> Self {
        Avx2Words(unsafe { _mm256_srai_epi32::<BITS>(self.0) })
    }
}
