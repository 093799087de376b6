//! The format of a study file, as typed, and what no type says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use toml::Spanned;

use super::claim::{Claim, Role, Statistic};
use super::plan::{Setting, flatten};
use super::probe::Probe;
use super::value::{LAYERS as ALONG_LAYERS, Value};

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
    /// What differs from the paper, and what was known before the run; a paragraph each in the report.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Whole training specifications, by name.
    pub setup: BTreeMap<String, Settings>,
    /// Its conditions.
    pub arm: Vec<Arm>,
    /// Values tried in turn.
    #[serde(default)]
    pub sweep: Vec<Sweep>,
    /// What is measured.
    #[serde(default)]
    pub probe: Vec<Probe>,
    /// Its sizes, by name.
    pub scale: BTreeMap<String, Scale>,
    /// What claims may name beside the arms, by name.
    #[serde(default)]
    pub value: BTreeMap<String, Value>,
    /// What is claimed, in the order of the report's table.
    #[serde(default)]
    pub claim: Vec<Claim>,
    /// The file, for messages.
    #[serde(skip)]
    pub path: String,
    /// The file's text, for the places of its keys.
    #[serde(skip)]
    pub text: String,
}

/// A condition: overrides of a setup.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Its name in records, tables and figures.
    pub name: String,
    /// What it is, in a few words, for the report.
    pub says: String,
    /// The setup that it changes.
    pub setup: String,
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
    /// What it is, in a few words, for lists and reports.
    pub says: String,
    /// The overrides that make it.
    #[serde(default)]
    pub set: Settings,
    /// Further sweeps at this scale.
    #[serde(default)]
    pub sweep: Vec<Sweep>,
}

