//! The paths of a network agree, and so do the two ways back through it.

use candle_core::{DType, Device, Tensor};
use whybn::nn::{self, At, Implementation, Mode, Network, NoiseKey, Params, StatisticsMode, StepResult};
use whybn::spec::{
    Architecture, DeepLinear, Init, Loss, Model, Noise, NoisePlace, NoisyLayers, Norm, NormDivisor, Redraw, ShiftUnit,
    Vgg16,
};

fn model(norm: Option<Norm>, noise: bool, head: &[usize]) -> Vgg16 {
    Vgg16 {
        width_divisor: 8,
        head: head.to_vec(),
        norm,
        noise: if noise { Some(Noise::default()) } else { None },
        init: Init::HeNormal,
    }
}

fn network(model: &Vgg16, implementation: Implementation) -> Network {
    nn::network(&Model::Vgg16(model.clone()), Loss::CrossEntropy, implementation, &[3, 32, 32], 10)
}

fn minibatch(n: usize) -> (Tensor, Tensor) {
    // The last term breaks the period: among equal values the largest is not one, and its gradient not defined.
    let value = |i: usize| (i * 7919 % 2003) as f32 / 1001.0 - 1.0 + i as f32 * 1e-6;
    let values: Vec<f32> = (0..n * 3 * 32 * 32).map(value).collect();
    let labels: Vec<u32> = (0..n as u32).map(|i| i * 3 % 10).collect();
    let images = Tensor::from_vec(values, (n, 3, 32, 32), &Device::Cpu).unwrap();
    (images, Tensor::from_vec(labels, n, &Device::Cpu).unwrap())
}

const TRAINING: Mode =
    Mode { statistics: StatisticsMode::Batch, noise: Some(NoiseKey { seed: 3, purpose: "noise", step: 5 }) };

