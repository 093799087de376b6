//! The passes over memory that a unit consists of.
//!
//! A chunk is up to two rows of one group of one image: what 2×2 pooling needs, small enough for the
//! first-level cache, and (but for the last of a plane) an even number of pixels, as the noise wants it.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::super::grouped::{Grouped, Pixel, load, store, write, written};
use super::super::isa::{self, Isa, Kernel};
use super::super::lanes::{LANES, Lanes};
use super::super::noise::{ImageNoise, PaddedJitter};

/// a = (y − mean)·gain + beta, one pixel for each group; zero in lanes without a channel.
pub(super) struct Affine {
    pub mean: Vec<Pixel>,
    pub inv_std: Vec<Pixel>,
    /// γ·inv_std
    pub gain: Vec<Pixel>,
    pub beta: Vec<Pixel>,
}

/// All that the activations v are computed from.
pub(super) struct Input<'a> {
    pub y: &'a [Pixel],
    pub shape: Grouped,
    pub affine: Affine,
    pub jitter: Option<PaddedJitter>,
}

/// z = max(v, 0), then the 2×2 maxima if `pool`; writes all of `z`.
pub(super) fn forward(isa: Isa, input: &Input, pool: bool, z: &mut [MaybeUninit<Pixel>]) {
    let (shape, output) = (input.shape, if pool { input.shape.pooled() } else { input.shape });
    assert_eq!(z.len(), output.pixels());
    isa::dispatch_on(isa, Walk { input, visitor: &mut Forward { shape, output, pool, z } });
}

/// v; writes all of `v`.
pub(super) fn before_relu(isa: Isa, input: &Input, v: &mut [MaybeUninit<Pixel>]) {
    assert_eq!(v.len(), input.shape.pixels());
    isa::dispatch_on(isa, Walk { input, visitor: &mut BeforeRelu { v } });
}

/// The gradients of y, γ and β; the last two padded to whole groups.
pub(super) fn backward(
    isa: Isa,
    input: &Input,
    pool: bool,
    batch: bool,
    grad: &[f32],
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let (shape, output) = (input.shape, if pool { input.shape.pooled() } else { input.shape });
    let grad = grad.as_chunks().0;
    assert_eq!(grad.len(), output.pixels());
    let mut sums = vec![Sums::default(); shape.groups];
    let write = |grad_y: &mut [_]| {
        let visitor = &mut Backward { shape, output, pool, batch, grad, grad_y, sums: &mut sums };
        isa::dispatch_on(isa, Walk { input, visitor });
    };
    // SAFETY: `Backward` writes every pixel of every chunk.
    let mut grad_y = unsafe { written(shape.pixels(), write) };
    if batch {
        let grad_y = grad_y.as_chunks_mut().0;
        isa::dispatch_on(isa, Centre { input, sums: &sums, grad_y });
    }
    let inv_std = input.affine.inv_std.as_flattened();
    let grad_gamma =
        sums.iter().flat_map(|sums| sums.grad_centred).zip(inv_std).map(|(sum, &i)| (sum * i as f64) as f32);
    let grad_beta = sums.iter().flat_map(|sums| sums.grad).map(|sum| sum as f32);
    (grad_y, grad_gamma.collect(), grad_beta.collect())
}

/// Mean and biased variance of every channel (padded to whole groups).
pub(super) fn moments(isa: Isa, y: &[Pixel], shape: Grouped) -> Vec<(f64, f64)> {
    isa::dispatch_on(isa, Moments { y, shape })
}

/// Adds lanes to sums of double precision.
#[inline(always)]
fn accumulate<L: Lanes>(sums: &mut [f64; LANES], lanes: L) {
    for (sum, lane) in sums.iter_mut().zip(lanes.to_array()) {
        *sum += lane as f64;
    }
}

struct Moments<'a> {
    y: &'a [Pixel],
    shape: Grouped,
}

