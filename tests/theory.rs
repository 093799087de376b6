//! The theorems of Santurkar et al. 2018 (section 4) for one unit, on the BatchNorm of this program, in f64.
//!
//! A unit's outputs over a batch of m are y; BatchNorm makes ŷ = (y − μ)/σ with σ² = variance + ε, and z = γŷ + β. The loss
//! L is a function of z, g = ∂L/∂z, and L̂ is the same loss as a function of y. The paper has no ε; with it ‖ŷ‖² is not m
//! but m·s, s = variance/σ², and the theorems get terms that vanish with 1 − s. They are identities, not evidence.

use candle_core::{Device, Tensor, Var};
use rand_distr::{Distribution, StandardNormal};
use whybn::nn::{At, Block, Epilogue, Implementation, Mode, NormLayer, Params, StatisticsMode};
use whybn::rng;
use whybn::spec::Norm;

const M: usize = 12;
const GAMMA: f64 = 0.7;
const EPS: f64 = 1e-5;

/// Keeps z positive, so that the block's ReLU passes it on as it is.
const BETA: f64 = 10.0;

fn normal(name: &str, count: usize) -> Vec<f64> {
    StandardNormal.sample_iter(rng::stream(1, "theory", name, 0)).take(count).collect()
}

fn tensor(values: &[f64]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn assert_close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * b.abs().max(1e-300), "{a} and {b}");
}

fn block(norm: Option<Norm>) -> Epilogue {
    let (name, norm, implementation) = ("conv1".to_string(), NormLayer::new(norm, 1, 1), Implementation::Plain);
    Epilogue { name, channels: 1, norm, noise: None, pool: false, implementation }
}

/// The block's own output for its convolution's output `y` (m), with scale `gamma` and shift `beta`.
fn after(norm: Option<Norm>, y: &Tensor, gamma: f64, beta: f64) -> Tensor {
    let params: Params = [("norm1.weight", gamma), ("norm1.bias", beta), ("conv1.bias", beta)]
        .map(|(name, value)| (name.to_string(), tensor(&[value])))
        .into_iter()
        .collect();
    let mode = Mode { statistics: StatisticsMode::Batch, noise: None };
    let y = y.reshape((y.elem_count(), 1, 1, 1)).unwrap();
    let at = At { params: &params, buffers: &Params::default(), mode };
    block(norm).forward(at, &y).unwrap().output.flatten_all().unwrap()
}

fn batch_norm(y: &Tensor) -> Tensor {
    after(Some(Norm::BATCH), y, GAMMA, BETA)
}

/// L(z) = ⟨b, z⟩ + ½·‖Rz‖² with its gradient and its Hessian H = RᵀR.
struct Loss {
    b: Tensor,
    root: Tensor,
}

impl Loss {
    fn new() -> Self {
        Loss { b: tensor(&normal("b", M)), root: tensor(&normal("root", M * M)).reshape((M, M)).unwrap() }
    }

    fn of(&self, z: &Tensor) -> Tensor {
        let linear = self.b.mul(z).unwrap().sum_all().unwrap();
        let image = self.root.matmul(&z.reshape((M, 1)).unwrap()).unwrap();
        linear.add(&image.sqr().unwrap().sum_all().unwrap().affine(0.5, 0.0).unwrap()).unwrap()
    }

    fn gradient(&self, z: &[f64]) -> Vec<f64> {
        let var = Var::from_tensor(&tensor(z)).unwrap();
        numbers(self.of(var.as_tensor()).backward().unwrap().get(var.as_tensor()).unwrap())
    }

    /// vᵀHv.
    fn curvature(&self, v: &[f64]) -> f64 {
        let image = self.root.matmul(&tensor(v).reshape((M, 1)).unwrap()).unwrap();
        image.sqr().unwrap().sum_all().unwrap().to_scalar().unwrap()
    }
}

