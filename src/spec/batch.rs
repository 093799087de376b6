//! How many examples a step trains on.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// The examples of a step. In a study file a number, or `"full"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Batch {
    /// So many, in a seeded order.
    Size(usize),
    /// All training examples, every step: full-batch descent.
    Full,
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

impl From<usize> for Batch {
    fn from(size: usize) -> Self {
        Batch::Size(size)
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

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Batch::Size(size) => serializer.serialize_u64(size as u64),
            Batch::Full => serializer.serialize_str("full"),
        }
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
