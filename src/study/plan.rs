//! The trials of a study: every arm × seed × swept value, with its specification resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::{Result, anyhow, bail};
use sha2::{Digest, Sha256};

use super::file::{Arm, Scale, Study, Sweep};
use super::probe::Probe;
use super::value::{Term, Value};
use crate::spec::{Layers, Spec, overlaps};
use crate::text::hex;

/// What the command line changes of a plan.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--set KEY=VALUE` and `--steps`.
    pub set: BTreeMap<String, toml::Value>,
    /// `--seeds`.
    pub seeds: Option<usize>,
}

/// One arm × seed × swept value.
#[derive(Clone, Debug)]
pub struct PlannedTrial {
    /// The arm's name.
    pub arm: String,
    /// The seed.
    pub seed: u64,
    /// Swept values by key, as the report writes them.
    pub sweep: BTreeMap<String, String>,
    /// All that it trains with.
    pub spec: Spec,
}

impl PlannedTrial {
    /// Arm, swept values and seed, for people.
    pub fn label(&self) -> String {
        format!("{}{} seed {}", self.arm, label(&self.sweep), self.seed)
    }
}

fn label(swept: &BTreeMap<String, String>) -> String {
    swept.iter().map(|(key, value)| format!(" {key}={value}")).collect()
}

/// All trials of a study at a scale.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The study.
    pub study: Study,
    /// The scale's name.
    pub scale: String,
    /// Seeds an arm.
    pub seeds: usize,
    /// What the command line changes, by key; where there is anything the run is exploratory. A setting that is typed
    /// and is what the study has anyway changes nothing.
    pub changes: Vec<String>,
    /// The trials, seed by seed, so that an early look sees every arm.
    pub trials: Vec<PlannedTrial>,
    /// What is measured, `training` first.
    pub probes: Vec<Probe>,
}

impl Plan {
    /// The plan of `study` at `scale`, changed by `overrides`.
    ///
    /// # Errors
    /// An unknown scale; an unknown key, wrong value or size that cannot be; an override of a key that an arm or a
    /// sweep fixes.
    pub fn new(study: Study, scale: &str, overrides: &Overrides) -> Result<Plan> {
        let known: Vec<_> = study.scale.keys().map(String::as_str).collect();
        let Some(size) = study.scale.get(scale) else {
            bail!("unknown scale `{scale}`; study `{}` has: {}", study.name, known.join(", "));
        };
        let seeds = overrides.seeds.unwrap_or(size.seeds);
        if seeds == 0 {
            bail!("--seeds is 0; it must be at least 1");
        }
        refuse_fixed_keys(&study, size, overrides)?;
        let (mut arms, mut changed) = (Vec::new(), BTreeSet::new());
        for arm in &study.arm {
            for (sweep, layers) in swept(&study, size, arm, settings(&study, size, arm)?)? {
                let of = format!("{}: arm `{}`{}", study.path, arm.name, label(&sweep));
                let spec = layers.spec(&of).map_err(anyhow::Error::msg)?;
                let spec = with_overrides(spec, &layers, overrides, &mut changed).map_err(anyhow::Error::msg)?;
                arms.push((arm.name.clone(), sweep, spec));
            }
        }
        let probes = study.probes(size);
        check_probes(&study, &probes, arms.iter().map(|(arm, _, spec)| (arm, spec)))?;
        let trial = |seed: u64| {
            arms.iter().map(move |(arm, sweep, spec)| PlannedTrial {
                arm: arm.clone(),
                seed,
                sweep: sweep.clone(),
                spec: spec.clone(),
            })
        };
        let judged = size.first_seed..size.first_seed + seeds as u64;
        let mut trials: Vec<PlannedTrial> = judged.clone().flat_map(trial).collect();
        trials.extend(
            choosing_seeds(&study, scale, judged)?.flat_map(trial).filter(|trial| is_chosen(&study, scale, &trial.arm)),
        );
        let mut changes = Vec::from_iter(changed);
        changes.extend(overrides.seeds.filter(|&seeds| seeds != size.seeds).map(|seeds| format!("seeds={seeds}")));
        let plan = Plan { scale: scale.into(), seeds, changes, trials, probes, study };
        plan.check_values()?;
        Ok(plan)
    }

