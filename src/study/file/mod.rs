//! The format of a study file, as typed, and what no type says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use toml::Spanned;

mod check;

use check::check_finite;

use super::claim::Claim;
use super::value::Value;
use crate::probe::{Probe, Training};
use crate::spec::Layers;
use crate::text::nearest;

/// Dotted keys and values, with their places in the file.
pub type Settings = BTreeMap<Spanned<String>, toml::Value>;

/// A study as its file says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Its name: the file's, without `.toml`.
    #[serde(skip)]
    pub name: String,
    /// The headline of the report.
    pub title: String,
    /// The question, in a sentence or two.
    pub question: String,
    /// The differences from the paper, and the knowledge before the run; a paragraph each in the report.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The settings of the report's page.
    #[serde(default)]
    pub page: Page,
    /// Whole training specifications, by name.
    pub setup: BTreeMap<String, Settings>,
    /// Its conditions.
    pub arm: Vec<Arm>,
    /// Values tried in turn.
    #[serde(default)]
    pub sweep: Vec<Sweep>,
    /// Its measurements.
    #[serde(default)]
    pub probe: Vec<Probe>,
    /// Its sizes, by name.
    pub scale: BTreeMap<String, Scale>,
    /// Names that claims may use in addition to the arms.
    #[serde(default)]
    pub value: BTreeMap<String, Value>,
    /// Its claims, in the order of the report's table.
    #[serde(default)]
    pub claim: Vec<Claim>,
    /// The file, for messages.
    #[serde(skip)]
    pub path: String,
    /// The file's text, for the places of its keys.
    #[serde(skip)]
    pub text: String,
}

/// The settings of a report's page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The minibatch accuracies, in percent, to which the page counts each arm's steps; without any it does not.
    #[serde(default)]
    pub steps_to: Vec<f64>,
}

/// A condition: overrides of a setup.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Its name in records, tables and figures.
    pub name: String,
    /// A description in a few words, for the report.
    pub says: String,
    /// The setup that it changes.
    pub setup: String,
    /// The scales at which it exists; empty for all.
    #[serde(default)]
    pub scales: Vec<String>,
    /// The changes.
    #[serde(default)]
    pub set: Settings,
}

/// A value tried in turn; several sweeps make a cross product.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// The dotted key that is swept.
    pub path: String,
    /// Its values; claims are judged at the first unless they say otherwise.
    pub values: Vec<toml::Value>,
    /// Keys that move along, each with a value for each of `values`.
    #[serde(default)]
    pub with: BTreeMap<String, Vec<toml::Value>>,
    /// The arms that it holds for; all where none is named.
    #[serde(default)]
    pub arms: Vec<String>,
}

impl Sweep {
    /// The keys that it moves.
    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.path).chain(self.with.keys())
    }

    /// Whether it holds for an arm.
    pub(super) fn concerns(&self, arm: &str) -> bool {
        is_among(arm, &self.arms)
    }

    /// A key that both move for the same arm.
    fn clash<'a>(&'a self, other: &Sweep) -> Option<&'a String> {
        let share_arms =
            other.arms.is_empty() || self.arms.is_empty() || other.arms.iter().any(|arm| self.concerns(arm));
        self.keys().find(|&key| other.keys().any(|moved| moved == key)).filter(|_| share_arms)
    }
}

/// A size at which a study runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// How many seeds.
    pub seeds: usize,
    /// The first of them; a grid for choosing a setting starts elsewhere than the study that judges with it.
    #[serde(default)]
    pub first_seed: u64,
    /// Seeds on which the best of a sweep is chosen, and on which no claim is judged.
    #[serde(default)]
    pub choose_seeds: Vec<u64>,
    /// A description in a few words, for lists and reports.
    pub says: String,
    /// The overrides that make it.
    #[serde(default)]
    pub set: Settings,
    /// Overrides for the arms of one setup, by its name.
    #[serde(default)]
    pub setup: BTreeMap<String, Settings>,
    /// Further sweeps at this scale.
    #[serde(default)]
    pub sweep: Vec<Sweep>,
    /// Measurements at this scale: each in the place of the study's of the same kind, or in addition to them.
    #[serde(default)]
    pub probe: Vec<Probe>,
}

/// The studies within the binary: name and text.
pub const BUILT_IN: [(&str, &str); 11] = [
    ("deep_linear", include_str!("../../../studies/deep_linear.toml")),
    ("lp_norm", include_str!("../../../studies/lp_norm.toml")),
    ("noisy_bn", include_str!("../../../studies/noisy_bn.toml")),
    ("learning_rate", include_str!("../../../studies/learning_rate.toml")),
    ("noise_controls", include_str!("../../../studies/noise_controls.toml")),
    ("ics", include_str!("../../../studies/ics.toml")),
    ("ics_deep_linear", include_str!("../../../studies/ics_deep_linear.toml")),
    ("landscape", include_str!("../../../studies/landscape.toml")),
    ("landscape_deep_linear", include_str!("../../../studies/landscape_deep_linear.toml")),
    ("theory", include_str!("../../../studies/theory.toml")),
    ("standard_rate", include_str!("../../../studies/standard_rate.toml")),
];