impl Kernel for Moments<'_> {
    type Output = Vec<(f64, f64)>;

    /// Sums of y − pivot and of its square, with the first image's mean as the pivot. That mean is at most
    /// √n standard deviations from the batch's, so the variance loses at most a factor n + 1 of precision
    /// (and typically none), whatever the mean is.
    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<(f64, f64)> {
        let Grouped { images, groups, .. } = self.shape;
        let plane = self.shape.plane();
        let mut moments = Vec::with_capacity(groups * LANES);
        for group in 0..groups {
            let of_image = |image| &self.y[(image * groups + group) * plane..][..plane];
            let mut pivot = [0.0; LANES];
            accumulate(&mut pivot, sums_about(L::zero(), of_image(0))[0]);
            let pivot = pivot.map(|sum| (sum / plane as f64) as f32);
            let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
            for image in 0..images {
                let sums = sums_about(load::<L>(&pivot), of_image(image));
                accumulate(&mut first, sums[0]);
                accumulate(&mut second, sums[1]);
            }
            let count = (images * plane) as f64;
            moments.extend((0..LANES).map(|lane| {
                let offset = first[lane] / count;
                (pivot[lane] as f64 + offset, (second[lane] / count - offset * offset).max(0.0))
            }));
        }
        moments
    }
}

/// The sums of y − pivot and of its square.
#[inline(always)]
fn sums_about<L: Lanes>(pivot: L, y: &[Pixel]) -> [L; 2] {
    let mut sums = [[L::zero(); 2]; 4];
    let (fours, rest) = y.as_chunks::<4>();
    for four in fours {
        for (sums, pixel) in sums.iter_mut().zip(four) {
            add_about(sums, pivot, pixel);
        }
    }
    for pixel in rest {
        add_about(&mut sums[0], pivot, pixel);
    }
    let [a, b, c, d] = sums;
    std::array::from_fn(|i| a[i].add(b[i]).add(c[i].add(d[i])))
}

#[inline(always)]
fn add_about<L: Lanes>(sums: &mut [L; 2], pivot: L, pixel: &Pixel) {
    let difference = load::<L>(pixel).sub(pivot);
    *sums = [sums[0].add(difference), difference.mul_add(difference, sums[1])];
}

/// The activations of a chunk, computed where they are asked for.
struct Chunk<'a, L> {
    y: &'a [Pixel],
    mean: L,
    gain: L,
    beta: L,
    /// (s, m), if there is noise.
    noise: Option<(&'a [Pixel], &'a [Pixel])>,
}

impl<L: Lanes> Chunk<'_, L> {
    /// y − mean
    #[inline(always)]
    fn centred(&self, pixel: usize) -> L {
        load::<L>(&self.y[pixel]).sub(self.mean)
    }

    /// v
    #[inline(always)]
    fn activation(&self, pixel: usize) -> L {
        let a = self.centred(pixel).mul_add(self.gain, self.beta);
        match self.noise {
            Some((scale, shift)) => load::<L>(&scale[pixel]).mul_add(a, load(&shift[pixel])),
            None => a,
        }
    }

    /// s·`grad`, the gradient of a from that of v.
    #[inline(always)]
    fn through_noise(&self, pixel: usize, grad: L) -> L {
        match self.noise {
            Some((scale, _)) => load::<L>(&scale[pixel]).mul(grad),
            None => grad,
        }
    }
}

/// Where a chunk lies.
struct Place {
    /// Image and group together.
    plane: usize,
    group: usize,
    first_row: usize,
    rows: usize,
    /// In y.
    pixels: Range<usize>,
}

/// What is done with every chunk.
trait Visitor {
    fn visit<L: Lanes>(&mut self, place: Place, chunk: &Chunk<L>);
}

/// Shows every chunk of the input to a visitor, in the order of the layout.
struct Walk<'a, V> {
    input: &'a Input<'a>,
    visitor: &'a mut V,
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
        let Input { y, shape, affine, .. } = self.input;
        let [mean, gain, beta] = [&affine.mean, &affine.gain, &affine.beta].map(|values| load::<L>(&values[group]));
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

