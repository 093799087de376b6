//! Records and claims in, estimates and verdicts out.
//!
//! The rules, in short. Differences are paired over the seeds that all arms of a statistic share. A claim holds where
//! the 95 % t interval lies inside its criterion (for equivalence the 90 % interval, which is two one-sided 5 %
//! tests) and fails where the 95 % interval lies outside; the exact sign-flip test must agree at the same level, or
//! the claim is open. Fewer than six seeds give an estimate and no judgement. Secondary claims must also pass Holm's
//! adjustment at 5 %. A claim with a second reading holds only if it holds on both.

mod arms;
mod assess;
mod conclude;
mod curve;
mod decide;
mod paper;
mod sample;
mod trials;
mod value;
mod verdict;

#[cfg(test)]
mod tests;

pub(crate) use arms::{ArmSummary, Values, arm_summary};
pub use decide::Outcome;
pub use verdict::{Part, Verdict, Word};

pub use crate::stats::Estimate;

use std::collections::{BTreeMap, BTreeSet};

use crate::probe::Quantity;
use crate::record::TrialRecords;
use crate::stats::holm;
use crate::study::claim::{Claim, Role};
use crate::study::{Plan, PlannedTrial, Term};
use conclude::{adjust, conclude};
use trials::Trials;

/// The fewest paired seeds from which a claim is judged.
pub(crate) const SEEDS_TO_JUDGE: usize = 6;

/// The level of every test.
pub(crate) const LEVEL: f64 = 0.05;

/// The judge's knowledge of a run, in addition to its records.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The scale's name.
    pub scale: String,
    /// Whether settings were overridden, which makes everything exploratory.
    pub exploratory: bool,
    /// The meaning of the records, by their names.
    pub quantities: BTreeMap<String, Quantity>,
    /// How many classes the data of each arm have; 0 where they have none.
    pub classes: BTreeMap<String, usize>,
    /// The meaning of the names of claims: of the study's arms and values that exist at this scale.
    pub terms: BTreeMap<String, Term>,
    /// The seeds on which settings of sweeps are chosen, and nothing is judged.
    pub choose_seeds: Vec<u64>,
    /// How many seeds are planned.
    pub seeds: usize,
    /// The names of claims of which a planned trial is missing.
    pub unfinished: BTreeSet<String>,
}

impl Context {
    /// The context of a run of `plan` of which these trials are there.
    pub fn of(plan: &Plan, trials: &[TrialRecords]) -> Self {
        let is_there = |planned: &PlannedTrial| {
            trials.iter().any(|trial| trial.seed == planned.seed && trial.is_of(&planned.arm, &planned.sweep))
        };
        let missing = plan.trials.iter().filter(|planned| !is_there(planned));
        let missing: BTreeSet<&str> = missing.map(|planned| planned.arm.as_str()).collect();
        let names = plan.study.arm.iter().map(|arm| &arm.name).chain(plan.study.value.keys());
        let is_unfinished = |name: &&String| plan.study.arms_behind(name).iter().any(|arm| missing.contains(arm));
        Self {
            scale: plan.scale.clone(),
            exploratory: plan.is_exploratory(),
            quantities: plan.quantities(),
            classes: plan.trials.iter().map(|trial| (trial.arm.clone(), trial.spec.data.class_names().len())).collect(),
            terms: plan.terms(),
            choose_seeds: plan.choose_seeds().to_vec(),
            seeds: plan.seeds,
            unfinished: names.filter(is_unfinished).cloned().collect(),
        }
    }

    /// The value that a record of this name counts with after a divergence of `trial`; `None` where it does not count.
    fn after_divergence(&self, metric: &str, trial: &TrialRecords) -> Option<f64> {
        self.quantities.get(metric)?.value_after_divergence(self.classes_of(&trial.arm))
    }

    fn classes_of(&self, arm: &str) -> usize {
        self.classes.get(arm).copied().unwrap_or(0)
    }

    /// Whether a claim is meant for the run's scale.
    fn judges(&self, claim: &Claim) -> bool {
        claim.scales.is_empty() || claim.scales.contains(&self.scale) || claim.exploratory_at.contains(&self.scale)
    }

    /// Whether a claim is judged without adjustment, as one that may suggest but not confirm.
    fn explores(&self, claim: &Claim) -> bool {
        claim.role == Role::Exploratory || self.exploratory || claim.exploratory_at.contains(&self.scale)
    }

    /// Whether no missing trial can change the verdict. For this, every planned trial of the arms behind the claim must be
    /// there, or every seed must have its number already (a setting that was chosen on other seeds needs no other
    /// setting). And the verdict must not be adjusted for other claims, whose trials may be missing.
    fn settles(&self, claim: &Claim, parts: &[Part]) -> bool {
        let complete = claim.names().iter().all(|name| !self.unfinished.contains(*name));
        let has_all_seeds = |part: &Part| part.estimate.is_some_and(|estimate| estimate.seeds == self.seeds);
        let own = complete || parts.iter().all(has_all_seeds);
        self.unfinished.is_empty() || own && claim.role != Role::Secondary
    }
}

/// The verdict on each claim, in their order; the order of the trials does not matter.
pub fn judge(claims: &[Claim], trials: &[TrialRecords], context: &Context) -> Vec<Verdict> {
    let trials = Trials::new(trials, context);
    let mut verdicts: Vec<Verdict> = claims.iter().map(|claim| conclude(claim, &trials)).collect();
    let is_judged = |verdict: &Verdict| verdict.parts.iter().any(|part| part.outcome.is_some());
    let in_family = |(_, verdict): &(&Claim, &mut Verdict)| {
        verdict.role == Role::Secondary && !verdict.exploratory && is_judged(verdict)
    };
    let family: Vec<_> = claims.iter().zip(&mut verdicts).filter(in_family).collect();
    // Where there is no t test (too few finite values) the claim has not passed, and counts all the same.
    let p: Vec<f64> = family.iter().map(|(_, verdict)| verdict.p_t.unwrap_or(1.0)).collect();
    for ((claim, verdict), p_holm) in family.into_iter().zip(holm(&p)) {
        adjust(claim, verdict, p_holm);
    }
    verdicts
}
