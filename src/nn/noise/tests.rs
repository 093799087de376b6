use candle_core::{DType, Device};
use statrs::distribution::{ContinuousCDF, Normal};

use super::*;
use crate::testing::{kolmogorov_smirnov, largest_scaled_correlation};

const KEY: NoiseKey = NoiseKey { seed: 1, purpose: TRAINING, step: 0 };

/// The paper's constants.
fn algorithm1(redraw: Redraw) -> Option<Noise> {
    Some(Noise { redraw, ..Default::default() })
}

fn on(redraw: Redraw, key: NoiseKey, name: &str, channels: usize) -> Jitter {
    draw(algorithm1(redraw), Some(key), name, channels).unwrap()
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The bound that the largest of `count` absolute standard normals exceeds with probability 1e-4 or less.
fn bound_of_largest(count: usize) -> f64 {
    -Normal::standard().inverse_cdf(0.5e-4 / count as f64)
}

/// μ ~ U(−½, ½) and σ ~ U(1, 1.25) over 256,000 draws: enough to see a width that is one percent off.
#[test]
fn shifts_and_scales_are_uniform() {
    let draws: Vec<Jitter> = (0..4000).map(|step| on(Redraw::Step, NoiseKey { step, ..KEY }, "conv1", 64)).collect();
    let values = |of: fn(&Jitter) -> &Vec<f32>| draws.iter().flat_map(of).map(|&x| f64::from(x)).collect::<Vec<_>>();
    for (values, low, high) in [(values(|draw| &draw.shift), -0.5, 0.5), (values(|draw| &draw.scale), 1.0, 1.25)] {
        assert!(values.iter().all(|x| (low..=high).contains(x)));
        let distance = |factor: f64| {
            let middle = 0.5 * (low + high);
            kolmogorov_smirnov(&values, |x| (0.5 + (x - middle) / (factor * (high - low))).clamp(0.0, 1.0))
        };
        assert!(distance(1.0) < 2.23, "U({low}, {high}): {}", distance(1.0));
        assert!(distance(1.01) > 2.23 && distance(0.99) > 2.23, "the test can see one percent");
    }
}

/// Where draws differ by one part of their name: another seed, purpose, layer, and the next step.
fn others_of(key: NoiseKey) -> [(NoiseKey, &'static str); 5] {
    [
        (key, "conv1"),
        (NoiseKey { seed: key.seed + 1, ..key }, "conv1"),
        (NoiseKey { purpose: "evaluation", ..key }, "conv1"),
        (key, "conv2"),
        (NoiseKey { step: key.step + 1, ..key }, "conv1"),
    ]
}

/// The correlation matrix of μ and σ of eight channels under five names over 4096 steps (every other one, so that the
/// next step's are new): 80 series, 3160 pairs.
#[test]
fn shifts_and_scales_are_independent() {
    let mut series = vec![Vec::new(); 80];
    for step in 0..4096 {
        let draws = others_of(NoiseKey { step: 2 * step, ..KEY }).map(|(key, name)| on(Redraw::Step, key, name, 8));
        let values = draws.iter().flat_map(|draw| draw.shift.iter().chain(&draw.scale));
        series.iter_mut().zip(values).for_each(|(series, &value)| series.push(f64::from(value)));
    }
    let (largest, pair) = largest_scaled_correlation(&series);
    assert!(largest < bound_of_largest(80 * 79 / 2), "{largest} of the series {pair:?}");
}

/// The same of every element's s − σ and m − μ: two images and two channels under five names, 40 series of 64×64.
#[test]
fn jitter_is_independent() {
    let mut series = Vec::new();
    for (key, name) in others_of(KEY) {
        let jitter = Jitter { shift: vec![0.0; 2], scale: vec![0.0; 2], ..on(Redraw::Step, key, name, 2) };
        let (scale, shift) = noise_maps(&jitter, 2, 64, 64).unwrap();
        for map in [scale, shift] {
            series.extend(flat(&from_grouped(&map, 2).unwrap()).chunks(64 * 64).map(<[f64]>::to_vec));
        }
    }
    assert_eq!(series.len(), 40);
    let (largest, pair) = largest_scaled_correlation(&series);
    assert!(largest < bound_of_largest(40 * 39 / 2), "{largest} of the series {pair:?}");
}

#[test]
fn held_noise_keeps_shift_and_scale_and_draws_fresh_jitter() {
    let draws = others_of(KEY).map(|(key, name)| on(Redraw::Once, key, name, 8));
    let [first, other_seed, other_purpose, other_layer, next_step] = &draws;
    let held = |draw: &Jitter| (draw.shift.clone(), draw.scale.clone());
    assert_eq!(held(first), held(next_step));
    assert_eq!(held(first), held(other_purpose), "a trial is evaluated with the noise it was trained with");
    assert_ne!(held(first), held(other_seed));
    assert_ne!(held(first), held(other_layer));
    for (i, a) in draws.iter().enumerate() {
        assert_eq!((&a.shift_jitter, a.scale_jitter), (&vec![0.1; 8], 0.1));
        assert!(draws[i + 1..].iter().all(|b| b.key != a.key));
    }
}

#[test]
fn off_is_no_noise_and_so_is_a_network_without() {
    assert!(draw(algorithm1(Redraw::Step), None, "conv1", 8).is_none());
    assert!(draw(None, Some(KEY), "conv1", 8).is_none());
}

/// s·a + m, averaged over 400 steps, is E[s]·a + E[m]. Where shift and scale are drawn at each step this is 1.125·a;
/// where they are held, it is their own output without jitter.
///
/// A value's variance over steps is a²·(var σ + r_σ²) + var μ + r_μ²/3, where σ and μ are drawn each step with the
/// variances 0.25²/12 and 1/12, and where they are held with none; the values of 32 channels are bounded together.
#[test]
fn the_average_of_many_passes_is_that_of_the_distribution() {
    let (passes, channels, plane) = (400, 32, 4);
    let values: Vec<f64> = (0..channels * plane).map(|i| -2.0 + 4.0 * i as f64 / 127.0).collect();
    let a = Tensor::from_vec(values.clone(), (1, channels, 2, 2), &Device::Cpu).unwrap();
    for (redraw, scale_variance, shift_variance) in
        [(Redraw::Step, 0.0625 / 12.0, 1.0 / 12.0), (Redraw::Once, 0.0, 0.0)]
    {
        let mut sum = vec![0.0; values.len()];
        for step in 0..passes {
            let v = apply(&a, &on(redraw, NoiseKey { step, ..KEY }, "conv1", channels)).unwrap();
            sum.iter_mut().zip(flat(&v)).for_each(|(sum, v)| *sum += v);
        }
        let held = on(redraw, KEY, "conv1", channels);
        let (shift, scale) = match redraw {
            Redraw::Once => (held.shift, held.scale),
            _ => (vec![0.0; channels], vec![1.125; channels]),
        };
        let mean = Jitter { shift, scale, shift_jitter: vec![0.0; channels], scale_jitter: 0.0, key: 0 };
        let mean = flat(&apply(&a, &mean).unwrap());
        for ((sum, mean), a) in sum.iter().zip(&mean).zip(&values) {
            let variance = a * a * (scale_variance + 0.01) + shift_variance + 0.01 / 3.0;
            let error = (variance / passes as f64).sqrt();
            let difference = sum / passes as f64 - mean;
            assert!(difference.abs() < bound_of_largest(values.len()) * error, "{redraw:?} {a}: {difference}");
        }
    }
}

/// A drift's marginals: at one step over many seeds, the uniform distributions of fresh draws (Kolmogorov and Smirnov).
#[test]
fn drifting_shifts_and_scales_have_the_same_distribution_at_every_step() {
    for step in [0, 7] {
        let draws = (0..2000).map(|seed| on(Redraw::Drift(0.9), NoiseKey { seed, step, ..KEY }, "conv1", 16));
        let (shift, scale): (Vec<_>, Vec<_>) = draws.map(|draw| (draw.shift, draw.scale)).unzip();
        for (values, low, high) in [(shift, -0.5, 0.5), (scale, 1.0, 1.25)] {
            let values: Vec<f64> = values.into_iter().flatten().map(f64::from).collect();
            let distance = kolmogorov_smirnov(&values, |x| ((x - low) / (high - low)).clamp(0.0, 1.0));
            assert!(distance < 2.23, "step {step} U({low}, {high}): {distance}");
        }
    }
}

/// Through the inverse of the normal distribution the shifts are a Gaussian AR(1): 4,000 seeds of 16 channels correlate
/// over `lag` steps by ρ^lag, with a standard error below 1/√64,000 = 0.004; and a step is a function of the step alone.
#[test]
fn drift_is_an_ar_1_and_resumes_exactly() {
    let normal = Normal::standard();
    let gaussian = |seed, step| {
        let draw = on(Redraw::Drift(0.9), NoiseKey { seed, step, ..KEY }, "conv1", 16);
        draw.shift.into_iter().map(|shift| normal.inverse_cdf(f64::from(shift) + 0.5)).collect::<Vec<_>>()
    };
    for lag in [1, 5, 20] {
        let products = (0..4000).flat_map(|seed| {
            let pairs = gaussian(seed, 30).into_iter().zip(gaussian(seed, 30 + lag));
            pairs.map(|(a, b)| a * b).collect::<Vec<_>>()
        });
        let correlation = products.sum::<f64>() / 64_000.0;
        let expected = 0.9f64.powi(lag as i32);
        assert!((correlation - expected).abs() < 5.0 * 0.006, "lag {lag}: {correlation}");
    }
    assert_eq!(gaussian(1, 30), gaussian(1, 30));
    let elsewhere = NoiseKey { purpose: "evaluation", ..KEY };
    assert_eq!(
        on(Redraw::Drift(0.9), elsewhere, "conv1", 8).shift,
        on(Redraw::Step, elsewhere, "conv1", 8).shift,
        "an evaluation has no step before it"
    );
}

/// The part left out beyond the memory is below the resolution of the numbers that are kept.
#[test]
fn a_drift_forgets() {
    assert!(0.99f64.powi(memory(0.99) as i32) <= 0.5f64.powi(24));
    assert_eq!((memory(0.5), memory(0.0)), (24, 0));
    let fresh = |step| on(Redraw::Drift(0.0), NoiseKey { step, ..KEY }, "conv1", 4).shift;
    assert_ne!(fresh(1), fresh(2));
}

/// A dose multiplies n_μ, n_σ − 1, r_μ and r_σ of the same draws.
#[test]
fn a_dose_stretches_the_same_draws() {
    let at = |dose| {
        let noise = Some(Noise { dose, ..Default::default() });
        draw(noise, Some(KEY), "conv1", 16).unwrap()
    };
    let (one, four) = (at(1.0), at(4.0));
    for channel in 0..16 {
        assert!((four.shift[channel] - 4.0 * one.shift[channel]).abs() < 1e-6);
        assert!((four.scale[channel] - 1.0 - 4.0 * (one.scale[channel] - 1.0)).abs() < 1e-5);
    }
    assert_eq!((four.shift_jitter[0], four.scale_jitter, four.key), (0.4, 0.4, one.key));
}

#[test]
fn both_layouts_make_the_same_noise_and_its_gradient_is_the_scale() {
    use crate::kernels::layout::to_grouped;
    let values: Vec<f32> = (0..2 * 11 * 6).map(|i| ((i * 37 % 101) as f32 - 50.0) / 10.0).collect();
    let a = Tensor::from_vec(values, (2, 11, 3, 2), &Device::Cpu).unwrap();
    let jitter = on(Redraw::Step, KEY, "conv1", 11);
    let grouped = to_grouped(&a).unwrap();
    let leave = |maps: &Tensor| flat(&from_grouped(maps, 11).unwrap());
    let (noisy, scale) = apply_grouped(&grouped, &jitter).unwrap();
    assert_eq!(leave(&noisy), flat(&apply(&a, &jitter).unwrap()));
    let gradient = leave(&grouped.mul(&scale).unwrap());
    let (nothing, _) = apply_grouped(&grouped.zeros_like().unwrap(), &jitter).unwrap();
    for ((gradient, noisy), shift) in gradient.iter().zip(leave(&noisy)).zip(leave(&nothing)) {
        assert!((gradient - (noisy - shift)).abs() < 1e-5, "s·a is what the noise adds its shift to");
    }
}
