//! Loss and accuracy on fixed samples, in four modes: batch or running statistics, noise off or on.

use anyhow::{Result, ensure};
use candle_core::DType;
use serde::{Deserialize, Serialize};

use super::{GivenUp, Measurement, Quantity, StateContext, When, Work, check, is_due, record};
use crate::data::{Dataset, ImageSet, Split};
use crate::groups::refuse_repeated;
use crate::nn::{At, Mode, NoiseKey, StatisticsMode, correct};
use crate::record::Record;
use crate::rng;
use crate::spec::{Model, Spec};

/// A mode: the statistics that the normalisation uses, and whether the noise is on.
type EvaluationMode = (StatisticsMode, bool);

const MODES: [(&str, EvaluationMode); 4] = [
    ("batch.clean", (StatisticsMode::Batch, false)),
    ("batch.noisy", (StatisticsMode::Batch, true)),
    ("running.clean", (StatisticsMode::Running, false)),
    ("running.noisy", (StatisticsMode::Running, true)),
];

const SPLITS: [&str; 2] = ["train", "test"];

/// The beginning of the names of records of all test images.
const ALL_TEST_IMAGES: &str = "final.test";

/// The reading of an evaluation that tables show in addition to that of the minibatches.
const SHOWN: &str = "train.batch.clean";

/// Loss and accuracy on fixed samples, with batch and running statistics, noise off and on; all test images at the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Measurements, evenly spaced; the last is after the last step.
    pub points: usize,
    /// Images of each fixed sample.
    pub images: usize,
    /// The readings that are taken at every point, such as `train.batch.clean`; all where none is named. Others of
    /// the training sample are then taken at the last point alone, and of the test sample not at all: there all test
    /// images are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub along: Vec<String>,
}

/// The names of a reading's loss and accuracy.
fn names(sample: &str, mode: &str) -> [String; 2] {
    [format!("{sample}.loss.{mode}"), format!("{sample}.accuracy.{mode}")]
}

/// Loss and accuracy of one reading.
fn loss_and_accuracy(sample: &str, mode: &str, when: When) -> [Quantity; 2] {
    let [loss, accuracy] = names(sample, mode);
    [Quantity::loss(loss).when(when), Quantity::accuracy(accuracy).when(when)]
}

impl Measurement for Evaluation {
    fn quantities(&self) -> Vec<Quantity> {
        let mut quantities = Vec::new();
        for split in SPLITS {
            let along = self.modes_at(split, false);
            for mode in self.modes_at(split, true) {
                let when = if along.contains(&mode) { When::Along } else { When::EndBySettings };
                quantities.extend(loss_and_accuracy(&format!("eval.{split}"), mode.0, when));
            }
        }
        quantities.extend(MODES.iter().flat_map(|(mode, _)| loss_and_accuracy(ALL_TEST_IMAGES, mode, When::End)));
        quantities
    }

    fn check(&self) -> Result<()> {
        check::points(self.points)?;
        check::counts(&[("images", self.images)])?;
        refuse_repeated("along", &self.along)?;
        let known: Vec<String> =
            SPLITS.iter().flat_map(|split| MODES.map(|(mode, _)| format!("{split}.{mode}"))).collect();
        for reading in &self.along {
            ensure!(known.contains(reading), "`along`: no reading `{reading}`; there are: {}", known.join(", "));
        }
        let is_shown = self.along.is_empty() || self.along.iter().any(|reading| reading == SHOWN);
        ensure!(is_shown, "`along` must name `{SHOWN}`: tables and pictures read it along the run");
        Ok(())
    }

    fn check_network(&self, model: &Model) -> Result<()> {
        let kind = model.kind();
        ensure!(kind.takes_images, "it evaluates images, and a `{}` network has none", kind.name);
        Ok(())
    }

    fn check_data(&self, data: &Dataset) -> Result<()> {
        let Some(set) = data.images() else { return Ok(()) };
        let (images, most) = (self.images, set.train.len().min(set.test.len()));
        let name = data.facts().name;
        ensure!(images <= most, "`images` is {images}, but {name} has only {most} images in its smaller split");
        Ok(())
    }

