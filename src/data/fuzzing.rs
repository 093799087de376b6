//! Files of images and archives of any bytes: see `fuzz/`.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Split;
use super::cifar10::append;
use super::fetch::{Archive, unpack};
use crate::fuzzing::folder;
use crate::text::sha256;

/// A file of CIFAR-10.
pub fn cifar10(bytes: &[u8]) {
    let mut split = Split::default();
    if let Ok(records) = append(bytes, &mut split) {
        assert_eq!((records * 3073, split.len()), (bytes.len(), records));
    }
}

/// A tar archive, which is compressed first: few bytes are gzip.
pub fn tar(bytes: &[u8]) {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    let packed = gzip.write_all(bytes).and_then(|()| gzip.finish()).expect("memory does not fail");
    let content = sha256(["12345"]);
    let archive = Archive { url: "", sha256: "", folder: "set", members: &[("a", &content), ("b", &content)] };
    let _read_or_refused = unpack(&archive, &packed, folder());
}
