//! Loss and accuracy on fixed samples, in four modes: batch or running statistics, noise off or on.

use anyhow::Result;
use candle_core::DType;

use super::{GivenUp, Measure, StateContext, is_due, record};
use crate::data::{ImageSet, Split};
use crate::nn::{Mode, NoiseKey, NoiseMode, StatisticsMode, correct};
use crate::record::Record;
use crate::rng;
use crate::spec::{Model, Noise};

/// A mode: the statistics that the normalisation uses, and whether the noise is on.
type EvaluationMode = (StatisticsMode, bool);

const MODES: [(&str, EvaluationMode); 4] = [
    ("batch.clean", (StatisticsMode::Batch, false)),
    ("batch.noisy", (StatisticsMode::Batch, true)),
    ("running.clean", (StatisticsMode::Running, false)),
    ("running.noisy", (StatisticsMode::Running, true)),
];

pub(super) struct Evaluation {
    pub(super) points: usize,
    pub(super) images: usize,
    pub(super) along: Vec<String>,
}

impl Measure for Evaluation {
    fn after_step(&mut self, context: &StateContext, records: &mut Vec<Record>) -> Result<()> {
        if !is_due(context.taken, context.steps, self.points) {
            return Ok(());
        }
        let Some(images) = context.data.images() else { return Ok(()) };
        let is_last = context.taken == context.steps;
        for (name, split) in [("train", &images.train), ("test", &images.test)] {
            let sample = fixed_sample(name, split.len(), self.images);
            let modes = modes_at(&self.along, name, is_last);
            for (mode, loss, accuracy) in in_modes(context, images, split, &sample, &modes)? {
                records.push(record(context.taken, format!("eval.{name}.loss.{mode}"), None, loss));
                records.push(record(context.taken, format!("eval.{name}.accuracy.{mode}"), None, accuracy));
            }
        }
        if is_last {
            let all: Vec<usize> = (0..images.test.len()).collect();
            for (mode, loss, accuracy) in in_modes(context, images, &images.test, &all, &MODES)? {
                records.push(record(context.taken, format!("final.test.loss.{mode}"), None, loss));
                records.push(record(context.taken, format!("final.test.accuracy.{mode}"), None, accuracy));
            }
        }
        Ok(())
    }
}

/// The modes in which the sample of `split` is read at a point: those named in `along`, or all where none is named. At the
/// last point the training sample is read in all; of the test images all are read then.
fn modes_at(along: &[String], split: &str, is_last: bool) -> Vec<(&'static str, EvaluationMode)> {
    let all = along.is_empty() || (is_last && split == "train");
    let is_along = |mode: &str| along.iter().any(|reading| *reading == format!("{split}.{mode}"));
    MODES.into_iter().filter(|(mode, _)| all || is_along(mode)).collect()
}

/// What `mode` comes to in a network of `model`: without normalisation there are no other statistics, without noise none
/// to switch on.
fn effective((statistics, noisy): EvaluationMode, model: &Model) -> EvaluationMode {
    let statistics = if model.norm().is_none() { StatisticsMode::Batch } else { statistics };
    (statistics, noisy && model.noise() != Noise::None)
}

/// Images that an evaluation with `points`, `images` and `along` sends through a network of `model` in a whole trial, where
/// `test_images` are tested on at the end.
pub fn evaluated_images(points: usize, images: usize, along: &[String], model: &Model, test_images: usize) -> usize {
    let passes = |modes: &[(&str, EvaluationMode)]| {
        let modes: Vec<_> = modes.iter().map(|&(_, mode)| effective(mode, model)).collect();
        (0..modes.len()).filter(|&index| !modes[..index].contains(&modes[index])).count()
    };
    let at_a_point = |is_last| ["train", "test"].iter().map(|split| passes(&modes_at(along, split, is_last))).sum();
    let (before, last): (usize, usize) = (at_a_point(false), at_a_point(true));
    ((points - 1) * before + last) * images + passes(&MODES) * test_images
}

/// The same images in every trial and at every point, in ascending order.
fn fixed_sample(split: &str, available: usize, images: usize) -> Vec<usize> {
    let mut stream = rng::stream(0, "evaluation sample", split, 0);
    let mut sample = rand::seq::index::sample(&mut stream, available, images.min(available)).into_vec();
    sample.sort_unstable();
    sample
}

/// Name, loss (nats) and accuracy (percent) in each of `modes`. Modes that come to the same are measured once.
fn in_modes(
    context: &StateContext,
    images: &ImageSet,
    split: &Split,
    sample: &[usize],
    modes: &[(&'static str, EvaluationMode)],
) -> Result<Vec<(&'static str, f64, f64)>> {
    let mut measured: Vec<(EvaluationMode, f64, f64)> = Vec::new();
    let mut named = Vec::new();
    for &(name, mode) in modes {
        let mode = effective(mode, context.model);
        let known = measured.iter().find(|(known, ..)| *known == mode).map(|&(_, loss, accuracy)| (loss, accuracy));
        let (loss, accuracy) = match known {
            Some(known) => known,
            None => in_mode(context, images, split, sample, mode)?,
        };
        measured.push((mode, loss, accuracy));
        named.push((name, loss, accuracy));
    }
    Ok(named)
}

/// Mean loss and accuracy over `sample`, in chunks of a minibatch's size (whose statistics a batch mode uses).
fn in_mode(
    context: &StateContext,
    images: &ImageSet,
    split: &Split,
    sample: &[usize],
    (statistics, noisy): EvaluationMode,
) -> Result<(f64, f64)> {
    let (mut loss, mut hits) = (0.0, 0);
    for (chunk, indices) in sample.chunks(context.batch).enumerate() {
        if (context.stop)() {
            return Err(GivenUp.into());
        }
        let key = NoiseKey { seed: context.seed, purpose: "evaluation", step: (context.taken * 1000 + chunk) as u64 };
        let mode = Mode { statistics, noise: if noisy { NoiseMode::On(key) } else { NoiseMode::Off } };
        let (pixels, labels) = images.batch(split, indices, &candle_core::Device::Cpu)?;
        let input = context.network.enter(&pixels.to_dtype(context.dtype)?)?;
        let logits = context.network.forward(context.params, context.buffers, mode, &input)?;
        let chunk_loss = candle_nn::loss::cross_entropy(&logits, &labels)?.to_dtype(DType::F64)?;
        loss += chunk_loss.to_scalar::<f64>()? * indices.len() as f64;
        hits += correct(&logits, &labels)?;
    }
    let count = sample.len() as f64;
    Ok((loss / count, 100.0 * hits as f64 / count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{NoiseConstants, Norm, Vgg16};

    #[test]
    fn images_are_counted_once_a_pass() {
        let along = ["train.batch.clean".to_string()];
        let plain = Model::default();
        let noise = Noise::Algorithm1(NoiseConstants::default());
        let noisy = Model::Vgg16(Vgg16 { norm: Some(Norm::BATCH), noise, ..Vgg16::default() });
        assert_eq!(evaluated_images(10, 1000, &[], &plain, 2000), 10 * 2 * 1000 + 2000);
        assert_eq!(evaluated_images(10, 1000, &[], &noisy, 2000), 4 * (10 * 2 * 1000 + 2000));
        assert_eq!(evaluated_images(10, 1000, &along, &plain, 2000), 10 * 1000 + 2000);
        assert_eq!(evaluated_images(10, 1000, &along, &noisy, 2000), 9 * 1000 + 4 * (1000 + 2000));
    }
}
