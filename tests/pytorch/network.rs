//! VGG-16 with and without batch normalisation: logits, loss, the gradient of every parameter, running statistics.

use candle_core::{DType, Device, Tensor};
use whybn::nn::{self, At, Implementation, Mode, Network, Params, StatisticsMode, StepResult};
use whybn::spec::{Init, Loss, Model, Norm, Vgg16};

use super::golden::{IMPLEMENTATIONS, assert_close, flat, golden, hashed};

/// Roundings that the network may be off by, relative to the largest of the compared values.
///
/// A block's ten roundings of its values, added at random over thirteen blocks, are about √13 · 10 = 36. Normalisation
/// by a batch's moments lets an error grow by about √1.46 = 1.21 a block (Yang et al. 2019), by 12 over thirteen.
/// Together 430; a thousand are allowed.
///
/// They change no ReLU's side: the script refuses inputs that are nearer to zero than 2e-6 standard deviations, and the
/// nearest are in layer 2, where few roundings (of 6e-8) have gathered.
const NETWORK_ROUNDINGS: f64 = 1000.0;

/// `parameters` in the script, for the names and shapes of a network's own.
fn hashed_parameters(network: &Network, dtype: DType) -> Params {
    let (initial, _) = network.init(0, dtype, &Device::Cpu).unwrap();
    let hashed = |name: &str, initial: &Tensor| {
        let (factor, mean) = match (name.starts_with("norm"), name.ends_with("weight")) {
            (true, true) => (0.25, 1.0),
            (_, false) => (0.125, 0.0),
            (false, true) => {
                let fan_in: usize = initial.dims()[1..].iter().product();
                ((6.0 / fan_in as f64).sqrt().log2().round().exp2(), 0.0)
            }
        };
        hashed(name, initial.dims()).affine(factor, mean)?.to_dtype(dtype)
    };
    initial.map(hashed).unwrap()
}

/// `summary` in the script: four values, the norm, and the sums times three hashed tensors.
fn summary(name: &str, gradient: &Tensor) -> Vec<f64> {
    let gradient = flat(gradient);
    let dot = |other: &[f64]| gradient.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
    let values = (0..4).map(|k| gradient[k * gradient.len() / 4]);
    let sums = (0..3).map(|k| dot(&flat(&hashed(&format!("{name} {k}"), &[gradient.len()]))));
    values.chain([dot(&gradient).sqrt()]).chain(sums).collect()
}

/// `networks` in the script: VGG-16 at a sixteenth of its width with a hidden layer, on eight images.
struct NetworkCase {
    network: Network,
    dtype: DType,
    params: Params,
}

impl NetworkCase {
    fn new(norm: Option<Norm>, implementation: Implementation, dtype: DType) -> Self {
        let (head, init) = (vec![24], Init::HeNormal);
        let model = Vgg16 { width_divisor: 16, head, norm, init, ..Vgg16::default() };
        let network = nn::network(&Model::Vgg16(model), Loss::CrossEntropy, implementation, &[3, 32, 32], 10);
        let params = hashed_parameters(&network, dtype);
        NetworkCase { network, dtype, params }
    }

    fn initial_buffers(&self) -> Params {
        self.network.init(0, self.dtype, &Device::Cpu).unwrap().1
    }

    fn input(&self, which: &str) -> Tensor {
        let images = hashed(&format!("images {which}"), &[8, 3, 32, 32]).to_dtype(self.dtype).unwrap();
        self.network.enter(&images).unwrap()
    }

    fn step(&self, buffers: &Params, statistics: StatisticsMode, which: &str) -> StepResult {
        let labels = Tensor::from_iter((0..8u32).map(|i| i * 3 % 10), &Device::Cpu).unwrap();
        let mode = Mode { statistics, noise: None };
        let at = At { params: &self.params, buffers, mode };
        self.network.loss_and_gradients(at, &self.input(which), &labels).unwrap()
    }

    /// Logits, loss and every gradient of the images "second" against PyTorch's.
    fn check(&self, case: &str, buffers: &Params, statistics: StatisticsMode, tolerance: f64) {
        let golden = golden();
        let label = |what: &str| format!("{:?} {case} {what}", self.dtype);
        let mode = Mode { statistics, noise: None };
        let at = At { params: &self.params, buffers, mode };
        let logits = self.network.forward(at, &self.input("second")).unwrap();
        assert_close(&label("logits"), &logits, &golden[&format!("network.{case}.logits")], tolerance);
        let result = self.step(buffers, statistics, "second");
        let loss = Tensor::new(result.loss, &Device::Cpu).unwrap();
        assert_close(&label("loss"), &loss, &golden[&format!("network.{case}.loss")], tolerance);
        for (name, gradient) in result.gradients.iter() {
            let got = Tensor::new(summary(name, gradient), &Device::Cpu).unwrap();
            assert_close(&label(name), &got, &golden[&format!("network.{case}.{name}")], tolerance);
        }
        let prefix = format!("network.{case}.");
        let in_golden = golden.keys().filter(|name| name.starts_with(&prefix)).count();
        assert_eq!(in_golden, 2 + result.gradients.iter().count(), "every gradient of PyTorch is compared");
    }
}

#[test]
fn vgg16_without_normalisation() {
    for (implementation, dtype, roundoff) in IMPLEMENTATIONS {
        let case = NetworkCase::new(None, implementation, dtype);
        case.check("plain", &case.initial_buffers(), StatisticsMode::Batch, NETWORK_ROUNDINGS * roundoff);
    }
}

/// Running statistics after two batches, then the gradients of training and of evaluation mode.
#[test]
fn vgg16_with_batch_normalisation() {
    let golden = golden();
    for (implementation, dtype, roundoff) in IMPLEMENTATIONS {
        let case = NetworkCase::new(Some(Norm::BATCH), implementation, dtype);
        let first = case.step(&case.initial_buffers(), StatisticsMode::Batch, "first").buffers;
        let second = case.step(&first, StatisticsMode::Batch, "second").buffers;
        for (name, got) in second.iter() {
            let want = &golden[&format!("network.{name}")];
            assert_close(&format!("{implementation:?} {name}"), got, want, NETWORK_ROUNDINGS * roundoff);
        }
        case.check("batch", &first, StatisticsMode::Batch, NETWORK_ROUNDINGS * roundoff);
        case.check("running", &second, StatisticsMode::Running, NETWORK_ROUNDINGS * roundoff);
    }
}
