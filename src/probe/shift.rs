//! Internal covariate shift as the paper defines it (Santurkar et al. 2018, definition 2.1): how far the gradient of a
//! layer's weights moves when the layers before it alone take their step.
//!
//! With parameters W₁ … W_k before the step and W₁′ … W_k′ after it, on one and the same minibatch,
//! G = ∇_{W_i} L(W₁, …, W_k) and G′ = ∇_{W_i} L(W₁′, …, W′_{i−1}, W_i, …, W_k); the shift of layer i is ‖G − G′‖₂.
//! A penalty on the weights adds the same to both, so that they may be gradients of the loss with it or without.

use candle_core::Result;

use crate::nn::Params;

/// G and G′ of one layer, compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// ‖G − G′‖, the definition itself.
    pub distance: f64,
    /// ‖G‖.
    pub norm: f64,
    /// ⟨G, G′⟩ / (‖G‖·‖G′‖): 1 where the layers before change nothing, −1 where they turn the gradient round. Not a
    /// number where one of the two is zero.
    pub cosine: f64,
}

impl Shift {
    /// ‖G − G′‖ / ‖G‖.
    pub fn relative(&self) -> f64 {
        self.distance / self.norm
    }
}

/// The shift of the layer whose weight is called `weight`, at the parameters `before` with their `gradients`, when
/// `moved` (whole layers before it, after their step) take their places; `gradient_at` gives the gradients elsewhere.
///
/// # Errors
/// Those of `gradient_at`, and a missing tensor.
pub fn shift(
    before: &Params,
    gradients: &Params,
    moved: &Params,
    weight: &str,
    gradient_at: impl FnOnce(&Params) -> Result<Params>,
) -> Result<Shift> {
    let g = gradients.only([weight])?;
    let g_moved = gradient_at(&before.with(moved))?.only([weight])?;
    let norm = g.norm()?;
    Ok(Shift { distance: g.distance(&g_moved)?, norm, cosine: g.dot(&g_moved)? / (norm * g_moved.norm()?) })
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    fn tensor(values: &[f64], shape: (usize, usize)) -> Tensor {
        Tensor::from_slice(values, shape, &Device::Cpu).unwrap()
    }

    fn after(params: &Params, gradients: &Params, learning_rate: f64, names: Vec<String>) -> Params {
        params.moved(gradients, -learning_rate).unwrap().only(names).unwrap()
    }

    /// ½·‖W₂W₁x − y‖², by Candle's autograd.
    fn two_linear_layers(params: &Params) -> Result<Params> {
        let tracked = params.tracked()?;
        let (x, y) = (tensor(&[1.0, 2.0], (2, 1)), tensor(&[4.0], (1, 1)));
        let output = tracked.get("w2")?.matmul(&tracked.get("w1")?.matmul(&x)?)?;
        let gradients = output.sub(&y)?.sqr()?.sum_all()?.affine(0.5, 0.0)?.backward()?;
        tracked.map(|_, tensor| Ok(gradients.get(tensor).unwrap().clone()))
    }

    /// By hand: h = W₁x = (1, 2), r = W₂h − y = −1, G = r·hᵀ = (−1, −2); ∂L/∂W₁ = r·W₂ᵀxᵀ = −[[1, 2], [1, 2]]. After a step
    /// of 0.1 W₁ is [[1.1, 0.2], [0.1, 1.2]], h = (1.5, 2.5), r = 0, so that G′ = 0; after one of 0.2 W₁ is
    /// [[1.2, 0.4], [0.2, 1.4]], h = (2, 3), r = 1, so that G′ = (2, 3).
    #[test]
    fn two_linear_layers_by_hand() {
        let params: Params = [
            ("w1".to_string(), tensor(&[1.0, 0.0, 0.0, 1.0], (2, 2))),
            ("w2".to_string(), tensor(&[1.0, 1.0], (1, 2))),
        ]
        .into_iter()
        .collect();
        let gradients = two_linear_layers(&params).unwrap();
        let shift_after = |learning_rate| {
            let moved = after(&params, &gradients, learning_rate, vec!["w1".to_string()]);
            shift(&params, &gradients, &moved, "w2", two_linear_layers).unwrap()
        };
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        let stopped = shift_after(0.1);
        assert!(close(stopped.distance, 5f64.sqrt()) && close(stopped.relative(), 1.0), "{stopped:?}");
        let turned = shift_after(0.2);
        assert!(close(turned.norm, 5f64.sqrt()) && close(turned.distance, 34f64.sqrt()), "{turned:?}");
        assert!(close(turned.cosine, -8.0 / 65f64.sqrt()), "{turned:?}");
    }

    /// ½·a·(w₁ + … + w_k)² has the sharpness a·k. At the edge of stability, where the learning rate is 2/(a·k), the layers
    /// before layer i leave G′ = (1 − 2(i−1)/k)·G: the cosine's sign turns at the middle of the network.
    #[test]
    fn at_the_edge_of_stability_the_sign_turns_at_the_middle() {
        const K: usize = 25;
        let a = 0.3;
        let name = |i: usize| format!("w{i:02}");
        let weights = (0..K).map(|i| (name(i), tensor(&[1.0 + 0.1 * i as f64], (1, 1))));
        let params: Params = weights.collect();
        let gradient_at = |params: &Params| {
            let values = params.iter().map(|(_, w)| w.flatten_all()?.get(0)?.to_scalar::<f64>());
            let sum = values.sum::<Result<f64>>()?;
            params.map(|_, w| w.affine(0.0, a * sum))
        };
        let gradients = gradient_at(&params).unwrap();
        for i in 0..K {
            let earlier: Vec<String> = (0..i).map(name).collect();
            let moved = after(&params, &gradients, 2.0 / (a * K as f64), earlier);
            let shift = shift(&params, &gradients, &moved, &name(i), gradient_at).unwrap();
            let left = 1.0 - 2.0 * i as f64 / K as f64;
            assert!((shift.relative() - (1.0 - left)).abs() < 1e-12, "{i}: {shift:?}");
            assert!((shift.cosine - left.signum()).abs() < 1e-12, "{i}: {shift:?}");
        }
    }
}