    /// The trials behind every name that a claim may use at this scale: each arm at its first swept values, and the
    /// study's values.
    pub fn terms(&self) -> BTreeMap<String, Term> {
        let mut terms = BTreeMap::new();
        for trial in &self.trials {
            terms.entry(trial.arm.clone()).or_insert_with(|| {
                let mut term = Term::of_arm(&trial.arm);
                term.points[0].sweep = trial.sweep.clone();
                term
            });
        }
        let values = self.study.value.iter().filter(|(_, value)| value.is_meant_at(&self.scale));
        terms.extend(values.filter_map(|(name, value)| Some((name.clone(), value.resolve(&self.trials).ok()?))));
        terms
    }

    /// The names of the study's values that do not exist at this scale.
    pub fn absent_values(&self) -> impl Iterator<Item = &str> {
        self.study.value.iter().filter(|(_, value)| !value.is_meant_at(&self.scale)).map(|(name, _)| name.as_str())
    }

    /// The seeds on which places of sweeps are chosen, and nothing is judged.
    pub fn choose_seeds(&self) -> &[u64] {
        &self.study.scale[&self.scale].choose_seeds
    }

    fn check_values(&self) -> Result<()> {
        let path = &self.study.path;
        for (name, value) in self.study.value.iter().filter(|(_, value)| value.is_meant_at(&self.scale)) {
            // Settings from the command line may move a trial away from where a value looks for it.
            if !self.is_exploratory() {
                value.resolve(&self.trials).map_err(|error| anyhow!("{path}: value `{name}`: {error}"))?;
            }
            if value.is_chosen() && self.choose_seeds().is_empty() {
                bail!(
                    "{path}: value `{name}` is chosen on other seeds: give scale `{}` some `choose_seeds`",
                    self.scale
                );
            }
        }
        Ok(())
    }

    /// The name of the report and of its folder: the study's, the scale's where it is not the default, and a short
    /// hash of the changes where there are any, so that an exploratory run never overwrites another.
    pub fn output_name(&self) -> String {
        let mut name = self.study.name.clone();
        if self.scale != "desk" {
            name = format!("{name}.{}", self.scale);
        }
        if !self.changes.is_empty() {
            let digest = Sha256::digest(self.changes.join("\n"));
            name = format!("{name}-{}", hex(&digest[..3]));
        }
        name
    }

    /// Whether settings were changed on the command line.
    pub fn is_exploratory(&self) -> bool {
        !self.changes.is_empty()
    }
}

/// The seeds to choose on, which must not be those that are judged.
fn choosing_seeds(study: &Study, scale: &str, judged: Range<u64>) -> Result<impl Iterator<Item = u64>> {
    let seeds = study.scale[scale].choose_seeds.clone();
    match seeds.iter().find(|seed| judged.contains(seed)) {
        Some(seed) => {
            bail!("{}: seed {seed} of scale `{scale}` is judged and in `choose_seeds`; choose on others", study.path)
        }
        None => Ok(seeds.into_iter()),
    }
}

/// Whether a value's place is chosen by this arm.
fn is_chosen(study: &Study, scale: &str, arm: &str) -> bool {
    let chosen = |value: &Value| value.is_chosen() && value.is_meant_at(scale) && value.arms().contains(arm);
    study.value.values().any(chosen)
}

/// Every probe must be measurable on the network of every arm.
fn check_probes<'a>(study: &Study, probes: &[Probe], arms: impl Iterator<Item = (&'a String, &'a Spec)>) -> Result<()> {
    for (arm, spec) in arms {
        for probe in probes {
            let wrong = |error| anyhow!("{}: probe `{}` on arm `{arm}`: {error}", study.path, probe.id());
            probe.check(&spec.model).map_err(wrong)?;
        }
    }
    Ok(())
}

