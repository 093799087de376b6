//! One trial: optimiser, loop, checkpoint.

#[cfg(fuzzing)]
pub mod fuzzing;

mod checkpoint;
mod store;

use std::path::Path;

use anyhow::Result;
use candle_core::{Device, Tensor};

pub use store::{Finished, finished, has_records, set_aside};

use self::checkpoint::{Checkpoint, ProbeLog};
use self::store::Card;
use crate::data::{Batches, Dataset, Examples};
use crate::files::Damaged;
use crate::nn::{self, At, Mode, Network, NoiseKey, StatisticsMode, StepResult};
use crate::optimizer;
use crate::probe::{GivenUp, Probe, StateContext, StepContext};
use crate::record::Ending;
use crate::spec::Spec;

/// One arm × seed (× swept value), with what it needs to be trained.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// All that it trains with.
    pub spec: &'a Spec,
    /// Its seed.
    pub seed: u64,
    /// The data that the specification names.
    pub data: &'a Dataset,
    /// The measurements.
    pub probes: &'a [Probe],
}

impl Trial<'_> {
    /// Its identity: a hash of specification, seed and data, and of nothing else.
    pub fn id(&self) -> String {
        self.spec.identity(self.seed, &self.data.facts().sha256)
    }
}

/// Who watches a trial while it trains, and may stop it.
pub trait Watch: Sync {
    /// `done` of `steps` steps are taken.
    fn progress(&self, done: usize, steps: usize);
    /// Whether to stop at a checkpoint now.
    fn stop(&self) -> bool {
        false
    }
    /// Something that the user should know, such as a damaged checkpoint.
    fn warn(&self, _message: &str) {}
}

/// Trains `trial` in `folder`, from its newest checkpoint if there is one, with a checkpoint every
/// `checkpoint_every` steps. `None`: `watch` stopped it, at a checkpoint, or within a long
/// measurement, after the last one.
///
/// # Errors
/// A file that cannot be written or read, or a trial begun with another instruction set.
pub fn run(trial: &Trial, folder: &Path, checkpoint_every: usize, watch: &dyn Watch) -> Result<Option<Ending>> {
    let mut training = Training::begin_or_resume(trial, folder, watch)?;
    let steps = trial.spec.train.steps;
    watch.progress(training.state.step, steps);
    while training.state.step < steps {
        match training.step(watch) {
            Ok(None) => {}
            Ok(Some(ending)) => {
                store::finish(folder, trial.spec.schema(), ending, &training.state)?;
                return Ok(Some(ending));
            }
            Err(error) if error.is::<GivenUp>() => return Ok(None),
            Err(error) => return Err(error),
        }
        let taken = training.state.step;
        watch.progress(taken, steps);
        let stopping = watch.stop() && taken < steps;
        if stopping || (taken.is_multiple_of(checkpoint_every) && taken < steps) {
            checkpoint::save(folder, &training.state)?;
        }
        if stopping {
            return Ok(None);
        }
    }
    store::finish(folder, trial.spec.schema(), Ending::Finished, &training.state)?;
    Ok(Some(Ending::Finished))
}

/// The device on which trials train.
const DEVICE: &Device = &Device::Cpu;

/// A trial under way.
struct Training<'a> {
    trial: &'a Trial<'a>,
    network: Network,
    examples: Examples<'a>,
    batches: Batches,
    state: Checkpoint,
}

impl<'a> Training<'a> {
    fn begin_or_resume(trial: &'a Trial, folder: &Path, watch: &dyn Watch) -> Result<Self> {
        let data = trial.data;
        let batches = Batches::new(data.facts().train, trial.spec.train.batch, trial.seed);
        let (Spec { loss, model, train, .. }, (inputs, outputs)) = (trial.spec, data.shape());
        let network = nn::network(model, *loss, nn::fastest(model, train.dtype.dtype()), &inputs, outputs);
        let (params, buffers) = network.init(trial.seed, trial.spec.train.dtype.dtype(), DEVICE)?;
        let optimizer = optimizer::initial(&trial.spec.train, &params)?;
        let logs = trial.probes.iter().map(|probe| ProbeLog { probe: probe.id(), ..ProbeLog::default() }).collect();
        let begun = Checkpoint { step: 0, params, optimizer, buffers, logs };
        let card = Card::new(trial.spec, trial.seed, &data.facts().sha256);
        // Without the card it is not known which instruction set the checkpoint comes from.
        let found = match card.check(folder).and_then(|()| checkpoint::load(folder, &begun)) {
            Ok(found) => found,
            Err(error) if error.is::<Damaged>() => {
                checkpoint::set_aside(folder, &ids(trial.probes))?;
                let aside = checkpoint::DAMAGED;
                watch.warn(&format!("{error:#}; set aside as {aside}…, and this trial is begun anew"));
                None
            }
            Err(error) => return Err(error),
        };
        card.write(folder)?;
        let state = found.unwrap_or(begun);
        let examples = data.examples(trial.seed)?;
        Ok(Training { trial, network, examples, batches, state })
    }

