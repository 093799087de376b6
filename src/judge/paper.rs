//! The published number beside ours, over the same horizon.

use super::sample::of_single_values;
use super::value::within;
use super::verdict::PaperValue;
use crate::stats::mean;
use crate::study::claim::curves::curve;
use crate::study::claim::{Claim, Paper};

/// The published number of a claim, for a run of `steps` steps; `None` without one, or where the published curves
/// have no point in the claim's window.
pub(super) fn paper_value(claim: &Claim, steps: usize) -> Option<PaperValue> {
    match claim.paper.as_ref()? {
        Paper::Number { value, of, source } => {
            Some(PaperValue { value: *value, of: of.clone(), source: source.clone() })
        }
        Paper::Curves { curves, columns, source } => {
            let points = |arm: &str| curve(curves, columns.get(arm)?).ok();
            let end = claim.statistic.arms().into_iter().filter_map(|arm| points(arm)?.last().map(|&(step, _)| step));
            let end = end.min()?;
            let horizon = steps.min(end);
            let inside = within(claim.window, horizon);
            let value = |arm: &str| {
                let kept = points(arm)?.into_iter().filter(|&(step, _)| inside(step) && (step < steps));
                mean(&kept.map(|(_, value)| value).collect::<Vec<_>>())
            };
            let value = of_single_values(&claim.statistic, &value)?;
            Some(PaperValue { value, of: over(horizon, end), source: source.clone() })
        }
    }
}

fn over(horizon: usize, end: usize) -> String {
    if horizon < end {
        format!("the same statistic over the first {horizon} of {end} steps")
    } else {
        format!("the same statistic over all of its {end} steps")
    }
}
