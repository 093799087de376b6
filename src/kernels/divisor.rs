//! The divisor of a normalisation and its gradient: the one place where a normalisation is defined for every kernel.
//!
//! Over the m values y of a channel, with mean μ and a divisor s that is a function of them,
//!
//! ```text
//! ŷᵢ = (yᵢ − μ) / s,    ∂L/∂yᵢ = (gᵢ − mean(g) − G·∂s/∂yᵢ / s) / s,    G = Σⱼ gⱼ·(yⱼ − μ)
//! ```
//!
//! with g = ∂L/∂ŷ. BatchNorm's s is the standard deviation. The l_p normalisations (Santurkar et al. 2018, section 3.3)
//! subtract the mean too, but divide by the average l_p norm of the values *before* the shift: s_p = (mean |y|ᵖ)^(1/p).

use statrs::distribution::{ContinuousCDF, Normal};

/// The divisor of the centred values of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divisor {
    /// The norm of the values.
    pub of: Spread,
    /// Whether it is divided by its expected value (the maximum's: by its median) for as many standard normal values. As
    /// an estimate of the standard deviation it is then consistent for centred normal values, whose ŷ has the variance
    /// that BatchNorm gives it.
    pub matched: bool,
}

/// How the spread of a channel is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// The standard deviation, √(variance + ε).
    Deviation,
    /// s₁ = mean |y| + ε.
    MeanAbsolute,
    /// s₂ = √(mean y² + ε).
    RootMeanSquare,
    /// s∞ = max |y| + ε.
    MaxAbsolute,
}

/// The moments of a channel's values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    /// How many they are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their biased variance.
    pub variance: f64,
    /// The mean of |y|; zero unless [`Divisor::needs_magnitudes`].
    pub mean_absolute: f64,
    /// The largest |y|; zero unless [`Divisor::needs_magnitudes`].
    pub max_absolute: f64,
}

/// The gradient of a divisor: m·s·∂s/∂yᵢ = `constant` + `centred`·(yᵢ − μ) + `sign`·sgn(yᵢ), and `peak`·sgn(yᵢ) more at
/// the first i whose |yᵢ| is largest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Slopes {
    /// The same for all values.
    pub constant: f64,
    /// For each unit of distance from the mean.
    pub centred: f64,
    /// Times the sign of the value.
    pub sign: f64,
    /// Times the sign of the largest value.
    pub peak: f64,
}

impl Divisor {
    /// BatchNorm's.
    pub const BATCH_NORM: Divisor = Divisor { of: Spread::Deviation, matched: false };

    /// Whether it depends on |y|, which costs a pass over the values.
    pub(crate) fn needs_magnitudes(&self) -> bool {
        matches!(self.of, Spread::MeanAbsolute | Spread::MaxAbsolute)
    }

    /// s, with `eps` = ε.
    pub(crate) fn value(&self, summary: &Summary, eps: f64) -> f64 {
        let spread = match self.of {
            Spread::Deviation => (summary.variance + eps).sqrt(),
            Spread::MeanAbsolute => summary.mean_absolute + eps,
            Spread::RootMeanSquare => (summary.variance + summary.mean * summary.mean + eps).sqrt(),
            Spread::MaxAbsolute => summary.max_absolute + eps,
        };
        if self.matched { spread / self.of.of_standard_normal(summary.count) } else { spread }
    }

    /// ∂s/∂y, for the divisor s of `count` values with this mean.
    pub(crate) fn slopes(&self, count: usize, mean: f64, s: f64) -> Slopes {
        let unmatched = if self.matched { self.of.of_standard_normal(count) } else { 1.0 };
        match self.of {
            Spread::Deviation => Slopes { centred: 1.0 / (unmatched * unmatched), ..Slopes::default() },
            Spread::RootMeanSquare => {
                let centred = 1.0 / (unmatched * unmatched);
                Slopes { constant: centred * mean, centred, ..Slopes::default() }
            }
            Spread::MeanAbsolute => Slopes { sign: s / unmatched, ..Slopes::default() },
            Spread::MaxAbsolute => Slopes { peak: count as f64 * s / unmatched, ..Slopes::default() },
        }
    }
}

impl Spread {
    /// Its value for `count` standard normal values: the expected one, for the maximum the median.
    pub(crate) fn of_standard_normal(self, count: usize) -> f64 {
        match self {
            Spread::Deviation | Spread::RootMeanSquare => 1.0,
            Spread::MeanAbsolute => (2.0 / std::f64::consts::PI).sqrt(),
            // P(max |y| ≤ x) = (2Φ(x) − 1)^m = ½
            Spread::MaxAbsolute => Normal::standard().inverse_cdf(0.5 + 0.5 * 0.5f64.powf(1.0 / count as f64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Spread; 4] = [Spread::Deviation, Spread::MeanAbsolute, Spread::RootMeanSquare, Spread::MaxAbsolute];

    fn summary(y: &[f64]) -> Summary {
        let mean = |f: &dyn Fn(f64) -> f64| y.iter().map(|&y| f(y)).sum::<f64>() / y.len() as f64;
        let center = mean(&|y| y);
        Summary {
            count: y.len(),
            mean: center,
            variance: mean(&|y| (y - center).powi(2)),
            mean_absolute: mean(&f64::abs),
            max_absolute: y.iter().fold(0.0, |max, y| y.abs().max(max)),
        }
    }

    #[test]
    fn divisors_of_three_values() {
        let summary = summary(&[1.0, -3.0, 4.0]);
        let value = |of| Divisor { of, matched: false }.value(&summary, 0.0);
        assert_eq!(value(Spread::MeanAbsolute), 8.0 / 3.0);
        assert!((value(Spread::RootMeanSquare) - (26.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((value(Spread::Deviation) - (26.0f64 / 3.0 - 4.0 / 9.0).sqrt()).abs() < 1e-15);
        assert_eq!(value(Spread::MaxAbsolute), 4.0);
    }

    #[test]
    fn slopes_are_what_differences_say() {
        let y = [0.7, -1.9, 0.4, 1.1, -0.2];
        for (of, matched) in ALL.into_iter().flat_map(|of| [(of, false), (of, true)]) {
            let divisor = Divisor { of, matched };
            let at = |y: &[f64]| divisor.value(&summary(y), 1e-3);
            let (s, now) = (at(&y), summary(&y));
            let slopes = divisor.slopes(now.count, now.mean, s);
            for i in 0..y.len() {
                let moved = |step: f64| at(&std::array::from_fn::<_, 5, _>(|j| y[j] + if i == j { step } else { 0.0 }));
                let want = (moved(1e-6) - moved(-1e-6)) / 2e-6 * s * y.len() as f64;
                let peak = if i == 1 { slopes.peak } else { 0.0 };
                let got = slopes.constant + slopes.centred * (y[i] - now.mean) + (slopes.sign + peak) * y[i].signum();
                assert!((got - want).abs() < 1e-7, "{divisor:?} {i}: {got} {want}");
            }
        }
    }

    /// Medians of max |N(0, 1)| over m values: Python's statistics.NormalDist().inv_cdf((1 + 2 ** (-1 / m)) / 2).
    #[test]
    fn matched_divisors_are_those_of_standard_normal_values() {
        for (count, median) in
            [(1, 0.674_489_750_196_081_7), (1000, 3.392_370_405_463_428_7), (131_072, 4.553_013_837_582_977)]
        {
            assert!((Spread::MaxAbsolute.of_standard_normal(count) - median).abs() < 1e-5, "{count}");
        }
    }
}
