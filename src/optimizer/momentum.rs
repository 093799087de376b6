//! Momentum (Polyak 1964), as PyTorch's SGD has it: v ← β·v + d, and the direction is v.

use candle_core::Result;

use super::Link;
use crate::nn::Params;
use crate::spec::Momentum;

/// The name of v of the parameter called `name`.
fn velocity(name: &str) -> String {
    format!("momentum.{name}")
}

impl Link for Momentum {
    fn initial(&self, params: &Params) -> Result<Params> {
        params.iter().map(|(name, parameter)| Ok((velocity(name), parameter.zeros_like()?))).collect()
    }

    fn apply(&self, state: &mut Params, _: &Params, direction: Params) -> Result<Params> {
        let moved = direction.map(|name, d| state.get(&velocity(name))?.affine(self.beta, 0.0)?.add(d))?;
        state.extend(moved.iter().map(|(name, v)| (velocity(name), v.clone())).collect());
        Ok(moved)
    }
}
