//! The regression of the paper's deep linear networks (Santurkar et al. 2018, section 2.3): x ~ N(0, I), targets A·x.
//!
//! Every seed draws its own x and A, so arms of a seed share them. Nothing is stored: the identity of a trial holds a hash
//! of the words that define the data, and the seed.

use candle_core::{Device, Result, Tensor};
use rand_distr::{Distribution, StandardNormal};

use super::facts::{DataFacts, GAUSSIAN_REGRESSION};
use crate::rng;
use crate::spec::DataName;
use crate::text::sha256;

/// Length of x and of A·x.
pub const WIDTH: usize = 10;
/// Samples of a trial.
const SAMPLES: usize = 1000;

/// The facts of the regression, before a seed draws it.
pub fn facts() -> DataFacts {
    DataFacts {
        name: DataName::GaussianRegression,
        sha256: sha256([format!("{SAMPLES} samples, {GAUSSIAN_REGRESSION}")]),
        train: SAMPLES,
        test: 0,
        official_train: SAMPLES,
        official_test: 0,
        mean: Vec::new(),
        std: Vec::new(),
        files: Vec::new(),
    }
}

/// The x and the A·x of `seed`, from its streams "data".
///
/// # Shapes
/// Each (samples, [`WIDTH`]), f64.
///
/// # Errors
/// If a tensor cannot be made.
pub fn draw(seed: u64) -> Result<(Tensor, Tensor)> {
    let normal = |name: &str, rows: usize| {
        let mut stream = rng::stream(seed, "data", name, 0);
        let values: Vec<f64> = StandardNormal.sample_iter(&mut stream).take(rows * WIDTH).collect();
        Tensor::from_vec(values, (rows, WIDTH), &Device::Cpu)
    };
    let inputs = normal("x", SAMPLES)?;
    let targets = inputs.matmul(&normal("A", WIDTH)?.t()?)?;
    Ok((inputs, targets))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(tensor: &Tensor) -> Vec<Vec<f64>> {
        tensor.to_vec2().unwrap()
    }

    /// Moments of 10,000 values to four standard errors; targets are a linear map of the inputs, the same for all rows.
    #[test]
    fn inputs_are_standard_normal_and_targets_linear() {
        let (inputs, targets) = draw(3).unwrap();
        let x = rows(&inputs);
        let values: Vec<f64> = x.iter().flatten().copied().collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let square = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.04 && (square - 1.0).abs() < 4.0 * 0.02f64.sqrt() / 10.0, "{mean} {square}");
        let y = rows(&targets);
        let sum: Vec<f64> = (0..WIDTH).map(|j| x[0][j] + 2.0 * x[1][j]).collect();
        let a = rng_matrix(3);
        for (i, row) in a.iter().enumerate() {
            let image: f64 = row.iter().zip(&sum).map(|(a, x)| a * x).sum();
            assert!((image - y[0][i] - 2.0 * y[1][i]).abs() < 1e-12);
        }
    }

    fn rng_matrix(seed: u64) -> Vec<Vec<f64>> {
        let mut stream = rng::stream(seed, "data", "A", 0);
        (0..WIDTH).map(|_| StandardNormal.sample_iter(&mut stream).take(WIDTH).collect()).collect()
    }

    #[test]
    fn a_seed_draws_the_same_and_another_seed_others() {
        let first = |seed| rows(&draw(seed).unwrap().0)[0].clone();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }

    /// The data are part of what a trial's identity promises: a change here changes every result.
    #[test]
    fn the_first_values_are_pinned() {
        let (inputs, targets) = draw(0).unwrap();
        assert_eq!((rows(&inputs)[0][0], rows(&targets)[0][0]), (-2.082521372950071, 13.957097001111725));
    }
}
