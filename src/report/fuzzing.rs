//! Files of a report's folder with any bytes: see `fuzz/`.

use std::path::Path;
use std::sync::OnceLock;

use super::stored::{PlanFile, distribute};
use super::summary::Summary;
use super::{Contents, Input, View};
use crate::data::{DataFacts, FileFact, Standing};
use crate::record::{Ending, TrialRecords};
use crate::spec::DataName;
use crate::study::{Overrides, Plan, PlannedTrial, Study};

/// `plan.json` and `summary.json`.
pub fn plan(bytes: &[u8]) {
    let _read_or_refused = serde_json::from_slice::<PlanFile>(bytes).is_ok();
    let _read_or_refused = serde_json::from_slice::<Summary>(bytes).is_ok();
}

/// The records of a report of `noisy_bn`, from which it is then made.
pub fn report(bytes: &[u8]) {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    let plan = PLAN.get_or_init(|| {
        let study = Study::load("noisy_bn").expect("a built-in study");
        Plan::new(study, "desk", &Overrides::default()).expect("its own scale")
    });
    let mut trials: Vec<TrialRecords> = plan.trials.iter().map(trial).collect();
    if distribute(bytes, Path::new("records.csv"), &mut trials).is_ok() {
        let input = Input { plan, trials, data: vec![facts()] };
        Contents::new(&View::new(&input)).expect("records of any kind make a report");
    }
}

fn trial(planned: &PlannedTrial) -> TrialRecords {
    TrialRecords {
        arm: planned.arm.clone(),
        seed: planned.seed,
        sweep: planned.sweep.clone(),
        id: planned.spec.identity(planned.seed, ""),
        steps: planned.spec.train.steps,
        ending: if planned.seed == 0 { Ending::Diverged { step: 100 } } else { Ending::Finished },
        instruction_set: "avx2".into(),
        records: Vec::new(),
    }
}

fn facts() -> DataFacts {
    let file = FileFact { name: "a".into(), bytes: 1, records: 1, sha256: String::new(), standing: Standing::Other };
    DataFacts {
        name: DataName::FashionMnist,
        sha256: String::new(),
        train: 10_000,
        test: 2_000,
        official_train: 60_000,
        official_test: 10_000,
        mean: vec![0.5],
        std: vec![0.5],
        files: vec![file],
    }
}
