//! Statistics and criteria in words, for reports.

use std::collections::BTreeMap;
use std::fmt;

use super::{Criterion, Statistic};

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contrast(weights) => f.write_str(&contrast(weights)),
            Self::LogRatio { of, to } => write!(f, "log({of} / {to})"),
            Self::RatioOfMeans { of, to } => write!(f, "({}) / ({})", contrast(of), contrast(to)),
            Self::Share { of, meets } => write!(f, "share of seeds with {of} {meets}"),
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Above(bound) => write!(f, "> {}", number(bound)),
            Self::AtLeast(bound) => write!(f, "≥ {}", number(bound)),
            Self::Below(bound) => write!(f, "< {}", number(bound)),
            Self::AtMost(bound) => write!(f, "≤ {}", number(bound)),
            Self::Between([low, high]) if low == -high => write!(f, "within ±{}", number(high)),
            Self::Between([low, high]) => write!(f, "between {} and {}", number(low), number(high)),
        }
    }
}

/// A bound as it was written: the shortest text that is read as the same number. One that fills a double's digits was
/// computed, and has four decimals: log 3 is read as 1.0986.
fn number(value: f64) -> String {
    let shortest = format!("{value:e}");
    let digits = shortest.split('e').next().unwrap_or_default().bytes().filter(u8::is_ascii_digit).count();
    let text = match value.abs() {
        0.1..1e6 if digits >= 15 => ((value * 1e4).round() / 1e4).to_string(),
        0.0 => "0".into(),
        1e-6..1e15 => value.to_string(),
        _ => shortest,
    };
    text.replace('-', "−")
}

/// A weighted sum, largest weights first.
pub fn contrast(weights: &BTreeMap<String, f64>) -> String {
    let mut terms: Vec<_> = weights.iter().collect();
    terms.sort_by(|a, b| b.1.total_cmp(a.1));
    let mut words = String::new();
    for (arm, &weight) in terms {
        words += match (words.is_empty(), weight < 0.0) {
            (true, true) => "−",
            (true, false) => "",
            (false, true) => " − ",
            (false, false) => " + ",
        };
        if weight.abs() != 1.0 {
            words += &format!("{} · ", weight.abs());
        }
        words += arm;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_and_criteria_read_as_formulas() {
        let weights = |pairs: &[(&str, f64)]| pairs.iter().map(|&(arm, weight)| (arm.to_owned(), weight)).collect();
        let three = Statistic::Contrast(weights(&[("bn", -0.5), ("noisy", 1.0), ("plain", -0.5)]));
        assert_eq!(three.to_string(), "noisy − 0.5 · bn − 0.5 · plain");
        let log = Statistic::LogRatio { of: "a".into(), to: "b".into() };
        assert_eq!(log.to_string(), "log(a / b)");
        let gains = Statistic::RatioOfMeans { of: weights(&[("a", 1.0), ("c", -1.0)]), to: weights(&[("c", -2.0)]) };
        assert_eq!(gains.to_string(), "(a − c) / (−2 · c)");
        assert_eq!(Criterion::Above(-1.5).to_string(), "> −1.5");
        assert_eq!(Criterion::Above(3f64.ln()).to_string(), "> 1.0986");
        assert_eq!(Criterion::AtLeast(0.5f64.ln()).to_string(), "≥ −0.6931");
        assert_eq!(Criterion::Between([-3.0, 3.0]).to_string(), "within ±3");
        assert_eq!(Criterion::Between([-1.0, 3.0]).to_string(), "between −1 and 3");
    }

    /// No bound is rounded to another number, above all not to 0.
    #[test]
    fn bounds_are_shown_as_they_were_written() {
        for (bound, expected) in [
            (0.00004, "< 0.00004"),
            (-1.23456789, "< −1.23456789"),
            (123456.789, "< 123456.789"),
            (1e-10, "< 1e−10"),
            (-2.5e20, "< −2.5e20"),
            (1.234567890123456e-5, "< 0.00001234567890123456"),
            (-0.0, "< 0"),
            (0.0, "< 0"),
        ] {
            assert_eq!(Criterion::Below(bound).to_string(), expected);
        }
        assert_eq!(Criterion::Between([-1e-5, 1e-5]).to_string(), "within ±0.00001");
    }
}
