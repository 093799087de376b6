//! The per-element noise of "noisy" BatchNorm (Santurkar et al. 2018, appendix A.2.1, algorithm 1).
//!
//! Per layer and step, every channel has a shift μ and a scale σ (drawn elsewhere). Every element of that
//! channel then gets its own m ~ U(μ − r_μ, μ + r_μ) and s ~ N(σ, r_σ), and becomes s·a + m.
//!
//! Numbers come from xoshiro128++ (Blackman & Vigna 2021), one generator for each of the eight lanes, seeded
//! by splitmix64 from (key, image): an image's noise does not depend on the other images, nor on threads.
//! They are drawn in the order of the layout for four pixels at a time: two Box–Muller pairs for s and, at
//! 16 bits each, the shifts m. Every chunk (two rows of a group, or the last one) starts with a new four.

use candle_core::{Device, Result, Tensor, bail};

use super::grouped::{Grouped, Pixel, load, padded, store};
use super::isa::{self, Isa, Kernel};
use super::lanes::{LANES, Lanes, Vector};
use super::words::Words;

/// The distributions that the elements' noise is drawn from, in one layer at one step.
#[derive(Clone, Debug)]
pub struct Jitter {
    /// μ, the mean shift of every channel, in units of the activation.
    pub shift: Vec<f32>,
    /// σ, the mean scale of every channel.
    pub scale: Vec<f32>,
    /// r_μ of every channel: half the width of the uniform distribution of an element's shift around μ.
    pub shift_jitter: Vec<f32>,
    /// r_σ: standard deviation of an element's scale around σ.
    pub scale_jitter: f32,
    /// Names the random numbers; from [`crate::rng::key`].
    pub key: u64,
}

impl Jitter {
    /// An error unless μ, σ and r_μ have one value for each of `channels`.
    pub(super) fn check(&self, channels: usize) -> Result<()> {
        let lengths = [self.shift.len(), self.scale.len(), self.shift_jitter.len()];
        if lengths != [channels; 3] {
            let [shift, scale, jitter] = lengths;
            bail!(
                "noise: expected a shift, a scale and a jitter for each of {channels} channels, got {shift}, {scale} and {jitter}"
            )
        }
        Ok(())
    }

    /// The same noise with shifts that were given in units of `sd`, one for each channel.
    pub fn in_units_of(mut self, sd: &[f32]) -> Self {
        for (shifts, sd) in self.shift.iter_mut().zip(&mut self.shift_jitter).zip(sd) {
            *shifts.0 *= sd;
            *shifts.1 *= sd;
        }
        self
    }

    /// The same as lanes; `groups` hold the channels.
    pub(super) fn padded(&self, groups: usize) -> PaddedJitter {
        let amplitudes: Vec<f32> = self.shift_jitter.iter().map(|jitter| jitter * UNIT_OF_SIGNED).collect();
        PaddedJitter {
            shift: padded(&self.shift, groups),
            scale: padded(&self.scale, groups),
            shift_jitter: padded(&amplitudes, groups),
            scale_jitter: padded(&vec![self.scale_jitter; self.shift.len()], groups),
            key: (self.shift_jitter.iter().any(|&jitter| jitter != 0.0) || self.scale_jitter != 0.0)
                .then_some(self.key),
        }
    }
}

/// A signed word times this lies in [−1, 1].
const UNIT_OF_SIGNED: f32 = 1.0 / (1u64 << 31) as f32;

/// A [`Jitter`] as lanes of groups. Everything is zero where a lane has no channel, so the noise is too.
pub(super) struct PaddedJitter {
    shift: Vec<Pixel>,
    scale: Vec<Pixel>,
    /// r_μ · 2⁻³¹, which takes a signed word to its share of the shift.
    shift_jitter: Vec<Pixel>,
    scale_jitter: Vec<Pixel>,
    /// Nothing where there is nothing to draw.
    key: Option<u64>,
}

/// The maps (s, m) of the scale and shift of every element, each f32 of shape (n, groups, h, w, 8) with
/// groups = ⌈channels / 8⌉: the bits that [`Unit`](super::unit::Unit) applies, for the plain path.
///
/// # Errors
/// If `jitter.shift` and `jitter.scale` differ in length.
pub fn noise_maps(jitter: &Jitter, n: usize, h: usize, w: usize) -> Result<(Tensor, Tensor)> {
    noise_maps_on(isa::current(), jitter, n, h, w)
}

pub(super) fn noise_maps_on(isa: Isa, jitter: &Jitter, n: usize, h: usize, w: usize) -> Result<(Tensor, Tensor)> {
    jitter.check(jitter.shift.len())?;
    let shape = Grouped { images: n, groups: jitter.shift.len().div_ceil(LANES), height: h, width: w };
    let mut scale = vec![[0.0; LANES]; shape.pixels()];
    let mut shift = scale.clone();
    let jitter = jitter.padded(shape.groups);
    isa::dispatch_on(isa, Maps { jitter: &jitter, shape, scale: &mut scale, shift: &mut shift });
    let tensor = |pixels: Vec<Pixel>| Tensor::from_vec(pixels.into_flattened(), shape.shape(), &Device::Cpu);
    Ok((tensor(scale)?, tensor(shift)?))
}

struct Maps<'a> {
    jitter: &'a PaddedJitter,
    shape: Grouped,
    scale: &'a mut [Pixel],
    shift: &'a mut [Pixel],
}

