//! The distinct trials of a plan, with the data that they train on.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::data::{self, DataName, Dataset};
use crate::study::{Plan, PlannedTrial, Probe};
use crate::train::Trial;

/// The image sets of a plan, each in memory once.
pub struct Datasets(Vec<Dataset>);

/// One distinct trial, ready to be trained.
pub struct Task<'a> {
    /// Arm, swept values and seed, for people.
    pub label: String,
    /// The trial's identity: its folder.
    pub id: String,
    /// Its place in the plan, counted from 0.
    pub index: usize,
    /// What is trained.
    pub trial: Trial<'a>,
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
            let (batch, images) = (planned.spec.train.batch, data.train.len());
            ensure!(
                batch <= images,
                "arm `{}`: `train.batch` is {batch}, but {} has {images} training images; choose a smaller batch",
                planned.arm,
                planned.spec.data
            );
        }
        datasets.check_samples(&plan.probes)?;
        Ok(datasets)
    }

    fn check_samples(&self, probes: &[Probe]) -> Result<()> {
        for probe in probes {
            let Probe::Evaluation { images, .. } = probe else { continue };
            for data in &self.0 {
                let most = data.train.len().min(data.test.len());
                ensure!(
                    *images <= most,
                    "probe `evaluation`: `images` is {images}, but {} has only {most} images in its smaller split",
                    data.name
                );
            }
        }
        Ok(())
    }

    /// All of them, in the order of the plan.
    pub fn all(&self) -> &[Dataset] {
        &self.0
    }

    /// The one that `planned` trains on.
    pub fn of(&self, planned: &PlannedTrial) -> &Dataset {
        self.find(planned.spec.data).expect("all data of a plan are loaded")
    }

    fn find(&self, name: DataName) -> Option<&Dataset> {
        self.0.iter().find(|data| data.name == name)
    }
}

/// The trials of `plan`, in its order, each identity once.
pub fn tasks<'a>(plan: &'a Plan, datasets: &'a Datasets) -> Vec<Task<'a>> {
    let mut tasks: Vec<Task<'a>> = Vec::with_capacity(plan.trials.len());
    for (index, planned) in plan.trials.iter().enumerate() {
        let data = datasets.of(planned);
        let trial = Trial { spec: &planned.spec, seed: planned.seed, data, probes: &plan.probes };
        let id = trial.id();
        if tasks.iter().all(|task| task.id != id) {
            tasks.push(Task { label: planned.label(), id, index, trial });
        }
    }
    tasks
}
