//! Measurements made while a trial trains: one file each. A probe reads; it never changes the trial.

mod check;
mod conditions;
mod evaluation;
mod histogram;
mod ics;
mod landscape;
pub(crate) mod line;
mod moments;
mod quantity;
pub(crate) mod shift;
mod surviving_shift;
#[cfg(test)]
mod testing;
mod training;
mod wasserstein;

use std::any::Any;
use std::ops::Deref;

use anyhow::Result;
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

pub(crate) use quantity::chance;
pub use quantity::{AfterDivergence, Better, Quantity, When};

use crate::data::Dataset;
use crate::nn::{At, ConvLayer, Mode, Network, Params, Pass, StepResult};
use crate::optimizer;
use crate::record::Record;
use crate::rng;
use crate::spec::{Model, Spec};
use crate::text::sha256;

/// Makes the enum of the probes that a study file may name, from the types of their settings.
macro_rules! probes {
    ($($module:ident::$Settings:ident),+ $(,)?) => {
        $(pub use $module::$Settings;)+

        /// A measurement made while a trial trains, with its settings; `kind` names it in study files. It is the
        /// [`Measurement`] of its settings. It never changes the trial.
        ///
        /// `layers` count the convolutions (with what follows them), or the layers of a deep linear network, from 1.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Probe {
            $(#[doc = concat!("See [`", stringify!($Settings), "`].")] $Settings($Settings),)+
        }

        impl Probe {
            /// The kinds, as study files write them; each is a file here.
            pub const KINDS: &[&str] = &[$(stringify!($module)),+];
        }

        impl Deref for Probe {
            type Target = dyn Measurement;

            fn deref(&self) -> &Self::Target {
                match self {
                    $(Probe::$Settings(settings) => settings,)+
                }
            }
        }
    };
}

probes! {
    training::Training,
    evaluation::Evaluation,
    moments::Moments,
    histogram::Histogram,
    surviving_shift::SurvivingShift,
    ics::Ics,
    landscape::Landscape,
    conditions::Conditions,
    wasserstein::Wasserstein,
}

impl Probe {
    /// Whether `other` measures the same with other settings.
    pub(crate) fn is_same_kind(&self, other: &Probe) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Its name in files: the kind and a hash of the settings, so that records of other settings are not mistaken.
    pub fn id(&self) -> String {
        let text = serde_json::to_string(self).expect("a probe is plain data");
        let kind = text.split('"').nth(3).expect("the tag comes first").to_string();
        format!("{kind}-{}", &sha256([text])[..8])
    }

    /// Its settings, if they are of type `S`.
    pub fn settings<S: Measurement>(&self) -> Option<&S> {
        let settings: &dyn Any = &**self;
        settings.downcast_ref()
    }
}

/// A measurement with its settings: all that they say of it before it is made, and the making.
pub trait Measurement: Any {
    /// The quantities that it records, those included that some trials lack (an accuracy without classes, say).
    fn quantities(&self) -> Vec<Quantity>;

    /// Checks the settings by themselves.
    ///
    /// # Errors
    /// A setting that cannot be, with what would be right.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Checks that a network of `model` can be measured.
    ///
    /// # Errors
    /// As [`check`](Measurement::check).
    fn check_network(&self, _model: &Model) -> Result<()> {
        Ok(())
    }

    /// Checks sizes against the data.
    ///
    /// # Errors
    /// As [`check`](Measurement::check).
    fn check_data(&self, _data: &Dataset) -> Result<()> {
        Ok(())
    }

    /// The work that it asks for in a trial that `spec` trains on `data`; all else that it reads is small.
    fn work(&self, _spec: &Spec, _data: &Dataset) -> Work {
        Work::default()
    }

    /// Measures a step before its update.
    ///
    /// # Errors
    /// If a tensor cannot be read.
    fn during_step(&self, _context: &StepContext, _memory: &mut Memory, _records: &mut Vec<Record>) -> Result<()> {
        Ok(())
    }

    /// Measures the network after a step's update.
    ///
    /// # Errors
    /// If a tensor cannot be read; [`GivenUp`] where it was told to stop.
    fn after_step(&self, _context: &StateContext, _records: &mut Vec<Record>) -> Result<()> {
        Ok(())
    }
}

/// The numbers that a measurement keeps from step to step, empty before the first; checkpoints hold them.
pub type Memory = Vec<f64>;

/// The work that a measurement asks of the network in a whole trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Images sent through it.
    pub images: usize,
    /// Gradients of a minibatch, each about as dear as a step.
    pub gradients: usize,
}

/// A step as a probe sees it: its gradients are known, its update is not made yet.
pub struct StepContext<'a> {
    /// Steps taken before this one.
    pub step: usize,
    /// The trial's specification.
    pub spec: &'a Spec,
    /// Its seed.
    pub seed: u64,
    /// The network.
    pub network: &'a Network,
    /// Its parameters before the update.
    pub params: &'a Params,
    /// The optimiser's state before the update.
    pub optimizer: &'a Params,
    /// Its running statistics before the step.
    pub buffers: &'a Params,
    /// The minibatch, in the path's layout.
    pub input: &'a Tensor,
    /// Its labels.
    pub labels: &'a Tensor,
    /// How the step passed through the network, with its noise key.
    pub mode: Mode,
    /// Loss, gradients, and what the pass kept.
    pub result: &'a StepResult,
}

