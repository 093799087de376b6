//! The checks of a study's file that no type makes: its names and numbers against each other.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use super::{Scale, Settings, Study, Sweep, known};
use crate::groups::{first_twice, refuse_repeated};
use crate::probe::{Better, Quantity};
use crate::spec::first_set_twice;
use crate::study::claim::{Claim, Role, Statistic, check_window};
use crate::study::value::{LAYERS as ALONG_LAYERS, Take, Value};

impl Study {
    /// Checks the whole.
    ///
    /// # Errors
    /// The mistake and its remedy.
    pub(super) fn check(&self) -> Result<()> {
        ensure!(!self.arm.is_empty(), "a study needs at least one [[arm]]");
        if let Some(wrong) = self.page.steps_to.iter().find(|accuracy| !(0.0..=100.0).contains(*accuracy)) {
            bail!("[page]: `steps_to` has {wrong}; an accuracy is between 0 and 100 %");
        }
        refuse_repeated("steps_to", &self.page.steps_to).context("[page]")?;
        for (name, settings) in &self.setup {
            self.check_settings(settings).with_context(|| format!("setup `{name}`"))?;
        }
        ensure!(self.scale.contains_key("desk"), "a study needs a [scale.desk]: it is the default");
        refuse_twice("arms", self.arm.iter().map(|arm| &arm.name))?;
        for arm in &self.arm {
            let checked = known("setup", &arm.setup, self.setup.keys()).and_then(|()| self.check_scales(&arm.scales));
            checked.and_then(|()| self.check_settings(&arm.set)).with_context(|| format!("arm `{}`", arm.name))?;
        }
        for (name, scale) in &self.scale {
            self.check_scale(name, scale).with_context(|| format!("scale `{name}`"))?;
        }
        for (name, value) in &self.value {
            self.check_value(name, value).with_context(|| format!("value `{name}`"))?;
        }
        self.check_claims()?;
        for (name, scale) in &self.scale {
            self.check_probes(scale).with_context(|| format!("scale `{name}`"))?;
        }
        Ok(())
    }

    fn check_scale(&self, name: &str, scale: &Scale) -> Result<()> {
        ensure!(!name.contains(['/', '\\']), "a scale's name is a part of its report's; leave `/` and `\\` out of it");
        ensure!(scale.seeds > 0, "`seeds` is 0; it must be at least 1");
        ensure!(self.arms_at(name).next().is_some(), "no arm exists at it; name it in the `scales` of one");
        scale.setup.keys().try_for_each(|setup| known("setup", setup, self.setup.keys()))?;
        refuse_repeated("choose_seeds", &scale.choose_seeds)?;
        self.check_settings(&scale.set)?;
        for (setup, settings) in &scale.setup {
            self.check_settings(settings).with_context(|| format!("setup `{setup}`"))?;
        }
        let sweeps: Vec<&Sweep> = self.sweeps_at(name).collect();
        for (index, sweep) in sweeps.iter().enumerate() {
            if let Some(key) = sweeps[..index].iter().find_map(|earlier| earlier.clash(sweep)) {
                bail!("`{key}` is swept twice for one arm; give all its values in one sweep");
            }
            self.check_sweep(sweep).with_context(|| format!("sweep of `{}`", sweep.path))?;
        }
        Ok(())
    }

    /// Refuses a setting that is written twice.
    fn check_settings(&self, settings: &Settings) -> Result<()> {
        let written = settings.iter().map(|(key, value)| (key.get_ref().as_str(), value));
        let Some((place, twice)) = first_set_twice(written) else { return Ok(()) };
        let line = settings.keys().nth(place).map_or(0, |key| self.line(key));
        bail!("line {line}: `{twice}` is set twice; leave one out")
    }

    fn check_sweep(&self, sweep: &Sweep) -> Result<()> {
        ensure!(!sweep.values.is_empty(), "`values` is empty");
        refuse_repeated("values", &sweep.values)?;
        ensure!(!sweep.with.contains_key(&sweep.path), "`with` moves `{}` too; leave one out", sweep.path);
        for (key, values) in &sweep.with {
            let (has, needs) = (values.len(), sweep.values.len());
            ensure!(has == needs, "`with` gives `{key}` {has} values; it needs {needs}");
        }
        sweep.arms.iter().try_for_each(|arm| self.check_arm(arm))
    }

    fn check_arm(&self, name: &str) -> Result<()> {
        known("arm", name, self.arm.iter().map(|arm| &arm.name))
    }

