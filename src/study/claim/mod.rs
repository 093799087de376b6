//! The form of a claim in a study's file: a sentence with a statistic, a criterion and a source, written before
//! the run.
//!
//! ```toml
//! [[claim]]
//! id = "N1"
//! role = "primary"                 # primary, secondary, exploratory, descriptive
//! origin = "paper"                 # paper, critique, ours
//! says = "Noisy BatchNorm keeps more than half of BatchNorm's gain"
//! metric = "train_accuracy"
//! confirm_on = "eval.train.accuracy.batch.clean"
//! statistic = { contrast = { noisy_batch_norm = 1.0, batch_norm = -0.5, standard = -0.5 } }
//! criterion = { above = 0.0 }
//! unit = "points of training accuracy"
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::value::Value;
use crate::text::sha256;

mod check;
pub mod curves;
mod words;

pub(super) use check::check_window;
pub use words::contrast;

/// One claim, as written in a study's file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Its short name, unique in the study; never used again for another criterion.
    pub id: String,
    /// Its weight in the analysis.
    pub role: Role,
    /// Whose claim it is.
    pub origin: Origin,
    /// The claim, as a sentence.
    pub says: String,
    /// The record that is judged.
    pub metric: String,
    /// A second reading of the same quantity: the claim holds only if it holds on both, and otherwise depends on
    /// the reading.
    pub confirm_on: Option<String>,
    /// The layers over which each seed's statistic is averaged; empty for a record of the whole network.
    #[serde(default)]
    pub layers: Vec<usize>,
    /// The part of the run that counts, as fractions of its steps.
    #[serde(default = "whole_run")]
    pub window: [f64; 2],
    /// The number that a trial's records in the window are brought down to.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// The number that the trials' numbers are brought down to.
    pub statistic: Statistic,
    /// Where the statistic must lie for the claim to hold; none for a descriptive claim.
    pub criterion: Option<Criterion>,
    /// The unit of the statistic.
    pub unit: String,
    /// Further conditions, which must hold too.
    #[serde(default)]
    pub also: Vec<Condition>,
    /// Further estimates, which are shown with the claim and decide nothing.
    #[serde(default)]
    pub beside: Vec<Beside>,
    /// The scales at which the criterion is meant; empty for all.
    #[serde(default)]
    pub scales: Vec<String>,
    /// Further scales at which it is judged, as exploratory.
    #[serde(default)]
    pub exploratory_at: Vec<String>,
    /// The published number.
    pub paper: Option<Paper>,
    /// The consequence if the claim holds.
    pub if_holds: Option<String>,
    /// The consequence if it fails.
    pub if_fails: Option<String>,
    /// The consequence if the data decide neither.
    pub if_open: Option<String>,
}

impl Claim {
    /// The arms and values that its conditions name.
    pub fn names(&self) -> BTreeSet<&str> {
        let also = self.also.iter().flat_map(|condition| condition.statistic.arms());
        self.statistic.arms().into_iter().chain(also).collect()
    }

    /// A hash of what is judged, the definitions of the values that it names (of `values`) among it, and of nothing that is
    /// only said.
    pub(crate) fn hash(&self, values: &BTreeMap<String, Value>) -> String {
        let names = self.names();
        let values: BTreeMap<_, _> = values.iter().filter(|(name, _)| names.contains(name.as_str())).collect();
        let text = json!({
            "id": self.id, "role": self.role, "metric": self.metric, "confirm_on": self.confirm_on, "layers": self.layers,
            "window": self.window, "aggregate": self.aggregate, "statistic": self.statistic, "criterion": self.criterion,
            "also": self.also, "scales": self.scales, "exploratory_at": self.exploratory_at, "values": values,
        });
        sha256([text.to_string()])[..16].into()
    }

    /// The records on which it is read: the claim's own, then the second reading.
    pub fn readings(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.metric).chain(&self.confirm_on)
    }
}

fn whole_run() -> [f64; 2] {
    [0.0, 1.0]
}

/// A claim's weight in the analysis, the heaviest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one claim that the study was made for.
    Primary,
    /// Judged together with the other secondary claims: Holm's adjustment at 5 %.
    Secondary,
    /// Judged without adjustment, and said to be.
    Exploratory,
    /// An estimate without a criterion.
    Descriptive,
}

/// Whose claim it is, which sets the words of its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Of the paper that the study re-runs: replicated or not.
    Paper,
    /// Of its critics: supported or not.
    Critique,
    /// Our own inference: supported or not.
    Ours,
}

/// The number that one trial's records in a window are brought down to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Their mean.
    #[default]
    Mean,
    /// A quantile, given as a share; from 100 records or more.
    Quantile(f64),
}

/// How the trials' numbers become the number that is judged.
///
/// The list is closed and short. Each kind maps one seed's numbers to one value (and is then judged by the mean over
/// seeds) or all seeds to one estimate with its interval. The numbers are of arms, or of the study's
/// [values](super::Value), which bring a whole sweep or all layers of an arm down to one.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Statistic {
    /// The weighted sum over arms.
    Contrast(BTreeMap<String, f64>),
    /// The natural logarithm of one arm's value over another's; for values that are not negative.
    LogRatio {
        /// The numerator.
        of: String,
        /// The denominator.
        to: String,
    },
    /// The mean of one contrast over the mean of another, with Fieller's set; estimated, never judged: its
    /// criterion is better put as a contrast.
    RatioOfMeans {
        /// The numerator's weights by arm.
        of: BTreeMap<String, f64>,
        /// The denominator's weights by arm.
        to: BTreeMap<String, f64>,
    },
    /// The share of seeds that meet a criterion, with its exact interval; estimated, never judged.
    Share {
        /// The arm or value.
        of: String,
        /// The criterion that a seed must meet to count.
        meets: Criterion,
    },
}

