//! What a claim looks like in a study's file.

use serde::Deserialize;

/// A sentence with a statistic, a criterion and a source.
#[derive(Clone, Debug, Deserialize)]
pub struct Claim {
    /// Its identity.
    pub id: String,
}

impl Claim {
    /// Whether the study has what the claim names.
    ///
    /// # Errors
    /// The missing name.
    pub fn check(&self, _arms: &[String]) -> Result<(), String> {
        Ok(())
    }
}
