//! The update rule, as a pure function.

use candle_core::Result;

use crate::nn::Params;
use crate::spec::{Optimizer, Train};

/// The parameters after one step: w ← w − η·(g + λ·w), with learning rate η and weight decay λ.
///
/// # Errors
/// If a parameter has no gradient.
pub fn step(train: &Train, params: &Params, gradients: &Params) -> Result<Params> {
    let Optimizer::Sgd = train.optimizer;
    let keep = 1.0 - train.learning_rate * train.weight_decay;
    params.map(|name, parameter| {
        let kept = if keep == 1.0 { parameter.clone() } else { parameter.affine(keep, 0.0)? };
        kept.sub(&gradients.get(name)?.affine(train.learning_rate, 0.0)?)
    })
}

/// What a [`step`] goes down: g + λ·w, the gradient of the loss with its penalty ½·λ·‖w‖².
///
/// # Errors
/// If a parameter has no gradient.
pub fn direction(train: &Train, params: &Params, gradients: &Params) -> Result<Params> {
    if train.weight_decay == 0.0 { Ok(gradients.clone()) } else { gradients.moved(params, train.weight_decay) }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;
    use crate::spec::Spec;

    #[test]
    fn a_step_goes_down_the_gradient_and_decays_every_weight() {
        let params = |values: [f64; 2]| {
            let tensor = Tensor::new(&values, &Device::Cpu).unwrap();
            [("w".to_string(), tensor)].into_iter().collect::<Params>()
        };
        let mut train = Spec::default().train;
        train.learning_rate = 0.5;
        let stepped = |train: &Train| {
            let after = step(train, &params([1.0, -2.0]), &params([0.2, 0.4])).unwrap();
            after.get("w").unwrap().to_vec1::<f64>().unwrap()
        };
        assert_eq!(stepped(&train), [0.9, -2.2]);
        train.weight_decay = 0.1;
        assert_eq!(stepped(&train), [1.0 * 0.95 - 0.1, -2.0 * 0.95 - 0.2]);
        let down = direction(&train, &params([1.0, -2.0]), &params([0.2, 0.4])).unwrap();
        let after = step(&train, &params([1.0, -2.0]), &params([0.2, 0.4])).unwrap();
        let gone_down = params([1.0, -2.0]).moved(&down, -train.learning_rate).unwrap();
        assert!(gone_down.distance(&after).unwrap() < 1e-15);
    }
}
