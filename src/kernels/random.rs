//! Random words and normal numbers, eight at a time: xoshiro128++ (Blackman & Vigna 2021), seeded by splitmix64, and
//! Box & Muller's transform with polynomials in place of library functions, so that every instruction set gives its
//! own bits always.

use super::lanes::{LANES, Lanes, Vector, Words};

/// A signed word times this lies in [−1, 1].
pub(super) const UNIT_OF_SIGNED: f32 = 1.0 / (1u64 << 31) as f32;

/// Eight xoshiro128++ generators.
pub(super) struct Xoshiro<W> {
    state: [W; 4],
}

impl<W: Words> Xoshiro<W> {
    #[inline(always)]
    pub fn seeded(key: u64, image: usize) -> Self {
        let mut seeds = SplitMix64(key ^ mix(image as u64));
        let mut state = [[0; LANES]; 4];
        for words in state.as_flattened_mut().as_chunks_mut::<2>().0 {
            let seed = seeds.next();
            *words = [seed as u32, (seed >> 32) as u32];
        }
        Xoshiro { state: state.map(W::from_array) }
    }

    #[inline(always)]
    pub fn next(&mut self) -> W {
        let [a, b, c, d] = self.state;
        let sum = a.add(d);
        let result = sum.shift_left::<7>().xor(sum.shift_right::<25>()).add(a);
        let c = c.xor(a);
        let d = d.xor(b);
        let rotated = d.shift_left::<11>().xor(d.shift_right::<21>());
        self.state = [a.xor(d), b.xor(c), c.xor(b.shift_left::<9>()), rotated];
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
pub(super) fn normal_pair<W: Words>(radius: W, angle: W) -> [W::Floats; 2] {
    let half_turns = angle.signed_to_floats().mul(splat::<W>(0.5 * UNIT_OF_SIGNED));
    let side = angle.shift_left::<31>();
    let (sin, cos) = sin_cos_half_turns(half_turns);
    let cos = W::from_bits_of(cos).xor(side).as_bits_of_floats();
    // Uniform in (0, 1]: never below 2⁻³³, so the radius is finite (at most 6.8).
    let uniform = radius.shift_right::<1>().signed_to_floats();
    let uniform = uniform.mul_add(splat::<W>(UNIT_OF_SIGNED), splat::<W>(0.25 * UNIT_OF_SIGNED));
    let radius = minus_two_ln::<W>(uniform).sqrt();
    [radius.mul(cos), radius.mul(sin)]
}

/// −2·ln `u` for `u` in (0, 1], to a relative error of 3e-7.
///
/// The polynomials are minimax fits, to the stated relative (here and for the sine) or absolute error.
#[inline(always)]
fn minus_two_ln<W: Words>(u: W::Floats) -> W::Floats {
    // u = 2^exponent · (1 + f) with 1 + f in [√½, √2).
    let above_sqrt_half = W::from_bits_of(u).sub(W::splat(std::f32::consts::FRAC_1_SQRT_2.to_bits()));
    let exponent = above_sqrt_half.shift_right_signed::<23>();
    let significand = W::from_bits_of(u).sub(exponent.shift_left::<23>()).as_bits_of_floats();
    let f = significand.sub(splat::<W>(1.0));
    let ln = estrin::<W>(
        f,
        [-2.0, 1.000_007_3, -0.666_701_2, 0.499_398_2, -0.398_003_3, 0.345_016_6, -0.324_451_6, 0.202_137_86],
    );
    exponent.signed_to_floats().mul_add(splat::<W>(-2.0 * std::f32::consts::LN_2), ln.mul(f))
}

/// sin πt and cos πt for t in [−½, ½], to 1e-7.
#[inline(always)]
fn sin_cos_half_turns<L: Lanes>(t: L) -> (L, L) {
    let t2 = t.mul(t);
    let sin = horner::<L::Words, 5>(t2, [std::f32::consts::PI, -5.167_71, 2.550_069_7, -0.598_242_1, 0.077_560_39]);
    let cos = horner::<L::Words, 5>(t2, [0.999_999_95, -4.934_793, 4.058_412, -1.331_880_2, 0.219_696_8]);
    (sin.mul(t), cos)
}

/// c₀ + c₁x + c₂x² + …, by Horner's rule.
#[inline(always)]
fn horner<W: Words, const N: usize>(x: W::Floats, coefficients: [f32; N]) -> W::Floats {
    let mut sum = splat::<W>(coefficients[N - 1]);
    for &coefficient in coefficients[..N - 1].iter().rev() {
        sum = sum.mul_add(x, splat::<W>(coefficient));
    }
    sum
}

/// The same by Estrin's scheme, for a shorter chain of operations that wait for each other.
#[inline(always)]
fn estrin<W: Words>(x: W::Floats, c: [f32; 8]) -> W::Floats {
    let x2 = x.mul(x);
    let low = horner::<W, 2>(x, [c[2], c[3]]).mul_add(x2, horner::<W, 2>(x, [c[0], c[1]]));
    let high = horner::<W, 2>(x, [c[6], c[7]]).mul_add(x2, horner::<W, 2>(x, [c[4], c[5]]));
    high.mul_add(x2.mul(x2), low)
}

#[inline(always)]
fn splat<W: Words>(value: f32) -> W::Floats {
    W::Floats::splat(value)
}
