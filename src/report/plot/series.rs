//! Curves over steps or layers: one per seed of an arm, and their mean.

use std::collections::BTreeMap;

use super::picture::{Axis, Curve, Legend, Look, Mark};
use crate::probe::chance;
use crate::record::{Record, TrialRecords};
use crate::report::view::{Condition, View};

/// The length of the running mean in pictures, as a fraction of the run: that of the judge's time to a threshold.
pub const SMOOTHING: f64 = 0.05;

/// Points of a drawn curve.
const POINTS: usize = 240;

/// A condition and how it is drawn.
pub type Arm<'v> = (Look, &'v Condition<'v>);

/// The conditions that claims and pictures are about.
pub fn arms<'v>(view: &'v View) -> impl Iterator<Item = Arm<'v>> {
    view.shown().enumerate().map(|(number, condition)| (Look::of(number), condition))
}

/// Their names, with samples of their looks.
pub fn legend(view: &View) -> Legend {
    arms(view).map(|(look, condition)| (condition.short_label(), look)).collect()
}

/// The axis of steps.
pub fn steps(view: &View, ticks: usize) -> Axis {
    Axis::numbers((0.0, view.steps() as f64), "step", ticks, 34.0)
}

/// The curves of an arm's seeds, and their mean.
pub struct Series {
    pub look: Look,
    pub seeds: Vec<Curve>,
    pub mean: Curve,
}

impl Series {
    /// The curve that `of` makes of each trial; a seed counts in the mean as far as its curve goes.
    pub fn of((look, condition): Arm, of: impl Fn(&TrialRecords) -> Curve) -> Self {
        let seeds: Vec<Curve> = condition.trials.iter().map(|trial| of(trial)).collect();
        Self { look, mean: mean(&seeds, None), seeds }
    }

    /// The records of this name over the steps, as `scale` makes them. Values that it has no number for are left out.
    pub fn of_records(arm: Arm, name: &str, layer: Option<usize>, scale: fn(f64) -> f64) -> Self {
        let scaled = |(step, value): (usize, f64)| (step, scale(value));
        Self::of(arm, |trial| smoothed(trial.series(name, layer).map(scaled), 1, trial.steps))
    }

    /// Accuracies over the steps, averaged over `window` of them. A trial that diverged has none from there on, and
    /// counts as chance in the mean, as in the verdicts.
    pub fn of_accuracy(arm: Arm, name: &str, window: usize) -> Self {
        let accuracy = |trial: &TrialRecords| {
            smoothed(trial.series(name, None).filter(|point| point.0 < trial.end()), window, trial.steps)
        };
        let Self { look, seeds, .. } = Self::of(arm, accuracy);
        Self { look, mean: mean(&seeds, chance(arm.1.spec.data.class_names().len())), seeds }
    }

    /// Its seeds as lines of `width` pixels, paler than the mean.
    pub fn seed_lines(&self, opacity: f64, width: f64) -> impl Iterator<Item = Mark> {
        self.seeds.iter().map(move |seed| Mark::line(seed.clone(), self.look.color, width).faded(opacity))
    }

    /// Its mean as a line of `width` pixels.
    pub fn mean_line(&self, width: f64) -> Mark {
        Mark::line(self.mean.clone(), self.look.color, width).dashed(self.look.dash)
    }
}

/// `series` in a panel: thin lines for seeds, thick ones over them for means.
pub fn lines(series: &[Series]) -> Vec<Mark> {
    let seeds = series.iter().flat_map(|series| series.seed_lines(0.2, 0.6));
    seeds.chain(series.iter().map(|series| series.mean_line(2.0))).collect()
}

/// The heights of the means of `series`.
pub fn mean_heights<'s>(series: impl IntoIterator<Item = &'s Series>) -> impl Iterator<Item = f64> {
    series.into_iter().flat_map(|series| &series.mean).map(|point| point.1)
}

/// The heights of their seeds.
pub fn seed_heights<'s>(series: impl IntoIterator<Item = &'s Series>) -> impl Iterator<Item = f64> {
    series.into_iter().flat_map(|series| series.seeds.iter().flatten()).map(|point| point.1)
}

/// The running mean of (step, value) pairs of a run of `steps` steps over the last `window` steps, fewer at the start,
/// thinned to what a picture can show. Values that are not finite are left out.
pub fn smoothed(points: impl Iterator<Item = (usize, f64)>, window: usize, steps: usize) -> Curve {
    let points: Vec<(usize, f64)> = points.filter(|point| point.1.is_finite()).collect();
    let stride = steps.div_ceil(POINTS).max(1);
    let mut curve = Vec::new();
    let (mut first, mut sum) = (0, 0.0);
    for (index, &(step, value)) in points.iter().enumerate() {
        sum += value;
        while points[first].0 + window <= step {
            sum -= points[first].1;
            first += 1;
        }
        if points.get(index + 1).is_none_or(|next| next.0 / stride != step / stride) {
            curve.push((step as f64, sum / (index + 1 - first) as f64));
        }
    }
    curve
}

/// The mean of `curves` at the steps of the longest; one that ended before counts as `after`, or not at all.
fn mean(curves: &[Curve], after: Option<f64>) -> Curve {
    let end = |curve: &Curve| curve.last().map_or(-1.0, |point| point.0);
    let Some(longest) = curves.iter().max_by(|a, b| end(a).total_cmp(&end(b))) else { return Vec::new() };
    let at = |curve: &Curve, step: f64| match curve.binary_search_by(|point| point.0.total_cmp(&step)) {
        Ok(index) => Some(curve[index].1),
        Err(index) if index == curve.len() => after,
        Err(_) => None,
    };
    let mean_at = |step: f64| {
        let values: Vec<f64> = curves.iter().filter_map(|curve| at(curve, step)).collect();
        crate::stats::mean(&values).map(|mean| (step, mean))
    };
    longest.iter().filter_map(|point| mean_at(point.0)).collect()
}

/// The means of the finite values among a trial's records that share a key; records without a key are left out.
pub fn means_by(trial: &TrialRecords, key: impl Fn(&Record) -> Option<usize>) -> Curve {
    let mut groups = BTreeMap::<usize, Vec<f64>>::new();
    let keyed = trial.records.iter().filter_map(|record| Some((key(record)?, record.value)));
    for (key, value) in keyed.filter(|(_, value)| value.is_finite()) {
        groups.entry(key).or_default().push(value);
    }
    let mean = |(key, values): (usize, Vec<f64>)| Some((key as f64, crate::stats::mean(&values)?));
    groups.into_iter().filter_map(mean).collect()
}
