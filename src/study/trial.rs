//! One trial of a plan.

use std::collections::BTreeMap;

use crate::record::TrialRecords;
use crate::spec::Spec;

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
    /// The same trial, found by its id, under the names that it has here.
    pub fn named(&self, trial: &TrialRecords) -> TrialRecords {
        TrialRecords { arm: self.arm.clone(), sweep: self.sweep.clone(), ..trial.clone() }
    }

    /// Arm, swept values and seed, for people.
    pub fn label(&self) -> String {
        format!("{} seed {}", label(&self.arm, &self.sweep), self.seed)
    }
}

/// An arm with its swept values, for people.
pub(super) fn label(arm: &str, swept: &BTreeMap<String, String>) -> String {
    swept.iter().fold(arm.to_string(), |label, (key, value)| format!("{label} {key}={value}"))
}
