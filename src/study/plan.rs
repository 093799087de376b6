//! The trials of a study: every arm × seed × swept value, with its specification resolved.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};

use super::claim::Role;
use super::file::{Arm, Study, Sweep, known};
use super::trial::{PlannedTrial, label};
use super::value::Term;
use crate::probe::{Measurement, Probe, Quantity};
use crate::spec::{Layers, Spec, overlaps};
use crate::text::sha256;

/// The changes that the command line makes to a plan.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--set KEY=VALUE` and `--steps`.
    pub set: BTreeMap<String, toml::Value>,
    /// `--seeds`.
    pub seeds: Option<usize>,
}

/// The most trials that a plan may have. They are all held in memory, each with its specification.
const MOST_TRIALS: u64 = 100_000;

/// All trials of a study at a scale.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The study.
    pub study: Study,
    /// The scale's name.
    pub scale: String,
    /// Seeds per arm.
    pub seeds: usize,
    /// The changes from the command line, by key; where there are any the run is exploratory. A setting that is typed
    /// and is what the study has anyway changes nothing.
    pub changes: Vec<String>,
    /// The trials, seed by seed, so that an early look sees every arm.
    pub trials: Vec<PlannedTrial>,
    /// The measurements, `training` first.
    pub probes: Vec<Probe>,
    /// A hash of each claim as it was when the first trial of the plan was trained, by its id.
    pub(crate) claims: BTreeMap<String, String>,
    /// The claims that were changed, added or removed since.
    pub(crate) changed_claims: Vec<String>,
}

impl Plan {
    /// The plan of `study` at `scale`, changed by `overrides`.
    ///
    /// # Errors
    /// An unknown scale; more than 100,000 trials; an unknown key, wrong value or size that cannot be; an override of a key that an arm or a
    /// sweep fixes.
    pub fn new(study: Study, scale: &str, overrides: &Overrides) -> Result<Plan> {
        known("scale", scale, study.scale.keys()).with_context(|| study.path.clone())?;
        let size = &study.scale[scale];
        let seeds = overrides.seeds.unwrap_or(size.seeds);
        ensure!(seeds > 0, "--seeds is 0; it must be at least 1");
        refuse_too_many(&study, scale, seeds).with_context(|| study.path.clone())?;
        refuse_fixed_keys(&study, scale, overrides)?;
        let (mut conditions, mut changed) = (Vec::new(), BTreeSet::new());
        for arm in study.arms_at(scale) {
            for (sweep, layers) in swept(&study, scale, arm)? {
                let of = format!("{}: arm `{}`", study.path, label(&arm.name, &sweep));
                let spec = spec(&layers, &of, overrides, &mut changed)?;
                conditions.push(PlannedTrial { arm: arm.name.clone(), seed: 0, sweep, spec });
            }
        }
        let of_seed = |seed| conditions.iter().map(move |trial| PlannedTrial { seed, ..trial.clone() });
        let is_chosen = |arm: &str| study.values_at(scale).any(|(_, v)| v.is_chosen() && v.arms().contains(arm));
        let judged = size.first_seed..size.first_seed.saturating_add(seeds as u64);
        let mut trials: Vec<PlannedTrial> = judged.clone().flat_map(of_seed).collect();
        trials.extend(size.choose_seeds.iter().copied().flat_map(of_seed).filter(|trial| is_chosen(&trial.arm)));
        let mut changes = Vec::from_iter(changed);
        changes.extend(overrides.seeds.filter(|&seeds| seeds != size.seeds).map(|seeds| format!("seeds={seeds}")));
        let probes = study.probes(size);
        let claims = study.claim.iter().map(|claim| (claim.id.clone(), claim.hash(&study.value))).collect();
        let changed_claims = Vec::new();
        let plan = Plan { scale: scale.into(), seeds, changes, trials, probes, claims, changed_claims, study };
        plan.check().with_context(|| plan.study.path.clone())?;
        Ok(plan)
    }

    /// Compares the claims with the hashes that were stored when its first trial was trained. One that differs was not
    /// written before the data, and is exploratory.
    pub(crate) fn hold_to(&mut self, first: BTreeMap<String, String>) {
        let now = std::mem::replace(&mut self.claims, first);
        let ids: BTreeSet<&String> = now.keys().chain(self.claims.keys()).collect();
        self.changed_claims = ids.into_iter().filter(|&id| now.get(id) != self.claims.get(id)).cloned().collect();
        for claim in self.study.claim.iter_mut().filter(|claim| self.changed_claims.contains(&claim.id)) {
            claim.role = Role::Exploratory;
        }
    }

    /// The trials behind every name that a claim may use at this scale: each arm at its first swept values, and the
    /// study's values.
    pub fn terms(&self) -> BTreeMap<String, Term> {
        let mut terms = BTreeMap::new();
        for trial in &self.trials {
            terms.entry(trial.arm.clone()).or_insert_with(|| Term::of_arm(&trial.arm, trial.sweep.clone()));
        }
        let values = self.study.values_at(&self.scale);
        terms.extend(values.filter_map(|(name, value)| Some((name.clone(), value.resolve(&self.trials).ok()?))));
        terms
    }

    /// The measured quantities, by the names of their records.
    pub(crate) fn quantities(&self) -> BTreeMap<String, Quantity> {
        let quantities = self.probes.iter().flat_map(|probe| probe.quantities());
        quantities.map(|quantity| (quantity.name.clone(), quantity)).collect()
    }

    /// The settings of the probe whose settings are of type `S`, where there is one.
    pub(crate) fn probe<S: Measurement>(&self) -> Option<&S> {
        self.probes.iter().find_map(Probe::settings)
    }

