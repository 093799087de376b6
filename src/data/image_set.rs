//! An image set in memory, and batches of it as tensors.

use anyhow::bail;
use candle_core::{Device, Tensor};

use super::facts::{DataFacts, FileFact};
use crate::spec::DataName;
use crate::text::sha256;

/// Images of one shape with their labels, as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Pixels in the order image, channel, row, column; black is 0.
    pub pixels: Vec<u8>,
    /// The class of each image.
    pub labels: Vec<u8>,
}

impl Split {
    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// How many images each of `classes` classes has.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        (0..classes).map(|class| self.labels.iter().filter(|&&label| label as usize == class).count()).collect()
    }
}

/// A labelled image set: training and test images of one shape.
#[derive(Clone, Debug)]
pub struct ImageSet {
    /// Channels, height and width of an image.
    pub shape: [usize; 3],
    /// The images to train on.
    pub train: Split,
    /// The images to test on.
    pub test: Split,
    /// Counts, hashes and statistics, for reports.
    pub facts: DataFacts,
    /// For each channel, the standardised value of each byte.
    levels: Vec<[f32; 256]>,
}

impl ImageSet {
    /// An image set from the `splits` (training, test) of images of `[channels, height, width]`, read from `files`.
    ///
    /// # Errors
    /// A channel that is constant over the training images.
    pub(super) fn new(
        name: DataName,
        shape: [usize; 3],
        [train, test]: [Split; 2],
        [official_train, official_test]: [usize; 2],
        files: Vec<FileFact>,
    ) -> anyhow::Result<Self> {
        let [channels, height, width] = shape;
        let moments = channel_moments(&train, channels, height * width);
        if let Some(constant) = moments.iter().position(|&(_, std)| std == 0.0) {
            bail!("all training pixels of channel {constant} of {} are equal: the files are corrupt", name.title());
        }
        let level = |value, (mean, std)| ((value as f64 - mean) / std) as f32;
        let levels = moments.iter().map(|&of_channel| std::array::from_fn(|value| level(value, of_channel))).collect();
        let facts = DataFacts {
            name,
            sha256: content_hash(shape, [&train, &test]),
            train: train.len(),
            test: test.len(),
            official_train,
            official_test,
            mean: moments.iter().map(|&(mean, _)| mean / 255.0).collect(),
            std: moments.iter().map(|&(_, std)| std / 255.0).collect(),
            files,
        };
        Ok(Self { shape, train, test, facts, levels })
    }

    /// The images of `split` (one of this set's own) at `indices`, standardised, and their labels.
    ///
    /// # Shapes
    /// f32 `(indices, channels, height, width)` and u32 `(indices)`.
    ///
    /// # Errors
    /// If Candle cannot make the tensors.
    ///
    /// # Panics
    /// An index that is not below `split.len()`.
    pub fn batch(&self, split: &Split, indices: &[usize], device: &Device) -> candle_core::Result<(Tensor, Tensor)> {
        let [channels, height, width] = self.shape;
        let plane = height * width;
        let image = channels * plane;
        let mut values = Vec::with_capacity(indices.len() * image);
        for &i in indices {
            let planes = split.pixels[i * image..][..image].chunks_exact(plane);
            for (pixels, levels) in planes.zip(&self.levels) {
                values.extend(pixels.iter().map(|&pixel| levels[pixel as usize]));
            }
        }
        let labels = indices.iter().map(|&i| split.labels[i] as u32).collect();
        let shape = (indices.len(), channels, height, width);
        Ok((Tensor::from_vec(values, shape, device)?, Tensor::from_vec(labels, indices.len(), device)?))
    }
}

/// Mean and standard deviation (with 1/n) of each channel, in bytes. Sums of integers: exact, in any order.
fn channel_moments(split: &Split, channels: usize, plane: usize) -> Vec<(f64, f64)> {
    let mut counts = vec![[0u64; 256]; channels];
    for (i, pixels) in split.pixels.chunks_exact(plane).enumerate() {
        let counts = &mut counts[i % channels];
        pixels.iter().for_each(|&pixel| counts[pixel as usize] += 1);
    }
    let number = (split.len() * plane) as f64;
    let moments = |counts: &[u64; 256]| {
        let power_sum = |power: u32| (0u64..).zip(counts).map(|(value, count)| value.pow(power) * count).sum::<u64>();
        let mean = power_sum(1) as f64 / number;
        (mean, (power_sum(2) as f64 / number - mean * mean).max(0.0).sqrt())
    };
    counts.iter().map(moments).collect()
}

fn content_hash(shape: [usize; 3], splits: [&Split; 2]) -> String {
    let number = |number: usize| (number as u64).to_le_bytes();
    let (shape, lengths) = (shape.map(number), splits.map(|split| number(split.len())));
    let contents = splits.iter().zip(&lengths);
    let contents = contents.flat_map(|(split, length)| [&length[..], &split.labels, &split.pixels]);
    sha256(shape.iter().map(<[u8; 8]>::as_slice).chain(contents))
}