impl Study {
    /// The study `name`: a built-in one, or the path of a file that ends in `.toml`.
    ///
    /// # Errors
    /// An unknown name (the known ones are listed, the nearest suggested), a file that cannot be read, or one whose
    /// text is wrong (with line, column and the valid names).
    pub fn load(name: &str) -> Result<Study> {
        if name.ends_with(".toml") {
            let text = std::fs::read_to_string(name).with_context(|| format!("{name}: cannot read this study"))?;
            let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(name);
            let is_taken = |(known, built_in): &(&str, &str)| *known == stem && *built_in != text;
            if stem == "README" || BUILT_IN.iter().any(is_taken) {
                bail!("{name}: its report would take the place of another called `{stem}`; rename the file");
            }
            return Study::parse(stem, name, &text);
        }
        let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
            let known = BUILT_IN.map(|(known, _)| known);
            bail!(
                "unknown study `{name}`; did you mean `{}`? Known studies: {}. A study of your own is the path of its \
                 file, ending in .toml",
                nearest(name, known.into_iter()),
                known.join(", ")
            );
        };
        Study::parse(name, &format!("studies/{name}.toml"), text)
    }

    /// A study from the text of its file; `path` is for messages.
    ///
    /// # Errors
    /// As [`load`](Study::load).
    pub fn parse(name: &str, path: &str, text: &str) -> Result<Study> {
        let mut study: Study = toml::from_str(text).with_context(|| format!("{path}: this study cannot be read"))?;
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') || name.is_empty() {
            bail!("{path}: a study's name is made of letters, digits, `_` and `-`; rename the file");
        }
        study.name = name.into();
        study.path = path.into();
        study.text = text.into();
        let whole: toml::Value = toml::from_str(text).with_context(|| path.to_string())?;
        check_finite(&whole, String::new()).with_context(|| path.to_string())?;
        study.check().with_context(|| path.to_string())?;
        Ok(study)
    }

    /// Its file, without `./`; none where it is a built-in study.
    pub(crate) fn own_file(&self) -> Option<String> {
        let is_built_in = BUILT_IN.iter().any(|(name, text)| *name == self.name && *text == self.text);
        let plain: PathBuf = Path::new(&self.path).components().filter(|part| *part != Component::CurDir).collect();
        (!is_built_in).then(|| plain.display().to_string())
    }

    /// The measurements at a scale: the minibatches' own loss and accuracy first, which are always measured.
    pub(super) fn probes(&self, scale: &Scale) -> Vec<Probe> {
        let of_kind = |probe: &Probe| scale.probe.iter().find(|other| other.is_same_kind(probe));
        let study = self.probe.iter().map(|probe| of_kind(probe).unwrap_or(probe));
        let further = scale.probe.iter().filter(|probe| !self.probe.iter().any(|other| other.is_same_kind(probe)));
        let always = Probe::Training(Training {});
        let asked = study.chain(further).filter(|probe| **probe != always);
        std::iter::once(&always).chain(asked).cloned().collect()
    }

    /// The settings of an arm at a scale: defaults ← setup ← scale ← the scale's for this setup ← arm.
    pub(super) fn layers(&self, scale: &str, arm: &Arm) -> Result<Layers> {
        let (size, none) = (&self.scale[scale], Settings::new());
        let mut layers = Layers::default();
        for (settings, of) in [
            (&self.setup[&arm.setup], format!("setup `{}`", arm.setup)),
            (&size.set, format!("scale `{scale}`")),
            (size.setup.get(&arm.setup).unwrap_or(&none), format!("scale `{scale}`, setup `{}`", arm.setup)),
            (&arm.set, format!("arm `{}`", arm.name)),
        ] {
            for (key, value) in settings {
                let origin = format!("{}:{}: {of}", self.path, self.line(key));
                layers.set(key.get_ref(), value.clone(), &origin)?;
            }
        }
        Ok(layers)
    }

    /// The line of a key, from 1.
    fn line(&self, key: &Spanned<String>) -> usize {
        1 + self.text[..key.span().start.min(self.text.len())].matches('\n').count()
    }

    /// The arms that exist at a scale.
    pub(crate) fn arms_at<'a>(&'a self, scale: &'a str) -> impl Iterator<Item = &'a Arm> {
        self.arm.iter().filter(move |arm| is_among(scale, &arm.scales))
    }

    /// The values that exist at a scale, by name: those that are meant for it and whose arms all exist there.
    pub(crate) fn values_at<'a>(&'a self, scale: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let has = move |name: &str| self.arms_at(scale).any(|arm| arm.name == name);
        let is_here = move |value: &Value| is_among(scale, &value.scales) && value.all_arms().into_iter().all(has);
        self.value.iter().filter(move |(_, value)| is_here(value))
    }

    /// The sweeps of a scale: the study's and its own.
    pub(super) fn sweeps_at(&self, scale: &str) -> impl Iterator<Item = &Sweep> {
        self.sweep.iter().chain(&self.scale[scale].sweep)
    }

    /// The names that claims may use: those of arms and of values.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.arm.iter().map(|arm| &arm.name).chain(self.value.keys())
    }

    /// The arm that a claim's name means: the name itself, or the value's arm.
    pub(crate) fn arm_of<'a>(&'a self, name: &'a str) -> &'a str {
        self.value.get(name).map_or(name, |value| &value.arm)
    }

    /// All arms whose trials a claim's name depends on: the name itself, or all that the value is made of.
    pub(crate) fn arms_behind<'a>(&'a self, name: &'a str) -> BTreeSet<&'a str> {
        self.value.get(name).map_or_else(|| BTreeSet::from([name]), Value::all_arms)
    }
}

/// Whether `names`, where none means all, have `name`.
fn is_among(name: &str, names: &[String]) -> bool {
    names.is_empty() || names.iter().any(|known| known == name)
}

/// Checks that a study has a `what` called `name`, of those that are `known`.
pub(super) fn known<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a String>) -> Result<()> {
    let known: Vec<&str> = known.map(String::as_str).collect();
    if !known.contains(&name) {
        bail!("unknown {what} `{name}`; this study has: {}", known.join(", "));
    }
    Ok(())
}