impl Statistic {
    /// The arms and values that it names.
    pub fn arms(&self) -> BTreeSet<&str> {
        match self {
            Self::Contrast(weights) => weights.keys().map(String::as_str).collect(),
            Self::LogRatio { of, to } => BTreeSet::from([of.as_str(), to.as_str()]),
            Self::RatioOfMeans { of, to } => of.keys().chain(to.keys()).map(String::as_str).collect(),
            Self::Share { of, .. } => BTreeSet::from([of.as_str()]),
        }
    }
}

/// Where a statistic must lie for its claim to hold.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// Above the bound.
    Above(f64),
    /// At the bound or above.
    AtLeast(f64),
    /// Below the bound.
    Below(f64),
    /// At the bound or below.
    AtMost(f64),
    /// Between two bounds: equivalence, by two one-sided tests.
    Between([f64; 2]),
}

impl Criterion {
    /// The bounds below and above.
    pub fn bounds(self) -> (Option<f64>, Option<f64>) {
        match self {
            Self::Above(bound) | Self::AtLeast(bound) => (Some(bound), None),
            Self::Below(bound) | Self::AtMost(bound) => (None, Some(bound)),
            Self::Between([low, high]) => (Some(low), Some(high)),
        }
    }

    /// Whether a value meets it.
    pub fn contains(self, value: f64) -> bool {
        match self {
            Self::Above(bound) => value > bound,
            Self::AtLeast(bound) => value >= bound,
            Self::Below(bound) => value < bound,
            Self::AtMost(bound) => value <= bound,
            Self::Between([low, high]) => low <= value && value <= high,
        }
    }
}

/// A further condition of a claim.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Another record, instead of each of the claim's readings.
    pub metric: Option<String>,
    /// Another part of the run.
    pub window: Option<[f64; 2]>,
    /// The number that the trials' numbers are brought down to.
    pub statistic: Statistic,
    /// Where it must lie.
    pub criterion: Criterion,
}

/// A further estimate, shown with a claim; a field that is left out is as in the claim.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Another record.
    pub metric: Option<String>,
    /// Another part of the run.
    pub window: Option<[f64; 2]>,
    /// Another statistic.
    pub statistic: Option<Statistic>,
    /// Its unit.
    pub unit: Option<String>,
}

/// A published number, given or computed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "`paper` takes `source` with either `value` and `of`, or `curves` and `columns`"
)]
pub enum Paper {
    /// The number itself.
    Number {
        /// The number.
        value: f64,
        /// The name of its quantity.
        of: String,
        /// Its place in the literature.
        source: String,
    },
    /// The claim's own statistic, from published curves, over as many steps as ours.
    Curves {
        /// A file of `data/reference`, without its ending.
        curves: String,
        /// Each arm's column in it.
        columns: BTreeMap<String, String>,
        /// Their place in the literature.
        source: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Study;

    /// A claim is known by what is judged, whatever it is called.
    #[test]
    fn a_hash_depends_on_all_that_is_judged_and_on_no_word() {
        let study = Study::load("noisy_bn").unwrap();
        let (values, claim) = (&study.value, &study.claim[0]);
        let hash = claim.hash(values);
        // In committed plans.
        assert_eq!((claim.id.as_str(), hash.as_str()), ("N1", "ae1aa463881f73bb"));
        let with = |change: fn(&mut Claim)| {
            let mut changed = claim.clone();
            change(&mut changed);
            changed.hash(values)
        };
        let words: [fn(&mut Claim); 4] = [
            |claim| claim.says = "So it is".into(),
            |claim| claim.unit = "%".into(),
            |claim| claim.if_holds = None,
            |claim| claim.paper = None,
        ];
        assert!(words.iter().all(|&change| with(change) == hash));
        let judged: [fn(&mut Claim); 12] = [
            |claim| claim.id = "N0".into(),
            |claim| claim.role = Role::Secondary,
            |claim| claim.metric = "train_loss".into(),
            |claim| claim.confirm_on = None,
            |claim| claim.layers = vec![2],
            |claim| claim.window[0] = 0.5,
            |claim| claim.aggregate = Aggregate::Quantile(0.5),
            |claim| claim.statistic = Statistic::LogRatio { of: "batch_norm".into(), to: "standard".into() },
            |claim| claim.criterion = Some(Criterion::Above(0.1)),
            |claim| {
                claim.also = Vec::from_iter(claim.criterion.map(|criterion| Condition {
                    metric: None,
                    window: None,
                    statistic: claim.statistic.clone(),
                    criterion,
                }))
            },
            |claim| claim.scales = vec!["lab".into()],
            |claim| claim.exploratory_at = vec!["lab".into()],
        ];
        let hashes: BTreeSet<String> = judged.iter().map(|&change| with(change)).chain([hash]).collect();
        assert_eq!(hashes.len(), 13);
    }

    #[test]
    fn a_hash_depends_on_the_values_that_the_claim_names() {
        let study = Study::load("learning_rate").unwrap();
        let names = |claim: &&Claim| claim.names().iter().any(|name| study.value.contains_key(*name));
        let claim = study.claim.iter().find(names).unwrap();
        let mut values = study.value.clone();
        values.values_mut().for_each(|value| value.arm = "another".into());
        assert_ne!(claim.hash(&values), claim.hash(&study.value));
    }
}
