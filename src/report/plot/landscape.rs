//! The landscape around the steps of a run: along the gradient and along a random direction (the paper's figure 4), and
//! how far the gradient moves by the length of the step (its figure 11).

use std::ops::Range;

use minijinja::Value;

use super::Figure;
use super::axis::Axis;
use super::grid::Grid;
use super::look::{Dash, GREY, Look};
use super::mark::{Mark, Shape};
use super::panel::Panel;
use super::series::{Curve, Series, heights, legend, lines, looks, seed_heights};
use crate::probe::Landscape;
use crate::record::TrialRecords;
use crate::report::view::{Condition, View};

/// Step lengths over a larger range than this are drawn on a logarithmic axis.
const WIDE: f64 = 20.0;

/// Along the gradient.
pub fn along_the_gradient(view: &View) -> Option<Figure> {
    along(view, "gradient", "landscape.svg", "The landscape along the gradient")
}

/// Along a random direction.
pub fn along_random_directions(view: &View) -> Option<Figure> {
    along(view, "random", "landscape_random.svg", "The landscape along random directions")
}

/// What a panel shows of an arm.
struct Cell {
    series: Vec<Series>,
    /// Whether the first two are the edges of a band.
    is_band: bool,
    /// Heights for comparison, with their dashes.
    levels: Vec<(f64, Dash)>,
}

/// The rows of a picture of the landscape, with the titles of their axes.
const ROWS: [(&str, fn(&View, &str, Look, &Condition) -> Cell); 3] =
    [("loss", losses), ("‖∇(x − ηd) − ∇(x)‖", distances), ("effective β", betas)];

/// Rows for loss, gradient and β, a column per arm; `None` without records.
fn along(view: &View, direction: &str, file: &'static str, title: &'static str) -> Option<Figure> {
    let arms: Vec<(Look, &Condition)> = looks(view).filter(|(_, arm)| !arm.trials.is_empty()).collect();
    if arms.is_empty() || !view.has(&format!("landscape.{direction}.beta")) {
        return None;
    }
    let row = |(index, (title, cell)): (usize, &(&str, fn(&View, &str, Look, &Condition) -> Cell))| {
        let cells: Vec<Cell> = arms.iter().map(|&(look, arm)| cell(view, direction, look, arm)).collect();
        let means = heights(cells.iter().flat_map(|cell| &cell.series).map(|series| &series.mean));
        let levels = cells.iter().flat_map(|cell| &cell.levels).map(|level| level.0);
        let y = Axis::powers_around(means.chain(levels), title, 60);
        let panel = |(cell, (_, arm)): (&Cell, &(Look, &Condition))| {
            let headline = if index == 0 { arm.short_label() } else { String::new() };
            let x = Axis::steps(view, 3);
            let marks = cell.marks(&x);
            Panel::new(headline, x, y.clone(), marks)
        };
        cells.iter().zip(&arms).map(panel).collect()
    };
    let rows = ROWS.iter().enumerate().map(row).collect();
    Some(Figure { file, title, facts: Value::UNDEFINED, grids: vec![Grid::new(210, rows)] })
}

/// The records of these names along a direction, as solid lines.
fn along_direction(direction: &str, names: &[&str], look: Look, arm: &Condition) -> Vec<Series> {
    let look = Look { dash: None, ..look };
    let of = |name: &&str| Series::of_logarithms(look, arm, &format!("landscape.{direction}.{name}"), None);
    names.iter().map(of).filter(|series| !series.mean.is_empty()).collect()
}

fn losses(_: &View, direction: &str, look: Look, arm: &Condition) -> Cell {
    let series = along_direction(direction, &["loss_low", "loss_high"], look, arm);
    Cell { series, is_band: true, levels: Vec::new() }
}

fn distances(_: &View, direction: &str, look: Look, arm: &Condition) -> Cell {
    let series = along_direction(direction, &["distance_low", "distance_high"], look, arm);
    Cell { series, is_band: true, levels: Vec::new() }
}

