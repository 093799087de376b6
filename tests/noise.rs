//! The injected noise as a trial sees it: what it does to an activation's moments, which arms share it, and what it
//! leaves alone.

use candle_core::{DType, Device, Tensor};
use rand_distr::{Distribution, StandardNormal};
use whybn::data::Batches;
use whybn::kernels::layout::to_grouped;
use whybn::nn::{self, At, Block, Epilogue, Implementation, Mode, NoiseKey, NormLayer, Params, StatisticsMode};
use whybn::rng;
use whybn::spec::{Batch, Loss, Model, Noise, Norm, Vgg16};

const CHANNELS: usize = 32;

/// The paper's constants.
fn algorithm1() -> Option<Noise> {
    Some(Noise::default())
}

fn on(seed: u64, step: u64) -> Option<NoiseKey> {
    Some(NoiseKey { seed, purpose: "noise", step })
}

/// A convolution's output (32, 32, 8, 8), another one for each step.
fn convolved(step: u64) -> Tensor {
    let stream = rng::stream(0, "test", "y", step);
    let values: Vec<f32> = StandardNormal.sample_iter(stream).take(32 * CHANNELS * 64).collect();
    Tensor::from_vec(values, (32, CHANNELS, 8, 8), &Device::Cpu).unwrap()
}

/// The input of the ReLU of `conv4`, with γ = 1 and β = 0, as (c, values).
fn before_relu(
    norm: Option<Norm>,
    implementation: Implementation,
    mode: Mode,
    buffers: &Params,
    y: &Tensor,
) -> Vec<Vec<f32>> {
    let (name, noise, norm) = ("conv4".to_string(), algorithm1(), NormLayer::new(norm, 4, CHANNELS));
    let block = Epilogue { name, channels: CHANNELS, norm, noise, pool: false, implementation };
    let zeros = || Tensor::zeros(CHANNELS, DType::F32, &Device::Cpu).unwrap();
    let ones = zeros().affine(0.0, 1.0).unwrap();
    let params = [("conv4.bias", zeros()), ("norm4.bias", zeros()), ("norm4.weight", ones)];
    let params = params.into_iter().map(|(name, tensor)| (name.to_string(), tensor)).collect();
    let y = if implementation == Implementation::Fast { to_grouped(y).unwrap() } else { y.clone() };
    let at = At { params: &params, buffers, mode };
    let v = block.before_relu(at, &block.forward(at, &y).unwrap()).unwrap();
    v.nchw().unwrap().transpose(0, 1).unwrap().flatten_from(1).unwrap().to_vec2().unwrap()
}

/// Mean and variance of each channel of BatchNorm's output.
fn normalised_moments(noise: Option<NoiseKey>, step: u64) -> Vec<[f64; 2]> {
    let mode = Mode { statistics: StatisticsMode::Batch, noise };
    let moments = |values: &Vec<f32>| {
        let n = values.len() as f64;
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        [mean, values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n]
    };
    before_relu(Some(Norm::BATCH), Implementation::Fast, mode, &Params::default(), &convolved(step))
        .iter()
        .map(moments)
        .collect()
}

/// The statistic of the paper's figure 8: how far the mean and the variance of a channel move from step to step.
///
/// Two independent μ ~ U(−½, ½) are 1/3 apart on average, two σ² with σ ~ U(1, 1.25) are 0.25/3 · 2.25 = 0.1875. The
/// paper's curves have 0.331, 0.301 and 0.369 for the mean, 0.184, 0.206 and 0.238 for the variance, and at most 0.002
/// and 0.005 without noise.
///
/// Neighbouring differences share a draw: the average of n has the variance (1/18 + 2/180) / n = w² / 15n for a uniform
/// variable of width w = 1, and nearly so for σ² with w = 0.5625. Jitter adds less than 2e-4.
#[test]
fn noise_moves_the_moments_of_a_normalised_activation_as_in_the_paper() {
    let steps = 100;
    let movement = |mode: &dyn Fn(u64) -> Option<NoiseKey>| {
        let moments: Vec<_> = (0..steps).map(|step| normalised_moments(mode(step), step)).collect();
        let count = ((steps - 1) as usize * CHANNELS) as f64;
        let differences = |which: usize| -> f64 {
            moments.windows(2).flat_map(|w| w[0].iter().zip(&w[1])).map(|(a, b)| (a[which] - b[which]).abs()).sum()
        };
        [differences(0) / count, differences(1) / count]
    };
    let four_errors = 4.0 / (15.0 * (steps - 1) as f64 * CHANNELS as f64).sqrt();
    let [mean, variance] = movement(&|step| on(0, step));
    assert!((mean - 1.0 / 3.0).abs() < four_errors, "{mean}");
    assert!((variance - 0.1875).abs() < 0.5625 * four_errors, "{variance}");
    let [mean, variance] = movement(&|_| None);
    assert!(mean < 1e-6 && variance < 1e-5, "{mean} {variance}");
}

