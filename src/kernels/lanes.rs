//! Values that move together: eight `f32` or `u32`, or sixteen `f32`. The traits; each instruction set has a file.

/// The number of lanes, and of channels in a group of the kernels' layout.
pub(crate) const LANES: usize = 8;

/// `f32` lanes of one register: the channels of one group, or of several.
///
/// Values are made and used only inside a kernel that [`isa`](super::isa) dispatched to the matching instruction set;
/// every method is inlined there.
pub trait Vector: Copy {
    /// The number of lanes, a multiple of `LANES`.
    const WIDTH: usize;
    /// All lanes zero.
    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }
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
    /// Lanes from memory, each group of eight `distance` values after the one before it.
    ///
    /// # Safety
    /// Each of these places is valid for reading eight values.
    #[inline(always)]
    unsafe fn load_groups(from: *const f32, distance: usize) -> Self {
        let _of_one_group = distance;
        // SAFETY: the caller's promise, for vectors of one group.
        unsafe { Self::load(from) }
    }
    /// Lanes to memory, each group of eight `distance` values after the one before it.
    ///
    /// # Safety
    /// Each of these places is valid for writing eight values.
    #[inline(always)]
    unsafe fn store_groups(self, to: *mut f32, distance: usize) {
        let _of_one_group = distance;
        // SAFETY: the caller's promise, for vectors of one group.
        unsafe { self.store(to) }
    }
    /// `self · factor + summand` (fused where the instruction set can).
    fn mul_add(self, factor: Self, summand: Self) -> Self;
    /// `self + other`
    fn add(self, other: Self) -> Self;
    /// `self − other`
    fn sub(self, other: Self) -> Self;
    /// `self · other`
    fn mul(self, other: Self) -> Self;
    /// The same lanes, computed before anything that the program reads from memory later. No instruction.
    ///
    /// For sums that need every register: LLVM's scheduler moves loads up, then lacks a register and keeps a sum in
    /// memory, which more than halves the speed.
    fn pin(self) -> Self;
}

/// Eight lanes, one group, and what a kernel does with them other than sums of products.
pub(crate) trait Lanes: Vector {
    /// The greater of both, lane by lane; `other` where `self` is not a number.
    fn max(self, other: Self) -> Self;
    /// The lanes as an array.
    #[inline(always)]
    fn to_array(self) -> [f32; LANES] {
        let mut array = [0.0; LANES];
        // SAFETY: eight lanes, and an array of eight.
        unsafe { self.store(array.as_mut_ptr()) };
        array
    }
    /// The integer words of the same instruction set.
    type Words: Words<Floats = Self>;
    /// `√self`
    fn sqrt(self) -> Self;
    /// `value` in the lanes where `self > other`, zero in the others (and where either is not a number).
    fn where_greater(self, other: Self, value: Self) -> Self;
}

/// Eight `u32` words that move together, for the random generator; of the same instruction set as their `Floats`.
///
/// As with [`Vector`], values are made and used only inside a dispatched kernel.
pub(crate) trait Words: Copy {
    /// The lanes that words convert to.
    type Floats: Lanes;
    /// Words from an array.
    #[inline(always)]
    fn from_array(words: [u32; LANES]) -> Self {
        // SAFETY: eight lanes, and an array of eight values of the same size and alignment, of which any bits are lanes.
        Self::from_bits_of(unsafe { Self::Floats::load(words.as_ptr().cast()) })
    }
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
