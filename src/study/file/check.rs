//! What no type says of a study's file: its names and numbers against each other.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow, bail};

use super::{Scale, Study, Sweep};
use crate::study::claim::{Role, Statistic, check_window};
use crate::study::probe::Probe;
use crate::study::value::{LAYERS as ALONG_LAYERS, Take, Value};

impl Study {
    /// Checks the whole.
    ///
    /// # Errors
    /// What is wrong, where, and what would be right.
    pub(super) fn check(&self) -> Result<()> {
        let path = &self.path;
        let arms: Vec<String> = self.arm.iter().map(|arm| arm.name.clone()).collect();
        if arms.is_empty() {
            bail!("{path}: a study needs at least one [[arm]]");
        }
        self.check_arms(&arms)?;
        if let Some(wrong) = self.page.steps_to.iter().find(|accuracy| !(0.0..=100.0).contains(*accuracy)) {
            bail!("{path}: [page]: `steps_to` has {wrong}; an accuracy is between 0 and 100 %");
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
        let names: Vec<String> = arms.iter().chain(self.value.keys()).cloned().collect();
        for (name, value) in &self.value {
            let checked = self.check_value(name, value, &arms).and_then(|()| self.check_scales(&value.scales));
            checked.map_err(|error| anyhow!("{path}: value `{name}`: {error}"))?;
        }
        self.check_claims(&names)?;
        self.scale.keys().try_for_each(|scale| self.check_probes(scale))
    }

    fn check_arms(&self, arms: &[String]) -> Result<()> {
        let path = &self.path;
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
        Ok(())
    }

    fn check_claims(&self, names: &[String]) -> Result<()> {
        let path = &self.path;
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
            claim.check(names).map_err(|error| anyhow!("{path}: {error}"))?;
            let scales = claim.scales.iter().chain(&claim.exploratory_at);
            self.check_scales(scales).map_err(|error| anyhow!("{path}: claim {}: {error}", claim.id))?;
            let chosen = |name: &&str| self.value.get(*name).is_some_and(Value::is_chosen);
            let chosen = claim.statistics().flat_map(Statistic::arms).find(chosen);
            if let Some(name) = chosen.filter(|_| claim.records().any(|(metric, _)| metric.contains("loss"))) {
                bail!(
                    "{path}: claim {}: a place for `{name}` is chosen by the highest mean, which is no good loss",
                    claim.id
                );
            }
            if let Some(name) = chosen.filter(|_| !claim.layers.is_empty()) {
                bail!("{path}: claim {}: a place for `{name}` cannot be chosen layer by layer", claim.id);
            }
        }
        Ok(())
    }

    /// What is measured at a scale, by itself and for the claims, which all scales show.
    fn check_probes(&self, scale: &str) -> Result<()> {
        let (path, probes) = (&self.path, self.probes(&self.scale[scale]));
        for probe in &probes {
            probe.check_settings().map_err(|error| anyhow!("{path}: probe `{}`: {error}", probe.id()))?;
        }
        let measured = self.measured(scale, &probes)?;
        let at_end: BTreeSet<String> = probes.iter().flat_map(Probe::measured_at_end).collect();
        self.claim.iter().try_for_each(|claim| {
            let checked = claim.check_records(&measured, &at_end);
            checked.map_err(|error| anyhow!("{path}: scale `{scale}`: {error}"))
        })
    }

    /// The records of all probes of a scale, each with the layers that it is measured at.
    fn measured(&self, scale: &str, probes: &[Probe]) -> Result<BTreeMap<String, Vec<usize>>> {
        let mut measured = BTreeMap::new();
        for probe in probes {
            for (name, layers) in probe.measured() {
                if measured.insert(name.clone(), layers).is_some() {
                    bail!(
                        "{}: two [[probe]] measure `{name}` at scale `{scale}`, the scale's own counted; leave one out",
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
            (_, Some(Take::FirstReached(reached))) => check_window(reached.window).map_err(|error| anyhow!(error)),
            _ => Ok(()),
        }
    }

    fn check_sweeps(&self, scale: &Scale, arms: &[String]) -> Result<()> {
        let path = &self.path;
        let sweeps: Vec<&Sweep> = self.sweep.iter().chain(&scale.sweep).collect();
        for (index, sweep) in sweeps.iter().enumerate() {
            if let Some(key) = sweeps[..index].iter().find_map(|earlier| earlier.clash(sweep)) {
                bail!("{path}: `{key}` is swept twice for one arm; give all its values in one sweep");
            }
            if let Some(value) = (1..sweep.values.len()).find(|&at| sweep.values[..at].contains(&sweep.values[at])) {
                let value = &sweep.values[value];
                bail!("{path}: sweep of `{}`: {value} stands twice in `values`; leave one out", sweep.path);
            }
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
