//! Internal covariate shift: its relative size and its cosine over steps, and its cosine layer by layer.

use std::collections::BTreeMap;

use super::Figure;
use super::picture::{Axis, Curve, GREY, Grid, Legend, Look, Mark, Panel};
use super::series::{Arm, Series, lines, mean_heights, means_by, steps};
use crate::groups::grouped;
use crate::record::{TrialRecords, sweep_text};
use crate::report::view::View;

const SIZE: &str = "ics.relative";
const COSINE: &str = "ics.cosine";

/// Layers shown where more than this many were measured: those at a third and at two thirds of them.
const MOST_LAYERS: usize = 3;

/// Swept values by their keys.
type Swept = BTreeMap<String, String>;

/// A record, the scale that it is drawn on, and the axis with it.
type Quantity = (&'static str, fn(f64) -> f64, Axis);

/// Two rows for each combination of swept values, a column per layer, a line per arm.
pub fn ics(view: &View) -> Option<Figure> {
    let (layers, sweeps) = (shown_layers(view), sweeps(view));
    let series = |arms: &[Arm], name: &str, scale: fn(f64) -> f64, layer| -> Vec<Series> {
        arms.iter().map(|arm| Series::of_records(*arm, name, Some(layer), scale)).collect()
    };
    let of_layers = |arms| layers.iter().flat_map(move |&layer| series(arms, SIZE, f64::log10, layer));
    let sizes: Vec<Series> = sweeps.iter().flat_map(|(_, arms)| of_layers(arms)).collect();
    let size_axis = Axis::powers_around(mean_heights(&sizes), "‖G − G′‖ / ‖G‖", 66.0);
    let quantities: [Quantity; 2] =
        [(SIZE, f64::log10, size_axis), (COSINE, std::convert::identity, cosine_axis(66.0))];
    let row = |(swept, arms): &(&Swept, Vec<Arm>), (name, scale, y): &Quantity| -> Vec<Panel> {
        let headline = |layer| format!("layer {layer}, {}", sweep_text(swept)).trim_end_matches(", ").to_string();
        let panel = |&layer: &usize| {
            let marks = lines(&series(arms, name, *scale, layer));
            Panel::new(headline(layer), steps(view, 6), y.clone(), marks)
        };
        layers.iter().map(panel).collect()
    };
    let rows: Vec<_> = sweeps.iter().flat_map(|sweep| quantities.iter().map(|it| row(sweep, it))).collect();
    Figure::new("ics.svg", "Internal covariate shift", vec![Grid::new(190.0, rows, legend(view))])
}

/// A panel for each combination of swept values, a line per arm; `None` where few layers were measured.
pub fn ics_by_layer(view: &View) -> Option<Figure> {
    let layers = view.layers(COSINE);
    if layers.len() <= MOST_LAYERS {
        return None;
    }
    let x = Axis::numbers((layers[0] as f64, layers[layers.len() - 1] as f64), "layer", 8, 34.0);
    let edge = Mark::line(edge_of_stability(view, &layers), GREY, 1.5).dashed(Some((8, 4)));
    let panel = |(swept, arms): (&Swept, Vec<Arm>)| {
        let series: Vec<Series> = arms.into_iter().map(|arm| Series::of(arm, second_half)).collect();
        let marks = [edge.clone()].into_iter().chain(lines(&series));
        Panel::new(sweep_text(swept), x.clone(), cosine_axis(56.0), marks.collect())
    };
    let panels = sweeps(view).into_iter().map(panel).collect();
    let grid = Grid::new(280.0, vec![panels], legend(view));
    Figure::new("ics_layers.svg", "Internal covariate shift by layer", vec![grid])
}

fn cosine_axis(room: f64) -> Axis {
    Axis::numbers((-1.05, 1.05), "cosine of G, G′", 5, room)
}

/// The study's arms with their looks, which do not depend on the swept values.
fn legend(view: &View) -> Legend {
    view.plan.study.arm.iter().enumerate().map(|(number, arm)| (arm.name.clone(), Look::of(number))).collect()
}

/// The arms at each combination of swept values, in the plan's order.
fn sweeps<'v>(view: &'v View) -> Vec<(&'v Swept, Vec<Arm<'v>>)> {
    grouped(view.conditions.iter().map(|condition| {
        let number = view.plan.study.arm.iter().position(|arm| arm.name == condition.arm.name);
        (condition.sweep, (Look::of(number.unwrap_or_default()), condition))
    }))
}

fn shown_layers(view: &View) -> Vec<usize> {
    let measured = view.layers(SIZE);
    match measured.len() {
        0..=MOST_LAYERS => measured,
        count => [count.div_ceil(3), (2 * count).div_ceil(3)].map(|number| measured[number - 1]).to_vec(),
    }
}

/// 1 − 2(i−1)/k for layers i of the deepest network's k.
fn edge_of_stability(view: &View, layers: &[usize]) -> Curve {
    let depth = view.conditions.iter().map(|condition| condition.spec.model.layers()).max().unwrap_or(1) as f64;
    let ends = [layers[0], layers[layers.len() - 1]].map(|layer| layer as f64);
    ends.map(|layer| (layer, 1.0 - 2.0 * (layer - 1.0) / depth)).to_vec()
}

/// The mean cosine at each layer over the second half of a run.
fn second_half(trial: &TrialRecords) -> Curve {
    means_by(trial, |record| record.layer.filter(|_| record.name == COSINE && 2 * record.step >= trial.steps))
}
