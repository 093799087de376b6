//! Eight 32-bit words that move together, for the random generator: portable, or one AVX2 register.

use super::lanes::{LANES, Lanes};

/// Eight `u32` words, beside the `f32` lanes of the same instruction set.
///
/// As with [`Lanes`], values are made and used only inside a dispatched [`Kernel`](super::isa::Kernel).
pub trait Words: Copy {
    /// The lanes that words convert to.
    type Floats: Lanes;
    /// Words from an array.
    fn from_array(words: [u32; LANES]) -> Self;
    /// All words `value`.
    fn splat(value: u32) -> Self;
    /// The words that represent `floats`, bit by bit.
    fn from_bits_of(floats: Self::Floats) -> Self;
    /// The floats that the words represent, bit by bit.
    fn as_bits_of_floats(self) -> Self::Floats;
    /// The words' values, read as `i32` and rounded to `f32`.
    fn signed_to_floats(self) -> Self::Floats;
    /// `self + other`, wrapping.
    fn add(self, other: Self) -> Self;
    /// `self − other`, wrapping.
    fn sub(self, other: Self) -> Self;
    /// `self ^ other`
    fn xor(self, other: Self) -> Self;
    /// `self << BITS`
    fn shift_left<const BITS: i32>(self) -> Self;
    /// `self >> BITS`, zeros moving in.
    fn shift_right<const BITS: i32>(self) -> Self;
    /// `self >> BITS` of `i32`, copies of the sign moving in.
    fn shift_right_signed<const BITS: i32>(self) -> Self;
}

/// Portable words.
#[derive(Clone, Copy)]
pub struct PlainWords([u32; LANES]);

impl PlainWords {
    #[inline(always)]
    fn map(self, f: impl Fn(u32) -> u32) -> Self {
        PlainWords(self.0.map(f))
    }
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(u32, u32) -> u32) -> Self {
        PlainWords(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl Words for PlainWords {
    type Floats = super::lanes::Plain;
    #[inline(always)]
    fn from_array(words: [u32; LANES]) -> Self {
        PlainWords(words)
    }
    #[inline(always)]
    fn splat(value: u32) -> Self {
        PlainWords([value; LANES])
    }
    #[inline(always)]
    fn from_bits_of(floats: Self::Floats) -> Self {
        PlainWords(floats.to_array().map(f32::to_bits))
    }
    #[inline(always)]
    fn as_bits_of_floats(self) -> Self::Floats {
        Self::Floats::from_array(self.0.map(f32::from_bits))
    }
    #[inline(always)]
    fn signed_to_floats(self) -> Self::Floats {
        Self::Floats::from_array(self.0.map(|word| word as i32 as f32))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, u32::wrapping_add)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, u32::wrapping_sub)
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self.zip(other, |a, b| a ^ b)
    }
    #[inline(always)]
    fn shift_left<const BITS: i32>(self) -> Self {
        self.map(|word| word << BITS)
    }
    #[inline(always)]
    fn shift_right<const BITS: i32>(self) -> Self {
        self.map(|word| word >> BITS)
    }
    #[inline(always)]
    fn shift_right_signed<const BITS: i32>(self) -> Self {
        self.map(|word| (word as i32 >> BITS) as u32)
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2Words;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::super::lanes::{Avx2, LANES};
    use super::Words;
    use std::arch::x86_64::*;

    /// One AVX2 register. Exists only where AVX2 does (see [`super::super::isa`]).
    #[derive(Clone, Copy)]
    pub struct Avx2Words(__m256i);

    // SAFETY (every block below): a value of this type is made only in a kernel dispatched to AVX2.
    impl Words for Avx2Words {
        type Floats = Avx2;
        #[inline(always)]
        fn from_array(words: [u32; LANES]) -> Self {
            Avx2Words(unsafe { _mm256_loadu_si256(words.as_ptr().cast()) })
        }
        #[inline(always)]
        fn splat(value: u32) -> Self {
            Avx2Words(unsafe { _mm256_set1_epi32(value as i32) })
        }
        #[inline(always)]
        fn from_bits_of(floats: Avx2) -> Self {
            Avx2Words(unsafe { _mm256_castps_si256(floats.register()) })
        }
        #[inline(always)]
        fn as_bits_of_floats(self) -> Avx2 {
            Avx2::from_register(unsafe { _mm256_castsi256_ps(self.0) })
        }
        #[inline(always)]
        fn signed_to_floats(self) -> Avx2 {
            Avx2::from_register(unsafe { _mm256_cvtepi32_ps(self.0) })
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
}
