//! How each arm fared: accuracies, times to thresholds, trials that stuck or diverged.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::Context;
use super::value::Number;
use crate::probe::{Evaluation, Training, chance};
use crate::record::{Ending, TrialRecords};
use crate::stats::{Estimate, first_passage, restricted_mean};

/// The length of the running mean of minibatch accuracy, as a fraction of the run.
const RUNNING: f64 = 0.05;

/// The window in which a trial is found to be stuck: as long as the running mean, a quarter into the run.
const AFTER_A_QUARTER: [f64; 2] = [0.25, 0.25 + RUNNING];

const WHOLE_RUN: [f64; 2] = [0.0, 1.0];
const LAST_QUARTER: [f64; 2] = [0.75, 1.0];
const END: [f64; 2] = [0.95, 1.0];

/// One arm of a study at one combination of swept values, in the form in which `summary.json` keeps it. A number
/// that no trial of the study recorded is `None`; one that only diverged trials lack has their value after a divergence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmSummary {
    /// The arm's name.
    pub name: String,
    /// The swept values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sweep: BTreeMap<String, String>,
    /// Its trials.
    pub trials: usize,
    /// Those that diverged.
    pub diverged: usize,
    /// Those that did not diverge and whose mean minibatch accuracy over the 5 % of the run after its first quarter
    /// is under `stuck_below`, by seed.
    #[serde(serialize_with = "count")]
    pub stuck: Vec<u64>,
    /// Twice the accuracy of guessing, in percent; none where there are no classes.
    #[serde(skip)]
    pub stuck_below: Option<f64>,
    /// The mean over the run of minibatch training accuracy ("AUC"), in percent.
    #[serde(rename = "train_accuracy_auc")]
    pub train_accuracy: Option<Values>,
    /// The same, from fixed training images with noise off and batch statistics.
    #[serde(rename = "train_accuracy_auc_clean")]
    pub train_accuracy_clean: Option<Values>,
    /// Minibatch training accuracy over the last quarter of the run, in percent.
    #[serde(skip)]
    pub last_quarter: Option<Values>,
    /// The same, from fixed training images with noise off and batch statistics.
    #[serde(skip)]
    pub last_quarter_clean: Option<Values>,
    /// Accuracy on the whole test set at the end, in percent, with noise off and running statistics.
    #[serde(skip)]
    pub test_running: Option<Values>,
    /// The same, with the statistics of each batch.
    #[serde(skip)]
    pub test_batch: Option<Values>,
    /// The time to each threshold.
    #[serde(skip)]
    pub time_to: Vec<TimeTo>,
    /// The mean training loss over the last 5 % of the run, where there is no accuracy.
    #[serde(rename = "final_train_loss", skip_serializing_if = "Option::is_none")]
    pub final_loss: Option<Values>,
}

fn count<S: Serializer>(seeds: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(seeds.len() as u64)
}

/// One number per seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Their mean.
    pub mean: Option<Estimate>,
    /// Seed and value.
    pub seeds: Vec<(u64, f64)>,
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Values", 3)?;
        fields.serialize_field("mean", &self.mean.map(|mean| mean.point))?;
        fields.serialize_field("ci95", &self.mean.and_then(|mean| mean.ci95))?;
        fields.serialize_field("seeds", &self.seeds.iter().map(|seed| seed.1).collect::<Vec<_>>())?;
        fields.end()
    }
}

/// The time at which the running mean of minibatch accuracy, over 5 % of the run, reaches a threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeTo {
    /// The threshold, in percent.
    pub threshold: f64,
    /// How many trials reached it.
    pub reached: usize,
    /// The mean of min(time, length of the run), in steps.
    pub restricted_mean: Option<Estimate>,
    /// Seed and number of steps taken; `None` where the run ended first.
    pub steps: Vec<(u64, Option<usize>)>,
}

