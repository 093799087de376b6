//! Accuracy over the values of a sweep: a learning rate, a dose.

use std::collections::BTreeSet;

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::Figure;
use super::house::{self, Area, Axis, Chart, Look, ZOOM};
use super::traces::percent_axis;
use crate::judge::{ArmSummary, Values};
use crate::report::view::View;

/// A number of a trial, and its name on the axis.
type Panel = (&'static str, fn(&ArmSummary) -> Option<&Values>);

const PANELS: [Panel; 2] = [
    ("each step's own minibatch", |summary| summary.train_accuracy.as_ref()),
    ("fixed images, noise off", |summary| summary.train_accuracy_clean.as_ref()),
];

/// An arm in a panel.
struct Line<'a> {
    look: Look,
    /// The swept value and the seeds' numbers, in order of the values.
    points: Vec<(f64, &'a Values)>,
}

/// A row of panels for each swept key.
pub fn sweeps(view: &View) -> Result<Option<Figure>> {
    let keys: Vec<&str> = swept_keys(view).into_iter().collect();
    if keys.is_empty() || panels(view).is_empty() {
        return Ok(None);
    }
    const TITLE: &str = "Accuracy over the swept values";
    let height = |key: &&str| house::legend_height(arms(view, key).len(), 3) + 260;
    let svg = house::picture(TITLE, keys.iter().map(height).sum(), |area| {
        let mut rest = area.clone();
        for key in &keys {
            let (row, below) = rest.split_vertically(height(key) * ZOOM);
            draw_key(view, key, &row)?;
            rest = below;
        }
        Ok(())
    })?;
    let noisy = if view.has_noise() { " (a noisy arm's reading passes through its noise)" } else { "" };
    let fixed = view.without_idle_noise("fixed training images, noise off");
    let read = if panels(view).len() > 1 {
        format!("First as each step's minibatch has it{noisy}, then from {fixed}.")
    } else {
        format!("As each step's minibatch has it{noisy}.")
    };
    let reading = format!(
        "Mean training accuracy over the run at each swept value. Lines join the means over seeds, upright bars are the \
         means' 95 % intervals, the dots at the right of a bar are its seeds; a trial that diverged counts as chance \
         from there on. {read} Swept values stand side by side in their order, whatever their distance."
    );
    Ok(Some(Figure { file: "sweep.svg", title: TITLE, reading, svg }))
}

/// The numbers that were recorded.
fn panels(view: &View) -> Vec<Panel> {
    let recorded = |panel: &Panel| view.conditions.iter().any(|condition| panel.1(&condition.summary).is_some());
    PANELS.into_iter().filter(recorded).collect()
}

/// Keys whose swept values are numbers, at least two of them.
fn swept_keys<'a>(view: &'a View) -> BTreeSet<&'a str> {
    let keys = view.conditions.iter().flat_map(|condition| condition.sweep.keys()).map(String::as_str);
    keys.filter(|key| places(view, key).len() > 1).collect()
}

/// The arms that a key is swept for, with their looks.
fn arms<'a>(view: &'a View, key: &str) -> Vec<(&'a str, Look)> {
    let swept = view.shown().enumerate().filter(|(_, condition)| condition.sweep.contains_key(key));
    let named = swept.map(|(number, condition)| (condition.arm.name.as_str(), number));
    named.fold(Vec::new(), |mut arms, (arm, number)| {
        if arms.iter().all(|(known, _)| *known != arm) {
            arms.push((arm, house::look(number)));
        }
        arms
    })
}

/// The values of a swept key that have trials, in order.
fn places(view: &View, key: &str) -> Vec<f64> {
    let values = view.trained().filter_map(|condition| condition.sweep.get(key)?.parse().ok());
    let mut places: Vec<f64> = values.collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    places
}

fn draw_key(view: &View, key: &str, row: &Area) -> Result<()> {
    let (arms, places) = (arms(view, key), places(view, key));
    let (top, bottom) = row.split_vertically(house::legend_height(arms.len(), 3) * ZOOM);
    let names: Vec<_> = arms.iter().map(|(arm, look)| ((*arm).to_string(), *look)).collect();
    house::legend(&top, &names, 3)?;
    let panels = panels(view);
    for (area, (index, (headline, of))) in bottom.split_evenly((1, panels.len())).iter().zip(panels.iter().enumerate())
    {
        let lines: Vec<Line> = arms.iter().map(|&(arm, look)| line(view, key, arm, look, *of)).collect();
        let title = if index == 0 { "training accuracy, %" } else { "" };
        let range = (-0.5, places.len() as f64 - 0.5);
        let x = Axis { range, title: "", ticks: 0, log: false, room: 34 };
        let mut chart = house::chart(area, &view.without_idle_noise(headline), &x, &percent_axis(title))?;
        for (number, line) in lines.iter().enumerate() {
            let aside = 0.12 * (number as f64 - 0.5 * (lines.len() - 1) as f64);
            draw_line(&mut chart, line, &places, aside)?;
        }
        label_places(area, &chart, key, &places)?;
    }
    Ok(())
}

fn line<'a>(view: &'a View, key: &str, arm: &str, look: Look, of: fn(&ArmSummary) -> Option<&Values>) -> Line<'a> {
    let mut points: Vec<(f64, &Values)> = Vec::new();
    for condition in view.conditions.iter().filter(|condition| condition.arm.name == arm) {
        let place = condition.sweep.get(key).and_then(|value| value.parse::<f64>().ok());
        // Of several sweeps the others stand at their first values.
        if let (Some(place), Some(values)) = (place, of(&condition.summary))
            && points.iter().all(|point| point.0 != place)
        {
            points.push((place, values));
        }
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Line { look, points }
}

fn draw_line(chart: &mut Chart, line: &Line, places: &[f64], aside: f64) -> Result<()> {
    let x = |value: f64| aside + places.iter().position(|place| *place == value).unwrap_or(0) as f64;
    for (value, values) in &line.points {
        // Beside the bar, which would hide them.
        let style = line.look.color.mix(0.5).filled();
        let dots = values.seeds.iter().map(|seed| Circle::new((x(*value) + 0.05, seed.1), 2 * ZOOM, style));
        chart.draw_series(dots)?;
        if let Some((low, high)) = values.mean.and_then(|mean| mean.ci95) {
            let whisker = [(x(*value), low.max(0.0)), (x(*value), high.min(100.0))];
            house::line(chart, &whisker, line.look.color.to_rgba(), 2.0, None)?;
        }
    }
    let mean = |(value, values): &(f64, &Values)| Some((x(*value), values.mean?.point));
    let means: Vec<(f64, f64)> = line.points.iter().filter_map(mean).collect();
    house::line(chart, &means, line.look.color.to_rgba(), 2.0, line.look.dash)
}

/// The swept values under their places, and the key.
fn label_places(area: &Area, chart: &Chart, key: &str, places: &[f64]) -> Result<()> {
    let plotting = chart.plotting_area();
    let origin = area.get_base_pixel();
    let at = |x: f64| {
        let (column, row) = plotting.map_coordinate(&(x, 0.0));
        ((column - origin.0) / ZOOM, (row - origin.1) / ZOOM)
    };
    for (index, place) in places.iter().enumerate() {
        let (column, row) = at(index as f64);
        house::write(area, &place.to_string(), (column, row + 11), house::ink(11), HPos::Center)?;
    }
    let (column, row) = at(0.5 * (places.len() - 1) as f64);
    house::write(area, key, (column, row + 26), house::ink(12), HPos::Center)
}
