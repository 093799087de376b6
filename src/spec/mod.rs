//! The complete, typed training specification of a trial.

mod batch;
mod data_name;
mod dotted;
mod model;
mod noise;

use candle_core::DType;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use batch::Batch;
pub use data_name::DataName;
pub use dotted::{Setting, flatten, overlaps};
pub use noise::{Noise, NoiseConstants, NoisePlace, NoisyLayers, Redraw, ShiftUnit};

use crate::text::hex;

/// Everything that a trial's result depends on, besides the seed and the data's bytes.
///
/// A setup, a scale, an arm, a sweep and the command line are all lists of dotted keys
/// (`train.learning_rate`) and values that are [`set`](Spec::set) on this one struct, in that order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Where the examples come from.
    pub data: DataName,
    /// What is minimised.
    pub loss: Loss,
    /// The network.
    pub model: Model,
    /// How it is trained.
    pub train: Train,
}

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Mean cross-entropy of the softmax, in nats.
    CrossEntropy,
    /// ½·Σ‖f(x) − target‖² over the examples of a step.
    HalfSquaredErrorSum,
}

/// The network.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// Its architecture.
    pub kind: ModelKind,
    /// What VGG-16's channel counts are divided by.
    pub width_divisor: usize,
    /// Widths of the hidden fully connected layers; empty for a single linear layer.
    pub head: Vec<usize>,
    /// The number of layers of a deep linear network, which has no default for it.
    pub depth: Option<usize>,
    /// Units of each hidden layer of a deep linear network, which has no default for it.
    pub width: Option<usize>,
    /// The normalisation after each convolution, or each hidden layer of a deep linear network.
    pub norm: Norm,
    /// The noise after each normalisation (or after each convolution where there is none).
    pub noise: Noise,
    /// How weights are drawn; biases start at zero.
    pub init: Init,
}

/// An architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Thirteen 3×3 convolutions in five stages, 2×2 max pooling after each stage (Simonyan & Zisserman 2015, D).
    Vgg16,
    /// Fully connected layers without an activation function between them (Santurkar et al. 2018, section 2.3).
    DeepLinear,
}

/// A normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// None: a bias instead.
    None,
    /// Batch normalisation (Ioffe & Szegedy 2015) with a learnt scale γ and shift β.
    Batch,
    /// The mean is subtracted as in batch normalisation, but the mean of |y| before that is divided by (Santurkar et al.
    /// 2018, section 3.3).
    L1,
    /// The same with the root mean square.
    L2,
    /// The same with the largest |y|.
    Linf,
    /// `L1` with its divisor over that of standard normal values, so that outputs have BatchNorm's variance where the
    /// values are normal and centred. (`L2` has it as it is.)
    L1Matched,
    /// `Linf` matched in the same way.
    LinfMatched,
}

/// A distribution of initial weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// U(−a, a), a = √(6 / (fan in + fan out)) (Glorot & Bengio 2010, eq. 16).
    GlorotUniform,
    /// N(0, 2 / fan in) (He et al. 2015, eq. 10).
    HeNormal,
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// The update rule.
    pub optimizer: Optimizer,
    /// Step length.
    pub learning_rate: f64,
    /// λ of the penalty ½·λ·‖w‖², added to the gradient of every parameter.
    pub weight_decay: f64,
    /// Examples a step.
    pub batch: Batch,
    /// Steps.
    pub steps: usize,
    /// The type of all numbers; single precision is left out of an identity.
    #[serde(default, skip_serializing_if = "Precision::is_single")]
    pub dtype: Precision,
}

/// A type of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// Double precision.
    F64,
}

impl Precision {
    fn is_single(&self) -> bool {
        *self == Precision::F32
    }

    /// The tensors' type.
    pub fn dtype(self) -> DType {
        match self {
            Precision::F32 => DType::F32,
            Precision::F64 => DType::F64,
        }
    }
}

/// An update rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// w ← w − learning rate · gradient; no momentum.
    Sgd,
}

impl Default for Spec {
    /// The paper's settings where it states them (sections 3.1 and A.2), at desk size.
    fn default() -> Self {
        Spec {
            data: DataName::FashionMnist,
            loss: Loss::CrossEntropy,
            model: Model::default(),
            train: Train {
                optimizer: Optimizer::Sgd,
                learning_rate: 0.1,
                weight_decay: 0.0,
                batch: Batch::Size(128),
                steps: 300,
                dtype: Precision::F32,
            },
        }
    }
}

