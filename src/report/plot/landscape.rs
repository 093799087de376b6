//! The landscape around the steps of a run: along the gradient and along a random direction (the paper's figure 4), and
//! how far the gradient moves by the length of the step (its figure 11).

use std::ops::Range;

use super::Figure;
use super::picture::{Axis, Curve, GREY, Grid, Look, Mark, Panel};
use super::series::{Arm, Series, arms, legend, lines, mean_heights, seed_heights, steps};
use crate::probe::Landscape;
use crate::record::TrialRecords;
use crate::report::view::View;

/// Step lengths over a larger range than this are drawn on a logarithmic axis.
const WIDE: f64 = 20.0;

/// The marks of an arm in a panel, and the heights that the axis of its row is made for.
struct Cell {
    marks: Vec<Mark>,
    heights: Vec<f64>,
}

/// Rows for loss, gradient and β, a column per arm; `None` without records.
pub fn along(view: &View, direction: &str, file: &'static str, title: &'static str) -> Option<Figure> {
    if !view.has(&format!("landscape.{direction}.beta")) {
        return None;
    }
    let arms: Vec<Arm> = arms(view).filter(|(_, arm)| !arm.trials.is_empty()).collect();
    let row = |says, cell: &dyn Fn(Arm) -> Cell, has_headline: bool| {
        let cells: Vec<Cell> = arms.iter().map(|arm| cell(*arm)).collect();
        let y = Axis::powers_around(cells.iter().flat_map(|cell| &cell.heights).copied(), says, 60.0);
        let panel = |(cell, (_, arm)): (Cell, &Arm)| {
            let headline = if has_headline { arm.short_label() } else { String::new() };
            Panel::new(headline, steps(view, 3), y.clone(), cell.marks)
        };
        cells.into_iter().zip(&arms).map(panel).collect()
    };
    let rows = vec![
        row("loss", &|arm| band(arm, direction, &["loss_low", "loss_high"]), true),
        row("‖∇(x − ηd) − ∇(x)‖", &|arm| band(arm, direction, &["distance_low", "distance_high"]), false),
        row("effective β", &|arm| betas(view, arm, direction), false),
    ];
    Figure::new(file, title, vec![Grid::new(210.0, rows, Vec::new())])
}

/// The records of these names along a direction, as solid lines.
fn along_direction((look, arm): Arm, direction: &str, names: &[&str]) -> Vec<Series> {
    let arm = (Look { dash: None, ..look }, arm);
    let of = |name: &&str| Series::of_records(arm, &format!("landscape.{direction}.{name}"), None, f64::log10);
    names.iter().map(of).filter(|series| !series.mean.is_empty()).collect()
}

/// The smallest and the largest of a quantity.
fn band(arm: Arm, direction: &str, edges: &[&str]) -> Cell {
    let series = along_direction(arm, direction, edges);
    let mut marks = lines(&series);
    if let [low, high] = &series[..] {
        let outline = low.mean.iter().chain(high.mean.iter().rev()).copied().collect();
        marks.push(Mark::area(outline, low.look.color).faded(0.25));
    }
    Cell { marks, heights: mean_heights(&series).collect() }
}

/// β and its second reading, with 2 over the learning rate and 1 over the smaller step of the second reading.
fn betas(view: &View, arm: Arm, direction: &str) -> Cell {
    let mut series = along_direction(arm, direction, &["beta", "beta_extended"]);
    let rate = arm.1.spec.train.learning_rate;
    let mut levels = vec![((2.0 / rate).log10(), (8, 4))];
    if let Some(second) = series.get_mut(1) {
        second.look.dash = Some((6, 4));
        second.seeds.clear();
        let smaller = view.plan.probe().map(|probe: &Landscape| probe.smaller_step);
        levels.extend(smaller.map(|step| (-(step * rate).log10(), (2, 3))));
    }
    let x = steps(view, 3);
    let level = |&(height, dash)| Mark::line(x.across(height), GREY, 1.5).dashed(Some(dash));
    let marks = lines(&series).into_iter().chain(levels.iter().map(level)).collect();
    Cell { marks, heights: mean_heights(&series).chain(levels.iter().map(|level| level.0)).collect() }
}

/// How far the gradient moves: a panel for the first third of the run and one for the last, a line per arm.
pub fn distance_by_length(view: &View) -> Option<Figure> {
    let Landscape { multiples, .. } = view.plan.probe().filter(|_| view.has(&distance(0)))?;
    let (x, lengths) = length_axis(multiples);
    let parts = [("first third of the run", 0.0..1.0 / 3.0), ("last third of the run", 2.0 / 3.0..1.0)];
    let series = parts.each_ref().map(|(_, part)| -> Vec<Series> {
        arms(view).map(|arm| Series::of(arm, |trial| mean_distances(trial, part, &lengths))).collect()
    });
    let y = Axis::powers_around(seed_heights(series.iter().flatten()), "‖∇(x − ηg) − g‖", 60.0);
    let panel =
        |((says, _), series): (&(&str, _), &Vec<Series>)| Panel::new(*says, x.clone(), y.clone(), lines(series));
    let row = parts.iter().zip(&series).map(panel).collect();
    let grid = Grid::new(250.0, vec![row], legend(view));
    Figure::new("step_lengths.svg", "Distance of the gradients by length of the step", vec![grid])
}

/// The axis of the step lengths, and these as they are on it.
fn length_axis(lengths: &[f64]) -> (Axis, Vec<f64>) {
    const TITLE: &str = "length of the step, in learning rates";
    let (shortest, longest) = (lengths[0], lengths[lengths.len() - 1]);
    if longest / shortest > WIDE {
        let axis = Axis::powers((shortest.log10(), longest.log10()), TITLE, 34.0);
        return (axis, lengths.iter().map(|length| length.log10()).collect());
    }
    (Axis::numbers((0.0, longest), TITLE, 5, 34.0), lengths.to_vec())
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
