//! The facts that a report gives of its data: files, numbers of examples, whether they are the official ones.

use serde::{Deserialize, Serialize};

use crate::spec::DataName;
use crate::text::thousands;

/// The definition of the Gaussian regression, for reports and for its hash.
pub(super) const GAUSSIAN_REGRESSION: &str = "x ~ N(0, I) and targets A·x, both of length 10, the entries of A independent N(0, 1), all drawn anew for each seed";

/// The relation of a file to the one that the authors of the data published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Byte for byte the official file.
    Official,
    /// Known to be the first records of the official file.
    FirstRecords,
    /// Shorter than the official file, which it may be but for that: hashes are of whole files.
    LacksRecords,
    /// Readable, and something else.
    Other,
}

/// One file of an image set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// Its name, without folders.
    pub name: String,
    /// Its size, unpacked.
    pub bytes: usize,
    /// How many examples it holds.
    pub records: usize,
    /// The sha256 of its (unpacked) bytes.
    pub sha256: String,
    /// Whether it is the official file.
    pub standing: Standing,
}

/// Names, counts, hashes and statistics of the data; a part of `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Which set.
    pub name: DataName,
    /// The sha256 of shape, labels and pixels of both splits, or of what defines the data. A part of a trial's identity.
    pub sha256: String,
    /// Training images at hand.
    pub train: usize,
    /// Test images at hand.
    pub test: usize,
    /// Training images in the official release.
    pub official_train: usize,
    /// Test images in the official release.
    pub official_test: usize,
    /// Mean of each channel over the training pixels that the network sees; black is 0, white is 1.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel over the same pixels.
    pub std: Vec<f64>,
    /// The files that were read.
    pub files: Vec<FileFact>,
}

impl DataFacts {
    /// The names of the files that are not the official ones.
    pub fn strange_files(&self) -> impl Iterator<Item = &String> {
        self.files.iter().filter(|file| file.standing == Standing::Other).map(|file| &file.name)
    }

    /// One line for a report: "Fashion-MNIST, first 10,000 of 60,000 training images, ...".
    pub(crate) fn describe(&self) -> String {
        if self.name == DataName::GaussianRegression {
            return format!("{}: {} samples, {}", self.name.title(), thousands(self.train), GAUSSIAN_REGRESSION);
        }
        let first = if self.files.iter().any(|file| file.standing == Standing::FirstRecords) { "first " } else { "" };
        let share = |count, official| match count == official {
            true => thousands(count),
            false => format!("{first}{} of {}", thousands(count), thousands(official)),
        };
        let (train, test) = (share(self.train, self.official_train), share(self.test, self.official_test));
        let mut line = format!("{}, {train} training images, {test} test images", self.name.title());
        let other: Vec<&str> = self.strange_files().map(String::as_str).collect();
        if !other.is_empty() {
            line += &format!(" (not the official file: {})", other.join(", "));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(train: usize, standing: Standing) -> DataFacts {
        let file = FileFact { name: "a.bin".into(), bytes: 1, records: 1, sha256: String::new(), standing };
        DataFacts {
            name: DataName::Cifar10,
            sha256: String::new(),
            train,
            test: 9_980,
            official_train: 50_000,
            official_test: 10_000,
            mean: vec![],
            std: vec![],
            files: vec![file],
        }
    }

    #[test]
    fn a_subset_and_a_strange_file_are_named() {
        assert_eq!(
            facts(50_000, Standing::Other).describe(),
            "CIFAR-10, 50,000 training images, 9,980 of 10,000 test images (not the official file: a.bin)"
        );
        assert_eq!(
            facts(500, Standing::FirstRecords).describe(),
            "CIFAR-10, first 500 of 50,000 training images, first 9,980 of 10,000 test images"
        );
    }
}
