//! What a plan will cost, from a few measured steps.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::task::Task;
use crate::probe;
use crate::study::Probe;
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
    let images: usize = task.trial.probes.iter().map(|probe| evaluated_images(probe, &task.trial)).sum();
    let gradients: usize = task.trial.probes.iter().map(gradients).sum();
    let steps = (train.steps + gradients) as f64 + images as f64 / (batch as f64 * STEP_PER_EVALUATION);
    Ok(Cost { label: task.label(), trials, step, trial: step.mul_f64(steps) })
}

/// A step goes forward once and backward once, which costs about twice as much; an evaluation goes forward only.
const STEP_PER_EVALUATION: f64 = 3.0;

/// Images that `probe` sends through the network in a whole trial.
fn evaluated_images(probe: &Probe, trial: &Trial) -> usize {
    let (Probe::Evaluation { points, images, along }, Some(set)) = (probe, trial.data.images()) else { return 0 };
    probe::evaluated_images(*points, *images, along, &trial.spec.model, set.test.len())
}

/// Gradients of a minibatch that `probe` asks for in a whole trial, each about as dear as a step.
fn gradients(probe: &Probe) -> usize {
    match probe {
        Probe::Ics { layers, points, .. } => 2 * layers.len() * points,
        Probe::Landscape { points, random_points, multiples, .. } => {
            points * (multiples.len() + 1) + random_points * multiples.len()
        }
        // Each from its layer on: half of the network in the mean.
        Probe::Conditions { layers, units, points, .. } => layers.len() * (2 * units + 1) * points / 2,
        Probe::Training {}
        | Probe::Evaluation { .. }
        | Probe::Moments { .. }
        | Probe::Histogram { .. }
        | Probe::SurvivingShift { .. }
        | Probe::Wasserstein { .. } => 0,
    }
}

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
