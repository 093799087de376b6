//! Curves over steps: smoothed seeds, and the mean over seeds.

use crate::judge::CHANCE;
use crate::record::{Ending, TrialRecords};

/// The length of the running mean in pictures, as a fraction of the run: that of the judge's time to a threshold.
pub const SMOOTHING: f64 = 0.05;

/// Points of a drawn curve.
const POINTS: usize = 240;

/// (Step, value) pairs.
pub type Curve = Vec<(f64, f64)>;

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
pub fn mean(curves: &[Curve], after: Option<f64>) -> Curve {
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

/// A trial's accuracy over steps, smoothed; after a divergence there is none.
pub fn accuracy(trial: &TrialRecords, name: &str, window: usize) -> Curve {
    let end = match trial.ending {
        Ending::Finished => usize::MAX,
        Ending::Diverged { step } => step,
    };
    smoothed(trial.series(name, None).filter(|point| point.0 < end), window, trial.steps)
}

/// The mean of accuracies over seeds; a diverged one counts as chance, as in the verdicts.
pub fn mean_accuracy(curves: &[Curve]) -> Curve {
    mean(curves, Some(CHANCE))
}
