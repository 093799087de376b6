//! The way through memory that every pass takes, and the activations on it.
//!
//! A chunk is two rows of one group of one image (one, at the end of an odd height): what 2×2 pooling needs,
//! and small enough for the first-level cache.

use std::ops::Range;

use crate::kernels::isa::Kernel;
use crate::kernels::lanes::{LANES, Lanes};
use crate::kernels::layout::{Grouped, Pixel, load, store};
use crate::kernels::noise::{ImageNoise, PaddedJitter};

/// All that the activations v are computed from. In a = (y − mean)·gain + beta each is one pixel for each group, zero in
/// lanes without a channel.
pub(super) struct Input<'a> {
    pub y: &'a [Pixel],
    pub shape: Grouped,
    pub mean: Vec<Pixel>,
    pub inv_divisor: Vec<Pixel>,
    /// γ·inv_divisor
    pub gain: Vec<Pixel>,
    pub beta: Vec<Pixel>,
    pub jitter: Option<PaddedJitter>,
}

/// The activations of a chunk, computed where they are asked for.
pub(super) struct Chunk<'a, L> {
    y: &'a [Pixel],
    mean: L,
    pub gain: L,
    beta: L,
    /// (s, m), if there is noise.
    noise: Option<(&'a [Pixel], &'a [Pixel])>,
}

impl<L: Lanes> Chunk<'_, L> {
    /// y − mean
    #[inline(always)]
    pub fn centred(&self, pixel: usize) -> L {
        load::<L>(&self.y[pixel]).sub(self.mean)
    }

    /// v
    #[inline(always)]
    pub fn activation(&self, pixel: usize) -> L {
        let a = self.centred(pixel).mul_add(self.gain, self.beta);
        match self.noise {
            Some((scale, shift)) => load::<L>(&scale[pixel]).mul_add(a, load(&shift[pixel])),
            None => a,
        }
    }

    /// All v. Pooling takes them from here, for memory is fast only when it is read in its order.
    #[inline(always)]
    pub fn activations(&self, v: &mut [Pixel]) {
        for (pixel, v) in v[..self.y.len()].iter_mut().enumerate() {
            store(self.activation(pixel), v);
        }
    }

    /// s·`grad`, the gradient of a from that of v.
    #[inline(always)]
    pub fn through_noise(&self, pixel: usize, grad: L) -> L {
        match self.noise {
            Some((scale, _)) => load::<L>(&scale[pixel]).mul(grad),
            None => grad,
        }
    }
}

/// Where a chunk lies.
pub(super) struct Place {
    /// Image and group together.
    pub plane: usize,
    pub group: usize,
    first_row: usize,
    pub rows: usize,
    /// In y.
    pub pixels: Range<usize>,
}

impl Place {
    /// The pixels of the pooled row that a chunk of two rows makes.
    #[inline(always)]
    pub fn pooled(&self, output: Grouped) -> Range<usize> {
        let start = self.plane * output.plane() + self.first_row / 2 * output.width;
        start..start + output.width
    }
}

/// The work on every chunk.
pub(super) trait Visitor {
    fn visit<L: Lanes>(&mut self, place: Place, chunk: &Chunk<L>);
}

/// Shows every chunk of the input to a visitor, in the order of the layout.
pub(super) struct Walk<'a, V> {
    pub input: &'a Input<'a>,
    pub visitor: &'a mut V,
}

impl<V: Visitor> Kernel for Walk<'_, V> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        // Compiled twice, so that the loops without noise do not ask for it.
        match &self.input.jitter {
            None => self.walk::<L>(None),
            Some(jitter) => self.walk::<L>(Some(jitter)),
        }
    }
}

impl<V: Visitor> Walk<'_, V> {
    #[inline(always)]
    fn walk<L: Lanes>(mut self, jitter: Option<&PaddedJitter>) {
        let shape = self.input.shape;
        let room = if jitter.is_some() { 2 * shape.width } else { 0 };
        let mut maps = [vec![[0.0; LANES]; room], vec![[0.0; LANES]; room]];
        for image in 0..shape.images {
            let mut noise = jitter.map(|jitter| ImageNoise::<L>::new(jitter, image));
            for group in 0..shape.groups {
                self.plane(image, group, &mut noise, &mut maps);
            }
        }
    }

    #[inline(always)]
    fn plane<L: Lanes>(
        &mut self,
        image: usize,
        group: usize,
        noise: &mut Option<ImageNoise<L>>,
        [scale, shift]: &mut [Vec<Pixel>; 2],
    ) {
        let Input { y, shape, mean, gain, beta, .. } = self.input;
        let (mean, gain, beta) = (load::<L>(&mean[group]), load(&gain[group]), load(&beta[group]));
        let plane = image * shape.groups + group;
        for first_row in (0..shape.height).step_by(2) {
            let rows = (shape.height - first_row).min(2);
            let start = plane * shape.plane() + first_row * shape.width;
            let pixels = start..start + rows * shape.width;
            let noise = match noise {
                Some(noise) => {
                    let (scale, shift) = (&mut scale[..pixels.len()], &mut shift[..pixels.len()]);
                    noise.fill(group, scale, shift);
                    Some((&*scale, &*shift))
                }
                None => None,
            };
            let chunk = Chunk { y: &y[pixels.clone()], mean, gain, beta, noise };
            self.visitor.visit(Place { plane, group, first_row, rows, pixels }, &chunk);
        }
    }
}

/// Room for a chunk.
pub(super) fn room(shape: Grouped) -> Vec<Pixel> {
    vec![[0.0; LANES]; 2 * shape.width]
}
