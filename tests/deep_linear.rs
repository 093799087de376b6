//! The deep linear network: its paths agree, its gradients are what differences say, and a trial of it is a pure function.

use candle_core::{DType, Device, Tensor};
use whybn::data;
use whybn::nn::{self, At, Implementation, Mode, Network, Params, StatisticsMode, StepResult};
use whybn::spec::{DataName, DeepLinear, Init, Loss, Model, Norm, NormDivisor};

const NORMS: [Option<Norm>; 7] = [
    None,
    Some(Norm::BATCH),
    Some(Norm::by(NormDivisor::L1)),
    Some(Norm::by(NormDivisor::L2)),
    Some(Norm::by(NormDivisor::Linf)),
    Some(Norm::by(NormDivisor::L1Matched)),
    Some(Norm::by(NormDivisor::LinfMatched)),
];

const TRAINING: Mode = Mode { statistics: StatisticsMode::Batch, noise: None };
const RUNNING: Mode = Mode { statistics: StatisticsMode::Running, noise: None };

fn network(norm: Option<Norm>, depth: usize, width: usize, implementation: Implementation) -> Network {
    let model = Model::DeepLinear(DeepLinear { depth, width, norm, init: Init::default() });
    nn::network(&model, Loss::HalfSquaredErrorSum, implementation, &[10], 10)
}

fn examples(n: usize, dtype: DType) -> (Tensor, Tensor) {
    let data = data::load(DataName::GaussianRegression, None).unwrap();
    data.examples(1).unwrap().batch(&(0..n).collect::<Vec<_>>(), dtype, &Device::Cpu).unwrap()
}

/// Parameters away from their initial values, so that nothing is hidden by γ = 1 and β = 0.
fn params(network: &Network, dtype: DType) -> (Params, Params) {
    let (params, buffers) = network.init(1, DType::F64, &Device::Cpu).unwrap();
    let moved = |of: &Params, by: f64| {
        of.map(|_, tensor| {
            let values: Vec<f64> = tensor.flatten_all()?.to_vec1()?;
            let values: Vec<f64> =
                values.iter().enumerate().map(|(i, value)| value + by * ((i * 7 + 3) as f64).sin()).collect();
            Tensor::from_vec(values, tensor.dims(), &Device::Cpu)?.to_dtype(dtype)
        })
    };
    (moved(&params, 0.3).unwrap(), moved(&buffers, 0.3).unwrap())
}

