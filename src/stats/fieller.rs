//! The ratio of two means, with Fieller's confidence set.

use super::student::{Estimate, mean, t_quantile};

/// A confidence set of a ratio. It is unbounded where the denominator cannot be told from 0, which an interval from
/// a linear approximation would hide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConfidenceSet {
    /// All ratios between the two.
    Interval(f64, f64),
    /// All ratios but those between the two.
    Outside(f64, f64),
    /// Every ratio.
    Everything,
}

/// Fieller's 95 % set for mean(`of`) / mean(`to`), from pairs; `None` below two pairs.
///
/// It holds every ρ for which a t test of mean(of − ρ·to) = 0 does not reject (Fieller 1954): the solutions of
/// A ρ² − 2 B ρ + C ≤ 0.
pub fn fieller(of: &[f64], to: &[f64]) -> Option<ConfidenceSet> {
    let pairs = of.len().min(to.len()) as f64;
    if pairs < 2.0 {
        return None;
    }
    let (mean_of, mean_to) = (mean(of)?, mean(to)?);
    let covariance = |a: &[f64], mean_a: f64, b: &[f64], mean_b: f64| {
        a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).sum::<f64>() / (pairs - 1.0)
    };
    let scale = t_quantile(0.975, pairs - 1.0).powi(2) / pairs;
    let a = mean_to * mean_to - scale * covariance(to, mean_to, to, mean_to);
    let b = mean_of * mean_to - scale * covariance(of, mean_of, to, mean_to);
    let c = mean_of * mean_of - scale * covariance(of, mean_of, of, mean_of);
    let discriminant = b * b - a * c;
    if a > 0.0 {
        // A negative discriminant is rounding: the set always holds the ratio of the means.
        let root = discriminant.max(0.0).sqrt();
        Some(ConfidenceSet::Interval((b - root) / a, (b + root) / a))
    } else if a < 0.0 && discriminant > 0.0 {
        let root = discriminant.sqrt();
        Some(ConfidenceSet::Outside((b + root) / a, (b - root) / a))
    } else {
        Some(ConfidenceSet::Everything)
    }
}

/// mean(`of`) / mean(`to`) from the pairs of which both are finite, with Fieller's set. The estimate has an interval
/// only where the set is one. `None` where no pair is finite or the ratio is not.
pub fn ratio_of_means(of: &[f64], to: &[f64]) -> Option<(Estimate, Option<ConfidenceSet>)> {
    let (of, to): (Vec<f64>, Vec<f64>) =
        of.iter().zip(to).filter(|(a, b)| a.is_finite() && b.is_finite()).map(|(&a, &b)| (a, b)).unzip();
    let point = mean(&of)? / mean(&to)?;
    let set = fieller(&of, &to);
    let ci95 = match set {
        Some(ConfidenceSet::Interval(low, high)) => Some((low, high)),
        _ => None,
    };
    point.is_finite().then_some((Estimate { point, ci95, seeds: of.len() }, set))
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::stats::t_interval;

    /// With a constant denominator the set is the t interval of the numerator over that constant.
    #[test]
    fn a_constant_denominator_gives_the_t_interval() {
        let of = [1.0, 2.0, 4.0, 5.0];
        let (low, high) = t_interval(&of, 0.95).unwrap();
        let Some(ConfidenceSet::Interval(a, b)) = fieller(&of, &[2.0; 4]) else { panic!("bounded") };
        assert_relative_eq!(a, low / 2.0, max_relative = 1e-9);
        assert_relative_eq!(b, high / 2.0, max_relative = 1e-9);
    }

    /// A constant numerator c: c over the t interval of the denominator; that interval's holding 0 turns the set
    /// inside out.
    #[test]
    fn a_constant_numerator_gives_the_inverted_t_interval_bounded_or_not() {
        let bounded = [3.0, 4.0, 5.0, 4.0];
        let (low, high) = t_interval(&bounded, 0.95).unwrap();
        let Some(ConfidenceSet::Interval(a, b)) = fieller(&[1.0; 4], &bounded) else { panic!("bounded") };
        assert_relative_eq!(a, 1.0 / high, max_relative = 1e-9);
        assert_relative_eq!(b, 1.0 / low, max_relative = 1e-9);

        let around_zero = [-1.0, 2.0, -2.0, 3.0];
        let (low, high) = t_interval(&around_zero, 0.95).unwrap();
        let Some(ConfidenceSet::Outside(a, b)) = fieller(&[1.0; 4], &around_zero) else { panic!("unbounded") };
        assert_relative_eq!(a, 1.0 / low, max_relative = 1e-9);
        assert_relative_eq!(b, 1.0 / high, max_relative = 1e-9);
        assert_eq!(ratio_of_means(&[1.0; 4], &around_zero).unwrap().0.ci95, None);
    }

    #[test]
    fn degenerate_pairs() {
        assert_eq!(fieller(&[-1.0, 1.0, 2.0], &[1.0, -1.0, 0.5]), Some(ConfidenceSet::Everything));
        assert_eq!(fieller(&[1.0], &[1.0]), None);
        assert_eq!(ratio_of_means(&[1.0, 1.0], &[0.0, 0.0]), None);
        let (estimate, set) = ratio_of_means(&[1.0, f64::INFINITY], &[2.0, 1.0]).unwrap();
        assert_eq!((estimate.point, estimate.seeds, set), (0.5, 1, None));
    }

    proptest! {
        #[test]
        fn the_set_contains_the_ratio(of in prop::collection::vec(-5.0..5.0f64, 8), to in prop::collection::vec(-5.0..9.0f64, 8)) {
            let (estimate, set) = ratio_of_means(&of, &to).unwrap();
            let slack = 1e-9 * estimate.point.abs().max(1.0);
            match set.unwrap() {
                ConfidenceSet::Interval(low, high) => {
                    prop_assert!(low - slack <= estimate.point && estimate.point <= high + slack);
                }
                ConfidenceSet::Outside(low, high) => {
                    prop_assert!(low < high && (estimate.point <= low + slack || estimate.point >= high - slack));
                }
                ConfidenceSet::Everything => {}
            }
        }
    }
}
