//! Settings that study files write as a word or as a table: `#[serde(with = "word")]` on an `Option` of them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Serialize, Serializer};

/// Settings for which study files have words.
pub(super) trait Worded: for<'de> Deserialize<'de> + Serialize {
    /// The words with their meanings; `"none"` is one of them.
    fn words() -> Vec<(&'static str, Option<Self>)>;

    /// The word that is written for them, where it is not their table.
    fn word(&self) -> Option<&'static str> {
        None
    }

    /// Whether these settings are `"none"` in other words.
    fn is_nothing(&self) -> bool {
        false
    }
}

/// Writes a word or a table.
pub(super) fn serialize<S: Serializer, T: Worded>(settings: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match settings.as_ref().map(|settings| (settings, settings.word())) {
        None => serializer.serialize_str("none"),
        Some((_, Some(word))) => serializer.serialize_str(word),
        Some((settings, None)) => settings.serialize(serializer),
    }
}

/// Reads a word or a table.
pub(super) fn deserialize<'de, D: Deserializer<'de>, T: Worded>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(WordVisitor(PhantomData))
}

/// The table that a word abbreviates; none if it is `"none"` or not a word.
pub(super) fn spelt_out<T: Worded>(word: &str) -> Option<toml::Table> {
    toml::Table::try_from(meaning::<T>(word)??).ok()
}

fn meaning<T: Worded>(word: &str) -> Option<Option<T>> {
    T::words().into_iter().find(|(known, _)| *known == word).map(|(_, meaning)| meaning)
}

struct WordVisitor<T>(PhantomData<T>);

impl<'de, T: Worded> Visitor<'de> for WordVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let words: Vec<_> = T::words().into_iter().map(|(word, _)| format!("`{word}`")).collect();
        write!(f, "one of {} or a table of its settings", words.join(", "))
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Self::Value, E> {
        meaning(word).ok_or_else(|| E::custom(format_args!("`{word}` is not {}", &self as &dyn de::Expected)))
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(table))
            .map(|settings: T| Some(settings).filter(|it| !it.is_nothing()))
    }
}
