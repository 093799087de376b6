//! Clipping by the global norm (Pascanu et al. 2013, Algorithm 1): d ← d·min(1, c / ‖d‖).

use candle_core::Result;

use super::Link;
use crate::nn::Params;
use crate::spec::Clip;

impl Link for Clip {
    fn apply(&self, _: &mut Params, _: &Params, direction: Params) -> Result<Params> {
        let norm = direction.norm()?;
        if norm > self.norm { direction.map(|_, d| d.affine(self.norm / norm, 0.0)) } else { Ok(direction) }
    }
}
