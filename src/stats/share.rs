//! How often something holds.

use statrs::distribution::{Beta, ContinuousCDF};

use super::student::{Estimate, quantile};

/// The share `met` / `of` with the exact 95 % interval of Clopper and Pearson (1934); `None` of nothing.
pub fn share(met: usize, of: usize) -> Option<Estimate> {
    let bound = |a: usize, b: usize, p: f64| {
        let beta = Beta::new(a as f64, b as f64).expect("both are positive");
        quantile(p, (0.0, 1.0), |x| beta.cdf(x))
    };
    let low = if met == 0 { 0.0 } else { bound(met, of - met + 1, 0.025) };
    let high = if met == of { 1.0 } else { bound(met + 1, of - met, 0.975) };
    (of > 0).then(|| Estimate { point: met as f64 / of as f64, ci95: Some((low, high)), seeds: of })
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    /// All or none of n have the closed forms 0.025^(1/n) and 1 − 0.025^(1/n); 1 of 2 has 1 − √0.975 and √0.975.
    #[test]
    fn closed_forms() {
        let root = 0.025f64.powf(1.0 / 8.0);
        for (met, of, expected) in
            [(8, 8, (root, 1.0)), (0, 8, (0.0, 1.0 - root)), (1, 2, (1.0 - 0.975f64.sqrt(), 0.975f64.sqrt()))]
        {
            let estimate = share(met, of).unwrap();
            let (low, high) = estimate.ci95.unwrap();
            assert_eq!((estimate.point, estimate.seeds), (met as f64 / of as f64, of));
            assert_relative_eq!(low, expected.0, max_relative = 1e-9);
            assert_relative_eq!(high, expected.1, max_relative = 1e-9);
        }
        assert_eq!(share(0, 0), None);
    }
}
