//! The distinct trials of a plan, with the data that they train on.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::data::{self, DataFacts, Dataset};
use crate::spec::DataName;
use crate::study::{Plan, PlannedTrial};
use crate::train::Trial;

/// The image sets of a plan, each in memory once.
pub struct Datasets(Vec<Dataset>);

/// A planned trial with its data, ready to be trained.
pub struct Task<'a> {
    /// Its number in the plan, counted from 1.
    pub number: usize,
    /// Its arm, seed and swept values.
    pub planned: &'a PlannedTrial,
    /// The trial to train.
    pub trial: Trial<'a>,
    /// The trial's identity.
    pub id: String,
}

impl Datasets {
    /// The image sets that `plan` trains on, read and found large enough.
    ///
    /// # Errors
    /// Missing or corrupt data; a batch or a fixed sample larger than the data.
    pub fn load(plan: &Plan, data_dir: Option<&Path>) -> Result<Datasets> {
        let mut datasets = Datasets(Vec::new());
        for planned in &plan.trials {
            if datasets.find(planned.spec.data).is_none() {
                datasets.0.push(data::load(planned.spec.data, data_dir)?);
            }
            let data = datasets.of(planned);
            let (batch, examples) = (planned.spec.train.batch, data.facts().train);
            let kind = if data.images().is_some() { "images" } else { "samples" };
            ensure!(
                batch.size(examples) <= examples,
                "arm `{}`: `train.batch` is {batch}, but {} has {examples} training {kind}; choose a smaller batch",
                planned.arm,
                planned.spec.data
            );
        }
        for (probe, data) in plan.probes.iter().flat_map(|probe| datasets.0.iter().map(move |data| (probe, data))) {
            probe.check_data(data).with_context(|| format!("probe `{}`", probe.id()))?;
        }
        Ok(datasets)
    }

    /// The facts that reports say of them, in the order in which the plan names them.
    pub fn facts(&self) -> Vec<DataFacts> {
        self.0.iter().map(|data| data.facts().clone()).collect()
    }

    /// The one that `planned` trains on.
    fn of(&self, planned: &PlannedTrial) -> &Dataset {
        self.find(planned.spec.data).expect("all data of a plan are loaded")
    }

    fn find(&self, name: DataName) -> Option<&Dataset> {
        self.0.iter().find(|data| data.facts().name == name)
    }
}

/// The trials of `plan`, in its order.
pub fn tasks<'a>(plan: &'a Plan, datasets: &'a Datasets) -> Vec<Task<'a>> {
    let task = |(index, planned): (usize, &'a PlannedTrial)| {
        let data = datasets.of(planned);
        let trial = Trial { spec: &planned.spec, seed: planned.seed, data, probes: &plan.probes };
        Task { number: index + 1, planned, id: trial.id(), trial }
    };
    plan.trials.iter().enumerate().map(task).collect()
}

/// The first of `tasks` with each identity: arms that resolve to the same training share a trial.
pub fn distinct<'a>(tasks: &'a [Task<'a>]) -> Vec<&'a Task<'a>> {
    let mut seen = HashSet::new();
    tasks.iter().filter(|task| seen.insert(&task.id)).collect()
}
