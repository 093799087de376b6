//! The distribution of a unit's activation over the run, the arms side by side.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::Figure;
use super::house::{self, Area, Axis, Look, WIDTH, ZOOM};
use crate::record::TrialRecords;
use crate::report::view::{Condition, View};

const PREFIX: &str = "histogram.pre";

/// Half the width of a histogram, in standard deviations: what the probe's bins span.
const SPAN: f64 = 4.0;

/// How much of that a panel must show, in standard deviations.
const SHOWN: f64 = 3.0;

/// One histogram.
struct Moment {
    step: f64,
    mean: f64,
    sd: f64,
    shares: Vec<f64>,
}

/// Rows for layers, a column an arm, from the first seed.
pub fn distributions(view: &View) -> Result<Option<Figure>> {
    let layers = view.layers(&format!("{PREFIX}.mean"));
    let conditions: Vec<(usize, &Condition)> =
        view.shown().enumerate().filter(|(_, condition)| !condition.trials.is_empty()).collect();
    if layers.is_empty() || conditions.is_empty() {
        return Ok(None);
    }
    const TITLE: &str = "Distributions over time";
    const STRIP: i32 = 42;
    let svg = house::picture(TITLE, STRIP + 165 * layers.len() as i32 + 12, |area| {
        let (top, bottom) = area.split_vertically(STRIP * ZOOM);
        let areas = bottom.split_evenly((layers.len(), conditions.len()));
        let width = WIDTH / conditions.len() as i32;
        for (index, area) in areas.iter().enumerate() {
            let (row, column) = (index / conditions.len(), index % conditions.len());
            let (number, condition) = conditions[column];
            if row == 0 {
                name(&top, &condition.short_label(), column as i32 * width + width / 2 + 18)?;
            }
            let title = if column == 0 { format!("layer {}", layers[row]) } else { String::new() };
            let x = if row + 1 == layers.len() { "step" } else { "" };
            panel(area, view, [x, &title], &moments(condition.trials[0], layers[row]), house::look(number))?;
        }
        Ok(())
    })?;
    let reading = format!(
        "Each shape is the histogram of one fixed unit's activation (seed {}) over the minibatch and all positions, after \
         the noise and before the ReLU, at one moment of the run; it starts at its step and bulges to the right. The \
         thin line joins the means. Each panel has its own vertical axis. Shapes that stay where they are mean a stable \
         distribution; shapes that jump from one moment to the next mean an unstable one.",
        conditions[0].1.trials[0].seed
    );
    Ok(Some(Figure { file: "distributions.svg", title: TITLE, reading, svg }))
}

/// An arm's name in lines short enough for its column.
fn name(area: &Area, name: &str, x: i32) -> Result<()> {
    let mut lines = vec![String::new()];
    for word in name.split(['_', ' ']) {
        let last = lines.last_mut().expect("never empty");
        match last.len() {
            0 => *last = word.into(),
            length if length + word.len() < 13 => *last = format!("{last} {word}"),
            _ => lines.push(word.into()),
        }
    }
    for (index, line) in lines.iter().enumerate() {
        house::write(area, line, (x, 14 + 15 * index as i32), house::ink(12), HPos::Center)?;
    }
    Ok(())
}

fn panel(area: &Area, view: &View, [x, y]: [&str; 2], moments: &[Moment], look: Look) -> Result<()> {
    let edges = moments.iter().flat_map(|m| [m.mean - SHOWN * m.sd, m.mean + SHOWN * m.sd]);
    let Some(range) = house::range(edges, 0.05) else { return Ok(()) };
    let spacing = view.steps() as f64 / moments.len() as f64;
    let x = Axis { range: (0.0, view.steps() as f64 + spacing), title: x, ticks: 3, log: false, room: 30 };
    let y = Axis { range, title: y, ticks: 5, log: false, room: if y.is_empty() { 34 } else { 50 } };
    let mut chart = house::chart(area, "", &x, &y)?;
    let tallest = moments.iter().flat_map(|moment| &moment.shares).fold(0.0f64, |a, &b| a.max(b));
    let shapes = moments.iter().map(|moment| outline(moment, 0.95 * spacing / tallest, range));
    chart.draw_series(shapes.map(|outline| Polygon::new(outline, look.color.mix(0.65))))?;
    let means: Vec<(f64, f64)> = moments.iter().map(|moment| (moment.step, moment.mean)).collect();
    house::line(&mut chart, &means, look.color.to_rgba(), 0.8, None)
}

/// A histogram as a shape that bulges to the right of its step by `scale` a share, cut to what the panel shows.
fn outline(moment: &Moment, scale: f64, (low, high): (f64, f64)) -> Vec<(f64, f64)> {
    let bins = moment.shares.len() as f64;
    let centre = |bin: usize| moment.mean + moment.sd * SPAN * (2.0 * (bin as f64 + 0.5) / bins - 1.0);
    let edge = |sign: f64| (moment.step, (moment.mean + sign * SPAN * moment.sd).clamp(low, high));
    let bulge = moment.shares.iter().enumerate().filter(|(bin, _)| (low..=high).contains(&centre(*bin)));
    let bulge = bulge.map(|(bin, share)| (moment.step + share * scale, centre(bin)));
    std::iter::once(edge(-1.0)).chain(bulge).chain(std::iter::once(edge(1.0))).collect()
}

/// The histograms of a layer, in order of steps; those without finite moments are left out.
fn moments(trial: &TrialRecords, layer: usize) -> Vec<Moment> {
    let series = |part: &str| trial.series(&format!("{PREFIX}.{part}"), Some(layer)).collect::<Vec<_>>();
    let bins: Vec<Vec<(usize, f64)>> =
        (0..).map(|bin| series(&format!("bin_{bin:02}"))).take_while(|bin| !bin.is_empty()).collect();
    let (means, sds) = (series("mean"), series("sd"));
    let moment = |index: usize| Moment {
        step: means[index].0 as f64,
        mean: means[index].1,
        sd: sds[index].1,
        shares: bins.iter().filter_map(|bin| bin.get(index)).map(|bin| bin.1).collect(),
    };
    let moments = (0..means.len().min(sds.len())).map(moment);
    moments.filter(|moment| moment.mean.is_finite() && moment.sd.is_finite() && !moment.shares.is_empty()).collect()
}
