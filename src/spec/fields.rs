//! The names of a type's fields, for messages about keys.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, value::MapDeserializer};

/// The names of the fields that `T`, which refuses unknown fields, is read from.
pub(super) fn fields<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let stranger = MapDeserializer::<_, Fields>::new(std::iter::once(("?", 0)));
    T::deserialize(stranger).err().map_or(&[], |Fields(fields)| fields)
}

/// A refusal of an unknown field, with the known ones.
#[derive(Debug, thiserror::Error)]
#[error("{0:?}")]
struct Fields(&'static [&'static str]);

impl de::Error for Fields {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Fields(&[])
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Fields(expected)
    }
}
