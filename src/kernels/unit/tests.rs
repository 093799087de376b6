use candle_core::{DType, Var};

use super::super::noise::noise_maps_on;
use super::*;
use crate::rng;
use rand_distr::{Distribution, StandardNormal};

/// Normal values in the grouped layout, zero in lanes without a channel.
fn grouped(name: &str, shape: Grouped, channels: usize, mean: f32) -> Tensor {
    let mut stream = rng::stream(7, "test", name, 0);
    let mut draw = |lane: usize| {
        let value: f32 = StandardNormal.sample(&mut stream);
        if lane < channels { mean + value } else { 0.0 }
    };
    let mut values = Vec::new();
    for group in (0..shape.images).flat_map(|_| 0..shape.groups) {
        for _ in 0..shape.plane() {
            values.extend((0..LANES).map(|lane| draw(group * LANES + lane)));
        }
    }
    Tensor::from_vec(values, shape.shape(), &Device::Cpu).unwrap()
}

/// Per-channel values, uniform in [low, low + 1).
fn per_channel(name: &str, channels: usize, low: f32) -> Vec<f32> {
    let mut stream = rng::stream(7, "test", name, 0);
    (0..channels).map(|_| low + rand_distr::Uniform::new(0.0, 1.0).unwrap().sample(&mut stream)).collect()
}

/// A setting of every argument.
struct Case {
    unit: Unit,
    shape: Grouped,
    channels: usize,
    y: Tensor,
    gamma: Option<Tensor>,
    beta: Tensor,
    grad_z: Tensor,
}

impl Case {
    fn new(shape: Grouped, channels: usize, mean: f32, normalise: Normalise, [noise, pool, gamma]: [bool; 3]) -> Self {
        let jitter = || Jitter {
            shift: per_channel("shift", channels, -0.5),
            scale: per_channel("scale", channels, 0.8),
            shift_jitter: 0.1,
            scale_jitter: 0.3,
            key: 11,
        };
        let tensor = |values| Tensor::from_vec(values, channels, &Device::Cpu).unwrap();
        Case {
            unit: Unit { normalise, noise: noise.then(jitter), pool },
            shape,
            channels,
            y: grouped("y", shape, channels, mean),
            gamma: gamma.then(|| tensor(per_channel("gamma", channels, 0.5))),
            beta: tensor(per_channel("beta", channels, -0.5)),
            grad_z: grouped("grad_z", if pool { shape.pooled() } else { shape }, channels, 0.0),
        }
    }

    /// Every combination of arguments, shapes that fit no vector, one-pixel maps and batches of one included.
    fn all() -> Vec<Case> {
        let mut cases = Vec::new();
        for (images, height, width, channels) in
            [(3, 4, 4, 8usize), (2, 5, 7, 11), (1, 6, 3, 3), (4, 2, 2, 17), (3, 1, 1, 9), (1, 1, 6, 8), (2, 1, 1, 1)]
        {
            let shape = Grouped { images, groups: channels.div_ceil(LANES), height, width };
            let given = || Normalise::Given {
                mean: per_channel("mean", channels, -0.5),
                inv_std: per_channel("inv_std", channels, 0.5),
            };
            for normalise in [Normalise::Nothing, Normalise::Batch { eps: 1e-5 }, given()] {
                for bits in 0..8 {
                    let flags = [bits & 1 > 0, bits & 2 > 0 && height > 1 && width > 1, bits & 4 > 0];
                    cases.push(Case::new(shape, channels, 0.3, normalise.clone(), flags));
                }
            }
        }
        cases
    }

    fn label(&self) -> String {
        let Unit { normalise, noise, pool } = &self.unit;
        let (noise, gamma) = (noise.is_some(), self.gamma.is_some());
        format!(
            "{:?}, {} channels, {normalise:?}, noise {noise}, pool {pool}, gamma {gamma}",
            self.shape, self.channels
        )
    }

    /// v in double precision by Candle's operations, from y, γ (as lanes) and β (as lanes).
    fn plain_activation(&self, isa: Isa, y: &Tensor, gamma: &Tensor, beta: &Tensor) -> Tensor {
        let normalised = match &self.unit.normalise {
            Normalise::Nothing => y.clone(),
            Normalise::Batch { eps } => {
                let mean = |x: &Tensor| x.mean_keepdim((0, 2, 3)).unwrap();
                let centred = y.broadcast_sub(&mean(y)).unwrap();
                let std = (mean(&centred.sqr().unwrap()) + *eps).unwrap().sqrt().unwrap();
                centred.broadcast_div(&std).unwrap()
            }
            Normalise::Given { mean, inv_std } => {
                let centred = y.broadcast_sub(&self.lanes(mean)).unwrap();
                centred.broadcast_mul(&self.lanes(inv_std)).unwrap()
            }
        };
        let a = normalised.broadcast_mul(gamma).unwrap().broadcast_add(beta).unwrap();
        match &self.unit.noise {
            None => a,
            Some(jitter) => {
                let Grouped { images, height, width, .. } = self.shape;
                let (s, m) = noise_maps_on(isa, jitter, images, height, width).unwrap();
                let [s, m] = [s, m].map(|map| map.to_dtype(DType::F64).unwrap());
                ((a * s).unwrap() + m).unwrap()
            }
        }
    }