impl Kernel for Maps<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        if self.shape.plane() == 0 {
            return;
        }
        let planes =
            self.scale.chunks_exact_mut(self.shape.plane()).zip(self.shift.chunks_exact_mut(self.shape.plane()));
        let mut noise = ImageNoise::<L>::new(self.jitter, 0);
        for (plane, (scale, shift)) in planes.enumerate() {
            let (image, group) = (plane / self.shape.groups, plane % self.shape.groups);
            if group == 0 {
                noise = ImageNoise::new(self.jitter, image);
            }
            let two_rows = 2 * self.shape.width;
            for (scale, shift) in scale.chunks_mut(two_rows).zip(shift.chunks_mut(two_rows)) {
                noise.fill(group, scale, shift);
            }
        }
    }
}

/// The noise of one image, to be taken in the order of the layout.
pub(super) struct ImageNoise<'a, L: Lanes> {
    jitter: &'a PaddedJitter,
    generator: Option<Xoshiro<L::Words>>,
}

impl<'a, L: Lanes> ImageNoise<'a, L> {
    #[inline(always)]
    pub fn new(jitter: &'a PaddedJitter, image: usize) -> Self {
        ImageNoise { jitter, generator: jitter.key.map(|key| Xoshiro::seeded(key, image)) }
    }

    /// Fills the maps of the next chunk, which lies in `group`.
    #[inline(always)]
    pub fn fill(&mut self, group: usize, scale: &mut [Pixel], shift: &mut [Pixel]) {
        let jitter = self.jitter;
        let Some(generator) = &mut self.generator else {
            scale.fill(jitter.scale[group]);
            shift.fill(jitter.shift[group]);
            return;
        };
        let distribution = Distribution::<L> {
            scale: load(&jitter.scale[group]),
            scale_jitter: load(&jitter.scale_jitter[group]),
            shift: load(&jitter.shift[group]),
            shift_jitter: load(&jitter.shift_jitter[group]),
        };
        let (scale, last_scale) = scale.as_chunks_mut::<4>();
        let (shift, last_shift) = shift.as_chunks_mut::<4>();
        for (scale, shift) in scale.iter_mut().zip(shift) {
            distribution.draw(generator, scale, shift);
        }
        if !last_scale.is_empty() {
            let (mut scale, mut shift) = ([[0.0; LANES]; 4], [[0.0; LANES]; 4]);
            distribution.draw(generator, &mut scale, &mut shift);
            last_scale.copy_from_slice(&scale[..last_scale.len()]);
            last_shift.copy_from_slice(&shift[..last_shift.len()]);
        }
    }
}

/// The distributions of one group.
struct Distribution<L> {
    scale: L,
    scale_jitter: L,
    shift: L,
    shift_jitter: L,
}

impl<L: Lanes> Distribution<L> {
    /// Draws four pixels: two independent Box–Muller pairs keep the processor busy.
    #[inline(always)]
    fn draw(&self, generator: &mut Xoshiro<L::Words>, scale: &mut [Pixel; 4], shift: &mut [Pixel; 4]) {
        let words = [generator.next(), generator.next(), generator.next(), generator.next()];
        let [normal0, normal1] = normal_pair(words[0], words[1]);
        let [normal2, normal3] = normal_pair(words[2], words[3]);
        store(normal0.mul_add(self.scale_jitter, self.scale), &mut scale[0]);
        store(normal1.mul_add(self.scale_jitter, self.scale), &mut scale[1]);
        store(normal2.mul_add(self.scale_jitter, self.scale), &mut scale[2]);
        store(normal3.mul_add(self.scale_jitter, self.scale), &mut scale[3]);
        let [shift01, shift23] = shift.as_chunks_mut::<2>().0 else { unreachable!("four pixels") };
        self.draw_shifts(generator.next(), shift01);
        self.draw_shifts(generator.next(), shift23);
    }

    /// Draws the shifts of two pixels from one word: from all of it, whose lower half hardly matters, and
    /// from that half alone.
    #[inline(always)]
    fn draw_shifts(&self, word: L::Words, shift: &mut [Pixel; 2]) {
        store(word.signed_to_floats().mul_add(self.shift_jitter, self.shift), &mut shift[0]);
        let half = word.shift_left::<16>();
        store(half.signed_to_floats().mul_add(self.shift_jitter, self.shift), &mut shift[1]);
    }
}

/// Eight xoshiro128++ generators.
struct Xoshiro<W> {
    state: [W; 4],
}

impl<W: Words> Xoshiro<W> {
    #[inline(always)]
    fn seeded(key: u64, image: usize) -> Self {
        let mut seeds = SplitMix64(key ^ mix(image as u64));
        let mut state = [[0; LANES]; 4];
        for words in state.as_flattened_mut().as_chunks_mut::<2>().0 {
            let seed = seeds.next();
            *words = [seed as u32, (seed >> 32) as u32];
        }
        Xoshiro { state: state.map(W::from_array) }
    }

    #[inline(always)]
    fn next(&mut self) -> W {
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

struct SplitMix64(u64);

impl SplitMix64 {
    #[inline(always)]
    fn next(&mut self) -> u64 {
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
fn normal_pair<W: Words>(radius: W, angle: W) -> [W::Floats; 2] {
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

#[cfg(test)]
mod tests;
