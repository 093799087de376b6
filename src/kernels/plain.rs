//! Portable lanes and words, for any processor: arrays.

use std::array::from_fn;

use super::lanes::{LANES, Lanes, Vector, Words};

/// Portable lanes.
pub type Plain = [f32; LANES];

impl Vector for Plain {
    const WIDTH: usize = LANES;
    #[inline(always)]
    fn splat(value: f32) -> Self {
        [value; LANES]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise; an array of `f32` needs no more alignment than `f32`.
        unsafe { from.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        // Separate roundings: without FMA instructions a fused one is a slow library call.
        self.mul(factor).add(summand)
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        from_fn(|i| self[i] + other[i])
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        from_fn(|i| self[i] - other[i])
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        from_fn(|i| self[i] * other[i])
    }
    #[inline(always)]
    fn pin(self) -> Self {
        self
    }
}

impl Lanes for Plain {
    type Words = [u32; LANES];
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        from_fn(|i| if self[i] > other[i] { self[i] } else { other[i] })
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(f32::sqrt)
    }
    #[inline(always)]
    fn where_greater(self, other: Self, value: Self) -> Self {
        from_fn(|i| if self[i] > other[i] { value[i] } else { 0.0 })
    }
}

impl Words for [u32; LANES] {
    type Floats = Plain;
    #[inline(always)]
    fn from_bits_of(floats: Plain) -> Self {
        floats.map(f32::to_bits)
    }
    #[inline(always)]
    fn as_bits_of_floats(self) -> Plain {
        self.map(f32::from_bits)
    }
    #[inline(always)]
    fn signed_to_floats(self) -> Plain {
        self.map(|word| word as i32 as f32)
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        from_fn(|i| self[i].wrapping_add(other[i]))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        from_fn(|i| self[i].wrapping_sub(other[i]))
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        from_fn(|i| self[i] ^ other[i])
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
