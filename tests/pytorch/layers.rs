//! Convolution, pooling, batch normalisation and noise, each with its gradients.

use candle_core::{DType, Device, Tensor, Var};
use whybn::kernels::divisor::Divisor;
use whybn::kernels::fused::{Fused, Normalise};
use whybn::kernels::layout::{from_grouped, to_grouped};
use whybn::kernels::noise::Jitter;
use whybn::nn::{At, Block, Convolution, Epilogue, Implementation, Mode, NormLayer, Params, StatisticsMode, max_pool2};
use whybn::spec::Norm;

use super::golden::{IMPLEMENTATIONS, assert_close, difference, golden, hashed};

/// Roundings that a layer may be off by, relative to the largest value of the tensor.
///
/// A value is made by ten operations or fewer and a sum of at most 105 products (a channel of three images of 5×7),
/// whose roundings add up to about √105: a hundred roundings.
const LAYER_ROUNDINGS: f64 = 100.0;

fn variable(values: Tensor, dtype: DType) -> Var {
    Var::from_tensor(&values.to_dtype(dtype).unwrap()).unwrap()
}

/// The gradients of `arguments` of the sum of `output` times hashed("upstream").
fn gradients(output: &Tensor, arguments: &[&Var]) -> Vec<Tensor> {
    let upstream = hashed("upstream", output.dims()).to_dtype(output.dtype()).unwrap();
    let store = (output * upstream).unwrap().sum_all().unwrap().backward().unwrap();
    arguments.iter().map(|argument| store.get(argument).unwrap().clone()).collect()
}

fn enter(implementation: Implementation, nchw: &Tensor) -> Tensor {
    if implementation == Implementation::Fast { to_grouped(nchw).unwrap() } else { nchw.clone() }
}

fn leave(implementation: Implementation, maps: &Tensor, channels: usize) -> Tensor {
    if implementation == Implementation::Fast { from_grouped(maps, channels).unwrap() } else { maps.clone() }
}

const NO_NOISE: Mode = Mode { statistics: StatisticsMode::Batch, noise: None };

/// `convolutions` in the script.
#[test]
fn convolution() {
    let golden = golden();
    for (implementation, dtype, roundoff) in IMPLEMENTATIONS {
        for (case, [n, c_in, c_out, h, w]) in [("large", [2, 9, 11, 5, 7]), ("small", [3, 3, 4, 2, 2])] {
            let x = variable(hashed("x", &[n, c_in, h, w]), dtype);
            let weight = variable(hashed("weight", &[c_out, c_in, 3, 3]), dtype);
            let params = Params::from_iter([("conv1.weight".to_string(), weight.as_tensor().clone())]);
            let name = "conv1".to_string();
            let conv = Convolution { name, in_channels: c_in, out_channels: c_out, implementation };
            let at = At { params: &params, buffers: &Params::default(), mode: NO_NOISE };
            let y = leave(implementation, &conv.forward(at, &enter(implementation, &x)).unwrap().output, c_out);
            let grads = gradients(&y, &[&x, &weight]);
            for (part, got) in [("y", &y), ("grad_x", &grads[0]), ("grad_weight", &grads[1])] {
                let name = format!("conv.{case}.{part}");
                assert_close(&format!("{implementation:?} {name}"), got, &golden[&name], LAYER_ROUNDINGS * roundoff);
            }
        }
    }
}

/// `poolings` in the script; nothing is rounded.
///
/// Of equal values in a window PyTorch gives the gradient to the first, and so do both implementations.
#[test]
fn max_pooling() {
    let golden = golden();
    for (case, shape) in [("even", [1, 9, 4, 6]), ("odd", [2, 3, 5, 7]), ("ties", [1, 9, 4, 6])] {
        let x = (hashed("x", &shape) + 1.0).unwrap();
        let x = if case == "ties" { x.round().unwrap() } else { x };
        let kernel = |x: &Tensor| {
            let fused = Fused { normalise: Normalise::nothing(shape[1]), noise: None, pool: true };
            let bias = Tensor::zeros(shape[1], DType::F32, &Device::Cpu).unwrap();
            from_grouped(&fused.forward(&to_grouped(x).unwrap(), (None, &bias)).unwrap().0, shape[1]).unwrap()
        };
        for (implementation, dtype, _) in IMPLEMENTATIONS {
            let x = variable(x.clone(), dtype);
            let z = if implementation == Implementation::Fast { kernel(&x) } else { max_pool2(&x).unwrap() };
            assert_close(&format!("{implementation:?} {case} z"), &z, &golden[&format!("pool.{case}.z")], 0.0);
            let (label, grad) = (format!("{implementation:?} {case} grad"), &gradients(&z, &[&x])[0]);
            assert_close(&label, grad, &golden[&format!("pool.{case}.grad_x")], 0.0);
        }
    }
}

