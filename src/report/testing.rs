//! Made-up records for the tests of this room: curves with the shape of a study's, drawn from no training.

use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::Input;
use crate::data::{DataFacts, FileFact, Standing};
use crate::record::{Ending, Record, TrialRecords};
use crate::spec::DataName;
use crate::study::{Overrides, Plan, PlannedTrial, Study};

/// The made-up arms: the accuracy at which it ends, in percent, the steps that it needs, the drift of its units.
const ARMS: [(&str, f64, f64, f64); 6] = [
    ("standard", 62.0, 120.0, 0.08),
    ("batch_norm", 88.0, 40.0, 0.02),
    ("noisy_batch_norm", 84.0, 55.0, 0.33),
    ("noisy_standard", 10.5, 50.0, 2.5),
    ("static_noise_batch_norm", 85.0, 50.0, 0.03),
    ("static_noise_standard", 11.0, 50.0, 0.2),
];

/// The plan of `noisy_bn` with as many seeds and a note of its own, so that a word in the study's changes no page here.
pub fn plan(seeds: usize) -> Plan {
    let overrides = Overrides { seeds: Some(seeds), ..Overrides::default() };
    let mut plan = Plan::new(Study::load("noisy_bn").unwrap(), "desk", &overrides).unwrap();
    plan.changes.clear();
    plan.study.notes = vec!["What differs.".into()];
    plan
}

/// A made-up input for all trials of `plan`.
pub fn input(plan: &Plan) -> Input<'_> {
    Input { plan, trials: plan.trials.iter().map(trial).collect(), data: vec![facts()] }
}

pub fn facts() -> DataFacts {
    let file = FileFact {
        name: "made-up-images".into(),
        bytes: 7_840_000,
        records: 10_000,
        sha256: "00ff".repeat(16),
        standing: Standing::FirstRecords,
    };
    DataFacts {
        name: DataName::FashionMnist,
        sha256: "ab12".repeat(16),
        train: 10_000,
        test: 2_000,
        official_train: 60_000,
        official_test: 10_000,
        mean: vec![0.25],
        std: vec![0.5],
        files: vec![file],
    }
}

fn trial(planned: &PlannedTrial) -> TrialRecords {
    let &(_, end, pace, drift) = ARMS.iter().find(|arm| arm.0 == planned.arm).unwrap();
    let seed = planned.seed * 100 + ARMS.iter().position(|arm| arm.0 == planned.arm).unwrap() as u64;
    let mut maker =
        Maker { rng: ChaCha8Rng::seed_from_u64(seed), steps: planned.spec.train.steps, records: Vec::new() };
    let end = end + 2.0 * maker.wiggle();
    let pace = pace * (1.0 + 0.1 * maker.wiggle());
    maker.accuracies(end, pace, planned.arm.contains("noise") || planned.arm.contains("noisy"));
    for layer in [2, 9, 13] {
        maker.moments(layer, drift);
        maker.histograms(layer, drift);
    }
    TrialRecords {
        arm: planned.arm.clone(),
        seed: planned.seed,
        sweep: planned.sweep.clone(),
        id: planned.spec.identity(planned.seed, &facts().sha256),
        steps: planned.spec.train.steps,
        ending: Ending::Finished,
        instruction_set: "avx2".into(),
        records: maker.records,
    }
}

struct Maker {
    rng: ChaCha8Rng,
    steps: usize,
    records: Vec<Record>,
}

impl Maker {
    fn wiggle(&mut self) -> f64 {
        self.rng.random_range(-1.0..1.0)
    }

    fn record(&mut self, step: usize, name: &str, layer: Option<usize>, value: f64) {
        self.records.push(Record { step, name: name.into(), layer, value });
    }

    fn accuracies(&mut self, end: f64, pace: f64, noisy: bool) {
        let at = |step: usize| 10.0 + (end - 10.0) * (1.0 - (-(step as f64) / pace).exp());
        for step in 0..self.steps {
            let batch = ((at(step) + 5.0 * self.wiggle()).clamp(0.0, 100.0) * 1.28).round() / 1.28;
            self.record(step, "train_accuracy", None, batch);
            self.record(step, "train_loss", None, 2.3 - batch / 50.0);
        }
        for point in 1..=10 {
            let step = point * self.steps / 10;
            let value = at(step) + 1.0 + self.wiggle();
            self.record(step, "eval.train.accuracy.batch.clean", None, value);
        }
        let value = end - if noisy { 1.5 } else { -1.0 } + self.wiggle();
        self.record(self.steps, "eval.train.accuracy.batch.noisy", None, value);
        for (name, less) in [("running.clean", 4.0), ("batch.clean", 2.0)] {
            let value = end - less + self.wiggle();
            self.record(self.steps, &format!("final.test.accuracy.{name}"), None, value);
        }
        if noisy {
            for (layer, share) in [(2, 0.21), (9, 0.12)] {
                for (part, of) in [("all", 1.0), ("channel", 0.9), ("jitter", 0.1)] {
                    let value = of * share * (1.0 + 0.1 * self.wiggle());
                    self.record(self.steps - 1, &format!("surviving_shift.{part}"), Some(layer), value);
                }
            }
        }
    }

    fn moments(&mut self, layer: usize, drift: f64) {
        for end in (9..self.steps).step_by(10) {
            for (part, times) in [("mean_drift", 1.0), ("variance_drift", 0.6)] {
                for (unit, scale) in [("", 1.0), ("_raw", 1.1)] {
                    for place in ["pre", "post"] {
                        let value = drift * times * scale * (1.0 + 0.2 * self.wiggle()) * (1.0 + 20.0 / end as f64);
                        self.record(end, &format!("moments.{place}.{part}{unit}"), Some(layer), value);
                    }
                }
            }
        }
    }

    fn histograms(&mut self, layer: usize, drift: f64) {
        for point in 0..12 {
            let step = point * (self.steps - 1) / 11;
            let (mean, sd) = (drift * 2.0 * self.wiggle(), 1.0 + drift.min(0.5) * self.wiggle());
            self.record(step, "histogram.pre.mean", Some(layer), mean);
            self.record(step, "histogram.pre.sd", Some(layer), sd);
            for bin in 0..24 {
                let z: f64 = -4.0 + (bin as f64 + 0.5) / 3.0;
                let share = (-0.5 * z * z).exp() / 3.0 / (2.0 * std::f64::consts::PI).sqrt();
                self.record(step, &format!("histogram.pre.bin_{bin:02}"), Some(layer), share);
            }
        }
    }
}
