//! CIFAR-10 in its official binary layout.
//!
//! Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009;
//! <https://www.cs.toronto.edu/~kriz/cifar.html>, "Binary version": records of one label byte and then 1,024 red,
//! 1,024 green and 1,024 blue bytes, each plane row by row.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::fetch::Archive;
use super::{FileFact, ImageSet, Split, Standing};
use crate::spec::DataName;
use crate::text::{sha256, thousands};

const SIDE: usize = 32;
const PIXELS: usize = 3 * SIDE * SIDE;
/// Bytes of a record: the label and the pixels.
const RECORD: usize = 1 + PIXELS;
/// Records of each official file.
const RECORDS: usize = 10_000;
const FOLDER: &str = "cifar-10-batches-bin";
/// The official archive.
pub const ARCHIVE: Archive = Archive {
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    folder: FOLDER,
    members: &FILES,
};
/// Names and sha256 of the official files: the training files, then the test file.
const FILES: [(&str, &str); 6] = [
    ("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    ("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    ("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    ("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    ("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    ("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
];
/// The source of a place that nobody named.
const DEFAULT: &str = "the default place";
const TRAINING_FILES: usize = 5;
pub const REMEDY: &str =
    "get it with `whybn data fetch cifar10`, or name the folder that holds it with --data-dir or WHYBN_DATA";

/// Where CIFAR-10 is looked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Location {
    /// The folder of the six files.
    pub folder: PathBuf,
    /// Who named it, for messages.
    source: &'static str,
}

impl Location {
    /// In `data_dir`, else in the folder that `WHYBN_DATA` names, else in `data`.
    pub fn find(data_dir: Option<&Path>) -> Self {
        Self::among(data_dir, std::env::var_os("WHYBN_DATA").filter(|value| !value.is_empty()))
    }

    fn among(data_dir: Option<&Path>, variable: Option<OsString>) -> Self {
        let (root, source) = match (data_dir, variable) {
            (Some(given), _) => (given.to_path_buf(), "named by --data-dir"),
            (None, Some(value)) => (PathBuf::from(value), "named by WHYBN_DATA"),
            (None, None) => (PathBuf::from("data"), DEFAULT),
        };
        let is_folder_itself = root.ends_with(FOLDER) || has_any_file(&root);
        Self { folder: if is_folder_itself { root } else { root.join(FOLDER) }, source }
    }

    /// Whether somebody named this place, or it holds any of the files: if so, the data are expected to be there.
    pub fn is_expected(&self) -> bool {
        self.source != DEFAULT || has_any_file(&self.folder)
    }
}

fn has_any_file(folder: &Path) -> bool {
    FILES.iter().any(|(name, _)| folder.join(name).exists())
}

/// Reads the six files.
pub fn load(location: &Location) -> anyhow::Result<ImageSet> {
    load_files(location, RECORDS)
}

/// Reads files of which the official ones have `records` records each.
fn load_files(location: &Location, records: usize) -> anyhow::Result<ImageSet> {
    let mut splits = [Split::default(), Split::default()];
    let mut facts = Vec::new();
    for (i, (name, official)) in FILES.into_iter().enumerate() {
        let training = i < TRAINING_FILES;
        let path = location.folder.join(name);
        let bytes = read(&path, records, location.source)?;
        let found = append(&bytes, &mut splits[usize::from(!training)])
            .with_context(|| format!("{} is damaged; {REMEDY}", path.display()))?;
        ensure!(
            !training || found == records,
            "{} holds {} records instead of {}; {REMEDY}",
            path.display(),
            thousands(found),
            thousands(records)
        );
        let sha256 = sha256([&bytes]);
        let standing = match training {
            _ if sha256 == official => Standing::Official,
            false if only_lacks_records(&splits[1], records) => Standing::LacksRecords,
            _ => Standing::Other,
        };
        facts.push(FileFact { name: name.into(), bytes: bytes.len(), records: found, sha256, standing });
    }
    let official = [TRAINING_FILES * records, records];
    ImageSet::new(DataName::Cifar10, [3, SIDE, SIDE], splits, official, facts)
        .with_context(|| format!("{} is not usable; {REMEDY}", location.folder.display()))
}

/// Whether `test` may be the official test set of `records` records but for some: it has fewer, and of no class more.
fn only_lacks_records(test: &Split, records: usize) -> bool {
    let classes = DataName::Cifar10.class_names().len();
    test.len() < records && test.class_counts(classes).into_iter().all(|count| count <= records / classes)
}

/// The bytes of `path`, unless it is larger than `records` records.
fn read(path: &Path, records: usize, source: &str) -> anyhow::Result<Vec<u8>> {
    let missing = || format!("CIFAR-10 is not at {} ({source}); {REMEDY}", path.display());
    let size = fs::metadata(path).with_context(missing)?.len();
    let [bytes, most, record] = [size as usize, records, RECORD].map(thousands);
    ensure!(
        size <= (records * RECORD) as u64,
        "{} has {bytes} bytes, more than the {most} records of {record} bytes it should hold; {REMEDY}",
        path.display()
    );
    fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// Appends the records of a file to `split` and returns their number.
pub(super) fn append(bytes: &[u8], split: &mut Split) -> anyhow::Result<usize> {
    ensure!(!bytes.is_empty(), "it is empty");
    let (records, rest) = bytes.as_chunks::<RECORD>();
    let (whole, [size, record]) = (records.len(), [bytes.len(), RECORD].map(thousands));
    ensure!(
        rest.is_empty(),
        "it breaks off in record {whole} (byte {}): {size} bytes are not a whole number of records of {record} bytes",
        whole * RECORD
    );
    split.pixels.reserve_exact(bytes.len());
    for (i, [label, pixels @ ..]) in records.iter().enumerate() {
        ensure!(*label <= 9, "the label of record {i} (byte {}) is {label}, above 9", i * RECORD);
        split.labels.push(*label);
        split.pixels.extend_from_slice(pixels);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use proptest::prelude::*;

    use super::*;

    /// A record whose pixel (channel, row, column) is known.
    fn record(label: u8) -> Vec<u8> {
        let pixel = |i: usize| (i / 1024 * 60 + i % 1024 / 32 + i % 32 + label as usize) as u8;
        [label].into_iter().chain((0..PIXELS).map(pixel)).collect()
    }

    /// A folder of files of two records each, with labels 2i and 2i + 1 modulo 10.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (i, (name, _)) in FILES.iter().enumerate() {
            let labels = [2 * i % 10, 2 * i % 10 + 1].map(|label| label as u8);
            fs::write(folder.path().join(name), labels.map(record).concat()).unwrap();
        }
        folder
    }

    fn load_from(folder: &Path) -> anyhow::Result<ImageSet> {
        load_files(&Location::among(Some(folder), None), 2)
    }

    fn message(folder: &Path) -> String {
        format!("{:#}", load_from(folder).unwrap_err())
    }

    #[test]
    fn records_are_read_in_order_and_standardised_per_channel() -> anyhow::Result<()> {
        let folder = folder();
        let data = load_from(folder.path())?;
        assert_eq!(data.train.labels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(data.test.labels, [0, 1]);
        assert_eq!(data.facts.describe().matches("data_batch").count(), 5);

        let (images, labels) = data.batch(&data.train, &[7, 2], &Device::Cpu)?;
        assert_eq!(images.dims4()?, (2, 3, 32, 32));
        assert_eq!(labels.to_vec1::<u32>()?, [7, 2]);
        for (channel, row, column) in [(0, 0, 0), (1, 31, 4), (2, 5, 30)] {
            let byte = (60 * channel + row + column + 7) as f64;
            let expected = (byte / 255.0 - data.facts.mean[channel]) / data.facts.std[channel];
            let pixel = images.get(0)?.get(channel)?.get(row)?.get(column)?.to_scalar::<f32>()?;
            approx::assert_relative_eq!(pixel as f64, expected, max_relative = 1e-5);
        }
        // Rows and columns are uniform on 0..32, labels on 0..10: means and variances add.
        for (channel, &(mean, variance)) in [(35.5, 178.75), (95.5, 178.75), (155.5, 178.75)].iter().enumerate() {
            approx::assert_relative_eq!(data.facts.mean[channel] * 255.0, mean, max_relative = 1e-12);
            approx::assert_relative_eq!((data.facts.std[channel] * 255.0).powi(2), variance, max_relative = 1e-9);
        }
        Ok(())
    }

    #[test]
    fn the_hash_sees_every_label_pixel_and_split() {
        let folder = folder();
        let hash = || load_from(folder.path()).unwrap().facts.sha256.clone();
        let reference = hash();
        assert_eq!(hash(), reference);
        for (name, at) in [("data_batch_5.bin", RECORD), ("data_batch_1.bin", 1), ("test_batch.bin", 2 * RECORD - 1)] {
            let path = folder.path().join(name);
            let bytes = fs::read(&path).unwrap();
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(&path, changed).unwrap();
            assert_ne!(hash(), reference, "{name}");
            fs::write(&path, bytes).unwrap();
        }
    }

    #[test]
    fn a_shorter_test_file_is_usable_and_said() {
        let folder = folder();
        fs::write(folder.path().join("test_batch.bin"), record(3)).unwrap();
        let data = load_from(folder.path()).unwrap();
        assert_eq!((data.facts.test, data.facts.official_test), (1, 2));
        assert!(data.facts.describe().contains("1 of 2 test images"));
    }

    #[test]
    fn only_a_test_set_that_lacks_records_may_be_the_official_one() {
        let split = |labels: Vec<u8>| Split { pixels: vec![0; labels.len() * PIXELS], labels };
        let lacks = |labels| only_lacks_records(&split(labels), 20);
        let labels = |count: u8| (0..count).map(|i| i % 10).collect::<Vec<u8>>();
        assert!(lacks(labels(19)));
        assert!(!lacks(labels(20)), "as long, and another");
        assert!(!lacks(vec![3; 3]), "too many of one class");
    }

    #[test]
    fn bad_files_are_explained() {
        let cases: [(&str, Vec<u8>, &str); 6] = [
            ("data_batch_2.bin", record(0), "data_batch_2.bin holds 1 records instead of 2"),
            ("data_batch_2.bin", vec![], "data_batch_2.bin is damaged"),
            ("test_batch.bin", vec![], "it is empty"),
            ("test_batch.bin", vec![0; 3_075], "breaks off in record 1 (byte 3073): 3,075 bytes"),
            ("test_batch.bin", [record(9), record(10)].concat(), "label of record 1 (byte 3073) is 10, above 9"),
            ("test_batch.bin", [record(0), record(0), record(0)].concat(), "9,219 bytes, more than the 2 records"),
        ];
        for (name, bytes, expected) in cases {
            let folder = folder();
            fs::write(folder.path().join(name), bytes).unwrap();
            let message = message(folder.path());
            assert!(message.contains(expected) && message.contains(name), "{message}");
            assert!(message.contains("whybn data fetch cifar10"), "{message}");
        }
    }

    #[test]
    fn a_missing_file_and_a_constant_channel_are_explained() {
        let folder = folder();
        fs::remove_file(folder.path().join("data_batch_4.bin")).unwrap();
        let missing = message(folder.path());
        assert!(missing.contains("data_batch_4.bin (named by --data-dir)") && missing.contains("fetch"), "{missing}");
        for (name, _) in FILES {
            fs::write(folder.path().join(name), vec![0; 2 * RECORD]).unwrap();
        }
        assert!(message(folder.path()).contains("all training pixels of channel 0"));
    }

    #[test]
    fn a_given_folder_comes_first_and_may_be_the_folder_itself() {
        let flat = folder();
        let at = |data_dir: Option<&str>, variable: Option<&str>| {
            Location::among(data_dir.map(Path::new), variable.map(OsString::from)).folder
        };
        assert_eq!(at(None, None), Path::new("data/cifar-10-batches-bin"));
        assert_eq!(at(None, Some("v")), Path::new("v/cifar-10-batches-bin"));
        assert_eq!(at(Some("d"), Some("v")), Path::new("d/cifar-10-batches-bin"));
        assert_eq!(at(Some("d/cifar-10-batches-bin"), None), Path::new("d/cifar-10-batches-bin"));
        assert_eq!(at(flat.path().to_str(), None), flat.path());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(fill: u8, size in 0usize..4 * RECORD, at: usize, value: u8) {
            let mut bytes = vec![fill; size];
            if let Some(len) = size.checked_sub(1) {
                bytes[at % (len + 1)] = value;
            }
            let mut split = Split::default();
            match append(&bytes, &mut split) {
                Ok(records) => prop_assert_eq!((split.len(), split.pixels.len()), (records, records * PIXELS)),
                Err(_) => prop_assert!(size % RECORD != 0 || size == 0 || fill > 9 || value > 9),
            }
        }
    }
}
