//! The training examples that each step sees.

use rand::seq::SliceRandom;

use crate::rng::stream;
use crate::spec::Batch;

/// The order of the training examples: a new permutation each epoch, from the stream (seed, "order", epoch).
///
/// The order depends on nothing but the number of examples, the batch size and the seed, so arms share it. No batch is
/// smaller than the others: what is left at the end of an epoch is dropped. With [`Batch::Full`] every step sees all
/// examples in the order of the data, so that equal steps add up in equal order.
#[derive(Clone, Debug)]
pub struct Batches {
    batch: usize,
    /// Steps from one permutation to the next.
    steps_per_epoch: usize,
    seed: u64,
    shuffled: bool,
    /// The epoch whose permutation `order` holds.
    epoch: usize,
    order: Vec<usize>,
}

impl Batches {
    /// Batches of `batch` out of `examples` examples.
    ///
    /// # Panics
    /// A batch of zero, or of more than there are examples, which a checked plan does not have.
    pub fn new(examples: usize, batch: Batch, seed: u64) -> Self {
        let shuffled = batch != Batch::Full;
        let batch = batch.size(examples);
        assert!((1..=examples).contains(&batch), "{batch} of {examples} training examples are no batch");
        let order = if shuffled { permutation(examples, seed, 0) } else { (0..examples).collect() };
        Self { batch, steps_per_epoch: examples / batch, seed, shuffled, epoch: 0, order }
    }

    /// The examples that step `step` (from 0) trains on. Steps may be asked in any order; asking them in theirs draws
    /// each permutation once.
    pub fn indices(&mut self, step: usize) -> &[usize] {
        let epoch = step / self.steps_per_epoch;
        if self.shuffled && epoch != self.epoch {
            self.order = permutation(self.order.len(), self.seed, epoch);
            self.epoch = epoch;
        }
        let start = step % self.steps_per_epoch * self.batch;
        &self.order[start..start + self.batch]
    }
}

fn permutation(examples: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..examples).collect();
    order.shuffle(&mut stream(seed, "order", "", epoch as u64));
    order
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_epoch_shows_full_batches_of_distinct_examples(
            examples in 1usize..200,
            part: usize,
            seed: u64,
            epoch in 0usize..4,
        ) {
            let batch = 1 + part % examples;
            let mut batches = Batches::new(examples, Batch::Size(batch), seed);
            let steps = examples / batch;
            let mut seen = HashSet::new();
            for step in epoch * steps..(epoch + 1) * steps {
                let indices = batches.indices(step);
                prop_assert_eq!(indices.len(), batch);
                seen.extend(indices.iter().copied());
            }
            prop_assert_eq!(seen.len(), steps * batch);
            prop_assert!(seen.iter().all(|&index| index < examples));
        }

        #[test]
        fn a_step_sees_the_same_examples_whatever_was_asked_before(seed: u64, steps in proptest::collection::vec(0usize..50, 1..20)) {
            let mut walked = Batches::new(23, Batch::Size(5), seed);
            for step in steps {
                let mut fresh = Batches::new(23, Batch::Size(5), seed);
                prop_assert_eq!(walked.indices(step), fresh.indices(step));
            }
        }
    }

    #[test]
    fn epochs_and_seeds_differ() {
        let epoch = |seed, epoch: usize| Batches::new(100, Batch::Size(100), seed).indices(epoch).to_vec();
        assert_ne!(epoch(0, 0), epoch(0, 1));
        assert_ne!(epoch(0, 0), epoch(1, 0));
    }

    /// The order is part of what a seed means: a change here changes every result.
    #[test]
    fn the_order_is_pinned() {
        let mut batches = Batches::new(10, Batch::Size(5), 0);
        assert_eq!(batches.indices(0), [4, 9, 7, 2, 3]);
        assert_eq!(batches.indices(3), [8, 7, 2, 6, 4]);
    }

    #[test]
    fn a_full_batch_is_all_examples_in_their_own_order_at_every_step() {
        let mut batches = Batches::new(4, Batch::Full, 7);
        assert_eq!(batches.indices(0), [0, 1, 2, 3]);
        assert_eq!(batches.indices(9), [0, 1, 2, 3]);
    }

    #[test]
    #[should_panic = "11 of 10 training examples"]
    fn a_batch_of_more_than_there_is_cannot_be() {
        Batches::new(10, Batch::Size(11), 0);
    }
}
