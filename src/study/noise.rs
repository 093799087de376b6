//! The settings of the injected noise (Santurkar et al. 2018, Algorithm 1).

use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The noise of a network: none, or Algorithm 1 with its constants.
///
/// In a study file `"none"`, `"algorithm_1"` (the paper's constants), or a table of the constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// No noise.
    None,
    /// Algorithm 1.
    Algorithm1(NoiseConstants),
}

/// The constants of Algorithm 1, in units of the normalised activation, and how often μ and σ are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoiseConstants {
    /// n_μ: a channel's shift is μ ~ U(−n_μ, n_μ).
    pub shift: f64,
    /// n_σ: a channel's scale is σ ~ U(1, n_σ).
    pub scale: f64,
    /// r_μ: an element's shift is m ~ U(μ − r_μ, μ + r_μ).
    pub shift_jitter: f64,
    /// r_σ: an element's scale is s ~ N(σ, r_σ), with r_σ taken as the standard deviation.
    pub scale_jitter: f64,
    /// When μ and σ are drawn; the elements' jitter is always fresh.
    pub redraw: Redraw,
}

/// When a channel's μ and σ are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redraw {
    /// Afresh at each step, as in the paper.
    Step,
    /// Once, and then held: the noise no longer moves in time.
    Once,
}

impl Default for NoiseConstants {
    /// The paper's (appendix A.2.1).
    fn default() -> Self {
        NoiseConstants { shift: 0.5, scale: 1.25, shift_jitter: 0.1, scale_jitter: 0.1, redraw: Redraw::Step }
    }
}

impl Noise {
    /// Whether the constants make distributions.
    ///
    /// # Errors
    /// The key, its value and what it must be.
    pub fn check(&self) -> Result<(), String> {
        let Noise::Algorithm1(constants) = self else { return Ok(()) };
        let widths = [
            ("shift", constants.shift),
            ("shift_jitter", constants.shift_jitter),
            ("scale_jitter", constants.scale_jitter),
        ];
        for (key, value) in widths {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(format!("`model.noise.{key}` is {value}; it must be zero or positive"));
            }
        }
        if !(constants.scale >= 1.0 && constants.scale.is_finite()) {
            return Err(format!("`model.noise.scale` is {}; it must be at least 1", constants.scale));
        }
        Ok(())
    }
}

impl Serialize for Noise {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Noise::None => serializer.serialize_str("none"),
            Noise::Algorithm1(constants) => constants.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Noise {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NoiseVisitor;
        impl<'de> Visitor<'de> for NoiseVisitor {
            type Value = Noise;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("\"none\", \"algorithm_1\" or a table of its constants")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Noise, E> {
                match text {
                    "none" => Ok(Noise::None),
                    "algorithm_1" => Ok(Noise::Algorithm1(NoiseConstants::default())),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Noise, A::Error> {
                NoiseConstants::deserialize(MapAccessDeserializer::new(map)).map(Noise::Algorithm1)
            }
        }
        deserializer.deserialize_any(NoiseVisitor)
    }
}
