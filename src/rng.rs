//! The one place that makes random streams.
//!
//! Every random number of the program comes from a stream that is named by (seed, purpose, name, step).
//! Streams of different names are independent, so noise never moves the data order or the initial weights.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// The stream named by `seed`, a `purpose` (`init`, `order`, `noise`, ...), a `name` (of a parameter or a
/// layer; empty where there is only one) and a `step` (or epoch; 0 where there is only one).
pub fn stream(seed: u64, purpose: &str, name: &str, step: u64) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for part in [purpose, name] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(step.to_le_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A 64-bit key for a generator that cannot hold a whole stream (the kernels' noise).
pub fn key(seed: u64, purpose: &str, name: &str, step: u64) -> u64 {
    stream(seed, purpose, name, step).next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_repeats_and_every_part_of_its_name_counts() {
        let reference = key(1, "noise", "conv1", 2);
        assert_eq!(reference, key(1, "noise", "conv1", 2));
        let others = [
            key(2, "noise", "conv1", 2),
            key(1, "init", "conv1", 2),
            key(1, "noise", "conv2", 2),
            key(1, "noise", "conv1", 3),
            key(1, "noisec", "onv1", 2),
        ];
        assert!(others.iter().all(|&other| other != reference));
    }

    /// Streams are part of what a trial's identity promises: a change here changes every result.
    #[test]
    fn streams_are_pinned() {
        assert_eq!(key(0, "order", "", 0), 2_748_093_450_345_119_607);
    }
}
