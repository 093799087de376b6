//! Means of few values, with Student's t.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A number estimated from one value per seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The best single number.
    pub point: f64,
    /// The 95 % confidence interval; `None` where no bounded one exists (one seed, a ratio whose denominator may
    /// be 0).
    pub ci95: Option<(f64, f64)>,
    /// The number of seeds that it was made from: values that are not finite are left out.
    pub seeds: usize,
}

impl Estimate {
    /// Of a ratio, where this is of its natural logarithm: e to the estimate and to the ends of its interval; `None`
    /// where that is too large for a number.
    pub fn exp(self) -> Option<Self> {
        let ci95 = self.ci95.map(|(low, high)| (low.exp(), high.exp()));
        let exp = Self { point: self.point.exp(), ci95, ..self };
        (exp.point.is_finite() && exp.ci95.is_none_or(|(_, high)| high.is_finite())).then_some(exp)
    }

    /// The mean of the finite values with its 95 % t interval; `None` where no value is finite.
    pub fn of_mean(values: &[f64]) -> Option<Self> {
        let finite = finite(values);
        let point = center(&finite).filter(|mean| mean.is_finite())?;
        Some(Self { point, ci95: t_interval(&finite, 0.95), seeds: finite.len() })
    }
}

/// The mean; `None` where there are no values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The mean, and of equal values exactly their value: deviations from it are then 0, and not its rounding.
pub(super) fn center(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    if values.iter().all(|value| *value == first) { Some(first) } else { mean(values) }
}

/// The two-sided t interval of the mean at `level` (0.95, ...), from the finite values; `None` below two of them, and
/// where they are so large that it has no ends.
///
/// Equal values give an interval of width 0.
pub fn t_interval(values: &[f64], level: f64) -> Option<(f64, f64)> {
    let (mean, error, freedom) = mean_and_error(&finite(values))?;
    let half = t_quantile(0.5 + level / 2.0, freedom) * error;
    Some((mean - half, mean + half)).filter(|(low, high)| low.is_finite() && high.is_finite())
}

/// One-sided p value of "the mean is above `bound`" against "it is not", by the t test, from the finite values;
/// `None` below two of them.
pub fn t_p(values: &[f64], bound: f64) -> Option<f64> {
    let (mean, error, freedom) = mean_and_error(&finite(values))?;
    if error == 0.0 {
        return Some(if mean > bound { 0.0 } else { 1.0 });
    }
    Some(student(freedom).cdf((bound - mean) / error))
}

fn finite(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| value.is_finite()).collect()
}

/// Mean, standard error of the mean, degrees of freedom.
fn mean_and_error(values: &[f64]) -> Option<(f64, f64, f64)> {
    let freedom = values.len().checked_sub(1).filter(|&freedom| freedom > 0)? as f64;
    let mean = center(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (squares / freedom / values.len() as f64).sqrt(), freedom))
}

/// The quantile of Student's t at `p` ≥ 0.5.
pub(super) fn t_quantile(p: f64, freedom: f64) -> f64 {
    let student = student(freedom);
    let mut high = 1.0;
    while student.cdf(high) < p {
        high *= 2.0;
    }
    quantile(p, (0.0, high), |x| student.cdf(x))
}

/// The quantile at `p`, which lies between `low` and `high`, by bisection of a distribution function: the quantiles of
/// Student's t that statrs 0.19 itself gives are off in the second digit for some `p` at two degrees of freedom.
pub(super) fn quantile(p: f64, (mut low, mut high): (f64, f64), cdf: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if cdf(middle) < p { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

fn student(freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom).expect("degrees of freedom are positive")
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    /// One and two degrees of freedom have closed forms: tan(π(p − ½)) and (2p − 1) / √(2p(1 − p)). The others are
    /// the table of Abramowitz and Stegun, 26.10.
    #[test]
    fn quantiles_agree_with_closed_forms_and_the_table() {
        for p in [0.8, 0.95, 0.975, 0.995] {
            assert_relative_eq!(t_quantile(p, 1.0), (std::f64::consts::PI * (p - 0.5)).tan(), max_relative = 1e-9);
            let two = (2.0 * p - 1.0) / (2.0 * p * (1.0 - p)).sqrt();
            assert_relative_eq!(t_quantile(p, 2.0), two, max_relative = 1e-9);
        }
        for (p, freedom, expected) in
            [(0.975, 5.0, 2.571), (0.95, 7.0, 1.895), (0.975, 7.0, 2.365), (0.975, 30.0, 2.042)]
        {
            assert!((t_quantile(p, freedom) - expected).abs() < 5e-4, "{p} {freedom}");
        }
    }

    #[test]
    fn numbers_too_large_for_an_interval_have_none() {
        let huge = [1e200, -1e200, 3e200];
        assert_eq!((t_interval(&huge, 0.95), Estimate::of_mean(&huge).unwrap().ci95), (None, None));
        assert_eq!(Estimate::of_mean(&[f64::MAX, f64::MAX / 2.0]), None);
    }

    /// "Student" 1908, the sleep data: mean 1.58, t = 4.0621, two-sided p = 0.00283, interval 0.70 to 2.46.
    #[test]
    fn the_sleep_data() {
        let gains = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
        let estimate = Estimate::of_mean(&gains).unwrap();
        let (low, high) = estimate.ci95.unwrap();
        assert_relative_eq!(estimate.point, 1.58, max_relative = 1e-12);
        assert!((low - 0.7001).abs() < 1e-4 && (high - 2.4599).abs() < 1e-4, "{low} {high}");
        assert!((2.0 * t_p(&gains, 0.0).unwrap() - 0.002833).abs() < 1e-6);
    }

    #[test]
    fn degenerate_values_give_what_can_be_given() {
        assert_eq!(Estimate::of_mean(&[]), None);
        assert_eq!(Estimate::of_mean(&[f64::NAN, f64::INFINITY]), None);
        assert_eq!(Estimate::of_mean(&[2.0, f64::INFINITY]), Some(Estimate { point: 2.0, ci95: None, seeds: 1 }));
        assert_eq!(t_interval(&[3.0; 4], 0.95), Some((3.0, 3.0)));
        assert_eq!(t_interval(&[0.1; 30], 0.95), Some((0.1, 0.1)));
        assert_eq!((t_p(&[0.1; 30], 0.1), t_p(&[0.7; 30], 0.7)), (Some(1.0), Some(1.0)));
        assert_eq!((t_p(&[3.0; 4], 2.0), t_p(&[3.0; 4], 3.0)), (Some(0.0), Some(1.0)));
    }

    proptest! {
        #[test]
        fn intervals_contain_the_mean_and_grow_with_the_level(values in prop::collection::vec(-1e3..1e3f64, 2..20)) {
            let (low, high) = t_interval(&values, 0.90).unwrap();
            let (lower, higher) = t_interval(&values, 0.95).unwrap();
            let mean = mean(&values).unwrap();
            prop_assert!(lower <= low && low <= mean && mean <= high && high <= higher);
        }

        /// The two-sided test rejects a bound at 5 % exactly when the 95 % interval lies above or below it.
        #[test]
        fn the_test_and_the_interval_agree(values in prop::collection::vec(-1.0..1.0f64, 2..12), bound in -1.0..1.0f64) {
            let (low, _) = t_interval(&values, 0.95).unwrap();
            let p = t_p(&values, bound).unwrap();
            prop_assume!((p - 0.025).abs() > 1e-9);
            prop_assert_eq!(low > bound, p < 0.025);
        }
    }
}
