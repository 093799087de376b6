//! The IDX format of the MNIST family: a magic number, the extents, then bytes.
//!
//! Source: <http://yann.lecun.com/exdb/mnist/>, "the IDX file format". All integers are big-endian.

use std::io::Read;

use anyhow::{Context, bail, ensure};
use flate2::read::GzDecoder;

/// The bytes of a gzip file; `name` is for the message.
///
/// # Errors
/// Not gzip, truncated, or a checksum that does not fit.
pub fn gunzip(packed: &[u8], name: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut bytes).with_context(|| {
        format!("{name} is not a whole gzip file: it breaks off after {} unpacked bytes", bytes.len())
    })?;
    Ok(bytes)
}

/// The extents and the bytes of an IDX file of unsigned bytes with `RANK` extents; `name` is for the message.
///
/// # Errors
/// A wrong magic number, a header that breaks off, or a size that the header does not announce.
pub fn parse<'a, const RANK: usize>(bytes: &'a [u8], name: &str) -> anyhow::Result<([usize; RANK], &'a [u8])> {
    let magic = [0, 0, 8, RANK as u8];
    ensure!(!bytes.is_empty(), "{name} is empty");
    ensure!(
        bytes.starts_with(&magic),
        "{name} does not start with the IDX magic number {magic:?} (unsigned bytes, {RANK} extents), but with {:?}",
        &bytes[..bytes.len().min(4)]
    );
    let Some((header, data)) = bytes[4..].split_at_checked(4 * RANK) else {
        bail!("{name} breaks off in its header, at byte {} of {}", bytes.len(), 4 + 4 * RANK);
    };
    let extent = |i: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| header[4 * i + byte])) as usize;
    let extents: [usize; RANK] = std::array::from_fn(extent);
    let announced = extents.iter().try_fold(1usize, |size, &extent| size.checked_mul(extent));
    ensure!(
        announced == Some(data.len()),
        "{name} announces {extents:?} bytes after its header of {} bytes, but {} follow",
        4 + 4 * RANK,
        data.len()
    );
    Ok((extents, data))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(bytes: &[u8]) -> String {
        parse::<2>(bytes, "x").unwrap_err().to_string()
    }

    #[test]
    fn extents_and_bytes_are_read() {
        let file = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];
        assert_eq!(parse::<2>(&file, "x").unwrap(), ([2, 3], &[1, 2, 3, 4, 5, 6][..]));
    }

    #[test]
    fn a_bad_file_is_explained() {
        assert_eq!(message(&[]), "x is empty");
        assert!(message(&[0, 0, 8, 1, 0, 0, 0, 0]).contains("magic number [0, 0, 8, 2]"));
        assert_eq!(message(&[0, 0, 8, 2, 0, 0]), "x breaks off in its header, at byte 6 of 12");
        let short = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2];
        assert!(message(&short).contains("announces [2, 3] bytes after its header of 12 bytes, but 2 follow"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            header in proptest::sample::select(vec![vec![], vec![0, 0, 8], vec![0, 0, 8, 3], vec![0, 0, 8, 3, 0, 0, 0, 1]]),
            rest in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let bytes = [header, rest].concat();
            if let Ok((extents, data)) = parse::<3>(&bytes, "x") {
                prop_assert_eq!(extents.iter().product::<usize>(), data.len());
            }
        }

        #[test]
        fn any_bytes_are_unpacked_or_refused(rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(gunzip(&rest, "x").is_err());
            prop_assert!(gunzip(&[&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &rest].concat(), "x").is_err());
        }
    }
}
