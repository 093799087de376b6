//! Loss and accuracy on fixed samples, in four modes: batch or running statistics, noise off or on.

use anyhow::Result;
use candle_core::DType;

use super::{GivenUp, Measure, StateContext, is_due, record};
use crate::data::{ImageSet, Split};
use crate::nn::{Mode, NoiseKey, NoiseMode, StatisticsMode, correct};
use crate::record::Record;
use crate::rng;
use crate::study::{Noise, Norm};

pub(super) struct Evaluation {
    pub(super) points: usize,
    pub(super) images: usize,
}

impl Measure for Evaluation {
    fn after_step(&mut self, context: &StateContext, records: &mut Vec<Record>) -> Result<()> {
        if !is_due(context.taken, context.steps, self.points) {
            return Ok(());
        }
        let Some(images) = context.data.images() else { return Ok(()) };
        for (name, split) in [("train", &images.train), ("test", &images.test)] {
            let sample = fixed_sample(name, split.len(), self.images);
            for (mode, loss, accuracy) in in_all_modes(context, images, split, &sample)? {
                records.push(record(context.taken, format!("eval.{name}.loss.{mode}"), None, loss));
                records.push(record(context.taken, format!("eval.{name}.accuracy.{mode}"), None, accuracy));
            }
        }
        if context.taken == context.steps {
            let all: Vec<usize> = (0..images.test.len()).collect();
            for (mode, loss, accuracy) in in_all_modes(context, images, &images.test, &all)? {
                records.push(record(context.taken, format!("final.test.loss.{mode}"), None, loss));
                records.push(record(context.taken, format!("final.test.accuracy.{mode}"), None, accuracy));
            }
        }
        Ok(())
    }
}

/// The same images in every trial and at every point, in ascending order.
fn fixed_sample(split: &str, available: usize, images: usize) -> Vec<usize> {
    let mut stream = rng::stream(0, "evaluation sample", split, 0);
    let mut sample = rand::seq::index::sample(&mut stream, available, images.min(available)).into_vec();
    sample.sort_unstable();
    sample
}

/// Name, loss (nats) and accuracy (percent) in each of the four modes. Where a network has no normalisation or no noise
/// the modes coincide; such a value is measured once and given under both names.
fn in_all_modes(
    context: &StateContext,
    images: &ImageSet,
    split: &Split,
    sample: &[usize],
) -> Result<Vec<(String, f64, f64)>> {
    let (has_norm, has_noise) = (context.model.norm != Norm::None, context.model.noise != Noise::None);
    let mut measured: Vec<((StatisticsMode, bool), f64, f64)> = Vec::new();
    let mut named = Vec::new();
    for (statistics, statistics_name) in [(StatisticsMode::Batch, "batch"), (StatisticsMode::Running, "running")] {
        for (noisy, noise_name) in [(false, "clean"), (true, "noisy")] {
            let mode = (if has_norm { statistics } else { StatisticsMode::Batch }, noisy && has_noise);
            let known = measured.iter().find(|(known, ..)| *known == mode).map(|&(_, loss, accuracy)| (loss, accuracy));
            let (loss, accuracy) = match known {
                Some(known) => known,
                None => in_mode(context, images, split, sample, mode)?,
            };
            measured.push((mode, loss, accuracy));
            named.push((format!("{statistics_name}.{noise_name}"), loss, accuracy));
        }
    }
    Ok(named)
}

/// Mean loss and accuracy over `sample`, in chunks of a minibatch's size (whose statistics a batch mode uses).
fn in_mode(
    context: &StateContext,
    images: &ImageSet,
    split: &Split,
    sample: &[usize],
    (statistics, noisy): (StatisticsMode, bool),
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
