//! Settings that study files write as a word or as a table.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserializer, Serialize};

/// Settings for which study files have words; one of them, `"none"`, is for none.
pub(super) trait Worded: DeserializeOwned + Serialize {
    /// The words and the table, for messages.
    const EXPECTED: &str;

    /// The settings that a word abbreviates.
    ///
    /// # Errors
    /// If there is no such word; the known ones are listed.
    fn meaning(word: &str) -> Result<Option<Self>, String>;
}

/// Reads a word or a table.
pub(super) fn read<'de, D: Deserializer<'de>, T: Worded>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(WordVisitor(PhantomData))
}

/// The table that a word abbreviates; none if it is `"none"` or not a word.
pub(super) fn spelt_out<T: Worded>(word: &str) -> Option<toml::Table> {
    toml::Table::try_from(T::meaning(word).ok()??).ok()
}

struct WordVisitor<T>(PhantomData<T>);

impl<'de, T: Worded> Visitor<'de> for WordVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Self::Value, E> {
        T::meaning(word).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(table)).map(Some)
    }
}
