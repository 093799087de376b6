//! One measured value, and the values of a whole study as the judge and the report see them.

pub(crate) mod csv;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One measured value.
///
/// Accuracies are in percent. A value that is not finite is legal: divergence is a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Steps that the trial had taken when the value was measured; a value of step `t`'s own minibatch has `t`,
    /// counted from 0.
    pub step: usize,
    /// The quantity, as `studies/README.md` lists it (`train_accuracy`, ...).
    pub name: String,
    /// The layer, counted from 1; `None` for a value of the whole network.
    pub layer: Option<usize>,
    /// The value.
    pub value: f64,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// All its steps were taken.
    Finished,
    /// The loss of step `step` (counted from 0) was not finite; or, where all steps were taken, the parameters after the
    /// last or a reading from them.
    Diverged {
        /// That step; the number of all steps in the second case.
        step: usize,
    },
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::Diverged { step } => write!(f, "diverged at step {step}"),
        }
    }
}

/// One trial of a study as it ended, with its records. Without these it is an entry of a report's `plan.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrialRecords {
    /// The arm's name.
    pub arm: String,
    /// The seed.
    pub seed: u64,
    /// The swept values, by dotted key; empty where nothing is swept.
    pub sweep: BTreeMap<String, String>,
    /// The trial's identity.
    pub id: String,
    /// Steps that it was to take.
    pub steps: usize,
    /// How it ended.
    pub ending: Ending,
    /// The instruction set that it was trained with; another one rounds differently.
    pub instruction_set: String,
    /// Its records, in the order in which they were measured, probe by probe.
    #[serde(skip)]
    pub records: Vec<Record>,
}

/// Swept values as `key=value`, separated by semicolons.
pub(crate) fn sweep_text(sweep: &BTreeMap<String, String>) -> String {
    sweep.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(";")
}

impl TrialRecords {
    /// Whether it is a trial of this arm at these swept values.
    pub(crate) fn is_of(&self, arm: &str, sweep: &BTreeMap<String, String>) -> bool {
        self.arm == arm && self.sweep == *sweep
    }

    /// The step before which its records count: that of a divergence.
    pub fn end(&self) -> usize {
        match self.ending {
            Ending::Finished => usize::MAX,
            Ending::Diverged { step } => step,
        }
    }

    /// The (step, value) pairs of one name and layer, in order of steps.
    pub(crate) fn series<'a>(&'a self, name: &'a str, layer: Option<usize>) -> impl Iterator<Item = (usize, f64)> + 'a {
        self.records.iter().filter(move |r| r.name == name && r.layer == layer).map(|r| (r.step, r.value))
    }
}
