//! How far the moments of units, or their whole distributions, move over training, on a logarithmic axis.

use super::Figure;
use super::picture::{Axis, Grid, Panel, in_rows};
use super::series::{Series, arms, legend, lines, seed_heights, steps};
use crate::report::view::View;

/// Panels side by side: more of them would leave none any width.
const COLUMNS: usize = 5;

/// Rows for mean and variance.
pub fn moments(view: &View) -> Option<Figure> {
    let mut rows = rows(view, "moments.pre.mean_drift", "drift of the mean");
    rows.extend(self::rows(view, "moments.pre.variance_drift", "drift of the variance"));
    let grid = Grid::new(230.0, rows, legend(view));
    Figure::new("drift.svg", "Drift of the moments from step to step", vec![grid])
}

/// A row for the distance between distributions.
pub fn wasserstein(view: &View) -> Option<Figure> {
    let rows = rows(view, "wasserstein.pre.drift", "Wasserstein-1 drift");
    Figure::new("wasserstein.svg", "Drift of whole distributions", vec![Grid::new(230.0, rows, legend(view))])
}

/// As many rows for the record `name` as its layers fill, a panel per layer, a line per arm.
fn rows(view: &View, name: &str, says: &str) -> Vec<Vec<Panel>> {
    let of_layer = |layer| arms(view).map(|arm| Series::of_records(arm, name, Some(layer), f64::log10)).collect();
    let layers: Vec<(usize, Vec<Series>)> =
        view.layers(name).into_iter().map(|layer| (layer, of_layer(layer))).collect();
    let y = Axis::powers_around(seed_heights(layers.iter().flat_map(|(_, series)| series)), says, 52.0);
    let panel = |(layer, series): &(usize, Vec<Series>)| {
        Panel::new(format!("layer {layer}"), steps(view, 4), y.clone(), lines(series))
    };
    in_rows(layers.iter().map(panel), COLUMNS)
}
