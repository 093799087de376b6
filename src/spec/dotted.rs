//! The dotted keys by which study files and the command line change a specification.

use super::Spec;

/// One dotted key, its value, and where it was written (for messages).
#[derive(Clone, Debug)]
pub struct Setting {
    /// The dotted key.
    pub key: String,
    /// Its value.
    pub value: toml::Value,
    /// File, line and place, or the command line.
    pub origin: String,
}

impl Spec {
    /// Sets the value at a dotted `key` (`train.learning_rate`, `model.noise.shift`).
    ///
    /// # Errors
    /// An unknown key (the nearest and all valid ones are named), or a value of the wrong type.
    pub fn set(&mut self, key: &str, value: toml::Value) -> Result<(), String> {
        let mut table = toml::Value::try_from(&*self).expect("a specification is plain data");
        match optional(&mut table, key) {
            Some(group) => drop(group.insert(leaf(key).into(), value)),
            None => *slot(&mut table, key)? = value,
        }
        *self = serde_path_to_error::deserialize(table)
            .map_err(|error| format!("`{key}`: {}", error.inner().to_string().trim_end()))?;
        Ok(())
    }
}

/// Keys that are not written where they are at their neutral value.
const OPTIONAL: [&str; 8] = [
    "model.depth",
    "model.noise.dose",
    "model.noise.from",
    "model.noise.layers",
    "model.noise.place",
    "model.noise.unit",
    "model.width",
    "train.dtype",
];

/// Keys whose value may be a table.
const TABLES: [&str; 2] = ["model.noise", "model.noise.redraw"];

/// The group of an optional key, where it has one.
fn optional<'a>(table: &'a mut toml::Value, key: &str) -> Option<&'a mut toml::Table> {
    let parts = key.rsplit_once('.').filter(|_| OPTIONAL.contains(&key))?.0.split('.');
    parts.into_iter().try_fold(table, |place, part| place.as_table_mut()?.get_mut(part))?.as_table_mut()
}

/// The last part of a dotted key.
fn leaf(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// The place of `key` in the specification written as a table.
fn slot<'a>(table: &'a mut toml::Value, key: &str) -> Result<&'a mut toml::Value, String> {
    let unknown = unknown_key(table, key);
    let mut place = table;
    for part in key.split('.') {
        place = place.as_table_mut().and_then(|inner| inner.get_mut(part)).ok_or_else(|| unknown.clone())?;
    }
    if place.is_table() && !TABLES.contains(&key) {
        return Err(format!("`{key}` is a group of keys; set one of them: {}", leaves(place, key).join(", ")));
    }
    Ok(place)
}

fn unknown_key(table: &toml::Value, key: &str) -> String {
    let noise = table.get("model").and_then(|model| model.get("noise"));
    let mut valid = leaves(table, "");
    valid.extend(noise.map(|_| "model.noise".into()));
    valid.extend(OPTIONAL.iter().filter(|key| !key.starts_with("model.noise.")).map(|key| key.to_string()));
    valid.sort();
    valid.dedup();
    let nearest = valid
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, key).total_cmp(&strsim::jaro_winkler(b, key)).then_with(|| b.cmp(a)));
    let hint = if key.starts_with("model.noise.") && noise.is_some_and(|noise| !noise.is_table()) {
        "; noise is \"none\" here: set `model.noise` to a table first.".to_string()
    } else {
        nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
    };
    format!("unknown key `{key}`{hint} Valid keys: {}", valid.join(", "))
}

/// The dotted keys of all values below `value`.
fn leaves(value: &toml::Value, prefix: &str) -> Vec<String> {
    match value {
        toml::Value::Table(table) => table
            .iter()
            .flat_map(|(key, inner)| {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                leaves(inner, &path)
            })
            .collect(),
        _ => vec![prefix.to_string()],
    }
}

