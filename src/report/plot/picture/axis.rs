//! An axis: its range, its title, its ticks, and where a value lies on it.

use super::mark::Curve;

/// No axis reaches farther: so a range's width is finite. Values beyond lie at the axis's end.
const FARTHEST: f64 = 1e307;

/// A range narrower than this share of its values is widened: its ticks would all be written alike.
const NARROWEST: f64 = 1e-12;

/// Most labels on an axis of powers of ten.
const MOST_POWERS: usize = 16;

/// An axis.
#[derive(Clone)]
pub struct Axis {
    range: (f64, f64),
    /// The quantity that it shows, with the unit; may be empty.
    pub title: String,
    ticks: Ticks,
    /// Pixels for its labels and its title.
    pub room: f64,
}

/// Where an axis has ticks, and how they are written.
#[derive(Clone)]
enum Ticks {
    /// At round numbers, so many of them at most.
    Numbers(usize),
    /// At whole powers of ten, so many of them at most; values are logarithms to base 10.
    Powers(usize),
    /// A name at each of 0, 1, 2, ...
    Names(Vec<String>),
}

impl Axis {
    fn new((low, high): (f64, f64), title: &str, ticks: Ticks, room: f64) -> Self {
        Self { range: widened((low, high)), title: title.into(), ticks, room }
    }

    /// An axis of numbers with `ticks` of them at most.
    pub fn numbers(range: (f64, f64), title: &str, ticks: usize, room: f64) -> Self {
        Self::new(range, title, Ticks::Numbers(ticks), room)
    }

    /// An axis from one whole power of ten to another; `range` is of logarithms to base 10.
    pub fn powers((low, high): (f64, f64), title: &str, room: f64) -> Self {
        let (low, high) = widened((low.floor(), high.ceil()));
        let ticks = ((high - low) as usize).saturating_add(1).min(MOST_POWERS);
        Self::new((low, high), title, Ticks::Powers(ticks), room)
    }

    /// An axis of powers of ten around all `values`, which are logarithms.
    pub fn powers_around(values: impl Iterator<Item = f64>, title: &str, room: f64) -> Self {
        Self::powers(range(values, 0.02).unwrap_or((-1.0, 1.0)), title, room)
    }

    /// An axis of `names`, the first at 0, the next at 1.
    pub fn names(names: Vec<String>, title: &str, room: f64) -> Self {
        Self::new((-0.5, names.len() as f64 - 0.5), title, Ticks::Names(names), room)
    }

    /// An axis of percent.
    pub fn percent(title: &str) -> Self {
        Self::numbers((0.0, 100.0), title, 6, 46.0)
    }

    /// The straight line across a chart at `height`.
    pub fn across(&self, height: f64) -> Curve {
        vec![(self.range.0, height), (self.range.1, height)]
    }

    /// Where `value` is on the axis, from 0 at its start to 1 at its end; what is outside is at the nearer end.
    pub fn share(&self, value: f64) -> f64 {
        ((value - self.range.0) / (self.range.1 - self.range.0)).clamp(0.0, 1.0)
    }

    /// The values with a tick, and the ticks' labels.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let ticks: Vec<(f64, String)> = match &self.ticks {
            Ticks::Numbers(most) => {
                round_numbers(self.range, *most, 0.0).into_iter().map(|tick| (tick, self.number(tick))).collect()
            }
            Ticks::Powers(most) => {
                let exponents = round_numbers(self.range, *most, 1.0).into_iter();
                exponents.map(|exponent| (exponent, power_of_ten(exponent.round() as i32))).collect()
            }
            Ticks::Names(names) => names.iter().enumerate().map(|(index, name)| (index as f64, name.clone())).collect(),
        };
        ticks.into_iter().map(|(tick, label)| (tick, label.replace('-', "−"))).collect()
    }

    /// A tick's number, with as many digits as tell it from the next.
    fn number(&self, value: f64) -> String {
        let width = (self.range.1 - self.range.0).log10().floor();
        let largest = self.range.0.abs().max(self.range.1.abs()).log10().floor();
        if value == 0.0 {
            return "0".into();
        }
        if width < -3.0 || largest > 6.0 {
            let digits = (1.0 + largest - width).min(16.0) as usize;
            let text = format!("{value:.digits$e}");
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            return format!("{}e{exponent}", without_idle_zeros(mantissa));
        }
        let decimals = (1.0 - width).max(0.0) as usize;
        without_idle_zeros(&format!("{value:.decimals$}")).into()
    }
}

/// A number without the zeros after its decimal point that say nothing.
fn without_idle_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// 10 to `exponent`, as a number.
fn power_of_ten(exponent: i32) -> String {
    match exponent {
        -4..=4 => format!("{}", 10f64.powi(exponent)),
        _ => format!("1e{exponent}"),
    }
}