impl StepContext<'_> {
    /// Where the step's pass was made.
    pub fn at(&self) -> At<'_> {
        At { params: self.params, buffers: self.buffers, mode: self.mode }
    }

    /// The parameters after the step's own update.
    ///
    /// # Errors
    /// If a tensor cannot be made.
    pub(crate) fn stepped(&self) -> candle_core::Result<Params> {
        Ok(optimizer::step(&self.spec.train, self.optimizer, self.params, &self.result.gradients)?.0)
    }

    /// The direction that an update at `params` with these gradients goes down.
    ///
    /// # Errors
    /// If a parameter has no gradient.
    pub fn direction(&self, params: &Params, gradients: &Params) -> candle_core::Result<Params> {
        optimizer::direction(&self.spec.train, self.optimizer, params, gradients)
    }

    /// The convolution of `layer`, counted from 1, and the step's pass through it.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn conv_layer(&self, layer: usize) -> candle_core::Result<(&ConvLayer, &Pass)> {
        let conv = self.network.conv_layer(layer)?;
        Ok((conv, self.result.pass(&conv.convolution.name)?))
    }

    /// Loss and gradients of the same minibatch with the same noise, at other parameters. The running statistics that
    /// come of it are dropped.
    ///
    /// # Errors
    /// If `params` are not the network's.
    pub fn loss_and_gradients(&self, params: &Params) -> candle_core::Result<(f64, Params)> {
        let result = self.network.loss_and_gradients(At { params, ..self.at() }, self.input, self.labels)?;
        Ok((result.loss, result.gradients))
    }
}

/// The network between two steps.
pub struct StateContext<'a> {
    /// Steps taken.
    pub taken: usize,
    /// The trial's specification.
    pub spec: &'a Spec,
    /// Its seed.
    pub seed: u64,
    /// Its data.
    pub data: &'a Dataset,
    /// The network.
    pub network: &'a Network,
    /// Its parameters.
    pub params: &'a Params,
    /// Its running statistics.
    pub buffers: &'a Params,
    /// Whether a long measurement should be given up.
    pub stop: &'a dyn Fn() -> bool,
}

/// A measurement was given up because the user stopped the trial; its checkpoint is from before.
#[derive(Debug, thiserror::Error)]
#[error("a measurement was given up")]
pub struct GivenUp;

/// Whether the `taken`-th of `steps` steps is one of `points` evenly spaced ones, of which `steps` is the last; all
/// steps are where there are fewer of them.
fn is_due(taken: usize, steps: usize, points: usize) -> bool {
    let points = points.min(steps);
    taken > 0 && taken * points / steps > (taken - 1) * points / steps
}

/// Whether step `step` (counted from 0) of `steps` is one of `points` evenly spaced ones, of which step 0 is the first.
fn is_due_from_start(step: usize, steps: usize, points: usize) -> bool {
    points > 0 && (step == 0 || is_due(step, steps, points))
}

/// The fixed units (channels) of `layer` that are looked at, in the order drawn: `count` of `channels`, or all.
fn units(layer: usize, channels: usize, count: usize) -> Vec<usize> {
    let mut stream = rng::stream(0, "units", &layer.to_string(), 0);
    rand::seq::index::sample(&mut stream, channels, count.min(channels)).into_vec()
}

fn record(step: usize, name: impl Into<String>, layer: impl Into<Option<usize>>, value: f64) -> Record {
    Record { step, name: name.into(), layer: layer.into(), value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_points_are_as_many_as_asked_evenly_spaced_and_end_at_the_last_step() {
        let due = |steps, points| (0..=steps).filter(|&taken| is_due(taken, steps, points)).collect::<Vec<_>>();
        assert_eq!(due(300, 10), [30, 60, 90, 120, 150, 180, 210, 240, 270, 300]);
        assert_eq!(due(7, 3), [3, 5, 7]);
        assert_eq!(due(3, 10), [1, 2, 3]);
        assert_eq!(due(3, i64::MAX as usize), [1, 2, 3]);
        let from_start = |points| (0..300).filter(|&step| is_due_from_start(step, 300, points)).collect::<Vec<_>>();
        assert_eq!(from_start(4), [0, 75, 150, 225]);
        assert_eq!((from_start(0).len(), from_start(7).len(), from_start(300).len()), (0, 7, 300));
        assert_eq!(from_start(i64::MAX as usize).len(), 300);
    }

    /// The names of settings are those that serde knows.
    #[test]
    fn every_probe_is_documented_with_its_settings() {
        const README: &str = include_str!("../../studies/README.md");
        for kind in Probe::KINDS {
            let wrong = format!("{{ \"kind\": \"{kind}\", \"?\": 0 }}");
            let error = serde_json::from_str::<Probe>(&wrong).unwrap_err().to_string();
            let Some((_, settings)) = error.split_once("expected ") else {
                assert!(error.contains("there are no fields"), "{error}");
                continue;
            };
            let row = README.lines().find(|line| line.starts_with(&format!("| `{kind}` |")));
            let row = row.unwrap_or_else(|| panic!("`{kind}` has no row"));
            for setting in settings.split('`').skip(1).step_by(2) {
                assert!(row.contains(&format!("`{setting}`")), "`{setting}` of `{kind}`: {row}");
            }
        }
    }

    #[test]
    fn units_are_distinct_fixed_and_never_more_than_there_are() {
        let chosen = units(9, 512, 64);
        assert_eq!(chosen, units(9, 512, 64));
        let distinct: std::collections::BTreeSet<_> = chosen.iter().collect();
        assert_eq!(distinct.len(), 64);
        assert_eq!(units(2, 8, 64).len(), 8);
    }
}
