//! The trials of a study, found by the names of claims.

use std::collections::{BTreeMap, BTreeSet};

use super::Context;
use crate::record::TrialRecords;
use crate::study::{CurvePoint, Term};

/// The trials of a study by arm, swept values and seed, so that nothing depends on the order in which they came.
pub(super) struct Trials<'a> {
    trials: BTreeMap<(&'a str, &'a BTreeMap<String, String>, u64), &'a TrialRecords>,
    pub context: &'a Context,
}

impl<'a> Trials<'a> {
    pub fn new(trials: &'a [TrialRecords], context: &'a Context) -> Self {
        let key = |trial: &'a TrialRecords| (trial.arm.as_str(), &trial.sweep, trial.seed);
        Self { trials: trials.iter().map(|trial| (key(trial), trial)).collect(), context }
    }

    /// The meaning of a claim's name; `None` where it does not exist at this scale.
    pub fn term(&self, name: &str) -> Option<&'a Term> {
        self.context.terms.get(name)
    }

    /// The trial of an arm and seed at a point of a sweep.
    pub fn at(&self, arm: &str, point: &CurvePoint, seed: u64) -> Option<&'a TrialRecords> {
        self.trials.get(&(arm, &point.sweep, seed)).copied()
    }

    /// The trials behind a name, of the seeds that are judged.
    pub fn of(&self, name: &str) -> Vec<&'a TrialRecords> {
        let Some(term) = self.term(name) else { return Vec::new() };
        let is_meant = |trial: &&TrialRecords| {
            let at = |point: &CurvePoint| point.sweep == trial.sweep;
            let chooses = self.context.choose_seeds.contains(&trial.seed);
            trial.arm == term.arm && term.points.iter().any(at) && !chooses
        };
        self.trials.values().copied().filter(is_meant).collect()
    }

    /// The judged seeds that any, and that each, of the names has.
    pub fn seeds(&self, names: &BTreeSet<&str>) -> (BTreeSet<u64>, BTreeSet<u64>) {
        let of = |name: &&str| self.of(name).iter().map(|trial| trial.seed).collect::<BTreeSet<_>>();
        let each = names.iter().map(of).reduce(|a, b| &a & &b).unwrap_or_default();
        (names.iter().flat_map(of).collect(), each)
    }
}
