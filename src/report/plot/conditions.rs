//! How often the conditions of the paper's theorems hold: by layer, and over the run.

use anyhow::Result;
use plotters::style::Color;

use super::Figure;
use super::curves::{Curve, mean};
use super::house::{self, Axis, GREY, Look, ZOOM};
use super::traces::{Lines, looks, names, panel, percent_axis, steps_axis};
use crate::record::TrialRecords;
use crate::report::view::{Condition, View};

/// A record and what it is the share of.
const CONDITIONS: [(&str, &str); 4] = [
    ("conditions.along", "⟨g, ŷ⟩ > 0"),
    ("conditions.convex", "gᵀHg > 0"),
    ("conditions.shrinking", "γ²/σ² < 1"),
    ("conditions.all", "all three"),
];

/// A column a condition, an upper row over layers and a lower one over steps, a line an arm.
pub fn conditions(view: &View) -> Result<Option<Figure>> {
    let layers = view.layers(CONDITIONS[0].0);
    let (Some(&first), Some(&last)) = (layers.first(), layers.last()) else { return Ok(None) };
    const TITLE: &str = "How often the theorems' conditions hold";
    let names = names(view);
    let strip = house::legend_height(names.len(), 3);
    let range = (first as f64, last.max(first + 1) as f64);
    let svg = house::picture(TITLE, strip + 2 * 200, |area| {
        let (top, bottom) = area.split_vertically(strip * ZOOM);
        house::legend(&top, &names, 3)?;
        for (index, area) in bottom.split_evenly((2, CONDITIONS.len())).iter().enumerate() {
            let (by_layer, (name, says)) = (index < CONDITIONS.len(), CONDITIONS[index % CONDITIONS.len()]);
            let x = match by_layer {
                true => Axis { range, title: "layer", ticks: 5, log: false, room: 34 },
                false => steps_axis(view, 3),
            };
            let lines: Vec<Lines> = looks(view).map(|(look, arm)| lines(look, arm, name, by_layer)).collect();
            let mut chart = panel(area, says, &x, &percent_axis("% of units"), &lines)?;
            house::line(&mut chart, &[(x.range.0, 50.0), (x.range.1, 50.0)], GREY.to_rgba(), 1.0, None)?;
        }
        Ok(())
    })?;
    let reading = "The percentage of a layer's units (channels; for gᵀHg and all three, of its few fixed units) that fulfil a condition of the theorems by which BatchNorm \
                   smooths the loss: ⟨g, ŷ⟩ > 0 and gᵀHg > 0 (theorem 4.2), γ²/σ² < 1 (theorems 4.1 and 4.2), and all three \
                   at once. Upper row: layer by layer, averaged over the run; lower row: over the run, averaged over \
                   layers. The grey line is at a half. Thin lines are seeds, thick ones their mean.";
    Ok(Some(Figure { file: "conditions.svg", title: TITLE, reading: reading.into(), svg }))
}

fn lines(look: Look, condition: &Condition, name: &str, by_layer: bool) -> Lines {
    let seeds: Vec<Curve> = condition.trials.iter().map(|trial| grouped(trial, name, by_layer)).collect();
    Lines { look, mean: mean(&seeds, None), seeds }
}

/// The mean of a record at each layer, or else at each step.
fn grouped(trial: &TrialRecords, name: &str, by_layer: bool) -> Curve {
    let mut groups = std::collections::BTreeMap::<usize, Vec<f64>>::new();
    for record in trial.records.iter().filter(|record| record.name == name && record.value.is_finite()) {
        let key = if by_layer { record.layer.unwrap_or_default() } else { record.step };
        groups.entry(key).or_default().push(record.value);
    }
    let mean = |(key, values): (usize, Vec<f64>)| crate::stats::mean(&values).map(|mean| (key as f64, mean));
    groups.into_iter().filter_map(mean).collect()
}
