//! The complete, typed training specification of a trial.

mod batch;
mod data_name;
mod fields;
mod identity;
mod layers;
mod model;
mod noise;
mod norm;
mod transform;
mod word;

use anyhow::{Result, bail, ensure};
use candle_core::DType;
use serde::{Deserialize, Serialize};

use self::model::KINDS;

pub use batch::Batch;
pub use data_name::DataName;
pub(crate) use layers::{Layers, first_set_twice, overlaps};
pub use model::*;
pub use noise::{Noise, NoisePlace, NoisyLayers, Redraw, ShiftUnit};
pub use norm::{Norm, NormAxes, NormBackward, NormDivisor, NormStatistics};
pub use transform::*;

/// Everything that a trial's result depends on, except the seed and the data's bytes.
///
/// It is read from `Layers` of settings. The defaults are the paper's settings where it states them (sections 3.1 and
/// A.2), at desk size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Where the examples come from.
    pub data: DataName,
    /// The quantity that is minimised.
    pub loss: Loss,
    /// The network.
    pub model: Model,
    /// How it is trained.
    pub train: Train,
}

/// The quantity that is minimised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Mean cross-entropy of the softmax, in nats.
    #[default]
    CrossEntropy,
    /// ½·Σ‖f(x) − target‖² over the examples of a step.
    HalfSquaredErrorSum,
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Train {
    /// The update rule.
    pub optimizer: Optimizer,
    /// Step length.
    pub learning_rate: f64,
    /// λ: each step multiplies every parameter by 1 − η·λ; without transforms, the penalty ½·λ·‖w‖² of the loss.
    pub weight_decay: f64,
    /// Transforms of the gradient before the step, in this order; left out of an identity where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transforms: Vec<Transform>,
    /// Examples per step.
    pub batch: Batch,
    /// Steps.
    pub steps: usize,
    /// The type of all numbers; single precision is left out of an identity.
    #[serde(skip_serializing_if = "is_default")]
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

impl Default for Train {
    fn default() -> Self {
        Train {
            optimizer: Optimizer::Sgd,
            learning_rate: 0.1,
            weight_decay: 0.0,
            transforms: Vec::new(),
            batch: Batch::Size(128),
            steps: 300,
            dtype: Precision::F32,
        }
    }
}

/// The most bytes that the parameters of a trial may have: 1 GiB. Training holds several copies of them (gradients,
/// updates, checkpoints). VGG-16 with the paper's widths and a head of 4096 and 4096 units has an eighth of it.
const MOST_PARAMETER_BYTES: f64 = (1u64 << 30) as f64;

/// The most steps of a trial: counts of steps times counts of points then fit 64 bits.
const MOST_STEPS: usize = 1_000_000_000;

impl Spec {
    /// Checks what the types cannot: sizes that must be positive, and settings that must fit each other.
    ///
    /// # Errors
    /// The key, its value and the remedy.
    pub fn check(&self) -> Result<()> {
        self.check_together()?;
        let &Train { batch, steps, learning_rate, weight_decay, .. } = &self.train;
        ensure!(batch != Batch::Size(0), "`train.batch` is 0; it must be at least 1");
        ensure!(steps > 0, "`train.steps` is 0; it must be at least 1");
        ensure!(steps <= MOST_STEPS, "`train.steps` is {steps}; it must be at most {MOST_STEPS}");
        let is_length = learning_rate > 0.0 && learning_rate.is_finite();
        ensure!(is_length, "`train.learning_rate` is {learning_rate}; it must be positive");
        let is_penalty = weight_decay >= 0.0 && weight_decay.is_finite();
        ensure!(is_penalty, "`train.weight_decay` is {weight_decay}; it must be zero or positive");
        self.train.transforms.iter().try_for_each(Transform::check)?;
        self.model.check()?;
        self.check_memory()
    }

    /// Refuses a network that would not fit into memory, before any of it is made.
    fn check_memory(&self) -> Result<()> {
        let bytes = self.model.weights() * self.train.dtype.dtype().size_in_bytes() as f64;
        let size = |bytes: f64| format!("{:.1} GiB", bytes / f64::from(1 << 30));
        ensure!(
            bytes <= MOST_PARAMETER_BYTES,
            "`model` has parameters of {}; a trial may have {} of them: make its layers smaller",
            size(bytes),
            size(MOST_PARAMETER_BYTES)
        );
        Ok(())
    }

    /// The data say which networks and which loss fit them.
    fn check_together(&self) -> Result<()> {
        let (data, images) = (self.data, self.data.has_images());
        if self.model.kind().takes_images != images {
            let fitting = KINDS.iter().filter(|kind| kind.takes_images == images);
            let fitting: Vec<String> = fitting.map(|kind| format!("`model.kind = \"{}\"`", kind.name)).collect();
            bail!("`model.kind` does not fit `data = \"{data}\"`, which needs {}", fitting.join(" or "));
        }
        let loss = serde_json::to_string(&data.loss()).expect("a name is plain data");
        ensure!(self.loss == data.loss(), "`loss` does not fit `data = \"{data}\"`, which needs `loss = {loss}`");
        Ok(())
    }
}

/// Whether a setting is left out of an identity.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The default specification with some settings.
    pub fn with(settings: &[(&str, toml::Value)]) -> std::result::Result<Spec, String> {
        let mut layers = Layers::default();
        let set = settings.iter().try_for_each(|(key, value)| layers.set(key, value.clone(), "test"));
        set.and_then(|()| layers.spec("test")).map_err(|error| format!("{error:#}"))
    }

    /// The paper's deep linear network, with some settings.
    pub fn deep_linear(settings: &[(&str, toml::Value)]) -> std::result::Result<Spec, String> {
        let own = [
            ("data", toml::Value::from("gaussian_regression")),
            ("loss", "half_squared_error_sum".into()),
            ("model.kind", "deep_linear".into()),
            ("model.depth", 25.into()),
            ("model.width", 10.into()),
        ];
        with(&[&own, settings].concat())
    }

    #[test]
    fn data_loss_and_network_must_fit_each_other() {
        let text = serde_json::to_string(&deep_linear(&[]).unwrap().model).unwrap();
        assert_eq!(text, r#"{"kind":"deep_linear","depth":25,"width":10,"norm":"none","init":"glorot_uniform"}"#);
        let error = deep_linear(&[("data", "cifar10".into())]).unwrap_err();
        assert!(error.contains("which needs `model.kind = \"vgg16\"`"), "{error}");
        let error = deep_linear(&[("loss", "cross_entropy".into())]).unwrap_err();
        assert!(error.contains("which needs `loss = \"half_squared_error_sum\"`"), "{error}");
        let error = deep_linear(&[("model.depth", 1.into())]).unwrap_err();
        assert!(error.contains("`model.depth` is 1; it must be at least 2"), "{error}");
    }
}
