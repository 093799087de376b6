//! How many examples a step trains on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The examples of a step. In a study file a number, or `"full"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Batch {
    /// So many, in a seeded order.
    Size(usize),
    /// All training examples, every step: full-batch descent.
    Full,
}

/// As study files have it.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number of examples or \"full\"")]
enum Written {
    Number(i64),
    Word(String),
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

impl TryFrom<Written> for Batch {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let wrong = |written: &dyn fmt::Debug| format!("{written:?} is not a number of examples or \"full\"");
        match written {
            Written::Number(size) => usize::try_from(size).map(Batch::Size).map_err(|_| wrong(&size)),
            Written::Word(word) if word == "full" => Ok(Batch::Full),
            Written::Word(word) => Err(wrong(&word)),
        }
    }
}

impl From<Batch> for Written {
    fn from(batch: Batch) -> Self {
        match batch {
            Batch::Size(size) => Written::Number(size as i64),
            Batch::Full => Written::Word("full".into()),
        }
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
