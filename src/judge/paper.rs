//! The published number beside ours, over the same horizon.

use super::sample::of_single_values;
use super::value::within;
use crate::stats::mean;
use crate::study::claim::curves::{Curve, curve};
use crate::study::claim::{Claim, Paper};

/// A published number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PaperValue {
    pub value: f64,
    /// The quantity that it is, its horizon included.
    pub of: String,
    /// Its place in the paper.
    pub source: String,
}

/// The published number of a claim, for a run of `steps` steps; `None` without one, or where the published curves
/// have no point in the claim's window.
pub(super) fn paper_value(claim: &Claim, steps: usize) -> Option<PaperValue> {
    match claim.paper.as_ref()? {
        Paper::Number { value, of, source } => {
            Some(PaperValue { value: *value, of: of.clone(), source: source.clone() })
        }
        Paper::Curves { curves, columns, source } => {
            let points = |arm: &str| curve(curves, columns.get(arm)?).ok();
            let (value, of) = over_the_same_steps(claim, steps, points)?;
            Some(PaperValue { value, of, source: source.clone() })
        }
    }
}

/// The claim's statistic from an arm's published points before `steps`, and its horizon in words.
fn over_the_same_steps(claim: &Claim, steps: usize, points: impl Fn(&str) -> Option<Curve>) -> Option<(f64, String)> {
    let ends = claim.statistic.arms().into_iter().filter_map(|arm| Some(points(arm)?.last()?.0));
    let end = ends.min()?;
    let inside = within(claim.window, steps.min(end));
    let kept = |arm: &str| {
        let kept = points(arm)?.into_iter().filter(|&(step, _)| inside(step) && step < steps);
        Some(kept.map(|(_, value)| value).collect::<Vec<_>>())
    };
    let value = of_single_values(&claim.statistic, &|arm: &str| mean(&kept(arm)?))?;
    let fewest = claim.statistic.arms().into_iter().filter_map(|arm| Some(kept(arm)?.len())).min()?;
    Some((value, over(steps.min(end), end, fewest)))
}

fn over(horizon: usize, end: usize, points: usize) -> String {
    let read = if points == 1 { "one point".into() } else { format!("{points} points") };
    if horizon < end {
        format!("the same statistic over the first {horizon} of {end} steps, from {read} a curve")
    } else {
        format!("the same statistic over all of its {end} steps, from {read} a curve")
    }
}