struct BeforeRelu<'a> {
    v: &'a mut [MaybeUninit<Pixel>],
}

impl Visitor for BeforeRelu<'_> {
    #[inline(always)]
    fn visit<L: Lanes>(&mut self, place: Place, chunk: &Chunk<L>) {
        for (pixel, v) in self.v[place.pixels].iter_mut().enumerate() {
            write(chunk.activation(pixel), v);
        }
    }
}

struct Forward<'a> {
    shape: Grouped,
    output: Grouped,
    pool: bool,
    z: &'a mut [MaybeUninit<Pixel>],
}

impl Visitor for Forward<'_> {
    #[inline(always)]
    fn visit<L: Lanes>(&mut self, place: Place, chunk: &Chunk<L>) {
        if !self.pool {
            for (pixel, z) in self.z[place.pixels].iter_mut().enumerate() {
                write(relu(chunk.activation(pixel)), z);
            }
        } else if place.rows == 2 {
            for (column, z) in self.z[place.pooled(self.output)].iter_mut().enumerate() {
                let [a, b, c, d] = window(self.shape.width, column).map(|pixel| chunk.activation(pixel));
                write(relu(a.max(b).max(c.max(d))), z);
            }
        }
    }
}

/// max(v, 0); not a number stays so, for a divergence must be seen.
#[inline(always)]
fn relu<L: Lanes>(v: L) -> L {
    L::zero().max(v)
}

/// The pixels of a 2×2 window in a chunk of two rows, row by row.
#[inline(always)]
fn window(width: usize, column: usize) -> [usize; 4] {
    [2 * column, 2 * column + 1, width + 2 * column, width + 2 * column + 1]
}

impl Place {
    /// The pixels of the pooled row that a chunk of two rows makes.
    #[inline(always)]
    fn pooled(&self, output: Grouped) -> Range<usize> {
        let start = self.plane * output.plane() + self.first_row / 2 * output.width;
        start..start + output.width
    }
}

/// Sums over images and pixels, in double precision: of g, the gradient of a, and of g·(y − mean).
#[derive(Clone, Copy, Default)]
struct Sums {
    grad: [f64; LANES],
    grad_centred: [f64; LANES],
}

/// Writes g (times the gain, where that is all that is left to do) and sums it.
struct Backward<'a> {
    shape: Grouped,
    output: Grouped,
    pool: bool,
    batch: bool,
    grad: &'a [Pixel],
    grad_y: &'a mut [MaybeUninit<Pixel>],
    sums: &'a mut [Sums],
}

impl Visitor for Backward<'_> {
    #[inline(always)]
    fn visit<L: Lanes>(&mut self, place: Place, chunk: &Chunk<L>) {
        let grad_y = &mut self.grad_y[place.pixels.clone()];
        let factor = if self.batch { L::splat(1.0) } else { chunk.gain };
        let mut emitter = Emitter { chunk, factor, grad_y, sums: [[L::zero(); 2]; 2] };
        if !self.pool {
            for (pixel, grad) in self.grad[place.pixels].iter().enumerate() {
                let grad = chunk.activation(pixel).where_greater(L::zero(), load(grad));
                emitter.emit::<0>(pixel, grad);
            }
        } else if place.rows == 2 {
            unpool(self.shape.width, &self.grad[place.pooled(self.output)], &mut emitter);
        } else {
            (0..self.shape.width).for_each(|pixel| emitter.drop(pixel));
        }
        let [even, odd] = emitter.sums;
        let sums = &mut self.sums[place.group];
        accumulate(&mut sums.grad, even[0].add(odd[0]));
        accumulate(&mut sums.grad_centred, even[1].add(odd[1]));
    }
}

