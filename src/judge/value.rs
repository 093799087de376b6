//! One trial's number: the records of a metric in a window, brought down to one value.

use super::Context;
use crate::record::{Ending, TrialRecords};
use crate::stats::{mean, quantile};
use crate::study::claim::Aggregate;

/// Which records make a trial's number, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number<'a> {
    pub metric: &'a str,
    /// Fractions of the run.
    pub window: [f64; 2],
    pub aggregate: Aggregate,
}

impl<'a> Number<'a> {
    /// The mean of a metric in a window.
    pub fn mean(metric: &'a str, window: [f64; 2]) -> Self {
        Self { metric, window, aggregate: Aggregate::Mean }
    }

    /// A trial's number at one layer; `None` without records, or where the number is NaN.
    ///
    /// After a divergence, the rest of the window counts as the quantity says, at every point at which it would have been
    /// recorded.
    pub fn of(&self, trial: &TrialRecords, layer: Option<usize>, context: &Context) -> Option<f64> {
        let inside = within(self.window, trial.steps);
        let series = trial.series(self.metric, layer);
        let counted = series.filter(|&(step, _)| step < trial.end() && inside(step));
        let mut values: Vec<f64> = counted.map(|(_, value)| value).collect();
        if let Some(rest) = context.after_divergence(self.metric, trial) {
            let steps: Vec<usize> = trial.series(self.metric, layer).map(|(step, _)| step).collect();
            values.extend(std::iter::repeat_n(rest, missing(&steps, self.window, trial)));
        }
        let value = match self.aggregate {
            Aggregate::Mean => mean(&values),
            Aggregate::Quantile(share) => quantile(&values, share),
        };
        value.filter(|value| !value.is_nan())
    }
}

/// Whether a step lies in a window of a run of `steps` steps; what is measured at its very end lies in the last.
pub(super) fn within([from, to]: [f64; 2], steps: usize) -> impl Fn(usize) -> bool {
    let (from, to, all) = (from * steps as f64, to * steps as f64, to == 1.0);
    move |step| step as f64 >= from && (all || (step as f64) < to)
}

/// How many points of a window a divergence took: those from its step on, spaced as in all that was recorded.
/// Where that does not tell the spacing, one. After the last step, only what is measured there is missing.
fn missing(recorded: &[usize], window: [f64; 2], trial: &TrialRecords) -> usize {
    let Ending::Diverged { step: end } = trial.ending else { return 0 };
    let inside = within(window, trial.steps);
    let reaches_past_it = (end..=trial.steps).any(&inside);
    let taken = match spacing(recorded) {
        // A record that starts at step 0 is measured before each stretch, any other after it.
        Some((first, gap)) => {
            (first..=first + trial.steps - gap).step_by(gap).filter(|&step| step >= end && inside(step)).count()
        }
        None => 0,
    };
    if end == trial.steps { taken } else { taken.max(usize::from(reaches_past_it)) }
}

/// The first of evenly spaced steps, and how far apart they are: before the first of them lies nothing or one stretch.
fn spacing(steps: &[usize]) -> Option<(usize, usize)> {
    let first = *steps.first()?;
    let gaps = steps.windows(2).map(|pair| pair[1].abs_diff(pair[0]));
    let gap = gaps.min().unwrap_or(first);
    (gap > 0).then_some((first, gap))
}
