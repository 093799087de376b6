//! Pairs grouped by their keys, and values that come twice.

use std::fmt::Display;

use anyhow::{Result, bail};

/// The values of each key, keys and values in the order in which they come.
pub fn grouped<K: PartialEq, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Vec<(K, Vec<V>)> {
    let mut groups: Vec<(K, Vec<V>)> = Vec::new();
    for (key, value) in pairs {
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => groups.push((key, vec![value])),
        }
    }
    groups
}

/// The first of `values` that has come before.
pub fn first_twice<T: PartialEq>(values: &[T]) -> Option<&T> {
    values.iter().enumerate().find(|(at, value)| values[..*at].contains(value)).map(|(_, value)| value)
}

/// Refuses `values` of the setting `key` of which one comes twice.
///
/// # Errors
/// That value.
pub fn refuse_repeated<T: PartialEq + Display>(key: &str, values: &[T]) -> Result<()> {
    match first_twice(values) {
        Some(value) => bail!("{value} stands twice in `{key}`; leave one out"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_keep_their_order() {
        let pairs = [("b", 1), ("a", 2), ("b", 0)];
        assert_eq!(grouped(pairs), [("b", vec![1, 0]), ("a", vec![2])]);
    }
}
