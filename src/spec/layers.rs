//! Settings in layers (defaults, setup, scale, arm, sweep, command line), merged and then read once.

use std::collections::BTreeMap;

use anyhow::{Context, Error, Result, anyhow, bail};
use serde::de::DeserializeOwned;

use super::fields::fields;
use super::model::{KINDS, Kind, ReadError};
use super::noise::Noise;
use super::norm::Norm;
use super::{Spec, Train, word};
use crate::text::nearest;

/// Dotted keys and values, the later in the place of the earlier, each with the place where it was written.
///
/// A specification has two groups, `model` and `train`, whose keys are set one by one. Any other table is the value of a
/// setting and takes the place of an earlier value as a whole.
#[derive(Clone, Debug)]
pub struct Layers {
    table: toml::Table,
    origins: BTreeMap<String, String>,
}

impl Default for Layers {
    /// The default specification. A network's own settings are left to the network that is chosen.
    fn default() -> Self {
        let mut layers = Layers::of(&Spec::default());
        let kind = ("kind".to_string(), KINDS[0].name.into());
        layers.table.insert("model".into(), toml::Table::from_iter([kind]).into());
        layers
    }
}

impl Layers {
    /// The settings of a whole specification.
    pub fn of(spec: &Spec) -> Self {
        let mut table = toml::Table::try_from(spec).expect("a specification is plain data");
        let model = table["model"].as_table_mut().expect("a network has settings");
        model.iter_mut().for_each(|(name, value)| *value = spelt_out(&format!("model.{name}"), value.clone()));
        Layers { table, origins: BTreeMap::new() }
    }

    /// Sets the dotted `key` (`train.learning_rate`, `model.noise.shift`), which was written at `origin`.
    ///
    /// # Errors
    /// A value in the place of a group, or a key within a value. Other mistakes are found by [`spec`](Layers::spec).
    pub fn set(&mut self, key: &str, value: toml::Value, origin: &str) -> Result<()> {
        if GROUPS.contains(&key) {
            let toml::Value::Table(group) = value else {
                let mut keys = keys_of(self.kind());
                keys.retain(|valid| is_within(valid, key));
                bail!("{origin}: `{key}` is a group of keys; set one of them: {}", keys.join(", "));
            };
            return group.into_iter().try_for_each(|(inner, value)| self.set(&format!("{key}.{inner}"), value, origin));
        }
        let table = match key.rsplit_once('.') {
            _ if self.word_around(key).is_some() => None,
            None => Some(&mut self.table),
            Some((parents, _)) => table_at(&mut self.table, parents),
        };
        let Some(table) = table else { bail!("{origin}: {}", self.unknown_key(key)) };
        table.insert(leaf(key).into(), spelt_out(key, value));
        self.origins.insert(key.into(), origin.into());
        Ok(())
    }