    fn work(&self, spec: &Spec, data: &Dataset) -> Work {
        let images = data.images().map_or(0, |set| self.evaluated_images(spec, set.test.len()));
        Work { images, ..Work::default() }
    }

    fn after_step(&self, context: &StateContext, records: &mut Vec<Record>) -> Result<()> {
        if !is_due(context.taken, context.spec.train.steps, self.points) {
            return Ok(());
        }
        let Some(images) = context.data.images() else { return Ok(()) };
        let is_last = context.taken == context.spec.train.steps;
        let mut read = |name: &str, split: &Split, sample: &[usize], modes: &[(&str, EvaluationMode)]| -> Result<()> {
            // Modes that come to the same are measured once.
            let mut measured: Vec<(EvaluationMode, [f64; 2])> = Vec::new();
            for &(mode_name, mode) in modes {
                let mode = effective(mode, &context.spec.model);
                let values = match measured.iter().find(|(known, _)| *known == mode) {
                    Some((_, known)) => *known,
                    None => in_mode(context, images, split, sample, mode)?,
                };
                measured.push((mode, values));
                let named = names(name, mode_name).into_iter().zip(values);
                records.extend(named.map(|(name, value)| record(context.taken, name, None, value)));
            }
            Ok(())
        };
        for (name, split) in SPLITS.into_iter().zip([&images.train, &images.test]) {
            let sample = fixed_sample(name, split.len(), self.images);
            read(&format!("eval.{name}"), split, &sample, &self.modes_at(name, is_last))?;
        }
        if is_last {
            let all: Vec<usize> = (0..images.test.len()).collect();
            read(ALL_TEST_IMAGES, &images.test, &all, &MODES)?;
        }
        Ok(())
    }
}

impl Evaluation {
    /// The accuracy on the fixed training images with batch statistics, noise off.
    pub(crate) const CLEAN: &str = "eval.train.accuracy.batch.clean";
    /// The accuracy on all test images with running statistics, noise off.
    pub(crate) const TEST_RUNNING: &str = "final.test.accuracy.running.clean";
    /// The accuracy on all test images with batch statistics, noise off.
    pub(crate) const TEST_BATCH: &str = "final.test.accuracy.batch.clean";

    /// The modes in which the sample of `split` is read at a point: those named in `along`, or all where none is named. At
    /// the last point the training sample is read in all; of the test images all are read then.
    fn modes_at(&self, split: &str, is_last: bool) -> Vec<(&'static str, EvaluationMode)> {
        let all = self.along.is_empty() || (is_last && split == "train");
        let is_along = |mode: &str| self.along.iter().any(|reading| *reading == format!("{split}.{mode}"));
        MODES.into_iter().filter(|(mode, _)| all || is_along(mode)).collect()
    }

    /// Images that go through the network in a trial of `spec`, where `test_images` are tested on at the end.
    fn evaluated_images(&self, spec: &Spec, test_images: usize) -> usize {
        let passes = |modes: &[(&str, EvaluationMode)]| {
            let modes: Vec<_> = modes.iter().map(|&(_, mode)| effective(mode, &spec.model)).collect();
            (0..modes.len()).filter(|&index| !modes[..index].contains(&modes[index])).count()
        };
        let at_a_point = |is_last| SPLITS.iter().map(|split| passes(&self.modes_at(split, is_last))).sum();
        let (before, last): (usize, usize) = (at_a_point(false), at_a_point(true));
        let before_the_last = self.points.min(spec.train.steps) - 1;
        (before_the_last * before + last) * self.images + passes(&MODES) * test_images
    }
}

/// The mode that `mode` amounts to in a network of `model`: without normalisation there are no other statistics, without
/// noise there is none to switch on.
fn effective((statistics, noisy): EvaluationMode, model: &Model) -> EvaluationMode {
    let statistics = if model.norm().is_none() { StatisticsMode::Batch } else { statistics };
    (statistics, noisy && model.noise().is_some())
}

