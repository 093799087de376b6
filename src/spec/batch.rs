//! How many examples a step trains on.

use std::fmt;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The examples of a step. In a study file a number, or `"full"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// So many, in a seeded order.
    Size(usize),
    /// All training examples, every step: full-batch descent.
    Full,
}

impl Batch {
    /// How many they are, of `examples` training examples.
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

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Batch::Size(size) => write!(f, "{size}"),
            Batch::Full => f.write_str("full"),
        }
    }
}

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Batch::Size(size) => size.serialize(serializer),
            Batch::Full => serializer.serialize_str("full"),
        }
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BatchVisitor;
        impl Visitor<'_> for BatchVisitor {
            type Value = Batch;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number of examples or \"full\"")
            }

            fn visit_u64<E: de::Error>(self, size: u64) -> Result<Batch, E> {
                let size = usize::try_from(size).map_err(|_| E::invalid_value(Unexpected::Unsigned(size), &self))?;
                Ok(Batch::Size(size))
            }

            fn visit_i64<E: de::Error>(self, size: i64) -> Result<Batch, E> {
                let size = u64::try_from(size).map_err(|_| E::invalid_value(Unexpected::Signed(size), &self))?;
                self.visit_u64(size)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Batch, E> {
                if text == "full" { Ok(Batch::Full) } else { Err(E::invalid_value(Unexpected::Str(text), &self)) }
            }
        }
        deserializer.deserialize_any(BatchVisitor)
    }
}
