//! The published number next to ours, over the same horizon.

use super::sample::of_single_values;
use super::value::within;
use crate::stats::mean;
use crate::study::claim::curves::{Curve, curve};
use crate::study::claim::{Claim, Paper};

/// The published number of a claim, for a run of `steps` steps: its value, the quantity that it is (its horizon
/// included), and its place in the paper. `None` without one, or where the published curves have no point in the
/// claim's window.
pub(super) fn paper_value(claim: &Claim, steps: usize) -> Option<(f64, String, String)> {
    match claim.paper.as_ref()? {
        Paper::Number { value, of, source } => Some((*value, of.clone(), source.clone())),
        Paper::Curves { curves, columns, source } => {
            let points = |arm: &str| curve(curves, columns.get(arm)?).ok();
            let (value, of) = over_the_same_steps(claim, steps, points)?;
            Some((value, of, source.clone()))
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
    let read = if fewest == 1 { "one point".into() } else { format!("{fewest} points") };
    let over = if steps < end { format!("the first {steps} of {end}") } else { format!("all of its {end}") };
    Some((value, format!("the same statistic over {over} steps, from {read} per curve")))
}
