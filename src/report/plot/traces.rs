//! A record over steps, arm by arm: thin lines for seeds, a thick one for their mean.

use anyhow::Result;
use plotters::style::Color;

use super::curves::{Curve, mean, smoothed};
use super::house::{self, Area, Axis, Chart, Look};
use crate::report::view::{Condition, View};

/// What a record is called, at which layer, and whether it is drawn as its logarithm to base 10.
#[derive(Clone, Copy)]
pub struct Trace<'a> {
    pub name: &'a str,
    pub layer: Option<usize>,
    pub log: bool,
}

/// An arm in a panel.
pub struct Lines {
    pub look: Look,
    pub seeds: Vec<Curve>,
    pub mean: Curve,
}

impl Trace<'_> {
    /// The record in each of `conditions`, which come with their looks; those that lack it are left out.
    pub fn lines<'a>(self, conditions: impl Iterator<Item = (Look, &'a Condition<'a>)>) -> Vec<Lines> {
        let lines = conditions.map(|(look, condition)| self.of(look, condition));
        lines.filter(|lines| !lines.mean.is_empty()).collect()
    }

    /// The record in one condition. Values that the axis cannot show are left out.
    pub fn of(self, look: Look, condition: &Condition) -> Lines {
        let scaled = |value: f64| if self.log { value.log10() } else { value };
        let seed = |trial: &&crate::record::TrialRecords| {
            let points = trial.series(self.name, self.layer).map(|(step, value)| (step, scaled(value)));
            smoothed(points, 1, trial.steps)
        };
        let seeds: Vec<Curve> = condition.trials.iter().map(seed).collect();
        Lines { look, mean: mean(&seeds, None), seeds }
    }
}

/// The conditions that claims are about, each with its look.
pub fn looks<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = (Look, &'v Condition<'a>)> {
    view.shown().enumerate().map(|(number, condition)| (house::look(number), condition))
}

/// Their names, for a legend.
pub fn names(view: &View) -> Vec<(String, Look)> {
    looks(view).map(|(look, condition)| (condition.short_label(), look)).collect()
}

/// A panel of `lines`.
pub fn panel<'a>(area: &Area<'a>, headline: &str, x: &Axis, y: &Axis, lines: &[Lines]) -> Result<Chart<'a>> {
    let mut chart = house::chart(area, headline, x, y)?;
    for Lines { look, seeds, .. } in lines {
        for seed in seeds {
            house::line(&mut chart, seed, look.color.mix(0.2), 0.6, None)?;
        }
    }
    for Lines { look, mean, .. } in lines {
        house::line(&mut chart, mean, look.color.to_rgba(), 2.0, look.dash)?;
    }
    Ok(chart)
}

/// The heights of all `curves`.
pub fn heights<'a>(curves: impl Iterator<Item = &'a Curve>) -> impl Iterator<Item = f64> {
    curves.flatten().map(|point| point.1)
}

/// Whole powers of ten around all `values`.
pub fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    house::range(values, 0.02).map_or((-1.0, 1.0), |(low, high)| (low.floor(), high.ceil()))
}

/// An axis of powers of ten.
pub fn log_axis(range: (f64, f64), title: &str) -> Axis<'_> {
    Axis { range, title, ticks: (range.1 - range.0) as usize + 1, log: true, room: 52 }
}

/// The axis of steps.
pub fn steps_axis(view: &View, ticks: usize) -> Axis<'static> {
    Axis { range: (0.0, view.steps() as f64), title: "step", ticks, log: false, room: 34 }
}

/// An axis of percent.
pub fn percent_axis(title: &str) -> Axis<'_> {
    Axis { range: (0.0, 100.0), title, ticks: 6, log: false, room: 46 }
}
