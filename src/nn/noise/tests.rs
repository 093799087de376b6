use candle_core::{DType, Device};
use statrs::distribution::{ContinuousCDF, Normal};

use super::*;
use crate::nn::testing::{kolmogorov_smirnov, largest_scaled_correlation};

const KEY: NoiseKey = NoiseKey { seed: 1, purpose: "noise", step: 0 };

/// The paper's constants.
fn algorithm1(redraw: Redraw) -> Noise {
    Noise::Algorithm1(NoiseConstants { redraw, ..Default::default() })
}

fn on(redraw: Redraw, key: NoiseKey, name: &str, channels: usize) -> Jitter {
    draw(&algorithm1(redraw), NoiseMode::On(key), name, channels).unwrap()
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
    let mean = draw(&algorithm1(Redraw::Once), NoiseMode::Mean { seed: KEY.seed }, "conv1", 8).unwrap();
    assert_eq!(held(first), held(&mean));
    assert_eq!((mean.shift_jitter, mean.scale_jitter), (0.0, 0.0));
    for (i, a) in draws.iter().enumerate() {
        assert_eq!((a.shift_jitter, a.scale_jitter), (0.1, 0.1));
        assert!(draws[i + 1..].iter().all(|b| b.key != a.key));
    }
}

#[test]
fn off_is_no_noise_and_so_is_a_network_without() {
    assert!(draw(&algorithm1(Redraw::Step), NoiseMode::Off, "conv1", 8).is_none());
    for mode in [NoiseMode::On(KEY), NoiseMode::Mean { seed: 1 }] {
        assert!(draw(&Noise::None, mode, "conv1", 8).is_none());
    }
}

/// s·a + m, averaged over 400 steps, is what `Mean` makes.
///
/// A value's variance over steps is a²·(var σ + r_σ²) + var μ + r_μ²/3, where σ and μ are drawn each step with the
/// variances 0.25²/12 and 1/12, and where they are held with none; the values of 32 channels are bounded together.
#[test]
fn the_mean_mode_is_the_average_of_many_passes() {
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
        let mean = draw(&algorithm1(redraw), NoiseMode::Mean { seed: KEY.seed }, "conv1", channels).unwrap();
        let mean = flat(&apply(&a, &mean).unwrap());
        for ((sum, mean), a) in sum.iter().zip(&mean).zip(&values) {
            let variance = a * a * (scale_variance + 0.01) + shift_variance + 0.01 / 3.0;
            let error = (variance / passes as f64).sqrt();
            let difference = sum / passes as f64 - mean;
            assert!(difference.abs() < bound_of_largest(values.len()) * error, "{redraw:?} {a}: {difference}");
        }
    }
}