/// The same images in every trial and at every point, in ascending order.
fn fixed_sample(split: &str, available: usize, images: usize) -> Vec<usize> {
    let mut stream = rng::stream(0, "evaluation sample", split, 0);
    let mut sample = rand::seq::index::sample(&mut stream, available, images.min(available)).into_vec();
    sample.sort_unstable();
    sample
}

/// Mean loss (nats) and accuracy (percent) over `sample`, in chunks of a minibatch's size (whose statistics a batch mode uses).
fn in_mode(
    context: &StateContext,
    images: &ImageSet,
    split: &Split,
    sample: &[usize],
    (statistics, noisy): EvaluationMode,
) -> Result<[f64; 2]> {
    let (mut loss, mut hits) = (0.0, 0);
    let batch = context.spec.train.batch.size(images.train.len());
    for (chunk, indices) in sample.chunks(batch).enumerate() {
        if (context.stop)() {
            return Err(GivenUp.into());
        }
        let key = noise_key(context.seed, context.taken as u64, chunk as u64);
        let mode = Mode { statistics, noise: noisy.then_some(key) };
        let (pixels, labels) = images.batch(split, indices, context.params.device())?;
        let input = context.network.enter(&pixels.to_dtype(context.spec.train.dtype.dtype())?)?;
        let logits = context.network.forward(At { params: context.params, buffers: context.buffers, mode }, &input)?;
        let chunk_loss = candle_nn::loss::cross_entropy(&logits, &labels)?.to_dtype(DType::F64)?;
        loss += chunk_loss.to_scalar::<f64>()? * indices.len() as f64;
        hits += correct(&logits, &labels)?;
    }
    let count = sample.len() as f64;
    Ok([loss / count, 100.0 * hits as f64 / count])
}

/// The key of the noise of a chunk after `taken` steps: no two chunks share one. Those of the first thousand chunks are as
/// they were when trials were first evaluated.
fn noise_key(seed: u64, taken: u64, chunk: u64) -> NoiseKey {
    match chunk {
        0..1000 => NoiseKey { seed, purpose: "evaluation", step: taken * 1000 + chunk },
        _ => NoiseKey { seed, purpose: "evaluation of later chunks", step: (taken << 32) + chunk },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Noise, Norm, Vgg16};

    #[test]
    fn the_named_accuracies_are_among_the_quantities() {
        let quantities = Evaluation { points: 1, images: 1, along: vec![SHOWN.into()] }.quantities();
        for name in [Evaluation::CLEAN, Evaluation::TEST_RUNNING, Evaluation::TEST_BATCH] {
            assert!(quantities.iter().any(|quantity| quantity.name == name), "{name}");
        }
    }

    #[test]
    fn images_are_counted_once_a_pass() {
        let evaluated_images = |along: &[&str], model: &Model| {
            let spec = Spec { model: model.clone(), ..Spec::default() };
            let along = along.iter().map(|reading| reading.to_string()).collect();
            Evaluation { points: 10, images: 1000, along }.evaluated_images(&spec, 2000)
        };
        let plain = Model::default();
        let noise = Some(Noise::default());
        let noisy = Model::Vgg16(Vgg16 { norm: Some(Norm::BATCH), noise, ..Vgg16::default() });
        assert_eq!(evaluated_images(&[], &plain), 10 * 2 * 1000 + 2000);
        assert_eq!(evaluated_images(&[], &noisy), 4 * (10 * 2 * 1000 + 2000));
        assert_eq!(evaluated_images(&[SHOWN], &plain), 10 * 1000 + 2000);
        assert_eq!(evaluated_images(&[SHOWN], &noisy), 9 * 1000 + 4 * (1000 + 2000));
    }

    #[test]
    fn no_two_chunks_share_their_noise() {
        let keys = |taken| (0..3000).map(move |chunk| noise_key(1, taken, chunk));
        let distinct: std::collections::BTreeSet<_> =
            (0..4).flat_map(keys).map(|key| (key.purpose, key.step)).collect();
        assert_eq!(distinct.len(), 4 * 3000);
        assert_eq!(noise_key(1, 30, 7), NoiseKey { seed: 1, purpose: "evaluation", step: 30_007 });
    }
}