/// The summary of the arm `name` at the swept values `sweep` from its `trials`, in a study with these trials of all arms
/// that counts the steps to these accuracies, in percent; `context` gives the meaning of the records.
pub fn arm_summary(
    name: &str,
    sweep: &BTreeMap<String, String>,
    trials: &[&TrialRecords],
    study: &[TrialRecords],
    steps_to: &[f64],
    context: &Context,
) -> ArmSummary {
    let recorded = |metric: &str| study.iter().any(|trial| trial.series(metric, None).next().is_some());
    let values = |metric: &str, window| if recorded(metric) { values(trials, metric, window, context) } else { None };
    let stuck_below = chance(context.classes_of(name)).map(|chance| 2.0 * chance);
    let is_stuck = |trial: &&&TrialRecords| stuck_below.is_some_and(|bound| is_stuck(trial, bound, context));
    ArmSummary {
        name: name.to_owned(),
        sweep: sweep.clone(),
        trials: trials.len(),
        diverged: trials.iter().filter(|trial| trial.ending != Ending::Finished).count(),
        stuck: trials.iter().filter(is_stuck).map(|trial| trial.seed).collect(),
        stuck_below,
        train_accuracy: values(Training::ACCURACY, WHOLE_RUN),
        train_accuracy_clean: values(Evaluation::CLEAN, WHOLE_RUN),
        last_quarter: values(Training::ACCURACY, LAST_QUARTER),
        last_quarter_clean: values(Evaluation::CLEAN, LAST_QUARTER),
        test_running: values(Evaluation::TEST_RUNNING, WHOLE_RUN),
        test_batch: values(Evaluation::TEST_BATCH, WHOLE_RUN),
        time_to: if recorded(Training::ACCURACY) { times(trials, steps_to) } else { Vec::new() },
        final_loss: if recorded(Training::ACCURACY) { None } else { values(Training::LOSS, END) },
    }
}

/// Each seed's mean in a window; `None` where no trial has one.
fn values(trials: &[&TrialRecords], metric: &str, window: [f64; 2], context: &Context) -> Option<Values> {
    let number = Number::mean(metric, window);
    let seeds: Vec<(u64, f64)> =
        trials.iter().filter_map(|trial| Some((trial.seed, number.of(trial, None, context)?))).collect();
    let mean = Estimate::of_mean(&seeds.iter().map(|seed| seed.1).collect::<Vec<_>>());
    (!seeds.is_empty()).then_some(Values { mean, seeds })
}

fn is_stuck(trial: &TrialRecords, bound: f64, context: &Context) -> bool {
    let accuracy = Number::mean(Training::ACCURACY, AFTER_A_QUARTER).of(trial, None, context);
    trial.ending == Ending::Finished && accuracy.is_some_and(|accuracy| accuracy < bound)
}

/// The times to the accuracies `steps_to`; none where there are no trials.
fn times(trials: &[&TrialRecords], steps_to: &[f64]) -> Vec<TimeTo> {
    let Some(horizon) = trials.iter().map(|trial| trial.steps).max() else { return Vec::new() };
    let time_to = |&threshold: &f64| {
        let times: Vec<Option<usize>> = trials.iter().map(|trial| time_of(trial, threshold)).collect();
        TimeTo {
            threshold,
            reached: times.iter().flatten().count(),
            restricted_mean: restricted_mean(&times, horizon),
            steps: trials.iter().map(|trial| trial.seed).zip(times).collect(),
        }
    };
    steps_to.iter().map(time_to).collect()
}

fn time_of(trial: &TrialRecords, threshold: f64) -> Option<usize> {
    // After a divergence accuracy counts as chance, which reaches no threshold.
    let before = trial.series(Training::ACCURACY, None).filter(|&(step, _)| step < trial.end());
    let accuracies: Vec<f64> = before.map(|(_, value)| value).collect();
    first_passage(&accuracies, (RUNNING * trial.steps as f64).ceil() as usize, threshold)
}
