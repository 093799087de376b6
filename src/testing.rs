//! Statistics that the tests of random numbers share.

/// √n times the Kolmogorov–Smirnov distance of n `values` to a distribution function.
///
/// Where the values have that distribution the limit is Kolmogorov's, which exceeds 2.23 with probability 1e-4.
pub fn kolmogorov_smirnov(values: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distance = |(i, &x): (usize, &f64)| (cdf(x) - i as f64 / n).abs().max(((i + 1) as f64 / n - cdf(x)).abs());
    sorted.iter().enumerate().map(distance).fold(0.0, f64::max) * n.sqrt()
}

/// Mean and biased variance.
pub fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64)
}

/// The largest |√n · correlation| of any two of `series`, each of n values, and which two.
///
/// One pair of independent series has a standard normal √n · correlation (in the limit).
pub fn largest_scaled_correlation(series: &[Vec<f64>]) -> (f64, (usize, usize)) {
    let standardised: Vec<Vec<f64>> = series
        .iter()
        .map(|values| {
            let (mean, variance) = moments(values);
            values.iter().map(|x| (x - mean) / variance.sqrt()).collect()
        })
        .collect();
    let mut largest = (0.0, (0, 0));
    for (i, a) in standardised.iter().enumerate() {
        for (j, b) in standardised.iter().enumerate().skip(i + 1) {
            let sum: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            let scaled = (sum / (a.len() as f64).sqrt()).abs();
            if scaled > largest.0 {
                largest = (scaled, (i, j));
            }
        }
    }
    largest
}
