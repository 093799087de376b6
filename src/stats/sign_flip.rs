//! The exact sign-flip test (Fisher's randomisation test for paired data).

/// The largest number of values for which all sign flips are enumerated.
pub const EXACT_UP_TO: usize = 20;

/// One-sided p value of "the values lie above 0": the share of all 2ⁿ sign flips whose sum is at least the observed
/// one. `None` without values and beyond 20 of them.
///
/// An infinite value outweighs all finite ones, as the limit of a growing value would; NaN (∞ − ∞) counts as a tie,
/// that is as 0.
pub fn sign_flip_p(values: &[f64]) -> Option<f64> {
    if values.is_empty() || values.len() > EXACT_UP_TO {
        return None;
    }
    let flips = 1u32 << values.len();
    let (infinite, finite) = flipped_sum(values, 0);
    // Flips that tie with the observed sum must count, whatever the order of rounding.
    let magnitude: f64 = values.iter().filter(|value| value.is_finite()).map(|value| value.abs()).sum();
    let least = finite - 1e-12 * magnitude;
    let at_least = (0..flips)
        .map(|flip| flipped_sum(values, flip))
        .filter(|&(count, sum)| count > infinite || (count == infinite && sum >= least))
        .count();
    Some(at_least as f64 / f64::from(flips))
}

/// The sum with the signs in `flip`'s bits turned: (number of infinite terms, positive less negative; finite sum).
fn flipped_sum(values: &[f64], flip: u32) -> (i32, f64) {
    let mut total = (0, 0.0);
    for (index, &value) in values.iter().enumerate() {
        let signed = if flip >> index & 1 == 1 { -value } else { value };
        if signed.is_infinite() {
            total.0 += signed.signum() as i32;
        } else if !signed.is_nan() {
            total.1 += signed;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By hand: of the sums ±1 ± 2 ± 3, only 6 reaches 6; of ±1 ± 2 ± 3 with 1 negative, 6 and 4 reach 4.
    #[test]
    fn small_cases_by_hand() {
        assert_eq!(sign_flip_p(&[1.0, 2.0, 3.0]), Some(1.0 / 8.0));
        assert_eq!(sign_flip_p(&[-1.0, 2.0, 3.0]), Some(2.0 / 8.0));
        assert_eq!(sign_flip_p(&[0.1; 8]), Some(1.0 / 256.0));
        assert_eq!(sign_flip_p(&[0.0; 5]), Some(1.0));
        assert_eq!((sign_flip_p(&[]), sign_flip_p(&[1.0; 21])), (None, None));
    }

    /// Fisher 1935 (The Design of Experiments, §21), Darwin's maize in eighths of an inch: of the 2¹⁵ = 32768
    /// sums, 863 are as large as the observed 314 (835 exceed it, 28 equal it).
    #[test]
    fn darwins_maize() {
        let differences = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48].map(f64::from);
        assert_eq!(sign_flip_p(&differences), Some(863.0 / 32768.0));
    }

    /// The limit of a growing value: apart from [1, 2, M] only M positive and the other two as observed reach the sum.
    #[test]
    fn infinite_values_outweigh_finite_ones_and_ties_count_as_nothing() {
        let large = 1e9;
        for signs in [[1.0, 1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, -1.0]] {
            let with = |extreme: f64| [signs[0], 2.0 * signs[1], extreme * signs[2]];
            assert_eq!(sign_flip_p(&with(f64::INFINITY)), sign_flip_p(&with(large)));
        }
        assert_eq!(sign_flip_p(&[1.0, 2.0, f64::NAN]), sign_flip_p(&[1.0, 2.0, 0.0]));
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_both_sides_cover_everything(mut values in prop::collection::vec(-9.0..9.0f64, 1..10)) {
            let p = sign_flip_p(&values).unwrap();
            let opposite: Vec<f64> = values.iter().map(|value| -value).collect();
            prop_assert!(p + sign_flip_p(&opposite).unwrap() > 1.0);
            values.reverse();
            prop_assert_eq!(Some(p), sign_flip_p(&values));
        }
    }
}