    /// The seeds on which places of sweeps are chosen, and nothing is judged.
    pub(crate) fn choose_seeds(&self) -> &[u64] {
        &self.study.scale[&self.scale].choose_seeds
    }

    /// Checks seeds, probes and values against the trials.
    fn check(&self) -> Result<()> {
        let (scale, first) = (&self.scale, self.study.scale[&self.scale].first_seed);
        if let Some(seed) = self.choose_seeds().iter().find(|&&seed| seed >= first && seed - first < self.seeds as u64)
        {
            bail!("seed {seed} of scale `{scale}` is judged and in `choose_seeds`; choose on others");
        }
        for trial in &self.trials {
            for probe in &self.probes {
                let checked = probe.check_network(&trial.spec.model);
                checked.with_context(|| format!("probe `{}` on arm `{}`", probe.id(), trial.arm))?;
            }
        }
        for (name, value) in self.study.values_at(scale) {
            // Settings from the command line may move a trial away from where a value looks for it.
            if let (Err(error), false) = (value.resolve(&self.trials), self.is_exploratory()) {
                bail!("value `{name}`: {error}");
            }
            if value.is_chosen() && self.choose_seeds().is_empty() {
                bail!("value `{name}` is chosen on other seeds: give scale `{scale}` some `choose_seeds`");
            }
        }
        Ok(())
    }

    /// The name of the report and of its folder: the study's, the scale's where it is not the default, and 48 bits of
    /// a hash of the changes where there are any, so that an exploratory run has a report of its own.
    pub fn output_name(&self) -> String {
        let mut name = self.study.name.clone();
        if self.scale != "desk" {
            name = format!("{name}.{}", self.scale);
        }
        if self.is_exploratory() {
            name = format!("{name}-{}", &sha256([self.changes.join("\n")])[..12]);
        }
        name
    }

    /// Whether settings were changed on the command line.
    pub fn is_exploratory(&self) -> bool {
        !self.changes.is_empty()
    }
}

/// Defaults ← setup ← scale ← arm, at every combination of the values that are swept for the arm.
fn swept(study: &Study, scale: &str, arm: &Arm) -> Result<Vec<(BTreeMap<String, String>, Layers)>> {
    let mut combinations = vec![(BTreeMap::new(), study.layers(scale, arm)?)];
    for sweep in study.sweeps_at(scale).filter(|sweep| sweep.concerns(&arm.name)) {
        let origin = format!("{}: sweep of `{}`", study.path, sweep.path);
        let mut next = Vec::new();
        for (labels, layers) in &combinations {
            for (index, value) in sweep.values.iter().enumerate() {
                let (mut labels, mut layers) = (labels.clone(), layers.clone());
                labels.insert(sweep.path.clone(), value.to_string());
                let moving = sweep.with.iter().map(|(key, values)| (key, &values[index]));
                let mut settings = std::iter::once((&sweep.path, value)).chain(moving);
                settings.try_for_each(|(key, value)| layers.set(key, value.clone(), &origin))?;
                next.push((labels, layers));
            }
        }
        combinations = next;
    }
    Ok(combinations)
}

/// The specification of `layers` with the overrides; those without which it would be another are added to `changed`.
fn spec(layers: &Layers, of: &str, overrides: &Overrides, changed: &mut BTreeSet<String>) -> Result<Spec> {
    let plain = layers.spec(of)?;
    let without = |left_out: Option<&String>| {
        let mut layers = layers.clone();
        let mut set = overrides.set.iter().filter(|(key, _)| Some(*key) != left_out);
        set.try_for_each(|(key, value)| layers.set(key, value.clone(), "command line"))?;
        layers.spec("command line")
    };
    let spec = if overrides.set.is_empty() { plain } else { without(None)? };
    let needed = overrides.set.iter().filter(|(key, _)| without(Some(key)).ok().as_ref() != Some(&spec));
    changed.extend(needed.map(|(key, value)| format!("{key}={value}")));
    Ok(spec)
}

/// Refuses a plan of more than [`MOST_TRIALS`] trials before any of them is made.
fn refuse_too_many(study: &Study, scale: &str, seeds: usize) -> Result<()> {
    let swept = |arm: &Arm| {
        let sweeps = study.sweeps_at(scale).filter(|sweep| sweep.concerns(&arm.name));
        sweeps.fold(1, |conditions: u64, sweep| conditions.saturating_mul(sweep.values.len() as u64))
    };
    let conditions = study.arms_at(scale).map(swept).fold(0, u64::saturating_add);
    let trials = conditions.saturating_mul((seeds as u64).saturating_add(study.scale[scale].choose_seeds.len() as u64));
    ensure!(
        trials <= MOST_TRIALS,
        "{conditions} conditions of {seeds} seeds at scale `{scale}` are {trials} trials; a plan has at most {MOST_TRIALS}"
    );
    Ok(())
}

/// Refuses to override what makes an arm or a sweep differ: arms would be alike while their names say otherwise.
fn refuse_fixed_keys(study: &Study, scale: &str, overrides: &Overrides) -> Result<()> {
    for key in overrides.set.keys() {
        for arm in study.arms_at(scale) {
            if let Some(fixed) = arm.set.keys().map(|fixed| fixed.get_ref()).find(|fixed| overlaps(fixed, key)) {
                bail!("`{key}` is fixed by arm `{}` (as `{fixed}`); change it in a study file of your own", arm.name);
            }
        }
        let is_swept = |sweep: &&Sweep| sweep.keys().any(|swept| overlaps(swept, key));
        if let Some(sweep) = study.sweeps_at(scale).find(is_swept) {
            bail!("`{key}` is swept by this study (`{}`); change it in a study file of your own", sweep.path);
        }
    }
    Ok(())
}
