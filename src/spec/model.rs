//! The networks, each with its own settings. A new one has a variant and a [`Kind`] here, and its blocks in `nn`.

use std::ops::Deref;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::fields::fields;
use super::noise::{Noise, ShiftUnit};
use super::norm::Norm;
use super::word;

/// The network: the [`Architecture`] that its settings are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Model {
    /// Thirteen convolutions and a head.
    Vgg16(Vgg16),
    /// Linear layers.
    DeepLinear(DeepLinear),
}

/// Thirteen 3×3 convolutions in five stages, 2×2 max pooling after each stage (Simonyan & Zisserman 2015, D).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vgg16 {
    /// The divisor of VGG-16's channel counts.
    pub width_divisor: usize,
    /// Widths of the hidden fully connected layers; empty for a single linear layer.
    pub head: Vec<usize>,
    /// The normalisation after each convolution; a bias where there is none.
    #[serde(with = "word")]
    pub norm: Option<Norm>,
    /// The noise after each normalisation (or after each convolution where there is none).
    #[serde(with = "word")]
    pub noise: Option<Noise>,
    /// The distribution of initial weights; biases start at zero.
    pub init: Init,
}

/// Fully connected layers without an activation function between them (Santurkar et al. 2018, section 2.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeepLinear {
    /// The number of layers.
    pub depth: usize,
    /// Units of each hidden layer.
    pub width: usize,
    /// The normalisation after each hidden layer.
    #[serde(with = "word", default)]
    pub norm: Option<Norm>,
    /// The distribution of initial weights.
    #[serde(default)]
    pub init: Init,
}

/// A distribution of initial weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// U(−a, a), a = √(6 / (fan in + fan out)) (Glorot & Bengio 2010, eq. 16).
    #[default]
    GlorotUniform,
    /// N(0, 2 / fan in) (He et al. 2015, eq. 10).
    HeNormal,
}

impl Default for Vgg16 {
    fn default() -> Self {
        Vgg16 { width_divisor: 8, head: Vec::new(), norm: None, noise: None, init: Init::default() }
    }
}

impl Default for Model {
    fn default() -> Self {
        Model::Vgg16(Vgg16::default())
    }
}

impl Deref for Model {
    type Target = dyn Architecture;

    fn deref(&self) -> &Self::Target {
        match self {
            Model::Vgg16(model) => model,
            Model::DeepLinear(model) => model,
        }
    }
}

/// A kind of network: the facts that do not depend on its settings.
#[derive(Debug)]
pub struct Kind {
    /// Its `model.kind` in study files.
    pub name: &'static str,
    /// Whether it takes images; otherwise it takes vectors.
    pub takes_images: bool,
    /// Whether its layers are convolutions.
    pub is_convolutional: bool,
    /// Its settings without a default, each with the paper's value.
    pub(super) required: &'static [(&'static str, usize)],
    /// The names of all its settings.
    pub(super) settings: fn() -> &'static [&'static str],
    /// Reads its settings.
    pub(super) read: fn(toml::Value) -> std::result::Result<Model, ReadError>,
}

/// A mistake in the settings of a network, with its path.
pub(super) type ReadError = serde_path_to_error::Error<toml::de::Error>;

/// All kinds of networks; the first is the default.
pub(super) const KINDS: [&Kind; 2] = [&VGG16, &DEEP_LINEAR];

const VGG16: Kind = Kind {
    name: "vgg16",
    takes_images: true,
    is_convolutional: true,
    required: &[],
    settings: fields::<Vgg16>,
    read: |settings| serde_path_to_error::deserialize(settings).map(Model::Vgg16),
};

const DEEP_LINEAR: Kind = Kind {
    name: "deep_linear",
    takes_images: false,
    is_convolutional: false,
    required: &[("depth", 25), ("width", 10)],
    settings: fields::<DeepLinear>,
    read: |settings| serde_path_to_error::deserialize(settings).map(Model::DeepLinear),
};

/// The settings of a network.
pub trait Architecture {
    /// The kind of network that they are for.
    fn kind(&self) -> &'static Kind;

