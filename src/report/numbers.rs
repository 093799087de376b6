//! Numbers as people read them.

use crate::stats::Estimate;

/// `value` with `decimals` decimals and a true minus sign.
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    if is_zero { text.replace('-', "") } else { text.replace('-', "−") }
}

/// `value` with three significant digits, at most three decimals and all digits before the point; as `1.23e−10` where
/// four decimals would show 0.
pub fn plain(value: f64) -> String {
    if is_tiny(value) { scientific(value) } else { fixed(value, decimals_for(value, 3)) }
}

/// Whether four decimals would show 0 for what is not 0.
fn is_tiny(value: f64) -> bool {
    value != 0.0 && value.abs() < 0.5e-4
}

/// `1.23e−10`.
fn scientific(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{value:.2e}").replace('-', "−") }
}

/// `12.3 [10.1, 14.5]`, as precise as the interval is; `12.3` with the number of its seeds where there is none.
pub fn estimate(estimate: &Estimate) -> String {
    let Some((low, high)) = estimate.ci95 else {
        let seeds = if estimate.seeds == 1 { "1 seed".into() } else { format!("{} seeds", estimate.seeds) };
        return format!("{} ({seeds}, no interval)", plain(estimate.point));
    };
    let largest = low.abs().max(high.abs());
    if is_tiny(largest) {
        return format!("{} [{}, {}]", scientific(estimate.point), scientific(low), scientific(high));
    }
    let half = (high - low) / 2.0;
    let decimals = if half > 0.0 { decimals_for(half, 2) } else { decimals_for(estimate.point, 3) };
    format!("{} [{}, {}]", fixed(estimate.point, decimals), fixed(low, decimals), fixed(high, decimals))
}

/// `as a factor 0.0049 [0.0011, 0.021]`: each number with three significant digits, for a factor's interval is not even.
pub fn as_factor(factor: &Estimate) -> String {
    let number = |value: f64| match value.abs().log10().floor() {
        magnitude if magnitude < -7.0 => scientific(value),
        magnitude => fixed(value, (2.0 - magnitude).max(0.0) as usize),
    };
    let interval = factor.ci95.map(|(low, high)| format!(" [{}, {}]", number(low), number(high)));
    format!("as a factor {}{}", number(factor.point), interval.unwrap_or_default())
}

/// A p value: `< 0.001`, `0.012`.
pub fn p_value(p: Option<f64>) -> String {
    match p {
        None => "–".into(),
        Some(p) if p < 0.001 => "< 0.001".into(),
        Some(p) => fixed(p, 3),
    }
}

/// How many decimals give `value` that many significant digits, at most three.
fn decimals_for(value: f64, significant: i32) -> usize {
    if value == 0.0 || !value.is_finite() {
        return 1;
    }
    let magnitude = value.abs().log10().floor() as i32;
    (significant - 1 - magnitude).clamp(0, 3) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_as_precise_as_its_interval() {
        let of = |point, half: f64| estimate(&Estimate { point, ci95: Some((point - half, point + half)), seeds: 8 });
        assert_eq!(of(12.3456, 2.34), "12.3 [10.0, 14.7]");
        assert_eq!(of(-0.01234, 0.0456), "−0.012 [−0.058, 0.033]");
        assert_eq!(of(1234.6, 300.0), "1235 [935, 1535]");
        assert_eq!(of(15.0, 0.0), "15.0 [15.0, 15.0]");
        assert_eq!(of(2.1e-10, 1.5e-10), "2.10e−10 [6.00e−11, 3.60e−10]");
        assert_eq!(of(-0.000_04, 0.0), "−4.00e−5 [−4.00e−5, −4.00e−5]");
        assert_eq!(of(0.0, 0.0), "0.0 [0.0, 0.0]");
        let single = Estimate { point: 0.8317, ci95: None, seeds: 1 };
        assert_eq!(estimate(&single), "0.832 (1 seed, no interval)");
    }

    #[test]
    fn a_factor_keeps_its_digits() {
        let of = |point: f64, ci95| as_factor(&Estimate { point, ci95, seeds: 8 });
        assert_eq!(of(0.00496, Some((0.001_13, 0.0215))), "as a factor 0.00496 [0.00113, 0.0215]");
        assert_eq!(of(381.4, Some((21.4, 6790.0))), "as a factor 381 [21.4, 6790]");
        assert_eq!(of(1.0, None), "as a factor 1.00");
        assert_eq!(of(9.36e-14, None), "as a factor 9.36e−14");
    }

    #[test]
    fn numbers_and_p_values() {
        assert_eq!([plain(0.0), plain(-0.0001), plain(f64::INFINITY), plain(-3.25)], ["0.0", "0.000", "inf", "−3.25"]);
        assert_eq!([plain(-0.000_04), plain(0.000_06)], ["−4.00e−5", "0.000"]);
        assert_eq!([p_value(Some(0.0004)), p_value(Some(0.0125)), p_value(None)], ["< 0.001", "0.013", "–"]);
    }
}
