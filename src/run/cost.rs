//! The cost of a trial, from a few measured steps.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::task::Task;
use crate::probe::Work;
use crate::train::{self, Trial, Watch};

/// Steps that are measured; the first warms up.
const MEASURED_STEPS: usize = 3;

/// The time that one step and one trial of `task` take, from training it for a few steps here and now. A trial is
/// counted with its evaluations and the gradients that its probes ask for; what else they read is small.
///
/// # Errors
/// Those of training.
pub fn estimate(task: &Task) -> Result<(Duration, Duration)> {
    let Trial { spec, data, probes, .. } = task.trial;
    let step = measure_step(&task.trial)?;
    let batch = spec.train.batch.size(data.facts().train);
    let work = |of: fn(Work) -> usize| -> usize { probes.iter().map(|probe| of(probe.work(spec, data))).sum() };
    let (images, gradients) = (work(|work| work.images), work(|work| work.gradients));
    let steps = (spec.train.steps + gradients) as f64 + images as f64 / (batch as f64 * STEP_PER_EVALUATION);
    let trial = Duration::try_from_secs_f64(step.as_secs_f64() * steps).unwrap_or(Duration::MAX);
    Ok((step, trial))
}

/// A step goes forward once and backward once, which costs about twice as much; an evaluation goes forward only.
const STEP_PER_EVALUATION: f64 = 3.0;

/// The fastest of a few steps of `trial`, without measurements.
fn measure_step(trial: &Trial) -> Result<Duration> {
    let mut spec = trial.spec.clone();
    spec.train.steps = MEASURED_STEPS;
    let folder = tempfile::tempdir()?;
    let clock = Clock(Mutex::new(Vec::new()));
    let start = Instant::now();
    let short = Trial { spec: &spec, probes: &[], ..*trial };
    train::run(&short, &folder.path().join("trial"), MEASURED_STEPS, &clock)?;
    let times = clock.0.into_inner().expect("no thread panicked");
    let steps = times.windows(2).map(|pair| pair[1] - pair[0]);
    Ok(steps.min().unwrap_or_else(|| start.elapsed()))
}

/// Notes when each step ended.
struct Clock(Mutex<Vec<Instant>>);

impl Watch for Clock {
    fn progress(&self, _done: usize, _steps: usize) {
        self.0.lock().expect("no thread panicked").push(Instant::now());
    }
}
