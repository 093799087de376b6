//! Where examples come from: image sets, a synthetic regression, and batches of them in a seeded order.
//!
//! Pixels stay bytes in memory (CIFAR-10: 184 MB). They are standardised when a batch is made, with the mean and the
//! standard deviation of each channel over all pixels of the training images as the network sees them, padding
//! included. There is no augmentation.

#[cfg(fuzzing)]
pub mod fuzzing;

mod batches;
mod check;
mod cifar10;
mod dataset;
mod facts;
mod fashion_mnist;
mod fetch;
mod gaussian_regression;
mod image_set;

use std::path::Path;

pub use batches::Batches;
pub(crate) use check::check;
pub use dataset::{Dataset, Examples};
pub use facts::{DataFacts, FileFact, Standing};
pub use image_set::{ImageSet, Split};

use crate::spec::DataName;

/// Reads a whole image set, or defines a regression.
///
/// CIFAR-10 is looked for in `data_dir`, else in the folder that the environment variable `WHYBN_DATA` names, else in
/// `data`; that folder may be `cifar-10-batches-bin` itself or contain it. Fashion-MNIST is embedded.
///
/// # Errors
/// Missing, truncated or corrupt files: the message names the file, the place and the remedy.
pub fn load(name: DataName, data_dir: Option<&Path>) -> anyhow::Result<Dataset> {
    match name {
        DataName::FashionMnist => fashion_mnist::load().map(Dataset::Images),
        DataName::Cifar10 => cifar10::load(&cifar10::Location::find(data_dir)).map(Dataset::Images),
        DataName::GaussianRegression => Ok(Dataset::GaussianRegression(gaussian_regression::facts())),
    }
}

/// Downloads CIFAR-10 to where [`load`] will find it, unless it is there already; returns what to tell the user.
///
/// # Errors
/// No `curl`, no connection, a download that broke off (run again: it resumes), an archive that is not the official one,
/// a folder that cannot be written.
pub(crate) fn fetch_cifar10(data_dir: Option<&Path>) -> anyhow::Result<String> {
    let folder = cifar10::Location::find(data_dir).folder;
    let is_new = fetch::fetch(&cifar10::ARCHIVE, &folder)?;
    let done = if is_new { "is there now" } else { "is already there, and intact" };
    Ok(format!("CIFAR-10 {done}: {}", folder.display()))
}