/// The arms of one seed are compared as pairs: the standard network under noise gets the s and m that BatchNorm's does.
///
/// Running statistics of mean 0 and variance 1 − 1e-5 make the normalisation the identity.
#[test]
fn arms_with_and_without_normalisation_share_the_noise() {
    let zeros = Tensor::zeros(CHANNELS, DType::F32, &Device::Cpu).unwrap();
    let buffers: Params = [
        ("norm4.running_mean".to_string(), zeros.clone()),
        ("norm4.running_var".to_string(), zeros.affine(0.0, 1.0 - 1e-5).unwrap()),
    ]
    .into_iter()
    .collect();
    let y = convolved(0);
    let run = |norm, implementation, noise| {
        before_relu(norm, implementation, Mode { statistics: StatisticsMode::Running, noise }, &buffers, &y).concat()
    };
    let largest_difference =
        |a: &[f32], b: &[f32]| a.iter().zip(b).fold(0f32, |largest, (a, b)| largest.max((a - b).abs()));
    let reference = run(None, Implementation::Fast, on(7, 3));
    for (norm, implementation) in [
        (Some(Norm::BATCH), Implementation::Fast),
        (None, Implementation::Plain),
        (Some(Norm::BATCH), Implementation::Plain),
    ] {
        let difference = largest_difference(&reference, &run(norm, implementation, on(7, 3)));
        assert!(difference < 3e-6, "{norm:?} {implementation:?}: {difference}, ten roundings of values up to 6");
    }
    for other in [None, on(8, 3), on(7, 4)] {
        assert!(
            largest_difference(&reference, &run(Some(Norm::BATCH), Implementation::Fast, other)) > 0.1,
            "{other:?}"
        );
    }
}

/// Drawing noise, or having it at all, moves neither the order of the data nor the initial weights.
#[test]
fn noise_leaves_the_data_and_the_initial_weights_alone() {
    let model = |noise| Model::Vgg16(Vgg16 { width_divisor: 64, norm: Some(Norm::BATCH), noise, ..Vgg16::default() });
    let trial = |noise, mode: &dyn Fn(u64) -> Option<NoiseKey>| {
        let network = nn::network(&model(noise), Loss::CrossEntropy, Implementation::Fast, &[3, 32, 32], 10);
        let (params, buffers) = network.init(7, DType::F32, &Device::Cpu).unwrap();
        let mut batches = Batches::new(20, Batch::Size(4), 7);
        let (mut order, mut losses) = (Vec::new(), Vec::new());
        for step in 0..10 {
            order.extend_from_slice(batches.indices(step));
            let images = Tensor::ones((4, 3, 32, 32), DType::F32, &Device::Cpu).unwrap();
            let input = network.enter(&images).unwrap();
            let labels = Tensor::new(&[0u32, 1, 2, 3], &Device::Cpu).unwrap();
            let mode = Mode { statistics: StatisticsMode::Running, noise: mode(step as u64) };
            losses.push(
                network
                    .loss_and_gradients(At { params: &params, buffers: &buffers, mode }, &input, &labels)
                    .unwrap()
                    .loss,
            );
        }
        let weights =
            params.iter().map(|(name, tensor)| (name.clone(), tensor.flatten_all().unwrap().to_vec1().unwrap()));
        (order, weights.collect::<Vec<(String, Vec<f32>)>>(), losses)
    };
    let quiet = trial(None, &|_| None);
    let noisy = trial(algorithm1(), &|step| on(7, step));
    assert_eq!(quiet.0, noisy.0);
    assert_eq!(quiet.1, noisy.1);
    assert!(quiet.2.iter().zip(&noisy.2).all(|(a, b)| a != b), "the noise was on");
}
