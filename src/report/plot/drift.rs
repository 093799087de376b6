//! How far the moments of units, or their whole distributions, move over training, on a logarithmic axis.

use minijinja::Value;

use super::Figure;
use super::axis::Axis;
use super::grid::Grid;
use super::panel::Panel;
use super::series::{Series, legend, lines, looks, seed_heights};
use crate::report::view::View;

/// Panels side by side: more of them would leave none any width.
const COLUMNS: usize = 5;

/// Rows for mean and variance.
pub fn moments(view: &View) -> Option<Figure> {
    let drifts =
        [("moments.pre.mean_drift", "drift of the mean"), ("moments.pre.variance_drift", "drift of the variance")];
    figure(view, "drift.svg", "Drift of the moments from step to step", &drifts)
}

/// A row for the distance between distributions.
pub fn wasserstein(view: &View) -> Option<Figure> {
    let drift = [("wasserstein.pre.drift", "Wasserstein-1 drift")];
    figure(view, "wasserstein.svg", "Drift of whole distributions", &drift)
}

/// Rows for records with their names on the axis, as many as their layers fill, a column per layer, a line per arm;
/// `None` without records.
fn figure(view: &View, file: &'static str, title: &'static str, drifts: &[(&str, &str)]) -> Option<Figure> {
    let layers = view.layers(drifts[0].0);
    let rows = drifts.iter().filter(|(name, _)| view.has(name)).flat_map(|&(name, says)| {
        let of_layer = |&layer: &usize| {
            let series = looks(view).map(|(look, arm)| Series::of_logarithms(look, arm, name, Some(layer)));
            (layer, series.collect::<Vec<_>>())
        };
        let layers: Vec<(usize, Vec<Series>)> = layers.iter().map(of_layer).collect();
        let y = Axis::powers_around(seed_heights(layers.iter().flat_map(|(_, series)| series)), says, 52);
        let panel = |(layer, series): &(usize, Vec<Series>)| {
            Panel::new(format!("layer {layer}"), Axis::steps(view, 4), y.clone(), lines(series))
        };
        Grid::folded(230, COLUMNS, layers.iter().map(panel).collect()).rows
    });
    let rows: Vec<Vec<Panel>> = rows.collect();
    let is_empty = rows.iter().flatten().all(|panel| panel.marks.is_empty());
    (!is_empty).then(|| Figure {
        file,
        title,
        facts: Value::UNDEFINED,
        grids: vec![Grid::new(230, rows).under(legend(view))],
    })
}
