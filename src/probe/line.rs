//! A function along a line (Santurkar et al. 2018, section 3.2 and appendix A.2.2): how far its value and its
//! gradient move within a few steps from a point.
//!
//! The function is a closure from parameters to its value and its gradient; nothing here knows of networks.

use candle_core::Result;

use crate::nn::Params;

/// The function at x − η·d, for one step length η.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// η, in units of d.
    pub length: f64,
    /// ‖η·d‖ as it was taken: what rounding leaves of it.
    pub moved: f64,
    /// The value there. What is not a number counts as +∞, as does `gradient_distance`: the step leapt out of range.
    pub value: f64,
    /// ‖∇f(x − η·d) − ∇f(x)‖.
    pub gradient_distance: f64,
}

/// The points x − η·d for each η of `lengths`, where x is `start`, d is `direction` and `gradient` is ∇f(x).
///
/// # Errors
/// Those of `function`, and names or shapes that differ.
pub fn along(
    start: &Params,
    gradient: &Params,
    direction: &Params,
    lengths: &[f64],
    function: impl Fn(&Params) -> Result<(f64, Params)>,
) -> Result<Vec<Point>> {
    let point = |&length: &f64| {
        let there = start.moved(direction, -length)?;
        let (value, gradient_there) = function(&there)?;
        Ok(Point {
            length,
            moved: there.distance(start)?,
            value: or_infinite(value),
            gradient_distance: or_infinite(gradient_there.distance(gradient)?),
        })
    };
    lengths.iter().map(point).collect()
}

fn or_infinite(value: f64) -> f64 {
    if value.is_nan() { f64::INFINITY } else { value }
}

/// The smallest and the largest of `values`.
pub fn band(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// The paper's “effective” β-smoothness, max over η of ‖∇f(x − η·d) − ∇f(x)‖ / ‖η·d‖, and the η of the maximum (the
/// smallest such). A step that moved nothing, because the direction is zero or too short to be represented, has no
/// quotient and is left out; `None` where all are.
pub fn effective_beta(points: &[Point]) -> Option<(f64, f64)> {
    let quotients = points.iter().filter(|point| point.moved > 0.0);
    let quotients = quotients.map(|point| (or_infinite(point.gradient_distance / point.moved), point.length));
    quotients.reduce(|largest, next| if next.0 > largest.0 { next } else { largest })
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    const LENGTHS: [f64; 4] = [0.05, 0.1, 0.2, 0.4];

    fn params(values: [f64; 2]) -> Params {
        [("x".to_string(), Tensor::new(&values, &Device::Cpu).unwrap())].into_iter().collect()
    }

    /// f = ½·xᵀHx with H = [[5, 2], [2, 2]], whose eigenvalues are 6 along (2, 1) and 1 along (1, −2).
    fn quadratic(x: &Params) -> Result<(f64, Params)> {
        let v = x.get("x")?.to_vec1::<f64>()?;
        let gradient = [5.0 * v[0] + 2.0 * v[1], 2.0 * v[0] + 2.0 * v[1]];
        Ok((0.5 * (v[0] * gradient[0] + v[1] * gradient[1]), params(gradient)))
    }

    fn quadratic_along(start: [f64; 2], direction: [f64; 2]) -> Vec<Point> {
        let start = params(start);
        let (_, gradient) = quadratic(&start).unwrap();
        along(&start, &gradient, &params(direction), &LENGTHS, quadratic).unwrap()
    }

    #[test]
    fn on_a_quadratic_beta_is_the_eigenvalue_of_the_direction() {
        for (direction, eigenvalue) in [([2.0, 1.0], 6.0), ([1.0, -2.0], 1.0)] {
            let points = quadratic_along([0.3, -0.7], direction);
            let (beta, _) = effective_beta(&points).unwrap();
            assert!((beta - eigenvalue).abs() < 1e-12, "{beta}");
            let (_, farthest) = band(points.iter().map(|point| point.gradient_distance));
            assert!((farthest - eigenvalue * 0.4 * 5f64.sqrt()).abs() < 1e-12, "{farthest}");
        }
    }

    /// From an eigenvector v of λ along the gradient λv, f(x − ηg) = (1 − ηλ)²·f(x): at λ = 6 the lengths 0.05, 0.1, 0.2
    /// and 0.4 give the factors 0.49, 0.16, 0.04 and 1.96 of f(x) = ½·6·5.
    #[test]
    fn on_a_quadratic_the_band_is_the_parabola_over_the_grid() {
        let points = quadratic_along([2.0, 1.0], [12.0, 6.0]);
        let (low, high) = band(points.iter().map(|point| point.value));
        assert!((low - 0.04 * 15.0).abs() < 1e-12 && (high - 1.96 * 15.0).abs() < 1e-12, "{low} {high}");
    }

    /// f = ¼·x⁴ from x = 1 along 1: ((1 − η)³ − 1)/η in size is 3 − 3η + η², largest at the smallest step.
    #[test]
    fn the_step_of_the_largest_quotient_is_named() {
        let quartic = |x: &Params| {
            let v = x.get("x")?.to_vec1::<f64>()?[0];
            Ok((0.25 * v.powi(4), params([v.powi(3), 0.0])))
        };
        let (start, unit) = (params([1.0, 0.0]), params([1.0, 0.0]));
        let (beta, length) = effective_beta(&along(&start, &unit, &unit, &LENGTHS, quartic).unwrap()).unwrap();
        assert_eq!(length, 0.05);
        assert!((beta - (3.0 - 3.0 * 0.05 + 0.05 * 0.05)).abs() < 1e-12, "{beta}");
    }

    #[test]
    fn what_overflows_is_infinite_and_what_does_not_move_has_no_quotient() {
        let (start, unit) = (params([1.0, 0.0]), params([1.0, 0.0]));
        let broken = |_: &Params| Ok((f64::NAN, params([f64::NAN, 0.0])));
        let points = along(&start, &unit, &unit, &LENGTHS, broken).unwrap();
        assert_eq!(band(points.iter().map(|point| point.value)), (f64::INFINITY, f64::INFINITY));
        assert_eq!(effective_beta(&points), Some((f64::INFINITY, 0.05)));
        assert_eq!(effective_beta(&quadratic_along([2.0, 1.0], [0.0, 0.0])), None);
    }
}
