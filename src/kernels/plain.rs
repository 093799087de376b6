//! Portable lanes and words: arrays, for any processor.

use super::lanes::{LANES, Lanes, Vector, Words};

/// Portable lanes.
#[derive(Clone, Copy)]
pub struct Plain([f32; LANES]);

impl Plain {
    #[inline(always)]
    fn from_array(lanes: [f32; LANES]) -> Self {
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
    type Floats = Plain;
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
