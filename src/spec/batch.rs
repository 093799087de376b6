//! How many examples a step trains on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The examples of a step. In a study file a number, or `"full"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", expecting = "it must be a number of examples or \"full\"")]
pub enum Batch {
    /// All training examples, every step: full-batch descent.
    Full,
    /// So many, in a seeded order.
    #[serde(untagged)]
    Size(usize),
}

impl Batch {
    /// The number of them, of `examples` training examples.
    pub fn size(self, examples: usize) -> usize {
        match self {
            Batch::Size(size) => size,
            Batch::Full => examples,
        }
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
