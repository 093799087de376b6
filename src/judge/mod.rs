//! What the records say of the claims: records and claims in, estimates and verdicts out.
//!
//! The rules, in short. Differences are paired over the seeds that all arms of a statistic share. A claim holds where
//! the 95 % t interval lies inside its criterion (for equivalence the 90 % interval, which is two one-sided 5 %
//! tests) and fails where the 95 % interval lies outside; the exact sign-flip test must agree at the same level, or
//! the claim is open. Fewer than six seeds give an estimate and no judgement. Secondary claims must also pass Holm's
//! adjustment at 5 %. A claim with a second reading holds only if it holds on both.

mod arms;
mod assess;
mod curve;
mod decide;
mod paper;
mod sample;
mod value;
mod verdict;

#[cfg(test)]
mod tests;

pub use arms::{ArmSummary, STUCK_BELOW, TimeTo, Values, arm_summary};
pub use decide::Outcome;
pub use value::CHANCE;
pub use verdict::{Line, PaperValue, Part, Verdict, Word};

use std::collections::BTreeMap;

use crate::record::TrialRecords;
use crate::stats::holm;
use crate::study::claim::{Claim, Role};
use crate::study::{Plan, Term};
use assess::Assessment;
use sample::Table;

/// The fewest paired seeds from which a claim is judged.
pub const SEEDS_TO_JUDGE: usize = 6;

/// The level of every test.
pub const LEVEL: f64 = 0.05;

/// What the judge must know of a run beside its records.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The scale's name.
    pub scale: String,
    /// Whether settings were overridden, which makes everything exploratory.
    pub exploratory: bool,
    /// What the names of claims stand for.
    pub terms: BTreeMap<String, Term>,
    /// The study's values that do not exist at this scale.
    pub absent: Vec<String>,
    /// The seeds on which places of sweeps are chosen, and nothing is judged.
    pub choose_seeds: Vec<u64>,
}

impl Context {
    /// What the judge must know of a run of `plan`.
    pub fn of(plan: &Plan) -> Self {
        Self {
            scale: plan.scale.clone(),
            exploratory: plan.is_exploratory(),
            terms: plan.terms(),
            absent: plan.absent_values().map(String::from).collect(),
            choose_seeds: plan.choose_seeds().to_vec(),
        }
    }
}

/// The verdict on each claim, in their order; the order of the trials does not matter.
pub fn judge(claims: &[Claim], trials: &[TrialRecords], context: &Context) -> Vec<Verdict> {
    let table = Table::new(trials, context);
    let assess = |claim| Assessment::new(claim, &table, judged_at(claim, context));
    let assessed: Vec<_> = claims.iter().map(|claim| (claim, assess(claim))).collect();
    let in_family = |(claim, assessment): &(&Claim, Assessment)| {
        claim.role == Role::Secondary && !is_exploratory(claim, context) && !assessment.readings().is_empty()
    };
    let family: Vec<usize> = (0..assessed.len()).filter(|&index| in_family(&assessed[index])).collect();
    // Where there is no t test (too few finite values) the claim has not passed, and counts all the same.
    let p: Vec<f64> = family.iter().map(|&index| assessed[index].1.p_t.unwrap_or(1.0)).collect();
    let mut adjusted = vec![None; assessed.len()];
    for (&index, p) in family.iter().zip(holm(&p)) {
        adjusted[index] = Some(p);
    }
    let pairs = assessed.into_iter().zip(adjusted);
    pairs.map(|((claim, assessment), p_holm)| verdict::verdict(claim, assessment, p_holm, &table, context)).collect()
}

/// Whether a claim is meant for the run's scale.
fn judged_at(claim: &Claim, context: &Context) -> bool {
    claim.scales.is_empty() || claim.scales.contains(&context.scale) || claim.exploratory_at.contains(&context.scale)
}

/// Whether a claim is judged without adjustment, as one that may suggest but not confirm.
fn is_exploratory(claim: &Claim, context: &Context) -> bool {
    claim.role == Role::Exploratory || context.exploratory || claim.exploratory_at.contains(&context.scale)
}
