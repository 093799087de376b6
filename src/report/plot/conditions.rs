//! How often the conditions of the paper's theorems hold: by layer, and over the run.

use std::collections::BTreeMap;

use super::Figure;
use super::picture::{Axis, Curve, GREY, Grid, Mark, Panel};
use super::series::{Series, arms, legend, lines, steps};
use crate::record::TrialRecords;
use crate::report::view::View;

/// A record and the condition that it is the share of.
const CONDITIONS: [(&str, &str); 4] = [
    ("conditions.along", "⟨g, ŷ⟩ > 0"),
    ("conditions.convex", "gᵀHg > 0"),
    ("conditions.shrinking", "γ²/σ² < 1"),
    ("conditions.all", "all three"),
];

/// A column per condition, an upper row over layers and a lower one over steps, a line per arm.
pub fn conditions(view: &View) -> Option<Figure> {
    let layers = view.layers(CONDITIONS[0].0);
    let (&first, &last) = (layers.first()?, layers.last()?);
    let layers = Axis::numbers((first as f64, last.max(first + 1) as f64), "layer", 5, 34.0);
    let panel = |&(name, says): &(&str, &str), by_layer: bool| {
        let x = if by_layer { layers.clone() } else { steps(view, 3) };
        let of = |arm| Series::of(arm, |trial| grouped(trial, name, by_layer));
        let mut marks = lines(&arms(view).map(of).collect::<Vec<_>>());
        marks.push(Mark::line(x.across(50.0), GREY, 1.0));
        Panel::new(says, x, Axis::percent("% of units"), marks)
    };
    let rows = [true, false].map(|by_layer| CONDITIONS.iter().map(|condition| panel(condition, by_layer)).collect());
    let grid = Grid::new(200.0, rows.into(), legend(view));
    Figure::new("conditions.svg", "How often the theorems' conditions hold", vec![grid])
}

/// The mean of a record at each layer, or else at each step.
fn grouped(trial: &TrialRecords, name: &str, by_layer: bool) -> Curve {
    let mut groups = BTreeMap::<usize, Vec<f64>>::new();
    for record in trial.records.iter().filter(|record| record.name == name && record.value.is_finite()) {
        let key = if by_layer { record.layer.unwrap_or_default() } else { record.step };
        groups.entry(key).or_default().push(record.value);
    }
    let mean = |(key, values): (usize, Vec<f64>)| crate::stats::mean(&values).map(|mean| (key as f64, mean));
    groups.into_iter().filter_map(mean).collect()
}