/// One unit: σ², ŷ, g = ∂L/∂z and ∂L̂/∂y, the last by Candle's autograd through the block.
struct Unit {
    y: Vec<f64>,
    variance: f64,
    y_hat: Vec<f64>,
    g: Vec<f64>,
    g_y: Vec<f64>,
}

impl Unit {
    fn new(loss: &Loss) -> Self {
        let y: Vec<f64> = normal("y", M).iter().map(|y| 0.4 + 0.2 * y).collect();
        let mean = y.iter().sum::<f64>() / M as f64;
        let variance = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / M as f64 + EPS;
        let var = Var::from_tensor(&tensor(&y)).unwrap();
        let z = batch_norm(var.as_tensor());
        let g_y = numbers(loss.of(&z).backward().unwrap().get(var.as_tensor()).unwrap());
        let g = loss.gradient(&numbers(&z));
        let y_hat = y.iter().map(|y| (y - mean) / variance.sqrt()).collect();
        Unit { y, variance, y_hat, g, g_y }
    }
}

/// Theorem 4.1, an equality (the paper's equation 9): ‖∂L̂/∂y‖² = γ²/σ² · (‖g‖² − ⟨1, g⟩²/m − ⟨g, ŷ⟩²/m), where the last
/// term has the factor 2 − s with ε.
#[test]
fn theorem_4_1_the_gradient_of_the_unit() {
    let unit = Unit::new(&Loss::new());
    let m = M as f64;
    let s = dot(&unit.y_hat, &unit.y_hat) / m;
    let (sum, along) = (unit.g.iter().sum::<f64>(), dot(&unit.g, &unit.y_hat));
    let right = dot(&unit.g, &unit.g) - sum * sum / m - (2.0 - s) * along * along / m;
    let gradient = dot(&unit.g_y, &unit.g_y);
    assert_close(gradient, GAMMA * GAMMA / unit.variance * right, 1e-10);
    let without_eps = dot(&unit.g, &unit.g) - sum * sum / m - along * along / m;
    assert_close(gradient, GAMMA * GAMMA / unit.variance * without_eps, 10.0 * (1.0 - s));
}

/// Theorem 4.2 (equation 50): with v = ∂L̂/∂y, vᵀ(∂²L̂/∂y²)v = γ²/σ² · vᵀHv − γ/(m·σ²) · ⟨g, ŷ⟩ · ‖v‖². With ε, v is not
/// quite at a right angle to ŷ: the first term is uᵀHu of u = ∂z/∂y · v, and with a = ⟨ŷ, v⟩/m the second is
/// γ/σ² · (⟨g, ŷ⟩ · (3a² − ‖v‖²/m) − 2a·⟨g, v⟩). The left side is a second difference of L̂.
#[test]
fn theorem_4_2_the_curvature_along_the_gradient() {
    let loss = Loss::new();
    let unit = Unit::new(&loss);
    let (m, v) = (M as f64, &unit.g_y);
    let at = |length: f64| -> f64 {
        let y: Vec<f64> = unit.y.iter().zip(v).map(|(y, v)| y + length * v).collect();
        loss.of(&batch_norm(&tensor(&y))).to_scalar().unwrap()
    };
    let h = 1e-4 / dot(v, v).sqrt();
    let measured = (at(h) - 2.0 * at(0.0) + at(-h)) / (h * h);
    let (a, mean) = (dot(&unit.y_hat, v) / m, v.iter().sum::<f64>() / m);
    let scale = GAMMA / unit.variance.sqrt();
    let u: Vec<f64> = v.iter().zip(&unit.y_hat).map(|(v, y_hat)| scale * (v - mean - a * y_hat)).collect();
    let along = dot(&unit.g, &unit.y_hat);
    let bend = along * (3.0 * a * a - dot(v, v) / m) - 2.0 * a * dot(&unit.g, v);
    assert_close(measured, loss.curvature(&u) + GAMMA / unit.variance * bend, 1e-5);
    let paper = scale * scale * loss.curvature(v) - GAMMA / (m * unit.variance) * along * dot(v, v);
    assert_close(measured, paper, 0.01);
}

