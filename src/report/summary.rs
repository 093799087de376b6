//! `summary.json`: the report for programs, and for the index of all reports.

use anyhow::Result;
use serde::{Deserialize, Serialize, Serializer};

use super::answer::{answer, behind};
use super::view::View;
use crate::data::DataFacts;
use crate::judge::{ArmSummary, Verdict};

/// The file's name.
pub const FILE: &str = "summary.json";

/// The whole file. The index reads it back but for arms and data.
#[derive(Serialize, Deserialize)]
pub struct Summary {
    pub study: String,
    title: String,
    pub scale: String,
    /// Whether any arm trains with noise.
    has_noise: bool,
    /// Whether settings were changed on the command line, and which.
    pub exploratory: bool,
    changes: Vec<String>,
    /// Files of data that are not the official ones.
    #[serde(default)]
    pub strange_data: Vec<String>,
    /// The claims that are not as they were when the first trial was trained.
    #[serde(default)]
    changed_claims: Vec<String>,
    planned_trials: usize,
    missing_trials: usize,
    /// The answer's sentences.
    answer: Vec<String>,
    /// How the arms of the primary claim fared.
    behind: Option<String>,
    /// The image set, or a list of them where a study has several.
    #[serde(serialize_with = "one_or_many", skip_deserializing)]
    data: Vec<DataFacts>,
    #[serde(skip_deserializing)]
    arms: Vec<ArmSummary>,
    pub claims: Vec<Verdict>,
}

impl Summary {
    /// The summary of a report.
    ///
    /// # Errors
    /// A template that asks for what is not there.
    pub fn of(view: &View) -> Result<Self> {
        let plan = view.plan;
        Ok(Self {
            study: plan.study.name.clone(),
            title: plan.study.title.clone(),
            scale: plan.scale.clone(),
            has_noise: view.has_noise(),
            exploratory: plan.is_exploratory(),
            changes: plan.changes.clone(),
            strange_data: view.data.iter().flat_map(DataFacts::strange_files).cloned().collect(),
            changed_claims: plan.changed_claims.clone(),
            planned_trials: plan.trials.len(),
            missing_trials: view.missing(),
            answer: answer(&view.verdicts)?,
            behind: behind(view)?,
            data: view.data.to_vec(),
            arms: view.conditions.iter().map(|condition| condition.summary.clone()).collect(),
            claims: view.verdicts.clone(),
        })
    }
}

fn one_or_many<S: Serializer>(data: &[DataFacts], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match data {
        [one] => one.serialize(serializer),
        many => many.serialize(serializer),
    }
}
