//! The landscape around the steps of a run (the paper's figure 4), along the gradient and along a random direction.

use anyhow::Result;
use plotters::prelude::*;

use super::Figure;
use super::curves::Curve;
use super::house::{self, Area, Axis, GREY, Look};
use super::traces::{Lines, Trace, decades, heights, log_axis, looks, panel, steps_axis};
use crate::report::view::{Condition, View};
use crate::study::Probe;

/// Pixels of a row.
const ROW: i32 = 210;

/// Along the gradient.
pub fn along_the_gradient(view: &View) -> Result<Option<Figure>> {
    const TITLE: &str = "The landscape along the gradient";
    let svg = picture(view, "gradient", TITLE)?;
    let reading = "At measured steps the same minibatch is passed at several step lengths η along the gradient (d in the axis's title), from the \
                   shortest to the longest that the study names. Upper row: the band between the smallest and the largest loss found; \
                   narrow means that the loss varies little, in proportion: on this logarithmic axis equal widths are equal ratios, while the \
                   claims compare differences. Middle row: the same of the distance between the gradient found and the gradient at the \
                   step; low means that the gradient is a good guide. Lower row: the effective β, the \
                   largest such distance over the length of its step; the dashed line of the arm's colour is its second reading, with one \
                   more, smaller step. The grey dashed line is 2 over the learning rate, where the edge of stability puts β; the grey dotted one is \
                   1 over that smaller step, where an artefact would put the second reading. Each column is an arm, on the axes of its row; all are \
                   logarithmic and made for the means. Thick lines and bands are geometric means over seeds, thin lines are seeds, which \
                   run along the axis's end where they leave it.";
    Ok(svg.map(|svg| Figure { file: "landscape.svg", title: TITLE, reading: reading.into(), svg }))
}

/// Along a random direction.
pub fn along_random_directions(view: &View) -> Result<Option<Figure>> {
    const TITLE: &str = "The landscape along random directions";
    let svg = picture(view, "random", TITLE)?;
    let reading = "The same along a random direction as long as the gradient, fresh at each measured step. What is \
                   particular to the gradient is missing here.";
    Ok(svg.map(|svg| Figure { file: "landscape_random.svg", title: TITLE, reading: reading.into(), svg }))
}

/// What a row shows of a condition.
struct Cell {
    lines: Vec<Lines>,
    /// Whether the first two lines are the edges of a band.
    band: bool,
    /// Horizontal lines for comparison, with their dashes.
    levels: Vec<(f64, (i32, i32))>,
}

const ROWS: [&str; 3] = ["loss", "‖∇(x − ηd) − ∇(x)‖", "effective β"];

/// Rows for loss, gradient and β, a column an arm; `None` without records.
fn picture(view: &View, direction: &str, title: &str) -> Result<Option<String>> {
    let conditions: Vec<(Look, &Condition)> =
        looks(view).filter(|(_, condition)| !condition.trials.is_empty()).collect();
    if conditions.is_empty() || !view.has(&format!("landscape.{direction}.beta")) {
        return Ok(None);
    }
    let column = |&(look, condition): &(Look, &Condition)| cells(view, direction, look, condition);
    let columns: Vec<[Cell; 3]> = conditions.iter().map(column).collect();
    let svg = house::picture(title, ROW * ROWS.len() as i32, |area| {
        for (index, area) in area.split_evenly((ROWS.len(), columns.len())).iter().enumerate() {
            let (row, column) = (index / columns.len(), index % columns.len());
            let cells = || columns.iter().map(|column| &column[row]);
            let means = heights(cells().flat_map(|cell| &cell.lines).map(|lines| &lines.mean));
            let range = decades(means.chain(cells().flat_map(|cell| &cell.levels).map(|level| level.0)));
            let title = if column == 0 { ROWS[row] } else { "" };
            let y = Axis { room: 60, ..log_axis(range, title) };
            let headline = if row == 0 { conditions[column].1.short_label() } else { String::new() };
            columns[column][row].draw(area, &headline, &steps_axis(view, 3), &y)?;
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

fn cells(view: &View, direction: &str, look: Look, condition: &Condition) -> [Cell; 3] {
    let lines = |names: &[&str]| {
        let line = |name: &&str| {
            let name = format!("landscape.{direction}.{name}");
            Trace { name: &name, layer: None, log: true }.of(Look { dash: None, ..look }, condition)
        };
        names.iter().map(line).filter(|lines| !lines.mean.is_empty()).collect::<Vec<_>>()
    };
    let band = |names: [&str; 2]| Cell { lines: lines(&names), band: true, levels: Vec::new() };
    let mut betas = lines(&["beta", "beta_extended"]);
    if let Some(second) = betas.get_mut(1) {
        second.look.dash = Some((6, 4));
        second.seeds.clear();
    }
    let rate = condition.spec.train.learning_rate;
    let mut levels = vec![((2.0 / rate).log10(), (8, 4))];
    levels.extend(smaller_step(view).filter(|_| betas.len() > 1).map(|step| (-(step * rate).log10(), (2, 3))));
    let betas = Cell { lines: betas, band: false, levels };
    [band(["loss_low", "loss_high"]), band(["distance_low", "distance_high"]), betas]
}

/// The smaller step of the second reading, in learning rates.
fn smaller_step(view: &View) -> Option<f64> {
    view.plan.probes.iter().find_map(|probe| match probe {
        Probe::Landscape { smaller_step, .. } => Some(*smaller_step),
        _ => None,
    })
}

impl Cell {
    fn draw(&self, area: &Area, headline: &str, x: &Axis, y: &Axis) -> Result<()> {
        let mut chart = panel(area, headline, x, y, &self.lines)?;
        if let (true, [low, high]) = (self.band, &self.lines[..]) {
            chart.draw_series([Polygon::new(between(&low.mean, &high.mean), low.look.color.mix(0.25))])?;
        }
        for &(level, dash) in &self.levels {
            house::line(&mut chart, &[(x.range.0, level), (x.range.1, level)], GREY.to_rgba(), 1.5, Some(dash))?;
        }
        Ok(())
    }
}

/// The outline of the area between two curves.
fn between(low: &Curve, high: &Curve) -> Vec<(f64, f64)> {
    low.iter().chain(high.iter().rev()).copied().collect()
}