/// Theorem 4.4: y = Xw, and over all X of spectral norm λ or less the largest ‖∂L/∂w‖² = ‖Xᵀ·∂L/∂y‖² is λ²·‖∂L/∂y‖²; so
/// that theorem 4.1 holds of the weights' worst case, squares on both sides.
#[test]
fn theorem_4_4_the_worst_case_of_the_weights() {
    const LAMBDA: f64 = 3.0;
    const D: usize = 5;
    let unit = Unit::new(&Loss::new());
    let g = tensor(&unit.g_y).reshape((M, 1)).unwrap();
    let bound = LAMBDA * LAMBDA * dot(&unit.g_y, &unit.g_y);
    let weight_gradient = |x: &Tensor| numbers(&x.t().unwrap().matmul(&g).unwrap());
    let direction = normal("direction", D);
    let length = LAMBDA / (dot(&direction, &direction) * dot(&unit.g_y, &unit.g_y)).sqrt();
    let worst = g.matmul(&tensor(&direction).reshape((1, D)).unwrap()).unwrap().affine(length, 0.0).unwrap();
    let gradient = weight_gradient(&worst);
    assert_close(dot(&gradient, &gradient), bound, 1e-12);
    for n in 0..20 {
        let x = normal(&format!("x{n}"), M * D);
        // The Frobenius norm is at least the spectral norm.
        let x: Vec<f64> = x.iter().map(|value| value * LAMBDA / dot(&x, &x).sqrt()).collect();
        let gradient = weight_gradient(&tensor(&x).reshape((M, D)).unwrap());
        assert!(dot(&gradient, &gradient) < bound);
    }
}

/// Observation 4.3: with γ = σ and β = μ, BatchNorm gives back what the plain unit gives: no minimum is lost.
#[test]
fn observation_4_3_batch_norm_can_be_undone() {
    let y: Vec<f64> = normal("y", M).iter().map(|y| 3.0 + 0.5 * y).collect();
    let mean = y.iter().sum::<f64>() / M as f64;
    let variance = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / M as f64;
    let plain = numbers(&after(None, &tensor(&y), 1.0, 0.0));
    let undone = numbers(&after(Some(Norm::BATCH), &tensor(&y), (variance + EPS).sqrt(), mean));
    for (undone, plain) in undone.into_iter().zip(plain) {
        assert_close(undone, plain, 1e-12);
    }
}

/// Lemma 4.5: BatchNorm gives the same for W* and k·W*, here with a variance far above ε; and with
/// k = ⟨W*, W₀⟩/‖W*‖² > 0 the optimum k·W* is nearer to W₀: ‖W₀ − kW*‖² = ‖W₀ − W*‖² − ‖W*‖²(1 − k)².
#[test]
fn lemma_4_5_a_nearer_optimum() {
    const D: usize = 4;
    let best = normal("best", D);
    let start: Vec<f64> = best.iter().zip(normal("start", D)).map(|(best, noise)| 2.0 * best + 0.5 * noise).collect();
    let k = dot(&best, &start) / dot(&best, &best);
    assert!(k > 0.0);
    let x = tensor(&normal("x", M * D)).affine(100.0, 0.0).unwrap().reshape((M, D)).unwrap();
    let output = |scale: f64| {
        let w = tensor(&best).affine(scale, 0.0).unwrap().reshape((D, 1)).unwrap();
        numbers(&batch_norm(&x.matmul(&w).unwrap()))
    };
    for (scaled, own) in output(k).into_iter().zip(output(1.0)) {
        assert_close(scaled, own, 1e-8);
    }
    let distance = |k: f64| -> f64 { start.iter().zip(&best).map(|(w, best)| (w - k * best).powi(2)).sum() };
    assert_close(distance(k), distance(1.0) - dot(&best, &best) * (1.0 - k).powi(2), 1e-12);
}
