//! The measurements that a study may ask for, with their settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::spec::{Model, ModelKind};
use crate::text::hex;

/// A measurement made while a trial trains. It never changes the trial.
///
/// `layers` count the convolutions (with what follows them) from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Probe {
    /// Loss and accuracy of every step's own minibatch. Always measured.
    Training {},
    /// Loss and accuracy on fixed samples, with batch and running statistics, noise off and on; all test images at the end.
    Evaluation {
        /// Measurements, evenly spaced; the last is after the last step.
        points: usize,
        /// Images of each fixed sample.
        images: usize,
        /// The readings that are taken at every point, such as `train.batch.clean`; all where none is named. Others of
        /// the training sample are then taken at the last point alone, and of the test sample not at all: there all test
        /// images are read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        along: Vec<String>,
    },
    /// How far the mean and the variance of units move from step to step (the paper's figure 8).
    Moments {
        /// Layers measured.
        layers: Vec<usize>,
        /// Fixed units (channels) a layer; all of them where a layer has fewer.
        units: usize,
        /// Steps that one record averages over.
        bin: usize,
    },
    /// The distribution of a unit's activation over training (the paper's figure 2, right).
    Histogram {
        /// Layers measured.
        layers: Vec<usize>,
        /// Measurements, evenly spaced; the first is at the first step.
        points: usize,
        /// Bins of a histogram.
        bins: usize,
    },
    /// The share of the injected shift that the next layer's normalisation cannot remove (critique C2).
    SurvivingShift {
        /// Layers whose noise is redrawn.
        layers: Vec<usize>,
        /// Redraws a measurement.
        redraws: usize,
        /// Measurements, evenly spaced; the last is at the last step.
        points: usize,
    },
    /// Internal covariate shift (the paper's definition 2.1, figure 3).
    Ics {
        /// Layers measured.
        layers: Vec<usize>,
        /// Measurements, evenly spaced; the first is at the first step.
        points: usize,
        /// The length of the layers' steps in the second reading, as a share of the norm of their weights.
        matched_update: f64,
    },
    /// Loss and gradient at several step lengths from a step (the paper's figures 4, 10 and 11).
    Landscape {
        /// Measurements along the gradient, evenly spaced; the first is at the first step.
        points: usize,
        /// Measurements along a random direction, spaced alike; none if 0.
        random_points: usize,
        /// The step lengths, in learning rates, ascending.
        multiples: Vec<f64>,
        /// A step length below all of these, for a second reading of the effective β along the gradient.
        smaller_step: f64,
    },
    /// How often the conditions of the paper's theorems hold (its section 4).
    Conditions {
        /// Layers measured.
        layers: Vec<usize>,
        /// Fixed units (channels) a layer whose curvature is measured; all of them where a layer has fewer.
        units: usize,
        /// Measurements, evenly spaced; the first is at the first step.
        points: usize,
        /// The step of the second differences, as a share of the norm of the unit's activation around its mean.
        length: f64,
    },
    /// How far the whole distribution of units moves between measurements (the paper's figure 6).
    Wasserstein {
        /// Layers measured.
        layers: Vec<usize>,
        /// Fixed units (channels) a layer; all of them where a layer has fewer.
        units: usize,
        /// Measurements, evenly spaced; the first, from which the next is told, is at the first step.
        points: usize,
    },
}

impl Probe {
    /// The layers that it names.
    pub fn layers(&self) -> &[usize] {
        match self {
            Probe::Training {} | Probe::Evaluation { .. } | Probe::Landscape { .. } => &[],
            Probe::Moments { layers, .. }
            | Probe::Histogram { layers, .. }
            | Probe::SurvivingShift { layers, .. }
            | Probe::Wasserstein { layers, .. }
            | Probe::Conditions { layers, .. }
            | Probe::Ics { layers, .. } => layers,
        }
    }

    /// Whether it measures single layers.
    fn is_by_layer(&self) -> bool {
        !matches!(self, Probe::Training {} | Probe::Evaluation { .. } | Probe::Landscape { .. })
    }

