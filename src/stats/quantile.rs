//! Quantiles, where there are points enough.

/// The fewest points from which a quantile is given.
pub const QUANTILE_POINTS: usize = 100;

/// The quantile at `share` (0 to 1), interpolated between order statistics; `None` below 100 points
/// or where one is NaN.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    if values.len() < QUANTILE_POINTS || values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    // Equal neighbours also stand for two infinite ones, whose difference is not a number.
    Some(if below == above { below } else { below + (above - below) * place.fract() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_and_too_few_points() {
        let ramp: Vec<f64> = (0..=200).rev().map(f64::from).collect();
        assert_eq!(quantile(&ramp, 0.0), Some(0.0));
        assert_eq!(quantile(&ramp, 0.99), Some(198.0));
        assert_eq!(quantile(&ramp[..101], 0.125), Some(112.5));
        assert_eq!(quantile(&ramp[..99], 0.5), None);
        assert_eq!(quantile(&[f64::INFINITY; 100], 0.995), Some(f64::INFINITY));
    }
}
