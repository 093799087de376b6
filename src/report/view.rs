//! The records of a report, ordered and judged: the material of every page, picture and file.

use std::collections::{BTreeMap, BTreeSet};

use super::Input;
use crate::data::DataFacts;
use crate::groups::grouped;
use crate::judge::{ArmSummary, Context, Values, Verdict, arm_summary, judge};
use crate::record::{TrialRecords, sweep_text};
use crate::spec::Spec;
use crate::study::claim::Claim;
use crate::study::{Arm, Plan};

/// A report's material.
pub struct View<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The trials that are there, in the plan's order.
    pub trials: &'a [TrialRecords],
    /// The image sets.
    pub data: &'a [DataFacts],
    /// The arms at their swept values, in the plan's order.
    pub conditions: Vec<Condition<'a>>,
    /// The verdicts, in the order of the study's claims.
    pub verdicts: Vec<Verdict>,
}

/// An arm at one combination of swept values.
pub struct Condition<'a> {
    /// The arm.
    pub arm: &'a Arm,
    /// The swept values.
    pub sweep: &'a BTreeMap<String, String>,
    /// All that its trials train with.
    pub spec: &'a Spec,
    /// Whether claims and pictures are about it: where a study has claims, the first swept values of each arm.
    pub shown: bool,
    /// How it fared.
    pub summary: ArmSummary,
    /// Its trials that are there, by seed.
    pub trials: Vec<&'a TrialRecords>,
}

/// A number of an arm's trials, with its name.
pub type Measure = (&'static str, fn(&ArmSummary) -> Option<&Values>);

impl Condition<'_> {
    /// The arm's name, with the swept values where there are any.
    pub fn label(&self) -> String {
        if self.sweep.is_empty() {
            return self.arm.name.clone();
        }
        format!("{} ({})", self.arm.name, sweep_text(self.sweep))
    }

    /// A shorter label, for pictures: swept keys without their groups.
    pub fn short_label(&self) -> String {
        let value = |(key, value): (&String, &String)| format!(", {}={value}", key.rsplit('.').next().unwrap_or(key));
        self.sweep.iter().map(value).fold(self.arm.name.clone(), |label, value| label + &value)
    }
}

impl<'a> View<'a> {
    /// Orders and judges the records of `input`.
    pub fn new(input: &'a Input) -> Self {
        let plan = input.plan;
        let context = Context::of(plan, &input.trials);
        let conditions = conditions(plan, &input.trials, &context);
        let verdicts = judge(&plan.study.claim, &input.trials, &context);
        Self { plan, trials: &input.trials, data: &input.data, conditions, verdicts }
    }

    /// The conditions that claims and pictures are about.
    pub fn shown(&self) -> impl Iterator<Item = &Condition<'a>> {
        self.conditions.iter().filter(|condition| condition.shown)
    }

    /// Claims with their verdicts.
    pub fn claims(&self) -> impl Iterator<Item = (&'a Claim, &Verdict)> {
        self.plan.study.claim.iter().zip(&self.verdicts)
    }

    /// Planned trials that are not there.
    pub fn missing(&self) -> usize {
        self.plan.trials.len().saturating_sub(self.trials.len())
    }

    /// Whether any trial has records of this name.
    pub fn has(&self, name: &str) -> bool {
        self.trials.iter().any(|trial| trial.records.iter().any(|record| record.name == name))
    }

    /// Those of the `measures` that any arm has.
    pub fn recorded(&self, measures: &[Measure]) -> Vec<Measure> {
        let is_recorded = |measure: &&Measure| self.conditions.iter().any(|arm| measure.1(&arm.summary).is_some());
        measures.iter().filter(is_recorded).copied().collect()
    }

    /// Whether any arm trains with noise.
    pub fn has_noise(&self) -> bool {
        self.conditions.iter().any(|condition| condition.spec.model.noise().is_some())
    }

    /// `text` without its “, noise off” where no arm trains with noise and there is nothing to be off.
    pub fn without_idle_noise(&self, text: &str) -> String {
        if self.has_noise() { text.to_string() } else { text.replace(", noise off", "") }
    }

    /// The layers at which `name` was recorded, in their order.
    pub fn layers(&self, name: &str) -> Vec<usize> {
        let records = self.trials.iter().flat_map(|trial| &trial.records);
        let layers = records.filter(|record| record.name == name).filter_map(|record| record.layer);
        layers.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Steps of the longest trial that claims and pictures are about.
    pub fn steps(&self) -> usize {
        self.shown().map(|condition| condition.spec.train.steps).max().unwrap_or(0)
    }
}

fn conditions<'a>(plan: &'a Plan, trials: &'a [TrialRecords], context: &Context) -> Vec<Condition<'a>> {
    let mut conditions: Vec<Condition> = Vec::new();
    let specs = plan.trials.iter().map(|planned| ((&planned.arm, &planned.sweep), &planned.spec));
    for ((name, sweep), specs) in grouped(specs) {
        let arm = plan.study.arm.iter().find(|arm| arm.name == *name).expect("a plan's arms are its study's");
        let chooses = |trial: &TrialRecords| plan.choose_seeds().contains(&trial.seed);
        let is_judged = |trial: &&TrialRecords| trial.is_of(name, sweep) && !chooses(trial);
        let mut own: Vec<&TrialRecords> = trials.iter().filter(is_judged).collect();
        own.sort_by_key(|trial| trial.seed);
        conditions.push(Condition {
            arm,
            sweep,
            spec: specs[0],
            shown: plan.study.claim.is_empty() || conditions.iter().all(|known| known.arm.name != *name),
            summary: arm_summary(name, sweep, &own, trials, &plan.study.page.steps_to, context),
            trials: own,
        });
    }
    conditions
}