/// The round numbers in a range, at most `most` of them. They are the multiples of 1, 2 or 5 times a power of ten: of the
/// smallest such step, at least `least`, that leaves so few.
fn round_numbers((low, high): (f64, f64), most: usize, least: f64) -> Vec<f64> {
    let multiples = |step: f64| ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    let is_few = |step: f64| {
        let (first, last) = multiples(step);
        last - first < most as f64
    };
    let exponent = (high - low).log10().floor() as i32 + 1;
    let steps = (0..).map(|index| [1.0, 0.5, 0.2][index % 3] * 10f64.powi(exponent - index as i32 / 3));
    let Some(step) = steps.take_while(|&step| step >= least && is_few(step)).last() else {
        return Vec::new();
    };
    let (first, last) = multiples(step);
    (0..(last - first + 1.0) as usize).take(most).map(|index| (first + index as f64) * step).collect()
}

/// The range of finite `values` with a margin of `share` on both sides; `None` without any.
pub fn range(values: impl Iterator<Item = f64>, share: f64) -> Option<(f64, f64)> {
    let finite = values.filter(|value| value.is_finite()).map(|value| value.clamp(-FARTHEST, FARTHEST));
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return None;
    }
    let wide = widened((low, high));
    let margin = if wide == (low, high) { (high - low) * share } else { 0.0 };
    Some((wide.0 - margin, wide.1 + margin))
}

/// A range as an axis can have it: finite, and so wide that its ends differ.
fn widened((low, high): (f64, f64)) -> (f64, f64) {
    let (low, high) = (low.clamp(-FARTHEST, FARTHEST), high.clamp(-FARTHEST, FARTHEST));
    let margin = if high - low > NARROWEST * low.abs().max(high.abs()) { 0.0 } else { 0.1 * low.abs().max(1.0) };
    (low - margin, high + margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_few_round_and_written_short() {
        let numbers = |range, most| labels(&Axis::numbers(range, "", most, 0.0));
        assert_eq!(numbers((-2.0, 2.0), 9), ["−2", "−1.5", "−1", "−0.5", "0", "0.5", "1", "1.5", "2"]);
        assert_eq!(numbers((0.0, 100.0), 6), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(numbers((0.0, 15_000.0), 3), ["0", "10000"]);
        assert_eq!(numbers((0.07, 0.33), 5), ["0.1", "0.15", "0.2", "0.25", "0.3"]);
        assert_eq!(numbers((-1.1e300, 1e300), 5), ["−1e300", "−5e299", "0", "5e299", "1e300"]);
        let powers = |range| labels(&Axis::powers(range, "", 0.0));
        assert_eq!(powers((-5.2, -2.5)), ["1e−6", "1e−5", "0.0001", "0.001", "0.01"]);
        assert_eq!(powers((-40.0, 40.0)).len(), 9);
        assert_eq!(labels(&Axis::names(vec!["0.1".into(), "0.2".into()], "", 0.0)), ["0.1", "0.2"]);
    }

    #[test]
    fn every_finite_range_has_few_ticks_and_short_labels() {
        let ends = [0.0, 5e-324, 1e-300, 1e-12, 0.1, 1.0, 1.0 + 1e-15, 1.0 + 1e-9, 1e17, 1e17 + 16.0, 1e300, f64::MAX];
        let ends: Vec<f64> = ends.into_iter().flat_map(|end| [-end, end]).collect();
        for (low, high) in ends.iter().flat_map(|&low| ends.iter().map(move |&high| (low, high))) {
            let (low, high) = (f64::min(low, high), f64::max(low, high));
            for axis in [Axis::numbers((low, high), "", 7, 0.0), Axis::powers((low, high), "", 0.0)] {
                let labels = labels(&axis);
                assert!(labels.len() <= 16 && labels.iter().all(|label| label.chars().count() <= 21), "{labels:?}");
                let middle = axis.share(low / 2.0 + high / 2.0);
                assert!((0.0..=1.0).contains(&middle), "{low} to {high}: {middle}");
            }
            let (from, to) = range([low, high].into_iter(), 0.08).unwrap();
            assert!(from < to && (to - from).is_finite(), "{low} to {high}: {from} to {to}");
        }
    }

    #[test]
    fn what_is_outside_lies_at_the_nearer_end() {
        let axis = Axis::numbers((0.0, 1e-300), "", 5, 0.0);
        assert_eq!([-1e300, 0.5e-300, f64::INFINITY].map(|value| axis.share(value)), [0.0, 0.5, 1.0]);
    }
}