    /// The names of its records, each with the layers that it is measured at (none for one of the whole network).
    pub fn measured(&self) -> BTreeMap<String, Vec<usize>> {
        let whole = |names: Vec<String>| names.into_iter().map(|name| (name, Vec::new())).collect();
        let by_layer = |names: Vec<String>| names.into_iter().map(|name| (name, self.layers().to_vec())).collect();
        match self {
            Probe::Training {} => whole(vec!["train_loss".into(), "train_accuracy".into()]),
            Probe::Evaluation { along, .. } => {
                let named = |reading: &String| along.is_empty() || along.contains(reading);
                let of_test = product(&["test"], &MODES).into_iter().filter(named);
                let samples: Vec<_> = product(&["train"], &MODES).into_iter().chain(of_test).collect();
                let on_sample = |what: &str| {
                    let name = |reading: &String| format!("eval.{}", reading.replacen('.', &format!(".{what}."), 1));
                    samples.iter().map(name).collect::<Vec<_>>()
                };
                let on_all = product(&["final.test.loss", "final.test.accuracy"], &MODES);
                whole([on_sample("loss"), on_sample("accuracy"), on_all].concat())
            }
            Probe::Moments { .. } => by_layer(product(
                &["moments.pre", "moments.post"],
                &["mean_drift", "variance_drift", "mean_drift_raw", "variance_drift_raw"],
            )),
            Probe::Histogram { bins, .. } => {
                let bins = (0..*bins).map(|bin| format!("bin_{bin:02}"));
                let names: Vec<_> = ["mean".to_string(), "sd".into()].into_iter().chain(bins).collect();
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                by_layer(product(&["histogram.pre", "histogram.post"], &names))
            }
            Probe::SurvivingShift { .. } => by_layer(product(&["surviving_shift"], &["all", "channel", "jitter"])),
            Probe::Ics { .. } => {
                let own = ["distance", "relative", "cosine", "gradient_norm", "relative_update"];
                by_layer(product(&["ics"], &[&own[..], &["matched.relative", "matched.cosine"]].concat()))
            }
            Probe::Landscape { multiples, .. } => whole(landscape_names(multiples.len())),
            Probe::Conditions { .. } => {
                by_layer(product(&["conditions"], &["along", "convex", "shrinking", "all", "gain"]))
            }
            Probe::Wasserstein { .. } => by_layer(vec!["wasserstein.pre.drift".into()]),
        }
    }

    /// The names of those of its records that are measured at the end of the run alone and do not say so.
    pub fn measured_at_end(&self) -> Vec<String> {
        let Probe::Evaluation { along, .. } = self else { return Vec::new() };
        let is_along = |name: &String| {
            let reading = name.trim_start_matches("eval.").replacen("loss.", "", 1).replacen("accuracy.", "", 1);
            along.is_empty() || along.contains(&reading) || name.starts_with("final.")
        };
        self.measured().into_keys().filter(|name| !is_along(name)).collect()
    }

    /// Whether `other` measures the same with other settings.
    pub fn is_same_kind(&self, other: &Probe) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Its name in files: the kind and a hash of the settings, so that records of other settings are not mistaken.
    pub fn id(&self) -> String {
        let text = serde_json::to_string(self).expect("a probe is plain data");
        let kind = text.split('"').nth(3).expect("the tag comes first").to_string();
        let digest = Sha256::digest(&text);
        format!("{kind}-{}", hex(&digest[..4]))
    }

