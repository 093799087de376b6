//! The transforms of the gradient before a step, in the order in which they are applied.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// A transform. In a study file a table with its `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Transform {
    /// Clipping by the norm of all gradients together.
    Clip(Clip),
    /// Momentum.
    Momentum(Momentum),
}

/// The settings of clipping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clip {
    /// The largest norm that is left as it is.
    pub norm: f64,
}

/// The settings of momentum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Momentum {
    /// The share of the previous direction that is kept.
    pub beta: f64,
}

impl Transform {
    /// Whether its numbers make an update.
    ///
    /// # Errors
    /// The key, its value and what it must be.
    pub(super) fn check(&self) -> Result<()> {
        match *self {
            Transform::Clip(Clip { norm }) => {
                let is_length = norm > 0.0 && norm.is_finite();
                ensure!(is_length, "`train.transforms`: `norm` of clip is {norm}; it must be positive");
            }
            Transform::Momentum(Momentum { beta }) => {
                let is_share = (0.0..1.0).contains(&beta);
                ensure!(
                    is_share,
                    "`train.transforms`: `beta` of momentum is {beta}; it must be at least 0 and below 1"
                );
            }
        }
        Ok(())
    }
}