/// β and its second reading, with 2 over the learning rate and 1 over the smaller step of the second reading.
fn betas(view: &View, direction: &str, look: Look, arm: &Condition) -> Cell {
    let mut series = along_direction(direction, &["beta", "beta_extended"], look, arm);
    let rate = arm.spec.train.learning_rate;
    let mut levels = vec![((2.0 / rate).log10(), (8, 4))];
    if let Some(second) = series.get_mut(1) {
        second.look.dash = Some((6, 4));
        second.seeds.clear();
        let smaller = view.plan.probe().map(|probe: &Landscape| probe.smaller_step);
        levels.extend(smaller.map(|step| (-(step * rate).log10(), (2, 3))));
    }
    Cell { series, is_band: false, levels }
}

impl Cell {
    fn marks(&self, x: &Axis) -> Vec<Mark> {
        let mut marks = lines(&self.series);
        if let (true, [low, high]) = (self.is_band, &self.series[..]) {
            let outline = low.mean.iter().chain(high.mean.iter().rev()).copied().collect();
            marks.push(Mark::new(outline, Shape::Area, low.look.color).faded(0.25));
        }
        let level = |&(height, dash): &(f64, Dash)| Mark::line(x.across(height), GREY, 1.5).dashed(Some(dash));
        marks.extend(self.levels.iter().map(level));
        marks
    }
}

/// How far the gradient moves: a panel for the first third of the run and one for the last, a line per arm.
pub fn distance_by_length(view: &View) -> Option<Figure> {
    let Landscape { multiples, .. } = view.plan.probe().filter(|_| view.has(&distance(0)))?;
    let (x, lengths) = length_axis(multiples);
    let parts = [("first third of the run", 0.0..1.0 / 3.0), ("last third of the run", 2.0 / 3.0..1.0)];
    let series = parts.each_ref().map(|(_, part)| -> Vec<Series> {
        looks(view).map(|(look, arm)| Series::of(look, arm, |trial| mean_distances(trial, part, &lengths))).collect()
    });
    let y = Axis::powers_around(seed_heights(series.iter().flatten()), "‖∇(x − ηg) − g‖", 60);
    let panels =
        parts.iter().zip(&series).map(|((says, _), series)| Panel::new(*says, x.clone(), y.clone(), lines(series)));
    Some(Figure {
        file: "step_lengths.svg",
        title: "Distance of the gradients by length of the step",
        facts: Value::UNDEFINED,
        grids: vec![Grid::new(250, vec![panels.collect()]).under(legend(view))],
    })
}

/// The axis of the step lengths, and these as they are on it.
fn length_axis(lengths: &[f64]) -> (Axis, Vec<f64>) {
    const TITLE: &str = "length of the step, in learning rates";
    let (shortest, longest) = (lengths[0], lengths[lengths.len() - 1]);
    if longest / shortest > WIDE {
        let axis = Axis::powers((shortest.log10(), longest.log10()), TITLE, 34);
        return (axis, lengths.iter().map(|length| length.log10()).collect());
    }
    (Axis::numbers((0.0, longest), TITLE, 5, 34), lengths.to_vec())
}

fn distance(length: usize) -> String {
    format!("landscape.gradient.distance_{:02}", length + 1)
}

/// The mean logarithm of the distance at each length over a part of a run; none where a distance is not finite.
fn mean_distances(trial: &TrialRecords, part: &Range<f64>, lengths: &[f64]) -> Curve {
    let at = |(index, &length): (usize, &f64)| {
        let name = distance(index);
        let here = trial.series(&name, None);
        let here = here.filter(|(step, _)| part.contains(&(*step as f64 / trial.steps as f64)));
        let logs: Vec<f64> = here.map(|(_, distance)| distance.log10()).collect();
        crate::stats::mean(&logs).filter(|mean| mean.is_finite()).map(|mean| (length, mean))
    };
    lengths.iter().enumerate().filter_map(at).collect()
}