/// Largest difference of two sets of tensors, relative to each tensor's own largest value.
fn largest_difference(a: &Params, b: &Params) -> f64 {
    let mut largest = 0f64;
    for (name, tensor) in a.iter() {
        let (x, y) = (flat(tensor), flat(b.get(name).unwrap()));
        let size = x.iter().fold(1e-30f64, |size, value| size.max(value.abs()));
        for (x, y) in x.iter().zip(&y) {
            largest = largest.max((x - y).abs() / size);
        }
    }
    largest
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn step(model: &Vgg16, implementation: Implementation, dtype: DType, autograd: bool, mode: Mode) -> StepResult {
    let (params, buffers) = network(model, implementation).init(1, DType::F32, &Device::Cpu).unwrap();
    step_of(model, implementation, dtype, autograd, mode, (params, buffers))
}

/// From given parameters and running statistics.
fn step_of(
    model: &Vgg16,
    implementation: Implementation,
    dtype: DType,
    autograd: bool,
    mode: Mode,
    (params, buffers): (Params, Params),
) -> StepResult {
    let network = network(model, implementation);
    let cast = |params: &Params| params.map(|_, tensor| tensor.to_dtype(dtype)).unwrap();
    let (params, buffers) = (cast(&params), cast(&buffers));
    let (images, labels) = minibatch(8);
    let input = network.enter(&images.to_dtype(dtype).unwrap()).unwrap();
    let at = At { params: &params, buffers: &buffers, mode };
    let walk = network.loss_and_gradients(at, &input, &labels).unwrap();
    if autograd { by_autograd(&network, at, &input, &labels, walk) } else { walk }
}

/// `walk` with loss and gradients by Candle's `backward()` through the whole graph.
fn by_autograd(network: &Network, at: At, input: &Tensor, labels: &Tensor, walk: StepResult) -> StepResult {
    let tracked = at.params.tracked().unwrap();
    let logits = network.forward(At { params: &tracked, ..at }, input).unwrap();
    let loss = candle_nn::loss::cross_entropy(&logits, labels).unwrap();
    let gradients = tracked.gradients(&loss.backward().unwrap()).unwrap();
    StepResult { loss: flat(&loss)[0], gradients, ..walk }
}

/// The walk back in f32 kernels against autograd through Candle's own operations in f64.
///
/// Tolerance: at thirteen layers a relative rounding of 2⁻²⁴ is amplified by normalisation and by ReLUs whose input
/// changes sign; 1e-3 of a tensor's largest gradient is a hundred times what is seen and a hundredth of a wrong term.
#[test]
fn the_fast_path_agrees_with_the_plain_path() {
    let noises = [(None, false), (None, true), (Some(Norm::BATCH), false), (Some(Norm::BATCH), true)];
    for (norm, noise) in noises.into_iter().chain([
        (Some(Norm::by(NormDivisor::L1)), true),
        (Some(Norm::by(NormDivisor::L2)), false),
        (Some(Norm::by(NormDivisor::LinfMatched)), false),
    ]) {
        for head in [&[][..], &[24]].into_iter().take(if matches!(norm, None | Some(Norm::BATCH)) { 2 } else { 1 }) {
            let model = model(norm, noise, head);
            let fast = step(&model, Implementation::Fast, DType::F32, false, TRAINING);
            let plain = step(&model, Implementation::Plain, DType::F64, false, TRAINING);
            let difference = largest_difference(&plain.gradients, &fast.gradients);
            println!("{norm:?} noise {noise} head {head:?}: loss {} {}, {difference:.1e}", plain.loss, fast.loss);
            assert!((plain.loss - fast.loss).abs() < 1e-4 * plain.loss, "{norm:?} {noise}");
            assert!(difference < 1e-3, "{norm:?} {noise}: {difference}");
            assert!(largest_difference(&plain.buffers, &fast.buffers) < 1e-4);
            assert_eq!(plain.gradients.iter().count(), fast.gradients.iter().count());
        }
    }
}

/// The variants of the noise whose arithmetic differs, by name.
fn variants() -> [(&'static str, Noise); 3] {
    let paper = Noise::default();
    [
        ("before the normalisation", Noise { place: NoisePlace::BeforeNorm, ..paper }),
        ("in own units", Noise { unit: ShiftUnit::OwnSd, ..paper }),
        (
            "before the normalisation in own units, all but the last",
            Noise { place: NoisePlace::BeforeNorm, unit: ShiftUnit::OwnSd, layers: NoisyLayers::AllButLast, ..paper },
        ),
    ]
}

fn with_noise(norm: Option<Norm>, constants: Noise) -> Vgg16 {
    Vgg16 { noise: Some(constants), ..model(norm, true, &[]) }
}

/// As above, with the noise elsewhere and in other units; the deviation that makes the unit is a constant of both.
#[test]
fn the_paths_agree_on_every_variant_of_the_noise() {
    for norm in [None, Some(Norm::BATCH)] {
        for (name, constants) in variants() {
            let model = with_noise(norm, constants);
            let fast = step(&model, Implementation::Fast, DType::F32, false, TRAINING);
            let plain = step(&model, Implementation::Plain, DType::F64, false, TRAINING);
            let graph = step(&model, Implementation::Fast, DType::F32, true, TRAINING);
            let difference = largest_difference(&plain.gradients, &fast.gradients);
            println!("{norm:?} noise {name}: loss {} {}, {difference:.1e}", plain.loss, fast.loss);
            assert!((plain.loss - fast.loss).abs() < 1e-4 * plain.loss, "{norm:?} {name}");
            assert!(difference < 1e-3, "{norm:?} {name}: {difference}");
            assert!(largest_difference(&plain.buffers, &fast.buffers) < 1e-4);
            assert!(largest_difference(&fast.gradients, &graph.gradients) < 1e-5, "{norm:?} {name}");
        }
    }
}

/// Under running statistics, as in an evaluation.
#[test]
fn the_paths_agree_on_noise_in_own_units_under_running_statistics() {
    let mode = Mode { statistics: StatisticsMode::Running, ..TRAINING };
    let model = with_noise(Some(Norm::BATCH), Noise { unit: ShiftUnit::OwnSd, ..Default::default() });
    let fast = step(&model, Implementation::Fast, DType::F32, false, mode);
    let plain = step(&model, Implementation::Plain, DType::F64, false, mode);
    assert!((plain.loss - fast.loss).abs() < 1e-4 * plain.loss, "{} {}", plain.loss, fast.loss);
}

/// The walk and Candle's `backward()` use the same kernels: the same bits, but for sums that autograd starts at zero.
#[test]
fn the_walk_back_is_what_autograd_does() {
    for (norm, noise) in [(None, false), (Some(Norm::BATCH), true)] {
        let model = model(norm, noise, &[24]);
        let walk = step(&model, Implementation::Fast, DType::F32, false, TRAINING);
        let graph = step(&model, Implementation::Fast, DType::F32, true, TRAINING);
        assert!((walk.loss - graph.loss).abs() < 1e-6);
        let difference = largest_difference(&walk.gradients, &graph.gradients);
        assert!(difference < 1e-5, "{norm:?} {noise}: {difference}");
    }
}

/// Every parameter's gradient in f64 against central differences of the loss, on the plain implementation.
///
/// With a step of 1e-6 the error of a central difference is about 1e-10 of the loss over the step, 1e-5 of a gradient
/// of size 1; ReLU and pooling have kinks, hence the few values drawn.
#[test]
fn gradients_agree_with_finite_differences() {
    let before = Noise { place: NoisePlace::BeforeNorm, ..Default::default() };
    let narrow = Vgg16 { width_divisor: 32, ..with_noise(Some(Norm::BATCH), before) };
    let models = [model(None, true, &[12]), model(Some(Norm::BATCH), true, &[12]), narrow];
    for model in models {
        let norm = model.norm;
        let network = network(&model, Implementation::Plain);
        let (params, buffers) = network.init(2, DType::F64, &Device::Cpu).unwrap();
        let (images, labels) = minibatch(4);
        let input = images.to_dtype(DType::F64).unwrap();
        let run = |params: &Params| {
            let at = At { params, buffers: &buffers, mode: TRAINING };
            network.loss_and_gradients(at, &input, &labels).unwrap()
        };
        let analytic = run(&params).gradients;
        for (name, tensor) in params.iter() {
            let values = flat(tensor);
            let index = values.len() / 2;
            let moved = |by: f64| {
                let mut values = values.clone();
                values[index] += by;
                let mut params = params.clone();
                params.insert(name.clone(), Tensor::from_vec(values, tensor.dims(), &Device::Cpu).unwrap());
                run(&params).loss
            };
            let numeric = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            let gradient = flat(analytic.get(name).unwrap())[index];
            assert!(
                (numeric - gradient).abs() < 1e-6 + 1e-4 * gradient.abs(),
                "{norm:?} {name}: {numeric} by differences, {gradient} by backward"
            );
        }
    }
}

/// Counted by hand: Σ 9·c_in·c_out over the thirteen convolutions, c_out for each bias (or 2·c_out for γ and β),
/// and the head's weights and biases.
#[test]
fn parameter_counts() {
    let count = |divisor: usize, norm: Option<Norm>, head: &[usize]| {
        let model = Vgg16 { width_divisor: divisor, ..model(norm, false, head) };
        network(&model, Implementation::Plain).init(0, DType::F32, &Device::Cpu).unwrap().0.count()
    };
    // torchvision's vgg16_bn().features has 14,723,136 parameters, 4,224 of them biases under BatchNorm, which we leave out.
    assert_eq!(count(1, Some(Norm::BATCH), &[]), 14_723_136 - 4_224 + 512 * 10 + 10);
    assert_eq!(count(1, None, &[]), 14_714_688 + 512 * 10 + 10);
    // 9·25,560 weights of convolutions, 528 biases, 64·10 + 10 in the head.
    assert_eq!(count(8, None, &[]), 9 * 25_560 + 528 + 650);
}

/// A specification is refused by its size before the network is made: biases, γ, β and the first layer are all that the
/// reckoning may leave out or add.
#[test]
fn weights_are_reckoned_without_making_them() {
    let reckoned = |model: &dyn Architecture, made: usize| {
        let weights = model.weights();
        assert!((weights / made as f64 - 1.0).abs() < 0.05, "{weights} for {made}");
    };
    for (divisor, head) in [(8, &[][..]), (8, &[300, 200]), (4, &[])] {
        let model = Vgg16 { width_divisor: divisor, ..model(None, false, head) };
        let (params, _) = network(&model, Implementation::Plain).init(0, DType::F32, &Device::Cpu).unwrap();
        reckoned(&model, params.count());
    }
    let model = DeepLinear { depth: 5, width: 20, norm: None, init: Init::default() };
    let network =
        nn::network(&Model::DeepLinear(model.clone()), Loss::HalfSquaredErrorSum, Implementation::Plain, &[10], 10);
    reckoned(&model, network.init(0, DType::F32, &Device::Cpu).unwrap().0.count());
}

#[test]
fn noise_is_redrawn_or_held_and_off_in_evaluation() {
    let with = |redraw, noise_mode| {
        let mut model = model(Some(Norm::BATCH), true, &[]);
        model.noise = Some(Noise { redraw, scale_jitter: 0.0, shift_jitter: 0.0, ..Default::default() });
        let mode = Mode { statistics: StatisticsMode::Batch, noise: noise_mode };
        step(&model, Implementation::Fast, DType::F32, false, mode).loss
    };
    let on = |step| Some(NoiseKey { seed: 3, purpose: "noise", step });
    assert_ne!(with(Redraw::Step, on(1)), with(Redraw::Step, on(2)));
    assert_eq!(with(Redraw::Step, on(1)), with(Redraw::Step, on(1)));
    assert_eq!(with(Redraw::Once, on(1)), with(Redraw::Once, on(2)));
    assert_ne!(with(Redraw::Once, on(1)), with(Redraw::Once, None));
    assert_eq!(with(Redraw::Step, None), with(Redraw::Once, None));
}

/// A weight that is not a number makes a loss that is not one either, through ReLUs, pooling and a hidden layer: a network that
/// diverged must not look well.
#[test]
fn what_is_no_number_reaches_the_loss() {
    let model = model(None, false, &[24]);
    for implementation in [Implementation::Fast, Implementation::Plain] {
        let (params, buffers) = network(&model, implementation).init(1, DType::F32, &Device::Cpu).unwrap();
        let broken = params.map(|name, tensor| match name {
            "conv1.weight" => tensor.affine(f64::NAN, 0.0),
            _ => Ok(tensor.clone()),
        });
        let result = step_of(&model, implementation, DType::F32, false, TRAINING, (broken.unwrap(), buffers));
        assert!(!result.loss.is_finite(), "{implementation:?}: {}", result.loss);
    }
}