impl Spec {
    /// What no type says: sizes that must be positive, and what goes together.
    ///
    /// # Errors
    /// The key, its value and the remedy.
    pub fn check(&self) -> Result<(), String> {
        self.check_together()?;
        for (key, zero) in [("train.batch", self.train.batch == Batch::Size(0)), ("train.steps", self.train.steps == 0)]
        {
            if zero {
                return Err(format!("`{key}` is 0; it must be at least 1"));
            }
        }
        if !(self.train.learning_rate > 0.0 && self.train.learning_rate.is_finite()) {
            return Err(format!("`train.learning_rate` is {}; it must be positive", self.train.learning_rate));
        }
        if !(self.train.weight_decay >= 0.0 && self.train.weight_decay.is_finite()) {
            return Err(format!("`train.weight_decay` is {}; it must be zero or positive", self.train.weight_decay));
        }
        self.model.check()
    }

    /// Images have classes and go through convolutions; a regression has targets and goes through linear layers.
    fn check_together(&self) -> Result<(), String> {
        let (model, loss) = match self.data {
            DataName::FashionMnist | DataName::Cifar10 => (ModelKind::Vgg16, Loss::CrossEntropy),
            DataName::GaussianRegression => (ModelKind::DeepLinear, Loss::HalfSquaredErrorSum),
        };
        let wrong = |key: &str, want: String| {
            Err(format!("`{key}` does not fit `data = \"{}\"`, which needs `{key} = {want}`", self.data))
        };
        if self.model.kind != model {
            return wrong("model.kind", quoted(&model));
        }
        if self.loss != loss {
            return wrong("loss", quoted(&loss));
        }
        Ok(())
    }

    /// The identity of the trial that this specification makes with `seed` on data of hash `data_hash`:
    /// sixteen hexadecimal digits of a SHA-256 over all of it, defaults included.
    pub fn identity(&self, seed: u64, data_hash: &str) -> String {
        let whole = serde_json::json!({
            "schema": SCHEMA,
            "spec": self,
            "seed": seed,
            "data": data_hash,
        });
        let digest = Sha256::digest(whole.to_string());
        hex(&digest[..8])
    }
}

/// Raised whenever the same specification would train to other weights, so that old trials are not taken for new.
pub const SCHEMA: u32 = 1;

/// A name as study files write it.
fn quoted(name: &impl Serialize) -> String {
    serde_json::to_string(name).expect("a name is plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trials that stand in folders are found by their identity: settings that came later leave it as it was.
    #[test]
    fn identities_are_pinned() {
        assert_eq!(Spec::default().identity(0, "data"), "44ba81ec18a8dc26");
    }

    /// Whatever the order in which its keys are set, and without the settings of another kind.
    #[test]
    fn a_deep_linear_network_has_settings_of_its_own() {
        let mut spec = Spec::default();
        for (key, value) in [
            ("data", toml::Value::from("gaussian_regression")),
            ("loss", "half_squared_error_sum".into()),
            ("model.depth", 25.into()),
            ("model.kind", "deep_linear".into()),
        ] {
            spec.set(key, value).unwrap();
        }
        assert!(spec.check().unwrap_err().contains("`model.width`; the paper's is 10"));
        spec.set("model.width", 10.into()).unwrap();
        assert_eq!(spec.check(), Ok(()));
        let text = serde_json::to_string(&spec.model).unwrap();
        assert_eq!(text, r#"{"kind":"deep_linear","depth":25,"width":10,"norm":"none","init":"glorot_uniform"}"#);
        let error = spec.set("model.noise", "algorithm_1".into()).unwrap_err();
        assert!(error.contains("unknown key `model.noise`") && !error.contains("mean `model.noise`"), "{error}");
        spec.set("data", "cifar10".into()).unwrap();
        assert!(spec.check().unwrap_err().contains("which needs `model.kind = \"vgg16\"`"));
        let mut vgg = Spec::default();
        vgg.set("model.width", 10.into()).unwrap();
        assert!(vgg.check().unwrap_err().contains("`model.width_divisor`"));
    }

    #[test]
    fn identity_hangs_on_every_setting_seed_and_data_and_on_nothing_else() {
        let spec = Spec::default();
        let id = spec.identity(0, "data");
        assert_eq!(id, spec.clone().identity(0, "data"));
        assert_ne!(id, spec.identity(1, "data"));
        assert_ne!(id, spec.identity(0, "other"));
        for (key, value) in [
            ("data", toml::Value::from("cifar10")),
            ("model.width_divisor", 4.into()),
            ("model.head", toml::Value::Array(vec![8.into()])),
            ("model.norm", "batch".into()),
            ("model.noise", "algorithm_1".into()),
            ("model.init", "he_normal".into()),
            ("train.learning_rate", 0.2.into()),
            ("train.weight_decay", 0.2.into()),
            ("train.batch", 64.into()),
            ("train.batch", "full".into()),
            ("train.dtype", "f64".into()),
            ("model.depth", 25.into()),
            ("model.kind", "deep_linear".into()),
            ("loss", "half_squared_error_sum".into()),
            ("train.steps", 2.into()),
        ] {
            let mut other = Spec::default();
            other.set(key, value).unwrap();
            assert_ne!(id, other.identity(0, "data"), "{key}");
        }
    }
}
