//! Random words and normal numbers, eight at a time: xoshiro128++ (Blackman & Vigna 2021), seeded by splitmix64, and
//! Box & Muller's transform with polynomials in place of library functions, so that every instruction set gives its
//! own bits always.

use super::lanes::{LANES, Lanes, Words};

/// A signed word times this lies in [−1, 1].
pub(super) const UNIT_OF_SIGNED: f32 = 1.0 / (1u64 << 31) as f32;

/// Eight xoshiro128++ generators.
pub(super) struct Xoshiro<W>([W; 4]);

impl<W: Words> Xoshiro<W> {
    #[inline(always)]
    pub fn seeded(key: u64, image: usize) -> Self {
        let mut seeds = SplitMix64(key ^ mix(image as u64));
        let mut state = [[0; LANES]; 4];
        for words in state.as_flattened_mut().as_chunks_mut::<2>().0 {
            let seed = seeds.next();
            *words = [seed as u32, (seed >> 32) as u32];
        }
        Xoshiro(state.map(W::from_array))
    }

    #[inline(always)]
    pub fn next(&mut self) -> W {
        let [a, b, c, d] = self.0;
        let sum = a.add(d);
        let result = sum.shift_left::<7>().xor(sum.shift_right::<25>()).add(a);
        let c = c.xor(a);
        let d = d.xor(b);
        let rotated = d.shift_left::<11>().xor(d.shift_right::<21>());
        self.0 = [a.xor(d), b.xor(c), c.xor(b.shift_left::<9>()), rotated];
        result
    }
}

pub(super) struct SplitMix64(pub u64);

impl SplitMix64 {
    #[inline(always)]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }
}

/// The output function of splitmix64.
#[inline(always)]
fn mix(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Two independent standard normals from two uniform words (Box & Muller 1958).
///
/// The angle is uniform in the right half-plane, with an own bit for the side: shorter polynomials serve.
#[inline(always)]
pub(super) fn normal_pair<L: Lanes>(radius: L::Words, angle: L::Words) -> [L; 2] {
    let half_turns = angle.signed_to_floats().mul(L::splat(0.5 * UNIT_OF_SIGNED));
    let side = angle.shift_left::<31>();
    let (sin, cos): (L, L) = sin_cos_half_turns(half_turns);
    let cos = L::Words::from_bits_of(cos).xor(side).as_bits_of_floats();
    // Uniform in (0, 1]: never below 2⁻³³, so the radius is finite (at most 6.8).
    let uniform = radius.shift_right::<1>().signed_to_floats();
    let uniform = uniform.mul_add(L::splat(UNIT_OF_SIGNED), L::splat(0.25 * UNIT_OF_SIGNED));
    let radius = minus_two_ln(uniform).sqrt();
    [radius.mul(cos), radius.mul(sin)]
}

/// −2·ln `u` for `u` in (0, 1], to a relative error of 3e-7.
///
/// The polynomials are minimax fits, to the stated relative (here and for the sine) or absolute error.
#[inline(always)]
fn minus_two_ln<L: Lanes>(u: L) -> L {
    // u = 2^exponent · (1 + f) with 1 + f in [√½, √2).
    let above_sqrt_half =
        L::Words::from_bits_of(u).sub(L::Words::from_bits_of(L::splat(std::f32::consts::FRAC_1_SQRT_2)));
    let exponent = above_sqrt_half.shift_right_signed::<23>();
    let significand = L::Words::from_bits_of(u).sub(exponent.shift_left::<23>()).as_bits_of_floats();
    let f = significand.sub(L::splat(1.0));
    let ln = estrin(
        f,
        [-2.0, 1.000_007_3, -0.666_701_2, 0.499_398_2, -0.398_003_3, 0.345_016_6, -0.324_451_6, 0.202_137_86],
    );
    exponent.signed_to_floats().mul_add(L::splat(-2.0 * std::f32::consts::LN_2), ln.mul(f))
}

/// sin πt and cos πt for t in [−½, ½], to 1e-7.
#[inline(always)]
fn sin_cos_half_turns<L: Lanes>(t: L) -> (L, L) {
    let t2 = t.mul(t);
    let sin = horner(t2, [std::f32::consts::PI, -5.167_71, 2.550_069_7, -0.598_242_1, 0.077_560_39]);
    let cos = horner(t2, [0.999_999_95, -4.934_793, 4.058_412, -1.331_880_2, 0.219_696_8]);
    (sin.mul(t), cos)
}

/// c₀ + c₁x + c₂x² + …, by Horner's rule.
#[inline(always)]
fn horner<L: Lanes, const N: usize>(x: L, coefficients: [f32; N]) -> L {
    let mut sum = L::splat(coefficients[N - 1]);
    for &coefficient in coefficients[..N - 1].iter().rev() {
        sum = sum.mul_add(x, L::splat(coefficient));
    }
    sum
}

/// The same by Estrin's scheme, for a shorter chain of operations that wait for each other.
#[inline(always)]
fn estrin<L: Lanes>(x: L, c: [f32; 8]) -> L {
    let x2 = x.mul(x);
    let low = horner(x, [c[2], c[3]]).mul_add(x2, horner(x, [c[0], c[1]]));
    let high = horner(x, [c[6], c[7]]).mul_add(x2, horner(x, [c[4], c[5]]));
    high.mul_add(x2.mul(x2), low)
}
