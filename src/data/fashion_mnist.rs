//! The embedded part of Fashion-MNIST: see `data/fashion-mnist/README.md` for its origin and licence.

use anyhow::{Context, ensure};

use super::idx;
use super::{FileFact, ImageSet, Split, Standing};
use crate::spec::DataName;
use crate::text::sha256;

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

/// The embedded images, padded to 32×32.
pub fn load() -> anyhow::Result<ImageSet> {
    let mut facts = Vec::new();
    let mut splits = [Split::default(), Split::default()];
    for (files, split) in FILES.iter().zip(&mut splits) {
        *split = read(files, &mut facts)
            .context("the embedded Fashion-MNIST is damaged: restore data/fashion-mnist and build again")?;
    }
    ImageSet::new(DataName::FashionMnist, [1, PADDED, PADDED], splits, OFFICIAL, facts)
}

fn read([images, labels]: &[Embedded; 2], facts: &mut Vec<FileFact>) -> anyhow::Result<Split> {
    let image_bytes = idx::gunzip(images.packed, images.name)?;
    let label_bytes = idx::gunzip(labels.packed, labels.name)?;
    let split = parse([&image_bytes, &label_bytes], [images.name, labels.name])?;
    for (file, bytes) in [(images, &image_bytes), (labels, &label_bytes)] {
        let sha256 = sha256([bytes]);
        let standing = if sha256 == file.sha256 { Standing::FirstRecords } else { Standing::Other };
        let (name, bytes, records) = (file.name.to_string(), bytes.len(), split.len());
        facts.push(FileFact { name, bytes, records, sha256, standing });
    }
    Ok(split)
}

/// Pads and joins an IDX file of images and one of labels; `names` are for the messages.
fn parse([images, labels]: [&[u8]; 2], names: [&str; 2]) -> anyhow::Result<Split> {
    let ([count, height, width], pixels) = idx::parse::<3>(images, names[0])?;
    let ([label_count], labels) = idx::parse::<1>(labels, names[1])?;
    ensure!(count > 0, "{} holds no image", names[0]);
    ensure!([height, width] == [SIDE; 2], "{} holds images of {height}×{width}, not {SIDE}×{SIDE}", names[0]);
    ensure!(
        count == label_count,
        "{} holds {count} images, but {} holds {label_count} labels: they do not belong together",
        names[0],
        names[1]
    );
    if let Some(bad) = labels.iter().position(|&label| label > 9) {
        anyhow::bail!("{}: the label of record {bad} (byte {}) is {}, above 9", names[1], 8 + bad, labels[bad]);
    }
    Ok(Split { pixels: pad(pixels, count), labels: labels.to_vec() })
}

fn pad(pixels: &[u8], count: usize) -> Vec<u8> {
    let mut padded = vec![0; count * PADDED * PADDED];
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
    use proptest::prelude::*;

    use super::*;

    /// Numbers from the official files of the Debian package, with numpy 2.4.6:
    /// `p = np.pad(x, ((0, 0), (2, 2), (2, 2)))`, then rows, sums and `np.bincount`.
    #[test]
    fn the_embedded_images_are_the_first_of_the_official_ones() {
        let data = load().unwrap();
        assert_eq!((data.channels, data.height, data.width, data.classes), (1, 32, 32, 10));
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

    fn idx3(count: u8, [height, width]: [u8; 2], size: usize) -> Vec<u8> {
        [vec![0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, height, 0, 0, 0, width], vec![7; size]].concat()
    }

    fn idx1(labels: &[u8]) -> Vec<u8> {
        [&[0, 0, 8, 1, 0, 0, 0, labels.len() as u8], labels].concat()
    }

    #[test]
    fn bad_files_are_explained() {
        let message = |images: Vec<u8>, labels: Vec<u8>| parse([&images, &labels], ["i", "l"]).unwrap_err().to_string();
        let two = || idx3(2, [28, 28], 2 * 784);
        assert_eq!(message(idx3(0, [28, 28], 0), idx1(&[])), "i holds no image");
        assert_eq!(message(idx3(1, [7, 7], 49), idx1(&[1])), "i holds images of 7×7, not 28×28");
        assert_eq!(message(two(), idx1(&[1, 10])), "l: the label of record 1 (byte 9) is 10, above 9");
        let disagree = "i holds 2 images, but l holds 3 labels: they do not belong together";
        assert_eq!(message(two(), idx1(&[1, 2, 3])), disagree);
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_read_or_refused(at in 0usize..1_584, value: u8, cut in 0usize..1_584, label: u8) {
            let mut images = idx3(2, [28, 28], 2 * 784);
            images[at] = value;
            prop_assert!(parse([&images[..cut], &idx1(&[0, 1])], ["i", "l"]).is_err());
            let read = parse([&images, &idx1(&[0, label])], ["i", "l"]);
            prop_assert!(read.is_err() || (label <= 9 && read.unwrap().pixels.len() == 2 * PADDED * PADDED));
        }
    }
}