    /// The number of layers that probes can name, counted from 1.
    fn layers(&self) -> usize;

    /// The number of its weights, reckoned without making them: of all but what biases and normalisations add, for the
    /// widest of the data that the network takes.
    fn weights(&self) -> f64;

    /// The normalisation of its layers.
    fn norm(&self) -> Option<Norm>;

    /// The noise in its layers.
    fn noise(&self) -> Option<Noise> {
        None
    }

    /// Checks the sizes and the settings that must fit each other.
    ///
    /// # Errors
    /// The key, its value and the remedy.
    fn check(&self) -> Result<()>;
}

impl Vgg16 {
    /// The channels of its convolutions, stage by stage (Simonyan & Zisserman 2015, table 1, column D).
    pub(crate) const STAGES: [&[usize]; 5] =
        [&[64, 64], &[128, 128], &[256, 256, 256], &[512, 512, 512], &[512, 512, 512]];
}

impl DeepLinear {
    /// Each layer has tensors, names and buffers of its own, however narrow it is.
    const MOST_LAYERS: usize = 10_000;
}

impl Architecture for Vgg16 {
    fn kind(&self) -> &'static Kind {
        &VGG16
    }

    /// The convolutions.
    fn layers(&self) -> usize {
        Self::STAGES.concat().len()
    }

    fn weights(&self) -> f64 {
        let widths = Self::STAGES.concat().into_iter().map(|width| width as f64 / self.width_divisor as f64);
        let channels: Vec<f64> = std::iter::once(3.0).chain(widths).collect();
        let last = channels.last().copied();
        let units: Vec<f64> =
            last.into_iter().chain(self.head.iter().map(|&width| width as f64)).chain([10.0]).collect();
        let products = |widths: &[f64]| widths.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>();
        9.0 * products(&channels) + products(&units)
    }

    fn norm(&self) -> Option<Norm> {
        self.norm
    }

    fn noise(&self) -> Option<Noise> {
        self.noise
    }

    fn check(&self) -> Result<()> {
        let divisor = self.width_divisor;
        ensure!(divisor > 0, "`model.width_divisor` is 0; it must be at least 1");
        ensure!(!self.head.contains(&0), "`model.head` is 0; it must be at least 1");
        ensure!(
            64 % divisor == 0,
            "`model.width_divisor` is {divisor}; it must divide VGG-16's 64 channels: 1, 2, 4, 8, 16, 32 or 64"
        );
        let in_own_sd = self.noise.is_some_and(|noise| noise.unit == ShiftUnit::OwnSd);
        let is_other = self.norm.is_some_and(|norm| norm != Norm::BATCH);
        let allowed = "`model.noise.unit = \"own_sd\"` is there for `model.norm` \"none\" and \"batch\" only";
        ensure!(!(in_own_sd && is_other), allowed);
        self.noise.as_ref().map_or(Ok(()), Noise::check)
    }
}

impl Architecture for DeepLinear {
    fn kind(&self) -> &'static Kind {
        &DEEP_LINEAR
    }

    fn layers(&self) -> usize {
        self.depth
    }

    fn weights(&self) -> f64 {
        let (depth, width) = (self.depth as f64, self.width as f64);
        (depth - 2.0) * width * width + 2.0 * 10.0 * width
    }

    fn norm(&self) -> Option<Norm> {
        self.norm
    }

    fn check(&self) -> Result<()> {
        for (key, value, least) in [("model.depth", self.depth, 2), ("model.width", self.width, 1)] {
            ensure!(value >= least, "`{key}` is {value}; it must be at least {least}");
        }
        let most = Self::MOST_LAYERS;
        ensure!(self.depth <= most, "`model.depth` is {}; it must be at most {most}", self.depth);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_the_name_that_study_files_write() {
        let models =
            [Model::default(), Model::DeepLinear(DeepLinear { depth: 2, width: 1, norm: None, init: Init::default() })];
        for (model, kind) in models.iter().zip(KINDS) {
            assert_eq!(serde_json::to_value(model).unwrap()["kind"], kind.name);
            assert_eq!(model.kind().name, kind.name);
        }
    }
}
