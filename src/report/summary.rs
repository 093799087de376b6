//! `summary.json`: the report for programs.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use super::answer::{answer, behind};
use super::files;
use super::view::{Condition, View};
use crate::data::DataFacts;
use crate::judge::{Values, Verdict, Word};
use crate::study::claim::{Origin, Role};

/// The file's name.
pub const FILE: &str = "summary.json";

/// The whole file.
#[derive(Serialize)]
struct Summary<'a> {
    study: &'a str,
    title: &'a str,
    scale: &'a str,
    /// Whether any arm trains with noise.
    has_noise: bool,
    /// Whether settings were changed on the command line, and which.
    exploratory: bool,
    changes: &'a [String],
    planned_trials: usize,
    missing_trials: usize,
    /// The answer's sentences.
    answer: Vec<String>,
    /// How the arms of the primary claim fared.
    behind: Option<String>,
    data: Data<'a>,
    arms: Vec<ArmPart<'a>>,
    claims: Vec<ClaimPart<'a>>,
}

/// The image set, or a list of them where a study has several.
#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    One(&'a DataFacts),
    Many(&'a [DataFacts]),
}

/// An arm at one combination of swept values.
#[derive(Serialize)]
struct ArmPart<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    sweep: &'a BTreeMap<String, String>,
    trials: usize,
    diverged: usize,
    stuck: usize,
    train_accuracy_auc: Option<Mean>,
    train_accuracy_auc_clean: Option<Mean>,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_train_loss: Option<Mean>,
}

/// A mean over seeds, in percent, with each seed's value.
#[derive(Serialize)]
struct Mean {
    mean: Option<f64>,
    ci95: Option<(f64, f64)>,
    seeds: Vec<f64>,
}

#[derive(Serialize)]
struct ClaimPart<'a> {
    id: &'a str,
    role: Role,
    origin: Origin,
    exploratory: bool,
    says: &'a str,
    unit: &'a str,
    estimate: Option<f64>,
    ci95: Option<(f64, f64)>,
    /// Estimate and interval as a factor, where the statistic is the logarithm of a ratio.
    factor: Option<f64>,
    factor_ci95: Option<(f64, f64)>,
    seeds: usize,
    criterion: Option<&'a str>,
    p_t: Option<f64>,
    p_sign_flip: Option<f64>,
    p_holm: Option<f64>,
    paper_value: Option<f64>,
    paper_value_of: Option<&'a str>,
    verdict: Word,
    /// Whether no trial that is missing can change the verdict.
    settled: bool,
    means: Option<&'a str>,
    notes: &'a [String],
}

/// The file's bytes.
pub fn summary_json(view: &View) -> Result<Vec<u8>> {
    let plan = view.plan;
    files::json(&Summary {
        study: &plan.study.name,
        title: &plan.study.title,
        scale: &plan.scale,
        has_noise: view.has_noise(),
        exploratory: plan.is_exploratory(),
        changes: &plan.changes,
        planned_trials: plan.trials.len(),
        missing_trials: view.missing(),
        answer: answer(&view.verdicts),
        behind: behind(view),
        data: match view.data {
            [one] => Data::One(one),
            many => Data::Many(many),
        },
        arms: view.conditions.iter().map(arm_part).collect(),
        claims: view.claims().map(|(claim, verdict)| claim_part(verdict, view.is_settled(claim, verdict))).collect(),
    })
}

fn arm_part<'a>(condition: &'a Condition) -> ArmPart<'a> {
    ArmPart {
        name: &condition.arm.name,
        sweep: condition.sweep,
        trials: condition.summary.trials,
        diverged: condition.summary.diverged,
        stuck: condition.summary.stuck.len(),
        train_accuracy_auc: condition.summary.train_accuracy.as_ref().map(mean),
        train_accuracy_auc_clean: condition.summary.train_accuracy_clean.as_ref().map(mean),
        final_train_loss: condition.summary.final_loss.as_ref().map(mean),
    }
}

fn mean(values: &Values) -> Mean {
    Mean {
        mean: values.mean.map(|mean| mean.point),
        ci95: values.mean.and_then(|mean| mean.ci95),
        seeds: values.seeds.iter().map(|seed| seed.1).collect(),
    }
}

fn claim_part(verdict: &Verdict, settled: bool) -> ClaimPart<'_> {
    ClaimPart {
        id: &verdict.id,
        role: verdict.role,
        origin: verdict.origin,
        exploratory: verdict.exploratory,
        says: &verdict.says,
        unit: &verdict.unit,
        estimate: verdict.estimate.map(|estimate| estimate.point),
        ci95: verdict.estimate.and_then(|estimate| estimate.ci95),
        factor: verdict.factor.map(|factor| factor.point),
        factor_ci95: verdict.factor.and_then(|factor| factor.ci95),
        seeds: verdict.estimate.map_or(0, |estimate| estimate.seeds),
        criterion: verdict.criterion.as_deref(),
        p_t: verdict.p_t,
        p_sign_flip: verdict.p_sign_flip,
        p_holm: verdict.p_holm,
        paper_value: verdict.paper.as_ref().map(|paper| paper.value),
        paper_value_of: verdict.paper.as_ref().map(|paper| paper.of.as_str()),
        verdict: verdict.word,
        settled,
        means: verdict.means.as_deref(),
        notes: &verdict.notes,
    }
}