    /// Takes one step: minibatch, loss and gradients, probes, update, probes.
    fn step(&mut self, watch: &dyn Watch) -> Result<Option<Ending>> {
        let (input, labels) = self.minibatch()?;
        let key = NoiseKey { seed: self.trial.seed, purpose: nn::TRAINING, step: self.state.step as u64 };
        let waits = self.trial.spec.model.noise().is_some_and(|noise| noise.waits(self.state.step));
        let mode = Mode { statistics: StatisticsMode::Batch, noise: (!waits).then_some(key) };
        let Checkpoint { params, buffers, .. } = &self.state;
        let result = self.network.loss_and_gradients(At { params, buffers, mode }, &input, &labels)?;
        self.measure_step(mode, &input, &labels, &result)?;
        if !result.loss.is_finite() {
            return Ok(Some(Ending::Diverged { step: self.state.step }));
        }
        let Checkpoint { params, optimizer, .. } = &self.state;
        (self.state.params, self.state.optimizer) =
            optimizer::step(&self.trial.spec.train, optimizer, params, &result.gradients)?;
        self.state.buffers = result.buffers;
        self.state.step += 1;
        self.measure_state(watch)?;
        let is_last = self.state.step == self.trial.spec.train.steps;
        Ok((is_last && !self.ends_finite()?).then_some(Ending::Diverged { step: self.state.step }))
    }

    /// Whether the parameters after the last step, and all that was read from them, are numbers.
    fn ends_finite(&self) -> Result<bool> {
        let Checkpoint { step, params, logs, .. } = &self.state;
        let readings = logs.iter().flat_map(|log| log.records.iter().rev().take_while(|record| record.step == *step));
        Ok(params.is_finite()? && readings.into_iter().all(|record| record.value.is_finite()))
    }

    fn minibatch(&mut self) -> Result<(Tensor, Tensor)> {
        let indices = self.batches.indices(self.state.step);
        let (examples, labels) = self.examples.batch(indices, self.trial.spec.train.dtype.dtype(), DEVICE)?;
        Ok((self.network.enter(&examples)?, labels))
    }

    fn measure_step(&mut self, mode: Mode, input: &Tensor, labels: &Tensor, result: &StepResult) -> Result<()> {
        let Checkpoint { step, params, optimizer, buffers, logs } = &mut self.state;
        let context = StepContext {
            step: *step,
            spec: self.trial.spec,
            seed: self.trial.seed,
            network: &self.network,
            params,
            optimizer,
            buffers,
            input,
            labels,
            mode,
            result,
        };
        for (probe, log) in self.trial.probes.iter().zip(logs) {
            probe.during_step(&context, &mut log.memory, &mut log.records)?;
        }
        Ok(())
    }

    fn measure_state(&mut self, watch: &dyn Watch) -> Result<()> {
        let Checkpoint { step, params, buffers, logs, .. } = &mut self.state;
        let context = StateContext {
            taken: *step,
            spec: self.trial.spec,
            seed: self.trial.seed,
            data: self.trial.data,
            network: &self.network,
            params,
            buffers,
            stop: &|| watch.stop(),
        };
        for (probe, log) in self.trial.probes.iter().zip(logs) {
            probe.after_step(&context, &mut log.records)?;
        }
        Ok(())
    }
}

/// Removes from the `folder` of a finished trial what a process that was killed right then left of these probes.
///
/// # Errors
/// A file that cannot be removed.
pub(crate) fn tidy(folder: &Path, probes: &[Probe]) -> Result<()> {
    checkpoint::tidy(folder, &ids(probes))
}

fn ids(probes: &[Probe]) -> Vec<String> {
    probes.iter().map(Probe::id).collect()
}