/// `value` at `key` as dotted leaves; a table that is a value is a leaf.
pub fn flatten(key: &str, value: &toml::Value, origin: &str, into: &mut Vec<Setting>) {
    match value {
        toml::Value::Table(table) if !TABLES.contains(&key) => {
            for (inner, value) in table {
                flatten(&format!("{key}.{inner}"), value, origin, into);
            }
        }
        _ => into.push(Setting { key: key.into(), value: value.clone(), origin: origin.into() }),
    }
}

/// Whether one of two dotted keys lies within the other.
pub fn overlaps(a: &str, b: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    within(a, b) || within(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Norm;

    #[test]
    fn keys_are_set_by_their_dotted_names() {
        let mut spec = Spec::default();
        spec.set("train.learning_rate", 1.into()).unwrap();
        spec.set("model.norm", "batch".into()).unwrap();
        spec.set("model.head", toml::Value::Array(vec![4096.into(), 4096.into()])).unwrap();
        assert_eq!(spec.train.learning_rate, 1.0);
        assert_eq!(spec.model.norm, Norm::Batch);
        assert_eq!(spec.model.head, [4096, 4096]);
    }

    #[test]
    fn a_wrong_key_or_value_is_an_error_that_helps_and_changes_nothing() {
        let mut spec = Spec::default();
        let error = spec.set("train.learning_rat", 0.1.into()).unwrap_err();
        assert!(error.contains("did you mean `train.learning_rate`?") && error.contains("train.batch"), "{error}");
        let error = spec.set("train.steps", "many".into()).unwrap_err();
        assert!(error.contains("`train.steps`") && error.contains("many"), "{error}");
        let error = spec.set("model.norm", "bach".into()).unwrap_err();
        assert!(error.contains("`batch`"), "{error}");
        let error = spec.set("train", 1.into()).unwrap_err();
        assert!(error.contains("train.batch"), "{error}");
        let error = spec.set("model.noise.shift", 0.2.into()).unwrap_err();
        assert!(error.contains("\"none\""), "{error}");
        assert_eq!(spec, Spec::default());
    }

    #[test]
    fn within_the_noise_mistakes_are_told_from_no_noise_and_a_drift_can_be_set_and_unset() {
        let mut spec = Spec::default();
        spec.set("model.noise", "algorithm_1".into()).unwrap();
        let before = spec.clone();
        let error = spec.set("model.noise.shft", 0.2.into()).unwrap_err();
        assert!(error.contains("did you mean `model.noise.shift`?") && !error.contains("is \"none\""), "{error}");
        let drift = toml::Table::from_iter([("drift".to_string(), toml::Value::from(0.99))]);
        spec.set("model.noise.redraw", drift.into()).unwrap();
        assert_ne!(spec, before);
        spec.set("model.noise.redraw", "step".into()).unwrap();
        assert_eq!(spec, before);
    }

    /// What the paper does not vary counts where it is varied, and only there.
    #[test]
    fn optional_keys_count_where_they_are_not_neutral() {
        let mut spec = Spec::default();
        spec.set("model.noise", "algorithm_1".into()).unwrap();
        let id = spec.identity(0, "data");
        let with = |key: &str, value: toml::Value| {
            let mut other = spec.clone();
            other.set(key, value).unwrap();
            other.identity(0, "data")
        };
        for (key, neutral, other) in [
            ("model.noise.dose", toml::Value::from(1), toml::Value::from(2.0)),
            ("model.noise.layers", "all".into(), "last".into()),
            ("model.noise.place", "after_affine".into(), "before_norm".into()),
            ("model.noise.unit", "absolute".into(), "own_sd".into()),
            ("model.noise.from", 0.into(), 7.into()),
        ] {
            assert_eq!(with(key, neutral), id, "{key}");
            assert_ne!(with(key, other), id, "{key}");
        }
        let mut none = spec.clone();
        none.set("model.noise.dose", 0.0.into()).unwrap();
        assert_eq!(none, Spec::default(), "a dose of nothing is no noise");
        let error = Spec::default().set("model.noise.dose", 2.0.into()).unwrap_err();
        assert!(error.contains("noise is \"none\" here"), "{error}");
    }
}