    /// The network; the default one where what is written is not a network.
    fn kind(&self) -> &'static Kind {
        let name = self.table["model"]["kind"].as_str();
        KINDS.into_iter().find(|kind| Some(kind.name) == name).unwrap_or(KINDS[0])
    }

    /// The specification that the settings make. `of` says whose it is, where a mistake is not that of one setting.
    ///
    /// # Errors
    /// An unknown key (the nearest and all valid ones are named), a value of the wrong type, a setting that is missing,
    /// or what [`Spec::check`] finds.
    pub fn spec(&self, of: &str) -> Result<Spec> {
        let written = &self.table["model"]["kind"];
        let kind = self.kind();
        if written.as_str() != Some(kind.name) {
            let (known, origin) = (KINDS.map(|kind| format!("`{}`", kind.name)), self.origin("model.kind", of));
            bail!("{origin}: `model.kind`: unknown network {written}, expected {}", known.join(" or "));
        }
        self.refuse_unknown(kind)?;
        let mut model = self.table["model"].clone();
        model.as_table_mut().and_then(|model| model.remove("kind"));
        if let Some((name, paper)) = kind.required.iter().find(|(name, _)| model.get(name).is_none()) {
            bail!("{of}: a `{}` network needs `model.{name}`; the paper's is {paper}", kind.name);
        }
        let spec = Spec {
            data: self.read("data", of)?,
            loss: self.read("loss", of)?,
            model: (kind.read)(model).map_err(|error| self.misread("model", error, of))?,
            train: self.read("train", of)?,
        };
        spec.check().with_context(|| of.to_string())?;
        Ok(spec)
    }

    /// Reads the value of `key`, a setting or a group outside of other groups.
    fn read<T: DeserializeOwned>(&self, key: &str, of: &str) -> Result<T> {
        serde_path_to_error::deserialize(self.table[key].clone()).map_err(|error| self.misread(key, error, of))
    }

    /// The message about a mistake in the value of `key`.
    fn misread(&self, key: &str, error: ReadError, of: &str) -> Error {
        let within = error.path().to_string();
        let key = if within == "." { key.to_string() } else { format!("{key}.{within}") };
        anyhow!("{}: `{key}`: {}", self.origin(&key, of), error.inner().message())
    }

    /// Where `key` was written, or what it is within.
    fn origin<'a>(&'a self, key: &str, of: &'a str) -> &'a str {
        let outer = std::iter::successors(Some(key), |key| key.rsplit_once(['.', '[']).map(|(outer, _)| outer));
        outer.into_iter().find_map(|key| self.origins.get(key)).map_or(of, String::as_str)
    }

    /// Refuses keys that the network does not have; where another network has them, all of them are named.
    fn refuse_unknown(&self, kind: &Kind) -> Result<()> {
        let valid = keys_of(kind);
        let mut unknown = self.origins.iter().filter(|(key, _)| !is_known(key, &valid));
        let Some((key, origin)) = unknown.next() else { return Ok(()) };
        let others: String = unknown.map(|(key, origin)| format!("; {origin}: nor `{key}`")).collect();
        bail!("{origin}: {}{others}", self.unknown_key(key))
    }

    fn unknown_key(&self, key: &str) -> String {
        let kind = self.kind();
        let valid = keys_of(kind);
        let is_of_another = !is_known(key, &valid) && KINDS.iter().any(|kind| is_known(key, &keys_of(kind)));
        let hint = if is_of_another {
            format!(", which a `model.kind = \"{}\"` does not have.", kind.name)
        } else if let Some(group) = self.word_around(key) {
            format!("; {} is \"none\" here: set `{group}` to a table first.", leaf(group))
        } else {
            format!("; did you mean `{}`?", nearest(key, valid.iter().map(String::as_str)))
        };
        format!("unknown key `{key}`{hint} Valid keys: {}", valid.join(", "))
    }

    /// The setting around `key` that is left at the word `"none"` and has no keys therefore.
    fn word_around(&self, key: &str) -> Option<&'static str> {
        let is_none =
            |word: &str| self.table["model"].get(leaf(word)).is_none_or(|value| value.as_str() == Some("none"));
        WORDS.iter().map(|setting| setting.key).find(|word| key != *word && is_within(key, word) && is_none(word))
    }
}

/// Groups of keys, which are not settings themselves.
const GROUPS: [&str; 2] = ["model", "train"];

/// A setting that is written as a word or as a table of its own settings, and is `"none"` where it is not written.
struct WordOrTable {
    key: &'static str,
    /// The names of its own settings.
    settings: fn() -> &'static [&'static str],
    /// The table that a word abbreviates.
    spelt_out: fn(&str) -> Option<toml::Table>,
}

const WORDS: [WordOrTable; 2] = [
    WordOrTable { key: "model.noise", settings: fields::<Noise>, spelt_out: word::spelt_out::<Noise> },
    WordOrTable { key: "model.norm", settings: fields::<Norm>, spelt_out: word::spelt_out::<Norm> },
];