    /// z from v. Pooling by two maxima, for `max_pool2d` has a wrong gradient.
    fn plain_output(&self, v: &Tensor) -> Tensor {
        let z = v.relu().unwrap();
        if !self.unit.pool {
            return z;
        }
        let Grouped { images, groups, height, width } = self.shape.pooled();
        let z = z.narrow(2, 0, 2 * height).unwrap().narrow(3, 0, 2 * width).unwrap();
        let z = z.contiguous().unwrap().reshape((images * groups, height, 2, width, 2, LANES)).unwrap();
        z.max(4).unwrap().max(2).unwrap().reshape(self.shape.pooled().shape()).unwrap()
    }

    /// Per-channel values as a double-precision tensor that broadcasts over grouped ones.
    fn lanes(&self, values: &[f32]) -> Tensor {
        let groups = self.shape.groups;
        let lanes = padded(values, groups).into_flattened();
        let lanes = Tensor::from_vec(lanes, (1, groups, 1, 1, LANES), &Device::Cpu).unwrap();
        lanes.to_dtype(DType::F64).unwrap()
    }

    /// Variables (y, γ, β) in double precision; γ = 1 where there is none.
    fn variables(&self) -> [Var; 3] {
        let gamma = self.gamma.as_ref().map_or(vec![1.0; self.channels], |gamma| gamma.to_vec1().unwrap());
        let beta: Vec<f32> = self.beta.to_vec1().unwrap();
        let tensors = [self.y.to_dtype(DType::F64).unwrap(), self.lanes(&gamma), self.lanes(&beta)];
        tensors.map(|tensor| Var::from_tensor(&tensor).unwrap())
    }
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

fn assert_close(label: &str, got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{label}");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= tolerance * (1.0 + want.abs()), "{label} [{i}]: got {got}, want {want}");
    }
}

/// About ten roundings of 6e-8 lie between y and z, on values up to 5 that cancel; a channel's gradient sums
/// at most 70 products of such. 1/√(var + 1e-5) of the one-element batches multiplies by 316, but their
/// gradient is zero.
const TOLERANCE: f64 = 5e-6;

#[test]
fn forward_and_backward_match_the_plain_path_in_double_precision() {
    for (case, isa) in Case::all().iter().flat_map(|case| Isa::available().into_iter().map(move |isa| (case, isa))) {
        let Case { unit, y, gamma, beta, grad_z, .. } = case;
        let label = format!("{isa}, {}", case.label());
        let [y64, gamma64, beta64] = case.variables();
        let v64 = case.plain_activation(isa, &y64, &gamma64, &beta64);
        let z64 = case.plain_output(&v64);
        let grads = (&z64 * grad_z.to_dtype(DType::F64).unwrap()).unwrap().sum_all().unwrap().backward().unwrap();

        let (z, statistics) = unit.forward_on(isa, y, gamma.as_ref(), beta).unwrap();
        assert_eq!(z.dims(), z64.dims());
        assert_close(&format!("{label}: z"), &flat(&z), &flat(&z64), TOLERANCE);
        let v = unit.before_relu_on(isa, y, gamma.as_ref(), beta, &statistics).unwrap();
        assert_close(&format!("{label}: v"), &flat(&v), &flat(&v64), TOLERANCE);
        let backward = unit.backward_on(isa, y, gamma.as_ref(), beta, &statistics, grad_z).unwrap();
        let (grad_y, grad_gamma, grad_beta) = backward;
        let want = |variable: &Var| flat(grads.get(variable).unwrap());
        assert_close(&format!("{label}: grad y"), &flat(&grad_y), &want(&y64), TOLERANCE);
        assert_close(&format!("{label}: grad beta"), &flat(&grad_beta), &want(&beta64)[..case.channels], TOLERANCE);
        assert_eq!(grad_gamma.is_some(), gamma.is_some());
        if let Some(grad_gamma) = grad_gamma {
            let want = &want(&gamma64)[..case.channels];
            assert_close(&format!("{label}: grad gamma"), &flat(&grad_gamma), want, TOLERANCE);
        }
        for tensor in [&z, &v, &grad_y] {
            assert_padding_is_zero(&label, tensor, case.channels);
        }
    }
}

fn assert_padding_is_zero(label: &str, tensor: &Tensor, channels: usize) {
    let used = channels % LANES;
    if used > 0 {
        let last = tensor.narrow(1, channels / LANES, 1).unwrap().narrow(4, used, LANES - used).unwrap();
        assert!(flat(&last).iter().all(|&value| value == 0.0), "{label}");
    }
}
