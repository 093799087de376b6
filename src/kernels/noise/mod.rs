//! The per-element noise of "noisy" BatchNorm (Santurkar et al. 2018, appendix A.2.1, algorithm 1).
//!
//! Per layer and step, every channel has a shift μ and a scale σ (drawn elsewhere). Every element of that
//! channel then gets its own m ~ U(μ − r_μ, μ + r_μ) and s ~ N(σ, r_σ), and becomes s·a + m.
//!
//! Numbers come from `random.rs`, one generator for each of the eight lanes, seeded from (key, image): an
//! image's noise does not depend on the other images, nor on threads. They are drawn in the order of the layout for four pixels at a time: two Box–Muller pairs for s and, at
//! 16 bits each, the shifts m. Every chunk (two rows of a group, or the last one) starts with a new four.

use candle_core::{Device, Result, Tensor, bail};

use super::isa::{self, Kernel};
use super::lanes::{LANES, Lanes, Words};
use super::layout::{Grouped, Pixel, load, padded, store};
use super::random::{UNIT_OF_SIGNED, Xoshiro, normal_pair};

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
    pub(crate) fn in_units_of(mut self, sd: &[f32]) -> Self {
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
/// groups = ⌈channels / 8⌉: the bits that [`Fused`](super::fused::Fused) applies, for the plain path.
///
/// # Errors
/// If `jitter.shift` and `jitter.scale` differ in length.
pub(crate) fn noise_maps(jitter: &Jitter, n: usize, h: usize, w: usize) -> Result<(Tensor, Tensor)> {
    jitter.check(jitter.shift.len())?;
    let shape = Grouped { images: n, groups: jitter.shift.len().div_ceil(LANES), height: h, width: w };
    let mut scale = vec![[0.0; LANES]; shape.pixels()];
    let mut shift = scale.clone();
    let jitter = jitter.padded(shape.groups);
    isa::dispatch(Maps { jitter: &jitter, shape, scale: &mut scale, shift: &mut shift });
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
    pub(crate) fn fill(&mut self, group: usize, scale: &mut [Pixel], shift: &mut [Pixel]) {
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
        let [normal0, normal1] = normal_pair::<L>(words[0], words[1]);
        let [normal2, normal3] = normal_pair::<L>(words[2], words[3]);
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

#[cfg(test)]
mod tests;
