//! The embedded part of Fashion-MNIST: see `data/fashion-mnist/README.md` for its origin and licence.
//!
//! Its files are in the IDX format (<http://yann.lecun.com/exdb/mnist/>): a magic number and the extents, of four bytes
//! each, and then a byte for each pixel or label.

use std::io::Read;

use anyhow::ensure;
use flate2::read::MultiGzDecoder;

use super::{FileFact, ImageSet, Split, Standing};
use crate::spec::DataName;
use crate::text::sha256;

/// Bytes before the pixels: the magic number, images, rows and columns.
const IMAGES_HEADER: usize = 16;
/// Bytes before the labels: the magic number and labels.
const LABELS_HEADER: usize = 8;
const SIDE: usize = 28;
/// Zeros on each side, so that networks made for CIFAR-10 fit.
const PADDING: usize = 2;
const PADDED: usize = SIDE + 2 * PADDING;
const OFFICIAL: [usize; 2] = [60_000, 10_000];

/// A gzipped IDX file of the program itself.
struct Embedded {
    name: &'static str,
    packed: &'static [u8],
    /// Of the unpacked bytes; the proof that they are the first records of the official file is `make_subset.py`.
    sha256: &'static str,
}

macro_rules! embedded {
    ($name:literal, $sha256:literal) => {
        Embedded {
            name: $name,
            packed: include_bytes!(concat!("../../data/fashion-mnist/", $name, ".gz")),
            sha256: $sha256,
        }
    };
}

/// Images and labels of the training and of the test images.
const FILES: [[Embedded; 2]; 2] = [
    [
        embedded!("train-images-idx3-ubyte", "ed2e37ed5a3a57d212141a69fe0a0de5a7126ffba14ac3f7e76f5f52cc04b1f0"),
        embedded!("train-labels-idx1-ubyte", "a69f2dad024ca220a8c4d85f621fdf929042d40c444abde2868903e9220ad517"),
    ],
    [
        embedded!("t10k-images-idx3-ubyte", "862035b0a96959b614c9574f4c2b0ae9584ca234813e8d6d7adb7838b12ca46b"),
        embedded!("t10k-labels-idx1-ubyte", "aa3f574d30afaf0d4d9da084a6f8541771e20693d6a97fae6e9a4953fca8f078"),
    ],
];

impl Embedded {
    /// Its bytes.
    ///
    /// # Errors
    /// If they are not those that the program knows.
    fn unpacked(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let is_whole =
            MultiGzDecoder::new(self.packed).read_to_end(&mut bytes).is_ok() && sha256([&bytes]) == self.sha256;
        ensure!(is_whole, "the embedded {} is damaged: restore data/fashion-mnist and build again", self.name);
        Ok(bytes)
    }
}

/// The embedded images, padded to 32×32.
pub fn load() -> anyhow::Result<ImageSet> {
    let mut facts = Vec::new();
    let mut splits = [Split::default(), Split::default()];
    for ([images, labels], split) in FILES.iter().zip(&mut splits) {
        let (pixels, classes) = (images.unpacked()?, labels.unpacked()?);
        *split = Split { pixels: padded(&pixels[IMAGES_HEADER..]), labels: classes[LABELS_HEADER..].to_vec() };
        for (file, bytes) in [(images, pixels.len()), (labels, classes.len())] {
            let (name, sha256, standing) = (file.name.into(), file.sha256.into(), Standing::FirstRecords);
            facts.push(FileFact { name, bytes, records: split.len(), sha256, standing });
        }
    }
    ImageSet::new(DataName::FashionMnist, [1, PADDED, PADDED], splits, OFFICIAL, facts)
}