/// `value` of `key`; where it is a word, the table that the word abbreviates.
fn spelt_out(key: &str, value: toml::Value) -> toml::Value {
    let setting = WORDS.iter().find(|setting| setting.key == key);
    let table = setting.and_then(|setting| (setting.spelt_out)(value.as_str()?));
    table.map_or(value, toml::Value::from)
}

/// All dotted keys of a specification with a network of `kind`, in alphabetical order.
fn keys_of(kind: &Kind) -> Vec<String> {
    let below = |group: &'static str, names: &'static [&str]| names.iter().map(move |name| format!("{group}.{name}"));
    let mut keys: Vec<String> = ["data", "loss", "model.kind"].map(String::from).into();
    keys.extend(below("model", (kind.settings)()).chain(below("train", fields::<Train>())));
    for WordOrTable { key, settings, .. } in WORDS {
        if keys.iter().any(|known| known == key) {
            keys.extend(below(key, settings()));
        }
    }
    keys.sort();
    keys
}

/// Whether `key` is valid, or lies within a value.
fn is_known(key: &str, valid: &[String]) -> bool {
    let has_keys = |known: &str| valid.iter().any(|other| other != known && is_within(other, known));
    valid.iter().any(|known| known == key || (is_within(key, known) && !has_keys(known)))
}

/// The table at the dotted key `parents` of `table`; none where a value is in the way.
fn table_at<'a>(table: &'a mut toml::Table, parents: &str) -> Option<&'a mut toml::Table> {
    let empty = || toml::Value::from(toml::Table::new());
    parents.split('.').try_fold(table, |table, part| table.entry(part).or_insert_with(empty).as_table_mut())
}

/// The last part of a dotted key.
fn leaf(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Whether the dotted key `inner` is `outer` or lies within it.
fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether one of two dotted keys lies within the other.
pub fn overlaps(a: &str, b: &str) -> bool {
    is_within(a, b) || is_within(b, a)
}

/// The first of `settings` that would replace another of them (`"train.batch"` and `train.batch` are different keys to
/// TOML): its place among them, and its dotted key. A word and the settings that refine it are not such a pair.
pub fn first_set_twice<'a>(settings: impl IntoIterator<Item = (&'a str, &'a toml::Value)>) -> Option<(usize, String)> {
    let mut seen = Vec::new();
    settings.into_iter().enumerate().find_map(|(place, (key, value))| Some((place, set_twice(key, value, &mut seen)?)))
}

/// `key`, or a key within the group that it is, if setting it to `value` replaces one of `seen`, which it joins.
fn set_twice(key: &str, value: &toml::Value, seen: &mut Vec<String>) -> Option<String> {
    if let (true, toml::Value::Table(group)) = (GROUPS.contains(&key), value) {
        return group.iter().find_map(|(inner, value)| set_twice(&format!("{key}.{inner}"), value, seen));
    }
    if seen.iter().any(|earlier| is_within(earlier, key)) {
        return Some(key.into());
    }
    add_leaves(key, value, seen);
    None
}