/// Why [`max_pool2`] exists. When this fails Candle has been mended, and its own pooling can take over.
#[test]
fn the_max_pooling_of_candle_has_a_wrong_gradient() {
    let golden = golden();
    for (case, shape) in [("even", [1, 9, 4, 6]), ("odd", [2, 3, 5, 7])] {
        let x = variable((hashed("x", &shape) + 1.0).unwrap(), DType::F64);
        let z = x.max_pool2d(2).unwrap();
        assert_eq!(difference(&z, &golden[&format!("pool.{case}.z")]), 0.0);
        let difference = difference(&gradients(&z, &[&x])[0], &golden[&format!("pool.{case}.grad_x")]);
        // A quarter of the gradient; on odd sides some of it is lost altogether.
        assert!(difference >= 0.75, "{case}: {difference}");
    }
}

/// The arguments of `blocks` in the script.
struct BlockCase {
    y: Var,
    gamma: Var,
    beta: Var,
}

impl BlockCase {
    const CHANNELS: usize = 9;

    fn new(dtype: DType) -> Self {
        let c = Self::CHANNELS;
        let offset = hashed("offset", &[c]).reshape((1, c, 1, 1)).unwrap();
        BlockCase {
            y: variable(hashed("y", &[3, c, 5, 7]).broadcast_add(&offset).unwrap(), dtype),
            gamma: variable(hashed("gamma", &[c]).affine(0.25, 1.0).unwrap(), dtype),
            beta: variable(hashed("beta", &[c]).affine(0.25, 0.0).unwrap(), dtype),
        }
    }

    fn check(&self, label: &str, case: &str, v: &Tensor, z: &Tensor, roundoff: f64) {
        let golden = golden();
        let grads = gradients(z, &[&self.y, &self.gamma, &self.beta]);
        let parts = ["v", "z", "grad_y", "grad_gamma", "grad_beta"];
        for (part, got) in parts.into_iter().zip([v, z].into_iter().chain(&grads)) {
            let want = &golden[&format!("block.{case}.{part}")];
            assert_close(&format!("{label} {case} {part}"), got, want, LAYER_ROUNDINGS * roundoff);
        }
    }
}

/// `blocks` in the script: moments of the batch and given statistics, with and without pooling of an odd side.
#[test]
fn batch_normalisation_and_what_follows_it() {
    for (implementation, dtype, roundoff) in IMPLEMENTATIONS {
        for (case, statistics, pool) in [
            ("batch", StatisticsMode::Batch, false),
            ("batch_pool", StatisticsMode::Batch, true),
            ("running", StatisticsMode::Running, false),
        ] {
            let (arguments, channels) = (BlockCase::new(dtype), BlockCase::CHANNELS);
            let (name, norm) = ("conv1".to_string(), NormLayer::new(Some(Norm::BATCH), 1, channels));
            let block = Epilogue { name, channels, norm, noise: None, pool, implementation };
            let entry = |name: &str, tensor: &Tensor| (name.to_string(), tensor.to_dtype(dtype).unwrap());
            let params = Params::from_iter([
                ("norm1.weight".to_string(), arguments.gamma.as_tensor().clone()),
                ("norm1.bias".to_string(), arguments.beta.as_tensor().clone()),
            ]);
            let var = hashed("running_var", &[BlockCase::CHANNELS]).affine(0.5, 1.0).unwrap();
            let buffers = Params::from_iter([
                entry("norm1.running_mean", &hashed("running_mean", &[BlockCase::CHANNELS])),
                entry("norm1.running_var", &var),
            ]);
            let at = At { params: &params, buffers: &buffers, mode: Mode { statistics, ..NO_NOISE } };
            let pass = block.forward(at, &enter(implementation, &arguments.y)).unwrap();
            let z = leave(implementation, &pass.output, channels);
            let v = block.before_relu(at, &pass).unwrap();
            arguments.check(&format!("{implementation:?}"), case, &v.nchw().unwrap(), &z, roundoff);
        }
    }
}

/// `blocks` in the script: s·a + m with a scale and shift for each channel, after γ and β and before the ReLU.
///
/// Only the kernel takes a given noise; `tests/network.rs` compares the plain implementation with it under Algorithm 1.
#[test]
fn noise_stands_between_the_affine_map_and_the_relu() {
    let [_, (_, dtype, roundoff)] = IMPLEMENTATIONS;
    let (arguments, c) = (BlockCase::new(dtype), BlockCase::CHANNELS);
    let channels = |name: &str, factor: f64, mean: f64| {
        hashed(name, &[c]).affine(factor, mean).unwrap().to_dtype(DType::F32).unwrap().to_vec1().unwrap()
    };
    let (shift, scale) = (channels("shift", 0.5, 0.0), channels("scale", 0.125, 1.125));
    let noise = Some(Jitter { shift, scale, shift_jitter: vec![0.0; c], scale_jitter: 0.0, key: 0 });
    let fused = Fused { normalise: Normalise::Batch { by: Divisor::BATCH_NORM, eps: 1e-5 }, noise, pool: true };
    let y = to_grouped(&arguments.y).unwrap();
    let (z, statistics) = fused.forward(&y, (Some(&arguments.gamma), &arguments.beta)).unwrap();
    let v = fused.before_relu(&y, (Some(&arguments.gamma), &arguments.beta), &statistics).unwrap();
    let leave = |maps| from_grouped(maps, c).unwrap();
    arguments.check("Fast", "noise_pool", &leave(&v), &leave(&z), roundoff);
}
