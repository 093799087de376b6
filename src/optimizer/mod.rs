//! The update rule, as a pure function of settings, state, parameters and gradients.
//!
//! The gradient g passes through a chain of transforms (clipping, momentum, …) to a direction d, and the step is
//! w ← (1 − η·λ)·w − η·d, with learning rate η and weight decay λ: the decay comes last and is decoupled from the chain
//! (Loshchilov & Hutter 2019, Algorithm 1). Without transforms that is the gradient of the loss with its penalty ½·λ·‖w‖².

mod clip;
mod momentum;

use candle_core::Result;

use crate::kernels::update::minus_scaled;
use crate::nn::Params;
use crate::spec::{Train, Transform};

/// One link of the chain.
trait Link {
    /// The tensors that it remembers from step to step, before the first.
    fn initial(&self, _params: &Params) -> Result<Params> {
        Ok(Params::default())
    }

    /// The direction after it, from the direction before it; `state` holds what it remembers.
    fn apply(&self, state: &mut Params, params: &Params, direction: Params) -> Result<Params>;
}

fn link(transform: &Transform) -> &dyn Link {
    match transform {
        Transform::Clip(clip) => clip,
        Transform::Momentum(momentum) => momentum,
    }
}

/// The state before the first step: the tensors that the chain remembers, by name.
///
/// # Errors
/// If a tensor cannot be made.
pub fn initial(train: &Train, params: &Params) -> Result<Params> {
    let mut state = Params::default();
    for transform in &train.transforms {
        state.extend(link(transform).initial(params)?);
    }
    Ok(state)
}

/// The parameters and the state after one step.
///
/// # Errors
/// If a parameter has no gradient.
pub fn step(train: &Train, state: &Params, params: &Params, gradients: &Params) -> Result<(Params, Params)> {
    let (direction, state) = transformed(train, state, params, gradients)?;
    let keep = 1.0 - train.learning_rate * train.weight_decay;
    let after = params.map(|name, parameter| {
        let kept = if keep == 1.0 { parameter.clone() } else { parameter.affine(keep, 0.0)? };
        minus_scaled(&kept, direction.get(name)?, train.learning_rate)
    })?;
    Ok((after, state))
}

/// The direction that a [`step`] goes down, d + λ·w.
///
/// # Errors
/// If a parameter has no gradient.
pub fn direction(train: &Train, state: &Params, params: &Params, gradients: &Params) -> Result<Params> {
    let (direction, _) = transformed(train, state, params, gradients)?;
    if train.weight_decay == 0.0 { Ok(direction) } else { direction.moved(params, train.weight_decay) }
}

/// The end of the chain, and the state after it.
fn transformed(train: &Train, state: &Params, params: &Params, gradients: &Params) -> Result<(Params, Params)> {
    let (mut direction, mut state) = (gradients.clone(), state.clone());
    for transform in &train.transforms {
        direction = link(transform).apply(&mut state, params, direction)?;
    }
    Ok((direction, state))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;
    use crate::spec::{Clip, Momentum, Spec};

    fn params(values: [f64; 2]) -> Params {
        let tensor = Tensor::new(&values, &Device::Cpu).unwrap();
        [("w".to_string(), tensor)].into_iter().collect()
    }

    fn numbers(params: &Params) -> Vec<f64> {
        params.get("w").unwrap().to_vec1().unwrap()
    }

    fn train(transforms: Vec<Transform>) -> Train {
        Train { learning_rate: 0.5, transforms, ..Spec::default().train }
    }

    #[test]
    fn a_step_goes_down_the_gradient_and_decays_every_weight() {
        let (weights, gradients, none) = (params([1.0, -2.0]), params([0.2, 0.4]), Params::default());
        let mut train = train(Vec::new());
        let stepped = |train: &Train| step(train, &none, &weights, &gradients).unwrap().0;
        assert_eq!(numbers(&stepped(&train)), [0.9, -2.2]);
        train.weight_decay = 0.1;
        assert_eq!(numbers(&stepped(&train)), [1.0 * 0.95 - 0.1, -2.0 * 0.95 - 0.2]);
    }

    /// By hand, with ‖(0.6, 0.8)‖ = 1 and ‖(3, 4)‖ = 5; β = ½ gives v₁ = g₁ and v₂ = ½·v₁ + g₂ (PyTorch's SGD without
    /// dampening).
    #[test]
    fn a_chain_clips_and_remembers_by_hand() {
        let clip = Transform::Clip(Clip { norm: 1.0 });
        let momentum = Transform::Momentum(Momentum { beta: 0.5 });
        let train = train(vec![clip, momentum]);
        let state = initial(&train, &params([0.0, 0.0])).unwrap();
        let (first, state) = step(&train, &state, &params([0.0, 0.0]), &params([3.0, 4.0])).unwrap();
        let (second, _) = step(&train, &state, &first, &params([0.6, -0.8])).unwrap();
        let close = |found: &Params, want: [f64; 2]| {
            numbers(found).iter().zip(want).for_each(|(found, want)| assert!((found - want).abs() < 1e-15, "{found}"));
        };
        close(&first, [-0.3, -0.4]);
        close(&second, [-0.3 - 0.5 * (0.3 + 0.6), -0.4 - 0.5 * (0.4 - 0.8)]);
    }

    #[test]
    fn the_direction_is_that_of_the_step_with_every_transform() {
        let transforms = [Transform::Clip(Clip { norm: 0.1 }), Transform::Momentum(Momentum { beta: 0.9 })];
        for transforms in [&transforms[..], &[]] {
            let train = Train { weight_decay: 0.1, ..train(transforms.to_vec()) };
            let weights = params([1.0, -2.0]);
            let state = initial(&train, &weights).unwrap();
            let state = step(&train, &state, &weights, &params([-1.0, 0.3])).unwrap().1;
            let gradients = params([0.2, 0.4]);
            let after = step(&train, &state, &weights, &gradients).unwrap().0;
            let down = direction(&train, &state, &weights, &gradients).unwrap();
            let gone_down = weights.moved(&down, -train.learning_rate).unwrap();
            assert!(gone_down.distance(&after).unwrap() < 1e-15);
        }
    }
}
