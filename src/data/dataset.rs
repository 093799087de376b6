//! The data of a trial: images, or a regression that every seed draws for itself.

use candle_core::{DType, Device, Result, Tensor};

use super::gaussian_regression::{self, WIDTH};
use super::{DataFacts, ImageSet};

/// One of the data that the program knows.
#[derive(Clone, Debug)]
pub enum Dataset {
    /// Labelled images.
    Images(ImageSet),
    /// The Gaussian regression, drawn anew for each seed.
    GaussianRegression(DataFacts),
}

/// The training examples of one trial.
#[derive(Clone, Debug)]
pub enum Examples<'a> {
    /// Images: those of every trial.
    Images(&'a ImageSet),
    /// A regression: the trial's own, in double precision.
    Regression {
        /// The inputs (samples, width).
        inputs: Tensor,
        /// The targets (samples, width).
        targets: Tensor,
    },
}

impl Dataset {
    /// Counts and hashes, for reports.
    pub fn facts(&self) -> &DataFacts {
        match self {
            Dataset::Images(images) => &images.facts,
            Dataset::GaussianRegression(facts) => facts,
        }
    }

    /// The images, where it is of images.
    pub fn images(&self) -> Option<&ImageSet> {
        match self {
            Dataset::Images(images) => Some(images),
            Dataset::GaussianRegression(_) => None,
        }
    }

    /// The training examples of a trial of `seed`.
    ///
    /// # Errors
    /// If a tensor cannot be made.
    pub fn examples(&self, seed: u64) -> Result<Examples<'_>> {
        Ok(match self {
            Dataset::Images(images) => Examples::Images(images),
            Dataset::GaussianRegression(_) => {
                let (inputs, targets) = gaussian_regression::draw(seed)?;
                Examples::Regression { inputs, targets }
            }
        })
    }

    /// The shape of an example (channels, height, width; or one length), and the length of a network's output for it.
    pub fn shape(&self) -> (Vec<usize>, usize) {
        match self {
            Dataset::Images(images) => (images.shape.to_vec(), images.facts.name.class_names().len()),
            Dataset::GaussianRegression(_) => (vec![WIDTH], WIDTH),
        }
    }
}

impl Examples<'_> {
    /// The training examples at `indices` on `device`: inputs of type `dtype`, and labels (u32) or targets (of type `dtype`).
    ///
    /// # Shapes
    /// Images (indices, channels, height, width) and labels (indices); or inputs and targets (indices, width).
    ///
    /// # Errors
    /// If a tensor cannot be made.
    ///
    /// # Panics
    /// An index that is not below the number of training examples.
    pub fn batch(&self, indices: &[usize], dtype: DType, device: &Device) -> Result<(Tensor, Tensor)> {
        match self {
            Examples::Images(images) => {
                let (pixels, labels) = images.batch(&images.train, indices, device)?;
                Ok((pixels.to_dtype(dtype)?, labels))
            }
            Examples::Regression { inputs, targets } => {
                let rows: Vec<u32> = indices.iter().map(|&index| index as u32).collect();
                let rows = Tensor::new(&rows[..], &Device::Cpu)?;
                let take = |of: &Tensor| of.index_select(&rows, 0)?.to_dtype(dtype)?.to_device(device);
                Ok((take(inputs)?, take(targets)?))
            }
        }
    }
}
