//! How many examples a step trains on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The examples of a step. In a study file a number, or `"full"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "toml::Value")]
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

impl TryFrom<toml::Value> for Batch {
    type Error = String;

    fn try_from(written: toml::Value) -> Result<Self, String> {
        match (written.as_integer().map(usize::try_from), written.as_str()) {
            (Some(Ok(size)), _) => Ok(Batch::Size(size)),
            (_, Some("full")) => Ok(Batch::Full),
            _ => Err(format!("{written} is not a number of examples or \"full\"")),
        }
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
