//! Values against a criterion: the interval and the exact test, which must agree.

use serde::Serialize;

use super::LEVEL;
use crate::stats::{sign_flip_p, t_interval, t_p};
use crate::study::claim::Criterion;

/// The side of its criterion on which the data put a condition; of several conditions, the first in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Outside its criterion.
    Fails,
    /// Neither.
    Open,
    /// Inside its criterion.
    Holds,
}

/// The answer of one sample to one criterion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decision {
    pub outcome: Outcome,
    /// Whether the interval decides and the exact test does not, or the other way about.
    pub disagree: bool,
    /// p values of the claim (against its complement), on the scale on which 0.05 is the level of the interval: of
    /// two sides for a single bound, of two one-sided tests for equivalence.
    pub p_t: Option<f64>,
    pub p_sign_flip: Option<f64>,
}

/// Decides by the t interval and the exact sign-flip test; beyond 20 values, which are too many to enumerate, by the
/// interval alone.
pub(super) fn decide(values: &[f64], criterion: Criterion) -> Decision {
    let by_interval = by_interval(values, criterion);
    let by_signs = by_signs(values, criterion);
    let agree = by_signs.is_none_or(|outcome| outcome == by_interval);
    Decision {
        outcome: if agree { by_interval } else { Outcome::Open },
        disagree: !agree,
        p_t: p_of_claim(values, criterion, t_p),
        p_sign_flip: p_of_claim(values, criterion, sign_flip_above),
    }
}

fn by_interval(values: &[f64], criterion: Criterion) -> Outcome {
    let (lower, upper) = criterion.bounds();
    let level = if lower.is_some() && upper.is_some() { 1.0 - 2.0 * LEVEL } else { 1.0 - LEVEL };
    let inside = |(low, high)| criterion.contains(low) && criterion.contains(high);
    let outside = |(low, high)| {
        let under = lower.is_some_and(|bound| high <= bound && !criterion.contains(high));
        let over = upper.is_some_and(|bound| low >= bound && !criterion.contains(low));
        under || over
    };
    if t_interval(values, level).is_some_and(inside) {
        Outcome::Holds
    } else if t_interval(values, 1.0 - LEVEL).is_some_and(outside) {
        Outcome::Fails
    } else {
        Outcome::Open
    }
}

fn by_signs(values: &[f64], criterion: Criterion) -> Option<Outcome> {
    let holds = p_of_claim(values, criterion, sign_flip_above)?;
    let fails = p_of_failure(values, criterion, sign_flip_above)?;
    Some(match (holds <= LEVEL, fails <= LEVEL) {
        (true, _) => Outcome::Holds,
        (false, true) => Outcome::Fails,
        (false, false) => Outcome::Open,
    })
}

/// A one-sided p value of "the values' centre is above the bound".
type Above = fn(&[f64], f64) -> Option<f64>;

fn sign_flip_above(values: &[f64], bound: f64) -> Option<f64> {
    sign_flip_p(&values.iter().map(|value| value - bound).collect::<Vec<_>>())
}

fn below(values: &[f64], bound: f64, above: Above) -> Option<f64> {
    above(&values.iter().map(|value| -value).collect::<Vec<_>>(), -bound)
}

fn two_sided(p: f64) -> f64 {
    (2.0 * p).min(1.0)
}

/// The p value of "the criterion is met": of two sides for one bound, the larger of two one-sided ones for two.
fn p_of_claim(values: &[f64], criterion: Criterion, above: Above) -> Option<f64> {
    let (lower, upper) = criterion.bounds();
    let over = lower.map(|bound| above(values, bound));
    let under = upper.map(|bound| below(values, bound, above));
    let one_sided = over.into_iter().chain(under).collect::<Option<Vec<f64>>>()?;
    let largest = one_sided.iter().copied().reduce(f64::max)?;
    Some(if one_sided.len() == 1 { two_sided(largest) } else { largest })
}