fn step(norm: Option<Norm>, implementation: Implementation, dtype: DType, mode: Mode, n: usize) -> StepResult {
    let network = network(norm, 4, 7, implementation);
    let ((params, buffers), (x, target)) = (params(&network, dtype), examples(n, dtype));
    network
        .loss_and_gradients(At { params: &params, buffers: &buffers, mode }, &network.enter(&x).unwrap(), &target)
        .unwrap()
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Largest difference of two sets of tensors, relative to the largest value of all: the gradient of a β before another
/// normalisation is nothing but rounding.
fn largest_difference(a: &Params, b: &Params) -> f64 {
    let pairs = || a.iter().flat_map(|(name, tensor)| flat(tensor).into_iter().zip(flat(b.get(name).unwrap())));
    pairs().fold(0f64, |largest, (a, b)| largest.max((a - b).abs())) / largest(a)
}

fn largest(of: &Params) -> f64 {
    of.iter().flat_map(|(_, tensor)| flat(tensor)).fold(1e-30f64, |largest, value| largest.max(value.abs()))
}

/// 37 samples: two whole blocks of the loops and a rest.
#[test]
fn the_fast_path_agrees_with_candles_operations() {
    for (norm, mode) in NORMS.into_iter().flat_map(|norm| [(norm, TRAINING), (norm, RUNNING)]) {
        for (dtype, tolerance) in [(DType::F64, 1e-11), (DType::F32, 2e-4)] {
            let plain = step(norm, Implementation::Plain, DType::F64, mode, 37);
            let fast = step(norm, Implementation::Fast, dtype, mode, 37);
            let difference = largest_difference(&plain.gradients, &fast.gradients);
            assert!(difference < tolerance, "{norm:?} {:?} {dtype:?}: {difference}", mode.statistics);
            assert!((fast.loss / plain.loss - 1.0).abs() < tolerance, "{norm:?}");
            assert!(largest_difference(&plain.buffers, &fast.buffers) < tolerance, "{norm:?}");
            assert_eq!(plain.gradients.iter().count(), fast.gradients.iter().count());
        }
    }
}

#[test]
fn gradients_are_what_differences_say() {
    for norm in NORMS {
        let network = network(norm, 3, 4, Implementation::Fast);
        let ((params, buffers), (x, target)) = (params(&network, DType::F64), examples(21, DType::F64));
        let x = network.enter(&x).unwrap();
        let loss = |params: &Params| {
            let at = At { params, buffers: &buffers, mode: TRAINING };
            network.loss_and_gradients(at, &x, &target).unwrap()
        };
        let gradients = loss(&params).gradients;
        let size = largest(&gradients);
        for (name, tensor) in params.iter() {
            let (values, gradient) = (flat(tensor), flat(gradients.get(name).unwrap()));
            for index in 0..values.len() {
                let moved = |by: f64| {
                    let (mut params, mut values) = (params.clone(), values.clone());
                    values[index] += by;
                    params.insert(name.clone(), Tensor::from_vec(values, tensor.dims(), &Device::Cpu).unwrap());
                    loss(&params).loss
                };
                let difference = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                assert!((gradient[index] - difference).abs() < 1e-6 * size, "{norm:?} {name} {index}: {difference}");
            }
        }
    }
}

/// Without normalisation the network is the product of its weights, and the loss a half sum.
#[test]
fn the_standard_network_is_a_product_of_matrices() {
    let network = network(None, 3, 5, Implementation::Fast);
    let ((params, buffers), (x, target)) = (params(&network, DType::F64), examples(9, DType::F64));
    let weight = |layer: usize| params.get(&format!("linear{layer}.weight")).unwrap().clone();
    let product = weight(3).matmul(&weight(2)).unwrap().matmul(&weight(1)).unwrap();
    let want = x.matmul(&product.t().unwrap()).unwrap();
    let input = network.enter(&x).unwrap();
    let got = network.forward(At { params: &params, buffers: &buffers, mode: TRAINING }, &input).unwrap();
    assert!(flat(&got).iter().zip(flat(&want)).all(|(got, want)| (got - want).abs() < 1e-13));
    let errors: f64 = flat(&want).iter().zip(flat(&target)).map(|(f, t)| (f - t).powi(2)).sum();
    let result =
        network.loss_and_gradients(At { params: &params, buffers: &buffers, mode: TRAINING }, &input, &target).unwrap();
    assert!((result.loss / (0.5 * errors) - 1.0).abs() < 1e-14);
    assert_eq!(result.accuracy, None);
}

/// ŷ of each unit has mean β and, under BatchNorm, deviation γ (but for ε).
#[test]
fn a_layer_is_normalised_over_the_batch() {
    let network = network(Some(Norm::BATCH), 2, 6, Implementation::Fast);
    let ((params, buffers), (x, target)) = (params(&network, DType::F64), examples(50, DType::F64));
    let input = network.enter(&x).unwrap();
    let result =
        network.loss_and_gradients(At { params: &params, buffers: &buffers, mode: TRAINING }, &input, &target).unwrap();
    let output = result.pass("linear1").unwrap().output.to_vec2::<f64>().unwrap();
    let [gamma, beta] = ["norm1.weight", "norm1.bias"].map(|name| flat(params.get(name).unwrap()));
    for (unit, values) in output.iter().enumerate() {
        let mean = values.iter().sum::<f64>() / 50.0;
        let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 50.0).sqrt();
        assert!((mean - beta[unit]).abs() < 1e-12);
        assert!((deviation - gamma[unit].abs()).abs() < 1e-4, "{deviation} {}", gamma[unit]);
    }
    let last: Vec<String> = network.layers()[1].parameters().into_iter().map(|parameter| parameter.name).collect();
    assert_eq!(last, ["linear2.weight"]);
}