fn add_leaves(key: &str, value: &toml::Value, into: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => {
            table.iter().for_each(|(inner, value)| add_leaves(&format!("{key}.{inner}"), value, into))
        }
        _ => into.push(key.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Model;
    use crate::spec::tests::{deep_linear, with};

    fn noisy(settings: &[(&str, toml::Value)]) -> std::result::Result<Spec, String> {
        with(&[&[("model.noise", "algorithm_1".into())], settings].concat())
    }

    fn misread(layers: &Layers) -> String {
        format!("{:#}", layers.spec("whole").unwrap_err())
    }

    #[test]
    fn a_setting_that_replaces_another_of_its_table_is_found() {
        let twice = |text: &str| {
            let table: toml::Table = toml::from_str(text).unwrap();
            first_set_twice(table.iter().map(|(key, value)| (key.as_str(), value))).map(|(_, key)| key)
        };
        assert_eq!(twice("\"train.batch\" = 4\ntrain.batch = 8").as_deref(), Some("train.batch"));
        assert_eq!(twice("model.noise.scale = 4\n\"model.noise.scale\" = 8").as_deref(), Some("model.noise.scale"));
        assert_eq!(twice("model.noise.scale = 4\n\"model.noise\" = \"none\"").as_deref(), Some("model.noise"));
        assert_eq!(twice("model.noise.scale = 4\n\"model.noise\".shift = 8").as_deref(), Some("model.noise"));
        assert_eq!(twice("\"model.noise\" = \"algorithm_1\"\n\"model.noise.shift\" = 8\ntrain.batch = 4"), None);
    }

    #[test]
    fn keys_are_set_by_their_dotted_names() {
        let head = toml::Value::Array(vec![4096.into(), 4096.into()]);
        let group = toml::toml! { norm = "batch" }.into();
        let spec = with(&[("train.learning_rate", 1.into()), ("model", group), ("model.head", head)]).unwrap();
        assert_eq!(spec.train.learning_rate, 1.0);
        let Model::Vgg16(vgg) = spec.model else { panic!("the default network is a VGG") };
        assert_eq!((vgg.norm, vgg.head), (Some(Norm::BATCH), vec![4096, 4096]));
    }

    #[test]
    fn a_wrong_key_or_value_is_an_error_that_helps() {
        for (key, value, words) in [
            ("train.learning_rat", 0.1.into(), &["unknown", "did you mean `train.learning_rate`?", "train.batch"][..]),
            ("learning_rate", 0.1.into(), &["did you mean `train.learning_rate`?"]),
            ("train.steps", "many".into(), &["`train.steps`", "many"]),
            ("train.steps.often", 3.into(), &["unknown key `train.steps.often`", "did you mean `train.steps`?"]),
            ("train.steps", toml::Table::new().into(), &["`train.steps`", "map"]),
            ("train.batch", (-4).into(), &["`train.batch`", "-4 is not a number of examples or \"full\""]),
            ("model.norm", "bach".into(), &["`model.norm`", "`batch`"]),
            ("model.norm", toml::toml! { divide = "l1" }.into(), &["`model.norm", "`divisor`"]),
            ("model.head.first", 3.into(), &["`model.head`"]),
            ("model.kind", "resnet".into(), &["`model.kind`", "`vgg16`"]),
            ("train", 1.into(), &["`train` is a group", "train.batch", "train.dtype"]),
            ("data", toml::toml! { name = "cifar10" }.into(), &["`data"]),
            ("model.noise.shift", 0.2.into(), &["unknown key `model.noise.shift`; noise is \"none\" here"]),
            ("model.noise.dose", 2.0.into(), &["noise is \"none\" here"]),
            ("model.norm.divisor", "l1".into(), &["norm is \"none\" here"]),
        ] {
            let error = with(&[(key, value)]).unwrap_err();
            assert!(error.starts_with("test: "), "{error}");
            for word in words {
                assert!(error.contains(word), "`{word}` is not in: {error}");
            }
        }
    }

    /// The place of a mistake is the one of the layer that made it.
    #[test]
    fn a_mistake_is_where_its_setting_was_written() {
        let mut layers = Layers::default();
        layers.set("train", toml::toml! { steps = 10 batch = "all" }.into(), "setup").unwrap();
        layers.set("train.steps", 20.into(), "arm").unwrap();
        assert!(misread(&layers).starts_with("setup: `train.batch`: "));
        layers.set("train.batch", "full".into(), "arm").unwrap();
        assert_eq!(layers.spec("whole").unwrap().train.steps, 20);
        layers.set("train.steps", 0.into(), "arm").unwrap();
        assert!(misread(&layers).starts_with("whole: `train.steps` is 0"));
    }

    #[test]
    fn an_arm_may_choose_another_network_and_is_told_what_it_does_not_have() {
        let mut layers = Layers::default();
        layers.set("model", toml::toml! { width_divisor = 4 norm = "l1" head = [3] }.into(), "setup").unwrap();
        for (key, value) in [
            ("data", toml::Value::from("gaussian_regression")),
            ("loss", "half_squared_error_sum".into()),
            ("model.depth", 3.into()),
            ("model.kind", "deep_linear".into()),
        ] {
            layers.set(key, value, "arm").unwrap();
        }
        let error = misread(&layers);
        let key = "setup: unknown key `model.head`, which a `model.kind = \"deep_linear\"` does not have";
        for words in [key, "setup: nor `model.width_divisor`", "model.depth"] {
            assert!(error.contains(words), "`{words}` is not in: {error}");
        }
        let error = with(&[("model.width", 10.into())]).unwrap_err();
        assert!(error.contains("unknown key `model.width`, which a `model.kind = \"vgg16\"` does not have"), "{error}");
        assert!(error.contains("model.width_divisor"), "{error}");
        for setting in [("model.noise", "algorithm_1".into()), ("model.noise.shift", 1.into())] {
            let error = deep_linear(&[setting]).unwrap_err();
            assert!(
                error.contains("key `model.noise") && error.contains("does not have") && !error.contains("is \"none\""),
                "{error}"
            );
        }
        let error = with(&[("model.kind", "deep_linear".into()), ("model.depth", 25.into())]).unwrap_err();
        assert!(error.contains("needs `model.width`; the paper's is 10"), "{error}");
        let mut layers = Layers::default();
        layers.set("model", toml::toml! { norm = "l1" }.into(), "setup").unwrap();
        for (key, value) in [
            ("data", toml::Value::from("gaussian_regression")),
            ("loss", "half_squared_error_sum".into()),
            ("model", toml::toml! { kind = "deep_linear" width = 10 depth = 3 }.into()),
        ] {
            layers.set(key, value, "arm").unwrap();
        }
        assert_eq!(layers.spec("whole").unwrap().model.layers(), 3);
    }

    #[test]
    fn words_may_be_changed_key_by_key_and_tables_take_each_others_place() {
        let error = noisy(&[("model.noise.shft", 0.2.into())]).unwrap_err();
        assert!(error.contains("did you mean `model.noise.shift`?") && !error.contains("is \"none\""), "{error}");
        let paper = noisy(&[]).unwrap();
        let drift: toml::Value = toml::toml! { drift = 0.99 }.into();
        let drifting = noisy(&[("model.noise.redraw", drift.clone())]).unwrap();
        assert_ne!(drifting, paper);
        assert_eq!(noisy(&[("model.noise.redraw", drift), ("model.noise.redraw", "step".into())]).unwrap(), paper);
        let replaced = noisy(&[("model.noise.scale", 2.into()), ("model.noise", toml::toml! { shift = 0.5 }.into())]);
        assert_eq!(replaced.unwrap(), paper, "a table is whole");
        let l1 = with(&[("model.norm", "batch".into()), ("model.norm.divisor", "l1".into())]);
        assert_eq!(l1, with(&[("model.norm", "l1".into())]));
    }

    /// A setting that the paper does not vary counts where it is varied, and only there.
    #[test]
    fn later_settings_count_where_they_are_not_neutral() {
        let id = |settings: &[_]| noisy(settings).unwrap().identity(0, "data");
        let paper = id(&[]);
        for (key, neutral, other) in [
            ("model.noise.dose", toml::Value::from(1), toml::Value::from(2.0)),
            ("model.noise.layers", "all".into(), "last".into()),
            ("model.noise.place", "after_affine".into(), "before_norm".into()),
            ("model.noise.unit", "absolute".into(), "own_sd".into()),
            ("model.noise.from", 0.into(), 7.into()),
            ("train.dtype", "f32".into(), "f64".into()),
        ] {
            assert_eq!(id(&[(key, neutral)]), paper, "{key}");
            assert_ne!(id(&[(key, other)]), paper, "{key}");
        }
        let nothing = noisy(&[("model.noise.dose", 0.0.into())]).unwrap();
        assert_eq!(nothing, Spec::default(), "a dose of nothing means no noise");
    }
}
