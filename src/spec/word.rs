//! Settings that study files write as a word or as a table.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

/// A setting as it was written.
pub(super) enum WordOr<W, T> {
    /// As a word.
    Word(W),
    /// As a table of its own settings.
    Table(T),
}

/// Reads a word or a table; `expected` says for messages what may be written.
pub(super) fn word_or_table<'de, D, W, T>(deserializer: D, expected: &'static str) -> Result<WordOr<W, T>, D::Error>
where
    D: Deserializer<'de>,
    W: Deserialize<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(WordVisitor { expected, of: PhantomData })
}

struct WordVisitor<W, T> {
    expected: &'static str,
    of: PhantomData<(W, T)>,
}

impl<'de, W: Deserialize<'de>, T: Deserialize<'de>> Visitor<'de> for WordVisitor<W, T> {
    type Value = WordOr<W, T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Self::Value, E> {
        W::deserialize(word.into_deserializer()).map(WordOr::Word)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(table)).map(WordOr::Table)
    }
}
