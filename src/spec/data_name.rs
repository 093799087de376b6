//! The data that the program knows.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Loss;

/// The data that the program knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataName {
    /// Grey pictures of clothes; the first 10,000 training and 2,000 test images are part of the program.
    #[default]
    FashionMnist,
    /// Colour photographs of animals and vehicles; downloaded.
    Cifar10,
    /// Gaussian inputs and a random linear map of them, drawn by each seed.
    GaussianRegression,
}

impl DataName {
    /// The name as its authors write it.
    pub fn title(self) -> &'static str {
        match self {
            DataName::FashionMnist => "Fashion-MNIST",
            DataName::Cifar10 => "CIFAR-10",
            DataName::GaussianRegression => "Gaussian regression",
        }
    }

    /// Whether its examples are images, which have classes; otherwise they are vectors with targets.
    pub(crate) fn has_images(self) -> bool {
        !self.class_names().is_empty()
    }

    /// The loss that fits it.
    pub(super) fn loss(self) -> Loss {
        if self.has_images() { Loss::CrossEntropy } else { Loss::HalfSquaredErrorSum }
    }

    /// The meaning of each label, in the order of the labels; none where there are no classes.
    pub(crate) fn class_names(self) -> &'static [&'static str] {
        match self {
            DataName::FashionMnist => &[
                "T-shirt/top",
                "trouser",
                "pullover",
                "dress",
                "coat",
                "sandal",
                "shirt",
                "sneaker",
                "bag",
                "ankle boot",
            ],
            DataName::Cifar10 => {
                &["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
            }
            DataName::GaussianRegression => &[],
        }
    }
}

/// The name that study files use: `fashion_mnist`, `cifar10`, `gaussian_regression`.
impl fmt::Display for DataName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_displayed_as_study_files_write_it() {
        for name in [DataName::FashionMnist, DataName::Cifar10, DataName::GaussianRegression] {
            assert_eq!(serde_json::to_string(&name).unwrap(), format!("\"{name}\""));
        }
    }
}
