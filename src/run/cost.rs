//! The cost of a plan, from a few measured steps.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::task::Task;
use crate::probe::Work;
use crate::train::{self, Trial, Watch};

/// Steps measured for each specification; the first warms up.
const MEASURED_STEPS: usize = 3;

/// The cost of the trials of one specification.
pub struct Cost {
    /// The first of them, as people call it.
    pub label: String,
    /// How many they are.
    pub trials: usize,
    /// One training step.
    pub step: Duration,
    /// One trial with its evaluations and the gradients that its probes ask for; what else they read is small.
    pub trial: Duration,
}

/// The cost of each distinct specification among `tasks`, from training it for a few steps here and now.
///
/// # Errors
/// Those of training.
pub fn estimate(tasks: &[&Task]) -> Result<Vec<Cost>> {
    let mut groups: Vec<(&Task, usize)> = Vec::new();
    for &task in tasks {
        match groups.iter_mut().find(|(first, _)| first.trial.spec == task.trial.spec) {
            Some((_, trials)) => *trials += 1,
            None => groups.push((task, 1)),
        }
    }
    groups.into_iter().map(|(task, trials)| cost(task, trials)).collect()
}

fn cost(task: &Task, trials: usize) -> Result<Cost> {
    let step = measure_step(&task.trial)?;
    let train = &task.trial.spec.train;
    let batch = train.batch.size(task.trial.data.train_len());
    let work = |of: fn(Work) -> usize| -> usize {
        task.trial.probes.iter().map(|probe| of(probe.work(&task.trial.spec.model, task.trial.data))).sum()
    };
    let (images, gradients) = (work(|work| work.images), work(|work| work.gradients));
    let steps = (train.steps + gradients) as f64 + images as f64 / (batch as f64 * STEP_PER_EVALUATION);
    Ok(Cost { label: task.planned.label(), trials, step, trial: step.mul_f64(steps) })
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

    fn stop(&self) -> bool {
        false
    }

    fn warn(&self, _message: &str) {}
}