    /// Whether its settings can be measured on a network of `model`.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn check(&self, model: &Model) -> Result<(), String> {
        self.check_kind(model.kind())?;
        let layers = model.layers();
        let last = if matches!(self, Probe::SurvivingShift { .. }) { layers - 1 } else { layers };
        match self.layers().iter().find(|&&layer| layer == 0 || layer > last) {
            Some(layer) => Err(format!("layer {layer} does not exist here; layers are 1 to {last}")),
            None => Ok(()),
        }
    }

    /// Whether its settings make sense by themselves.
    ///
    /// # Errors
    /// As [`check`](Probe::check).
    pub fn check_settings(&self) -> Result<(), String> {
        let counts: Vec<(&str, usize)> = match self {
            Probe::Training {} => vec![],
            Probe::Evaluation { points, images, .. } => vec![("points", *points), ("images", *images)],
            Probe::Moments { units, bin, .. } => vec![("units", *units), ("bin", *bin)],
            Probe::Histogram { points, bins, .. } => vec![("points", *points), ("bins", *bins)],
            Probe::SurvivingShift { redraws, points, .. } => vec![("redraws", *redraws), ("points", *points)],
            Probe::Ics { points, .. } | Probe::Landscape { points, .. } => vec![("points", *points)],
            Probe::Conditions { units, points, .. } | Probe::Wasserstein { units, points, .. } => {
                vec![("units", *units), ("points", *points)]
            }
        };
        if let Some((name, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return Err(format!("`{name}` is 0; it must be at least 1"));
        }
        self.check_lengths()?;
        self.check_readings()?;
        if self.is_by_layer() && self.layers().is_empty() {
            return Err("`layers` is empty; name at least one".into());
        }
        Ok(())
    }

    /// Step lengths must be positive numbers, in ascending order where there are several.
    fn check_lengths(&self) -> Result<(), String> {
        let positive = |name: &str, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(format!("`{name}` is {value}; it must be positive")),
        };
        match self {
            Probe::Ics { matched_update, .. } => positive("matched_update", *matched_update),
            Probe::Conditions { length, .. } => positive("length", *length),
            Probe::Landscape { multiples, smaller_step, .. } => {
                let lengths: Vec<f64> = [&[0.0, *smaller_step], &multiples[..]].concat();
                let ascends = lengths.is_sorted_by(|a, b| a < b) && lengths.iter().all(|length| length.is_finite());
                if multiples.is_empty() || !ascends {
                    return Err(format!(
                        "`multiples` are {multiples:?} and `smaller_step` is {smaller_step}; they must be positive and \
                         ascend, the smaller step first"
                    ));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn check_readings(&self) -> Result<(), String> {
        let Probe::Evaluation { along, .. } = self else { return Ok(()) };
        let known = product(&["train", "test"], &MODES);
        if let Some(stranger) = along.iter().find(|reading| !known.contains(reading)) {
            return Err(format!("`along`: no reading `{stranger}`; there are: {}", known.join(", ")));
        }
        if !along.is_empty() && !along.iter().any(|reading| reading == CLAIMS_READ) {
            return Err(format!("`along` must name `{CLAIMS_READ}`: tables and pictures read it along the run"));
        }
        Ok(())
    }

    fn check_kind(&self, kind: ModelKind) -> Result<(), String> {
        match (self, kind) {
            (_, ModelKind::Vgg16) | (Probe::Training {} | Probe::Ics { .. } | Probe::Landscape { .. }, _) => Ok(()),
            (Probe::Evaluation { .. }, _) => Err("it evaluates images, and a `deep_linear` network has none".into()),
            (_, ModelKind::DeepLinear) => Err("it measures convolutions, and a `deep_linear` network has none".into()),
        }
    }
}

/// The reading of an evaluation that tables show beside that of the minibatches.
const CLAIMS_READ: &str = "train.batch.clean";

/// The modes of an evaluation: which statistics the normalisation uses, and whether the noise is on.
const MODES: [&str; 4] = ["batch.clean", "batch.noisy", "running.clean", "running.noisy"];

/// `first.second` for each of both.
fn product(firsts: &[&str], seconds: &[&str]) -> Vec<String> {
    let name = |first: &&str| seconds.iter().map(|second| format!("{first}.{second}")).collect::<Vec<_>>();
    firsts.iter().flat_map(name).collect()
}

/// The names of the landscape's records, along the gradient and along a random direction.
fn landscape_names(lengths: usize) -> Vec<String> {
    let mut names = Vec::new();
    for (direction, betas) in [("gradient", &["beta", "beta_extended"][..]), ("random", &["beta"])] {
        let mut add = |name: String| names.push(format!("landscape.{direction}.{name}"));
        for band in ["loss", "data_loss", "distance"] {
            ["low", "high", "band"].iter().for_each(|end| add(format!("{band}_{end}")));
        }
        (1..=lengths).for_each(|length| add(format!("distance_{length:02}")));
        for beta in betas {
            ["", "_at", "_times_rate", "_times_smallest"].iter().for_each(|unit| add(format!("{beta}{unit}")));
        }
    }
    names
}
