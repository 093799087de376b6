//! Summaries of a curve: points (x, y) in order of x, such as an accuracy at each learning rate of a sweep.

use super::student::center;

/// The largest x whose y passes; 0 where none does (swept values are positive, so 0 is below the grid).
pub fn largest_passing(curve: &[(f64, f64)], passes: impl Fn(f64) -> bool) -> f64 {
    curve.iter().rev().find(|point| passes(point.1)).map_or(0.0, |point| point.0)
}

/// The smallest x whose y passes; +∞ where none does.
pub fn smallest_passing(curve: &[(f64, f64)], passes: impl Fn(f64) -> bool) -> f64 {
    curve.iter().find(|point| passes(point.1)).map_or(f64::INFINITY, |point| point.0)
}

/// The least-squares slope of y over x; NaN where x does not vary.
pub fn slope(curve: &[(f64, f64)]) -> f64 {
    let (covariance, variance, _) = second_moments(curve);
    covariance / variance
}

/// Spearman's rank correlation of y with x, ties at their mean rank; NaN where one of them does not vary.
pub fn rank_correlation(curve: &[(f64, f64)]) -> f64 {
    let (x, y): (Vec<f64>, Vec<f64>) = curve.iter().copied().unzip();
    let ranked: Vec<(f64, f64)> = ranks(&x).into_iter().zip(ranks(&y)).collect();
    let (covariance, variance_x, variance_y) = second_moments(&ranked);
    covariance / (variance_x * variance_y).sqrt()
}

/// The first x at which y, interpolated between points, changes its sign.
///
/// Where it keeps its sign the crossing lies beyond the curve: +∞ for a curve that moves towards 0 or does not move,
/// −∞ for one that moves away from it. NaN without points.
pub fn zero_crossing(curve: &[(f64, f64)]) -> f64 {
    let (Some(first), Some(last)) = (curve.first(), curve.last()) else { return f64::NAN };
    if let Some(point) = curve.iter().find(|point| point.1 == 0.0 || point.1.signum() != first.1.signum()) {
        let before = curve.iter().rev().find(|known| known.0 < point.0 && known.1 != 0.0);
        return before.map_or(point.0, |before| before.0 + (point.0 - before.0) * before.1 / (before.1 - point.1));
    }
    if last.1.abs() > first.1.abs() { f64::NEG_INFINITY } else { f64::INFINITY }
}

/// Sums of products of deviations: of x and y, of x, of y.
fn second_moments(curve: &[(f64, f64)]) -> (f64, f64, f64) {
    let of = |value: fn(&(f64, f64)) -> f64| center(&curve.iter().map(value).collect::<Vec<_>>()).unwrap_or(f64::NAN);
    let (middle_x, middle_y) = (of(|point| point.0), of(|point| point.1));
    curve.iter().fold((0.0, 0.0, 0.0), |(xy, xx, yy), (x, y)| {
        let (x, y) = (x - middle_x, y - middle_y);
        (xy + x * y, xx + x * x, yy + y * y)
    })
}

/// Ranks from 1, ties at their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| other.total_cmp(value).is_lt()).count();
        let equal = values.iter().filter(|other| other.total_cmp(value).is_eq()).count();
        below as f64 + (equal as f64 + 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    #[test]
    fn passing_values_and_none() {
        let curve = [(0.1, 60.0), (0.2, 70.0), (0.4, 12.0), (0.8, 55.0), (1.6, 10.0)];
        assert_eq!(largest_passing(&curve, |y| y >= 50.0), 0.8, "an island counts");
        assert_eq!(smallest_passing(&curve, |y| y < 50.0), 0.4);
        assert_eq!(largest_passing(&curve, |y| y > 90.0), 0.0);
        assert_eq!(smallest_passing(&curve, |y| y > 90.0), f64::INFINITY);
    }

    #[test]
    fn a_flat_curve_has_no_slope() {
        let curve = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0].map(|x| (x, 0.7));
        assert_eq!(slope(&curve), 0.0);
        assert!(rank_correlation(&curve).is_nan());
    }

    /// By hand: of (1, 2), (2, 3), (4, 3), Σ(x − x̄)(y − ȳ) = 4/3 and Σ(x − x̄)² = 14/3, so 2/7.
    #[test]
    fn slopes_by_hand() {
        assert_relative_eq!(slope(&[(1.0, 2.0), (2.0, 3.0), (4.0, 3.0)]), 2.0 / 7.0, max_relative = 1e-12);
        let power_law: Vec<(f64, f64)> = (1..9).map(f64::from).map(|l: f64| (l.ln(), (3.0 / l).ln())).collect();
        assert_relative_eq!(slope(&power_law), -1.0, max_relative = 1e-12);
        assert!(slope(&[(1.0, 2.0), (1.0, 3.0)]).is_nan());
    }

    /// Without ties 1 − 6·Σd² / (n·(n² − 1)): of the ranks 1 2 3 4 and 2 1 4 3, Σd² = 4 gives 0.6. With the tie
    /// y = 1, 1, 2 the ranks 1.5, 1.5, 3 correlate with 1, 2, 3 by 1.5 / √(2 · 1.5) = √3 / 2.
    #[test]
    fn rank_correlation_by_hand() {
        let curve = [(0.1, 2.0), (0.2, 1.0), (0.3, 9.0), (0.4, 8.0)];
        assert_relative_eq!(rank_correlation(&curve), 0.6, max_relative = 1e-12);
        let tied = [(1.0, 1.0), (2.0, 1.0), (9.0, 2.0)];
        assert_relative_eq!(rank_correlation(&tied), 3f64.sqrt() / 2.0, max_relative = 1e-12);
        assert_relative_eq!(rank_correlation(&[(1.0, 5.0), (2.0, f64::NEG_INFINITY)]), -1.0);
        assert!(rank_correlation(&[(1.0, 5.0), (2.0, 5.0)]).is_nan());
    }

    /// 1 − 2(i − 1)/k of a network of k = 25 layers is 0 at i = 13.5.
    #[test]
    fn zero_crossings() {
        let cosine: Vec<(f64, f64)> = (1..=25).map(|i| (f64::from(i), 1.0 - 2.0 * f64::from(i - 1) / 25.0)).collect();
        assert_relative_eq!(zero_crossing(&cosine), 13.5, max_relative = 1e-12);
        assert_eq!(zero_crossing(&cosine[..5]), f64::INFINITY);
        assert_eq!(zero_crossing(&cosine[15..]), f64::NEG_INFINITY);
        assert_eq!(zero_crossing(&[(1.0, -1.0), (2.0, 0.0), (3.0, 1.0)]), 2.0);
        assert_eq!(zero_crossing(&[(4.0, 0.0), (5.0, 1.0)]), 4.0);
        assert!(zero_crossing(&[]).is_nan());
    }
}