/// Defaults ← setup ← scale ← arm.
fn settings(study: &Study, scale: &Scale, arm: &Arm) -> Result<Layers> {
    let mut layers = Layers::default();
    study.lay(&study.setup[&arm.setup], &format!("setup `{}`", arm.setup), &mut layers)?;
    study.lay(&scale.set, "scale", &mut layers)?;
    study.lay(&arm.set, &format!("arm `{}`", arm.name), &mut layers)?;
    Ok(layers)
}

/// `layers` with every combination of the values swept for `arm`.
fn swept(study: &Study, scale: &Scale, arm: &Arm, layers: Layers) -> Result<Vec<(BTreeMap<String, String>, Layers)>> {
    let mut combinations = vec![(BTreeMap::new(), layers)];
    for sweep in sweeps_of(study, scale, &arm.name) {
        let origin = format!("{}: sweep of `{}`", study.path, sweep.path);
        let mut next = Vec::new();
        for (labels, layers) in &combinations {
            for (index, value) in sweep.values.iter().enumerate() {
                let (mut labels, mut layers) = (labels.clone(), layers.clone());
                let moving = sweep.with.iter().map(|(key, values)| (key, &values[index]));
                std::iter::once((&sweep.path, value))
                    .chain(moving)
                    .try_for_each(|(key, value)| layers.set(key, value.clone(), &origin))
                    .map_err(anyhow::Error::msg)?;
                labels.insert(sweep.path.clone(), value.to_string());
                next.push((labels, layers));
            }
        }
        combinations = next;
    }
    Ok(combinations)
}

fn sweeps_of<'a>(study: &'a Study, scale: &'a Scale, arm: &'a str) -> impl Iterator<Item = &'a Sweep> {
    let all = study.sweep.iter().chain(&scale.sweep);
    all.filter(move |sweep| sweep.arms.is_empty() || sweep.arms.iter().any(|name| name == arm))
}

/// `spec`, which `layers` make, with the overrides; those without which it would be another are added to `changed`.
fn with_overrides(
    spec: Spec,
    layers: &Layers,
    overrides: &Overrides,
    changed: &mut BTreeSet<String>,
) -> Result<Spec, String> {
    let without = |left_out: Option<&String>| {
        let mut layers = layers.clone();
        let mut set = overrides.set.iter().filter(|(key, _)| Some(*key) != left_out);
        set.try_for_each(|(key, value)| layers.set(key, value.clone(), "command line"))?;
        layers.spec("command line")
    };
    if overrides.set.is_empty() {
        return Ok(spec);
    }
    let spec = without(None)?;
    for (key, value) in &overrides.set {
        if without(Some(key)).as_ref() != Ok(&spec) {
            changed.insert(format!("{key}={value}"));
        }
    }
    Ok(spec)
}

/// Overriding what makes an arm differ would make arms alike while their names still say otherwise.
fn refuse_fixed_keys(study: &Study, scale: &Scale, overrides: &Overrides) -> Result<()> {
    for key in overrides.set.keys() {
        for arm in &study.arm {
            if let Some(fixed) = arm.set.keys().find(|fixed| overlaps(fixed.get_ref(), key)) {
                bail!(
                    "`{key}` is fixed by arm `{}` (as `{}`); change it in a study file of your own",
                    arm.name,
                    fixed.get_ref()
                );
            }
        }
        let is_swept = |sweep: &&Sweep| sweep.with.keys().chain([&sweep.path]).any(|swept| overlaps(swept, key));
        if let Some(sweep) = study.sweep.iter().chain(&scale.sweep).find(is_swept) {
            bail!("`{key}` is swept by this study (`{}`); change it in a study file of your own", sweep.path);
        }
    }
    Ok(())
}