/// The studies within the binary: name and text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("deep_linear", include_str!("../../studies/deep_linear.toml")),
    ("lp_norm", include_str!("../../studies/lp_norm.toml")),
    ("noisy_bn", include_str!("../../studies/noisy_bn.toml")),
    ("learning_rate", include_str!("../../studies/learning_rate.toml")),
    ("noise_controls", include_str!("../../studies/noise_controls.toml")),
    ("ics", include_str!("../../studies/ics.toml")),
    ("ics_deep_linear", include_str!("../../studies/ics_deep_linear.toml")),
    ("landscape", include_str!("../../studies/landscape.toml")),
    ("landscape_deep_linear", include_str!("../../studies/landscape_deep_linear.toml")),
    ("theory", include_str!("../../studies/theory.toml")),
    ("standard_rate", include_str!("../../studies/standard_rate.toml")),
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
            return Study::parse(stem, name, &text);
        }
        match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => Study::parse(name, &format!("studies/{name}.toml"), text),
            None => bail!(unknown_study(name)),
        }
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
        study.check()?;
        Ok(study)
    }

    /// The settings of a `set` table or a setup, flattened, each with the place that it was written at.
    pub(super) fn located(&self, settings: &Settings, of: &str) -> Vec<Setting> {
        let mut flat = Vec::new();
        for (key, value) in settings {
            let line = 1 + self.text[..key.span().start.min(self.text.len())].matches('\n').count();
            flatten(key.get_ref(), value, &format!("{}:{line}: {of}", self.path), &mut flat);
        }
        flat
    }

    fn check(&self) -> Result<()> {
        let path = &self.path;
        let arms: Vec<String> = self.arm.iter().map(|arm| arm.name.clone()).collect();
        if arms.is_empty() {
            bail!("{path}: a study needs at least one [[arm]]");
        }
        for (index, arm) in self.arm.iter().enumerate() {
            if arms[..index].contains(&arm.name) {
                bail!("{path}: two arms are called `{}`; rename one", arm.name);
            }
            if !self.setup.contains_key(&arm.setup) {
                let known: Vec<_> = self.setup.keys().map(String::as_str).collect();
                bail!(
                    "{path}: arm `{}`: unknown setup `{}`; this study has: {}",
                    arm.name,
                    arm.setup,
                    known.join(", ")
                );
            }
        }
        if !self.scale.contains_key("desk") {
            bail!("{path}: a study needs a [scale.desk]: it is the default");
        }
        for (name, scale) in &self.scale {
            if scale.seeds == 0 {
                bail!("{path}: scale `{name}`: `seeds` is 0; it must be at least 1");
            }
            self.check_sweeps(scale, &arms)?;
        }
        let measured = self.measured()?;
        let names: Vec<String> = arms.iter().chain(self.value.keys()).cloned().collect();
        for (name, value) in &self.value {
            let checked = self.check_value(name, value, &arms).and_then(|()| self.check_scales(&value.scales));
            checked.map_err(|error| anyhow!("{path}: value `{name}`: {error}"))?;
        }
        if let [first, second, ..] =
            self.claim.iter().filter(|claim| claim.role == Role::Primary).collect::<Vec<_>>()[..]
        {
            let (first, second) = (&first.id, &second.id);
            bail!(
                "{path}: {first} and {second} are both primary; a study has one primary claim: make the other secondary"
            );
        }
        for (index, claim) in self.claim.iter().enumerate() {
            if self.claim[..index].iter().any(|earlier| earlier.id == claim.id) {
                bail!("{path}: two claims are called {}; rename one", claim.id);
            }
            claim.check(&names, &measured).map_err(|error| anyhow!("{path}: {error}"))?;
            let scales = claim.scales.iter().chain(&claim.exploratory_at);
            self.check_scales(scales).map_err(|error| anyhow!("{path}: claim {}: {error}", claim.id))?;
            let chosen = |name: &&str| self.value.get(*name).is_some_and(Value::is_chosen);
            let chosen = claim.statistics().flat_map(Statistic::arms).find(chosen);
            if let Some(name) = chosen.filter(|_| !claim.layers.is_empty()) {
                bail!("{path}: claim {}: a place for `{name}` cannot be chosen layer by layer", claim.id);
            }
        }
        Ok(())
    }

    /// The records of all probes, each with the layers that it is measured at.
    fn measured(&self) -> Result<BTreeMap<String, Vec<usize>>> {
        let mut measured = BTreeMap::new();
        for (index, probe) in [Probe::Training {}].iter().chain(&self.probe).enumerate() {
            for (name, layers) in probe.measured() {
                if measured.insert(name.clone(), layers).is_some() {
                    bail!(
                        "{}: [[probe]] {index} measures `{name}`, which another measures too; leave one out",
                        self.path
                    );
                }
            }
        }
        Ok(measured)
    }

    fn check_scales<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Result<()> {
        let known: Vec<&str> = self.scale.keys().map(String::as_str).collect();
        match names.into_iter().find(|name| !known.contains(&name.as_str())) {
            Some(stranger) => bail!("unknown scale `{stranger}`; this study has: {}", known.join(", ")),
            None => Ok(()),
        }
    }

    fn check_value(&self, name: &str, value: &Value, arms: &[String]) -> Result<()> {
        if arms.iter().any(|arm| arm == name) {
            bail!("an arm and a value have the same name; rename one");
        }
        if let Some(stranger) = value.all_arms().into_iter().find(|arm| !arms.iter().any(|known| known == arm)) {
            bail!("unknown arm `{stranger}`; this study has: {}", arms.join(", "));
        }
        match (value.along.as_deref(), &value.take) {
            (Some(_), None) => bail!("`along` needs a `take`: what the curve comes down to"),
            (None, Some(_)) => bail!("`take` needs an `along`: what the curve is over"),
            (Some(ALONG_LAYERS), Some(_)) if value.is_chosen() => bail!("only a sweep has a best value"),
            _ => Ok(()),
        }
    }

    /// The arm that a claim's name stands for: the name itself, or the value's arm.
    pub fn arm_of<'a>(&'a self, name: &'a str) -> &'a str {
        self.value.get(name).map_or(name, |value| &value.arm)
    }

    /// All arms whose trials a claim's name stands on: the name itself, or all that the value is made of.
    pub fn arms_behind<'a>(&'a self, name: &'a str) -> BTreeSet<&'a str> {
        self.value.get(name).map_or_else(|| BTreeSet::from([name]), Value::all_arms)
    }

    fn check_sweeps(&self, scale: &Scale, arms: &[String]) -> Result<()> {
        let path = &self.path;
        for sweep in self.sweep.iter().chain(&scale.sweep) {
            if let Some(stranger) = sweep.arms.iter().find(|name| !arms.contains(name)) {
                bail!(
                    "{path}: sweep of `{}`: unknown arm `{stranger}`; this study has: {}",
                    sweep.path,
                    arms.join(", ")
                );
            }
            if sweep.values.is_empty() {
                bail!("{path}: sweep of `{}`: `values` is empty", sweep.path);
            }
            if let Some((key, values)) = sweep.with.iter().find(|(_, values)| values.len() != sweep.values.len()) {
                let (there, needed) = (values.len(), sweep.values.len());
                bail!("{path}: sweep of `{}`: `with` gives `{key}` {there} values; it needs {needed}", sweep.path);
            }
        }
        Ok(())
    }
}

fn unknown_study(name: &str) -> String {
    let known: Vec<_> = BUILT_IN.iter().map(|(known, _)| *known).collect();
    let nearest = known.iter().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let hint = nearest.map(|nearest| format!("did you mean `{nearest}`? ")).unwrap_or_default();
    format!(
        "unknown study `{name}`; {hint}Known studies: {}. A study of your own is the path of its file, ending in .toml",
        known.join(", ")
    )
}
