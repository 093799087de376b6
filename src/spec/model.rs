//! The networks, each with its own settings.

use serde::{Deserialize, Serialize};

use super::noise::{Noise, ShiftUnit};
use super::norm::{self, Norm, NormDivisor};

/// The network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Model {
    /// Thirteen convolutions and a head.
    Vgg16(Vgg16),
    /// Linear layers.
    DeepLinear(DeepLinear),
}

/// An architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// [`Vgg16`].
    Vgg16,
    /// [`DeepLinear`].
    DeepLinear,
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
    #[serde(with = "norm")]
    pub norm: Option<Norm>,
    /// The noise after each normalisation (or after each convolution where there is none).
    pub noise: Noise,
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
    #[serde(with = "norm", default)]
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

impl ModelKind {
    /// All of them.
    pub(super) const ALL: [ModelKind; 2] = [ModelKind::Vgg16, ModelKind::DeepLinear];
}

impl Default for Vgg16 {
    fn default() -> Self {
        Vgg16 { width_divisor: 8, head: Vec::new(), norm: None, noise: Noise::None, init: Init::default() }
    }
}

impl Default for Model {
    fn default() -> Self {
        Model::Vgg16(Vgg16::default())
    }
}

impl Model {
    /// Its architecture.
    pub fn kind(&self) -> ModelKind {
        match self {
            Model::Vgg16(_) => ModelKind::Vgg16,
            Model::DeepLinear(_) => ModelKind::DeepLinear,
        }
    }

    /// Layers that probes can name, counted from 1: the convolutions, or the layers of a deep linear network.
    pub fn layers(&self) -> usize {
        match self {
            Model::Vgg16(_) => 13,
            Model::DeepLinear(model) => model.depth,
        }
    }

    /// The normalisation of its layers.
    pub fn norm(&self) -> Option<Norm> {
        match self {
            Model::Vgg16(model) => model.norm,
            Model::DeepLinear(model) => model.norm,
        }
    }

    /// The noise in its layers.
    pub fn noise(&self) -> Noise {
        match self {
            Model::Vgg16(model) => model.noise,
            Model::DeepLinear(_) => Noise::None,
        }
    }

    /// Checks the sizes and the settings that must fit each other.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Model::Vgg16(model) => model.check(),
            Model::DeepLinear(model) => model.check(),
        }
    }
}

impl Vgg16 {
    fn check(&self) -> Result<(), String> {
        if self.width_divisor == 0 {
            return Err("`model.width_divisor` is 0; it must be at least 1".into());
        }
        if self.head.contains(&0) {
            return Err("`model.head` is 0; it must be at least 1".into());
        }
        if self.width_divisor > 64 || 64 % self.width_divisor != 0 {
            return Err(format!(
                "`model.width_divisor` is {}; it must divide VGG-16's 64 channels: 1, 2, 4, 8, 16, 32 or 64",
                self.width_divisor
            ));
        }
        let in_own_sd = matches!(&self.noise, Noise::Algorithm1(noise) if noise.unit == ShiftUnit::OwnSd);
        if in_own_sd && self.norm.is_some_and(|norm| norm.divisor != NormDivisor::StandardDeviation) {
            return Err("`model.noise.unit = \"own_sd\"` is there for `model.norm` \"none\" and \"batch\" only".into());
        }
        self.noise.check()
    }
}

impl DeepLinear {
    /// Its settings without a default, with the paper's values.
    pub(super) const REQUIRED: [(&str, usize); 2] = [("depth", 25), ("width", 10)];

    fn check(&self) -> Result<(), String> {
        for (key, value, least) in [("model.depth", self.depth, 2), ("model.width", self.width, 1)] {
            if value < least {
                return Err(format!("`{key}` is {value}; it must be at least {least}"));
            }
        }
        Ok(())
    }
}