/// Takes the gradient of a pooled row to the two rows of the chunk.
#[inline(always)]
fn unpool<L: Lanes>(width: usize, grad: &[Pixel], emitter: &mut Emitter<L>) {
    for (column, grad) in grad.iter().enumerate() {
        let pixels = window(width, column);
        let [a, b, c, d] = pixels.map(|pixel| emitter.chunk.activation(pixel));
        let max = a.max(b).max(c.max(d));
        // The first that is not below the maximum takes the gradient; nothing remains for the others.
        let first = max.where_greater(L::zero(), load(grad));
        let second = max.where_greater(a, first);
        let third = max.where_greater(b, second);
        let fourth = max.where_greater(c, third);
        emitter.emit::<0>(pixels[0], first.sub(second));
        emitter.emit::<1>(pixels[1], second.sub(third));
        emitter.emit::<0>(pixels[2], third.sub(fourth));
        emitter.emit::<1>(pixels[3], fourth);
    }
    if width % 2 == 1 {
        emitter.drop(width - 1);
        emitter.drop(2 * width - 1);
    }
}

/// Writes the gradients of a chunk's inputs and sums them, in two sums that do not wait for each other.
struct Emitter<'a, L> {
    chunk: &'a Chunk<'a, L>,
    factor: L,
    grad_y: &'a mut [MaybeUninit<Pixel>],
    sums: [[L; 2]; 2],
}

impl<L: Lanes> Emitter<'_, L> {
    /// Takes `grad`, the gradient of v, to the input.
    #[inline(always)]
    fn emit<const SUM: usize>(&mut self, pixel: usize, grad: L) {
        let grad = self.chunk.through_noise(pixel, grad);
        let [sum, sum_centred] = self.sums[SUM];
        self.sums[SUM] = [sum.add(grad), grad.mul_add(self.chunk.centred(pixel), sum_centred)];
        write(grad.mul(self.factor), &mut self.grad_y[pixel]);
    }

    /// No gradient reaches a row or column that pooling drops.
    #[inline(always)]
    fn drop(&mut self, pixel: usize) {
        write(L::zero(), &mut self.grad_y[pixel]);
    }
}

/// Turns g into the gradient of y through the batch's statistics:
/// gain·(g − mean(g) − ŷ·mean(g·ŷ)), with ŷ = (y − mean)·inv_std.
struct Centre<'a> {
    input: &'a Input<'a>,
    sums: &'a [Sums],
    grad_y: &'a mut [Pixel],
}

impl Kernel for Centre<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Input { y, shape, affine, .. } = self.input;
        let means = self.means();
        let planes = y.chunks_exact(shape.plane()).zip(self.grad_y.chunks_exact_mut(shape.plane()));
        for (plane, (y, grad_y)) in planes.enumerate() {
            let group = plane % shape.groups;
            let [gain, mean] = [&affine.gain, &affine.mean].map(|values| load::<L>(&values[group]));
            let [offset, slope] = means[group].each_ref().map(load::<L>);
            for (y, grad) in y.iter().zip(grad_y) {
                let centred = load::<L>(y).sub(mean);
                let projected = centred.mul_add(slope, offset);
                store(load::<L>(grad).sub(projected).mul(gain), grad);
            }
        }
    }
}

impl Centre<'_> {
    /// For each group mean(g), and mean(g·ŷ)·inv_std, which stands before y − mean.
    fn means(&self) -> Vec<[Pixel; 2]> {
        let count = (self.input.shape.images * self.input.shape.plane()) as f64;
        let inv_std = &self.input.affine.inv_std;
        let means = self.sums.iter().zip(inv_std).map(|(sums, inv_std)| {
            let slope = |lane: usize| sums.grad_centred[lane] / count * (inv_std[lane] as f64).powi(2);
            [sums.grad.map(|sum| (sum / count) as f32), std::array::from_fn(|lane| slope(lane) as f32)]
        });
        means.collect()
    }
}