/// The p value of "the criterion is not met", on the side where it is likelier.
fn p_of_failure(values: &[f64], criterion: Criterion, above: Above) -> Option<f64> {
    let (lower, upper) = criterion.bounds();
    let under = lower.and_then(|bound| below(values, bound, above));
    let over = upper.and_then(|bound| above(values, bound));
    under.into_iter().chain(over).reduce(f64::min).map(two_sided)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MARGIN: Criterion = Criterion::Between([-3.0, 3.0]);

    /// Mean 2, standard error 0.4 over 8 values: the 90 % interval ends at 2 + 1.895 · 0.4 = 2.76, inside ±3; the
    /// 95 % interval at 2.95. Shifted by 0.15, the 95 % interval crosses 3 and equivalence still holds.
    #[test]
    fn equivalence_uses_the_90_percent_interval() {
        let spread = 0.4 * 8f64.sqrt() * (7.0f64 / 8.0).sqrt();
        let around = |mean: f64| [1.0, -1.0].repeat(4).iter().map(|sign| mean + sign * spread).collect::<Vec<_>>();
        for (mean, expected) in [(2.0, Outcome::Holds), (2.15, Outcome::Holds), (2.3, Outcome::Open)] {
            assert_eq!(by_interval(&around(mean), MARGIN), expected, "{mean}");
        }
        // Below 3 + 2.365 · 0.4 = 3.946 the 95 % interval reaches back into the margin.
        assert_eq!(by_interval(&around(3.9), MARGIN), Outcome::Open);
        assert_eq!(by_interval(&around(-4.0), MARGIN), Outcome::Fails);
        let p = p_of_claim(&around(2.0), MARGIN, t_p).unwrap();
        assert!((p - 0.02052).abs() < 1e-4, "one-sided p of t = 2.5 at 7 degrees of freedom: {p}");
    }

    /// Six values: the smallest two-sided p is 2 / 64, enough; with one against the rest it is 4 / 64, too much, and
    /// the interval alone would have decided.
    #[test]
    fn the_exact_test_can_withhold_what_the_interval_grants() {
        let agree = decide(&[4.0, 5.0, 6.0, 5.0, 4.0, 6.0], Criterion::Above(0.0));
        assert_eq!((agree.outcome, agree.disagree, agree.p_sign_flip), (Outcome::Holds, false, Some(2.0 / 64.0)));
        let differ = decide(&[4.0, 5.0, 6.0, 5.0, 4.0, -0.01], Criterion::Above(0.0));
        assert_eq!((differ.outcome, differ.disagree, differ.p_sign_flip), (Outcome::Open, true, Some(4.0 / 64.0)));
    }

    #[test]
    fn infinite_values_are_left_out_of_the_interval_and_weigh_most_in_the_exact_test() {
        let mut values = vec![1.0; 8];
        values[7] = f64::NEG_INFINITY;
        let decision = decide(&values, Criterion::Above(0.0));
        assert_eq!(by_interval(&values, Criterion::Above(0.0)), Outcome::Holds);
        assert_eq!(decision.outcome, Outcome::Open);
        values[7] = f64::INFINITY;
        assert_eq!(decide(&values, Criterion::Above(0.0)).outcome, Outcome::Holds);
    }

    #[test]
    fn degenerate_values_leave_it_open_or_decide_it() {
        for values in [&[][..], &[1.0], &[f64::NAN, f64::INFINITY]] {
            assert_eq!(decide(values, Criterion::Above(0.0)).outcome, Outcome::Open, "{values:?}");
        }
        assert_eq!(decide(&[2.0; 8], Criterion::Above(0.0)).outcome, Outcome::Holds);
        assert_eq!(decide(&[0.0; 8], Criterion::AtMost(0.0)).outcome, Outcome::Open);
        assert_eq!(decide(&[1.0; 30], Criterion::Below(0.0)).outcome, Outcome::Fails);
    }

    proptest! {
        /// A claim and its opposite are never both granted, and turning the axis around changes nothing.
        #[test]
        fn opposites(values in prop::collection::vec(-3.0..5.0f64, 6..9)) {
            let above = decide(&values, Criterion::Above(0.0)).outcome;
            let mirrored: Vec<f64> = values.iter().map(|value| -value).collect();
            prop_assert_eq!(above, decide(&mirrored, Criterion::Below(0.0)).outcome);
            let opposite = match above {
                Outcome::Holds => Outcome::Fails,
                Outcome::Fails => Outcome::Holds,
                Outcome::Open => Outcome::Open,
            };
            prop_assert_eq!(opposite, decide(&values, Criterion::AtMost(0.0)).outcome);
        }
    }
}
