//! The trials of a study, found by the names of claims.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Context;
use crate::record::TrialRecords;
use crate::study::{CurvePoint, Term};

/// The trials of a study by arm, swept values and seed, so that nothing depends on the order in which they came.
pub(super) struct Trials<'a> {
    conditions: BTreeMap<(&'a str, &'a Swept), BTreeMap<u64, &'a TrialRecords>>,
    pub context: &'a Context,
}

type Swept = BTreeMap<String, String>;

impl<'a> Trials<'a> {
    pub fn new(trials: &'a [TrialRecords], context: &'a Context) -> Self {
        let mut conditions: BTreeMap<_, BTreeMap<u64, &TrialRecords>> = BTreeMap::new();
        for trial in trials {
            conditions.entry((trial.arm.as_str(), &trial.sweep)).or_default().insert(trial.seed, trial);
        }
        Self { conditions, context }
    }

    /// The meaning of a claim's name; one that the plan does not know is an arm that no sweep concerns.
    pub fn term(&self, name: &str) -> Cow<'a, Term> {
        match self.context.terms.get(name) {
            Some(term) => Cow::Borrowed(term),
            None => Cow::Owned(Term::of_arm(name)),
        }
    }

    /// The trial of an arm and seed at a point of a sweep.
    pub fn at(&self, arm: &str, point: &CurvePoint, seed: u64) -> Option<&'a TrialRecords> {
        self.conditions.get(&(arm, &point.sweep))?.get(&seed).copied()
    }

    /// The trials behind a name, of the seeds that are judged.
    pub fn of(&self, name: &str) -> Vec<&'a TrialRecords> {
        let term = self.term(name);
        let is_meant = |trial: &&TrialRecords| {
            let at = |point: &CurvePoint| point.sweep == trial.sweep;
            let chooses = self.context.choose_seeds.contains(&trial.seed);
            trial.arm == term.arm && term.points.iter().any(at) && !chooses
        };
        self.conditions.values().flat_map(BTreeMap::values).copied().filter(is_meant).collect()
    }

    /// The judged seeds that any, and that each, of the names has.
    pub fn seeds(&self, names: &BTreeSet<&str>) -> (BTreeSet<u64>, BTreeSet<u64>) {
        let of = |name: &&str| self.of(name).iter().map(|trial| trial.seed).collect::<BTreeSet<_>>();
        let each = names.iter().map(of).reduce(|a, b| &a & &b).unwrap_or_default();
        (names.iter().flat_map(of).collect(), each)
    }
}
