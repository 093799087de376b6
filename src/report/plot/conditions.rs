//! How often the conditions of the paper's theorems hold: by layer, and over the run.

use super::Figure;
use super::picture::{Axis, GREY, Grid, Mark, Panel};
use super::series::{Series, arms, legend, lines, means_by, steps};
use crate::record::Record;
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
        let key = |record: &Record| if by_layer { record.layer.unwrap_or_default() } else { record.step };
        let of = |arm| Series::of(arm, |trial| means_by(trial, |record| (record.name == name).then(|| key(record))));
        let mut marks = lines(&arms(view).map(of).collect::<Vec<_>>());
        marks.push(Mark::line(x.across(50.0), GREY, 1.0));
        Panel::new(says, x, Axis::percent("% of units"), marks)
    };
    let rows = [true, false].map(|by_layer| CONDITIONS.iter().map(|condition| panel(condition, by_layer)).collect());
    let grid = Grid::new(200.0, rows.into(), legend(view));
    Figure::new("conditions.svg", "How often the theorems' conditions hold", vec![grid])
}