fn padded(pixels: &[u8]) -> Vec<u8> {
    let mut padded = vec![0; pixels.len() / (SIDE * SIDE) * PADDED * PADDED];
    for (from, to) in pixels.chunks_exact(SIDE * SIDE).zip(padded.chunks_exact_mut(PADDED * PADDED)) {
        let rows = to.chunks_exact_mut(PADDED).skip(PADDING);
        for (from, to) in from.chunks_exact(SIDE).zip(rows) {
            to[PADDING..][..SIDE].copy_from_slice(from);
        }
    }
    padded
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    /// Numbers from the official files of the Debian package, with numpy 2.4.6:
    /// `p = np.pad(x, ((0, 0), (2, 2), (2, 2)))`, then rows, sums and `np.bincount`.
    #[test]
    fn the_embedded_images_are_the_first_of_the_official_ones() {
        let data = load().unwrap();
        assert_eq!(data.shape, [1, 32, 32]);
        assert_eq!((data.train.len(), data.test.len()), (10_000, 2_000));
        assert!(data.facts.files.iter().all(|file| file.standing == Standing::FirstRecords));

        let row = |split: &Split, image: usize, row: usize| split.pixels[(image * 32 + row) * 32..][..32].to_vec();
        let first = [
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 102, 204, 176, 134, 144, 123, 23, 0, 0, 0, 0, 12, 10, 0, 0,
            0,
        ];
        assert_eq!(row(&data.train, 0, 7), first);
        let last = [
            0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 210, 192, 188, 193, 130, 224, 143, 189, 191, 184, 189, 199, 132, 0, 0, 0, 0,
            0, 0, 0, 0, 0,
        ];
        assert_eq!(row(&data.test, 1_999, 16), last);

        let sum = |split: &Split, image: usize| -> u64 {
            split.pixels[image * 1_024..][..1_024].iter().map(|&pixel| pixel as u64).sum()
        };
        assert_eq!([sum(&data.train, 0), sum(&data.train, 9_999)], [76_247, 79_936]);
        assert_eq!([sum(&data.test, 0), sum(&data.test, 1_999)], [33_456, 59_629]);
        assert_eq!(data.train.labels[..10], [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]);
        assert_eq!(data.train.class_counts(10), [942, 1027, 1016, 1019, 974, 989, 1021, 1022, 990, 1000]);
        assert_eq!(data.test.class_counts(10), [200, 203, 214, 190, 219, 195, 197, 200, 194, 188]);
        approx::assert_relative_eq!(data.facts.mean[0], 0.21920526462928921, max_relative = 1e-12);
        approx::assert_relative_eq!(data.facts.std[0], 0.33266240290372023, max_relative = 1e-12);
    }

    #[test]
    fn the_training_images_are_standardised_as_the_network_sees_them() -> candle_core::Result<()> {
        let data = load().unwrap();
        let all: Vec<usize> = (0..data.train.len()).collect();
        let (images, labels) = data.batch(&data.train, &all, &Device::Cpu)?;
        assert_eq!(images.dims4()?, (10_000, 1, 32, 32));
        assert_eq!(labels.dims1()?, 10_000);
        let images = images.to_dtype(DType::F64)?;
        let mean = images.mean_all()?.to_scalar::<f64>()?;
        let variance = images.sqr()?.mean_all()?.to_scalar::<f64>()? - mean * mean;
        approx::assert_abs_diff_eq!(mean, 0.0, epsilon = 1e-6);
        approx::assert_abs_diff_eq!(variance, 1.0, epsilon = 1e-6);
        Ok(())
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let whole = &FILES[1][1];
        let labels = whole.unpacked().unwrap();
        assert_eq!(labels[..LABELS_HEADER], [0, 0, 8, 1, 0, 0, 7, 208], "IDX of unsigned bytes, 2,000 of them");
        let cut = Embedded { packed: &whole.packed[..whole.packed.len() - 9], ..*whole };
        for damaged in
            [cut, Embedded { packed: b"no gzip", ..*whole }, Embedded { packed: FILES[0][1].packed, ..*whole }]
        {
            let error = damaged.unpacked().unwrap_err().to_string();
            assert_eq!(
                error,
                "the embedded t10k-labels-idx1-ubyte is damaged: restore data/fashion-mnist and build again"
            );
        }
    }
}