    fn check_scales<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Result<()> {
        names.into_iter().try_for_each(|name| known("scale", name, self.scale.keys()))
    }

    fn check_value(&self, name: &str, value: &Value) -> Result<()> {
        let is_arm = self.arm.iter().any(|arm| arm.name == name);
        ensure!(!is_arm, "an arm and a value have the same name; rename one");
        value.all_arms().into_iter().try_for_each(|arm| self.check_arm(arm))?;
        self.check_scales(&value.scales)?;
        match (value.along.as_deref(), &value.take) {
            (Some(_), None) => bail!("`along` needs a `take`: what the curve comes down to"),
            (None, Some(_)) => bail!("`take` needs an `along`: what the curve is over"),
            (Some(ALONG_LAYERS), Some(_)) if value.is_chosen() => bail!("only a sweep has a best value"),
            (_, Some(Take::FirstReached(reached))) => check_window(reached.window),
            _ => Ok(()),
        }
    }

    fn check_claims(&self) -> Result<()> {
        let mut primary = self.claim.iter().filter(|claim| claim.role == Role::Primary).map(|claim| &claim.id);
        if let (Some(first), Some(second)) = (primary.next(), primary.next()) {
            bail!("{first} and {second} are both primary; a study has one primary claim: make the other secondary");
        }
        refuse_twice("claims", self.claim.iter().map(|claim| &claim.id))?;
        let names: Vec<String> = self.names().cloned().collect();
        for claim in &self.claim {
            let scales = claim.scales.iter().chain(&claim.exploratory_at);
            let checked = claim.check(&names).and_then(|()| self.check_scales(scales));
            checked.with_context(|| format!("claim {}", claim.id))?;
        }
        Ok(())
    }

    /// Checks the measurements of a scale, by themselves and for the claims, which all scales show.
    fn check_probes(&self, scale: &Scale) -> Result<()> {
        let mut measured = BTreeMap::new();
        for probe in self.probes(scale) {
            probe.check().with_context(|| format!("probe `{}`", probe.id()))?;
            for quantity in probe.quantities() {
                if let Some(Quantity { name, .. }) = measured.insert(quantity.name.clone(), quantity) {
                    bail!("two [[probe]] measure `{name}`, the scale's own counted; leave one out");
                }
            }
        }
        for claim in &self.claim {
            let checked = claim.check_records(&measured).and_then(|()| self.check_choice(claim, &measured));
            checked.with_context(|| format!("claim {}", claim.id))?;
        }
        Ok(())
    }

    /// A setting of a sweep is chosen by the highest mean of the claim's record over the whole network.
    fn check_choice(&self, claim: &Claim, measured: &BTreeMap<String, Quantity>) -> Result<()> {
        let is_chosen = |name: &&str| self.value.get(*name).is_some_and(Value::is_chosen);
        let Some(name) = claim.statistics().flat_map(Statistic::arms).find(is_chosen) else { return Ok(()) };
        for (metric, _) in claim.records() {
            ensure!(
                measured[metric].better == Better::Higher,
                "a place for `{name}` is chosen by the highest mean, and a higher `{metric}` is not better"
            );
        }
        ensure!(claim.layers.is_empty(), "a place for `{name}` cannot be chosen layer by layer");
        Ok(())
    }
}

/// Checks that every number in `value`, which `place` names, is finite: TOML also has `nan` and `inf`, which no setting,
/// criterion, weight or window can mean.
///
/// # Errors
/// The number and its place: `claim T1.criterion.above`.
pub(super) fn check_finite(value: &toml::Value, place: String) -> Result<()> {
    match value {
        toml::Value::Float(number) => {
            ensure!(number.is_finite(), "`{place}` is {number}; it must be a finite number");
            Ok(())
        }
        toml::Value::Array(values) => values.iter().enumerate().try_for_each(|(index, value)| {
            let name = ["id", "name"].into_iter().find_map(|key| value.get(key)?.as_str());
            let place = name.map_or_else(|| format!("{place}[{index}]"), |name| format!("{place} {name}"));
            check_finite(value, place)
        }),
        toml::Value::Table(table) => table.iter().try_for_each(|(key, value)| {
            check_finite(value, if place.is_empty() { key.clone() } else { format!("{place}.{key}") })
        }),
        _ => Ok(()),
    }
}

fn refuse_twice<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<()> {
    match first_twice(&names.collect::<Vec<_>>()) {
        Some(name) => bail!("two {what} are called `{name}`; rename one"),
        None => Ok(()),
    }
}
