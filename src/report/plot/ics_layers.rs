//! The cosine of G and G′ layer by layer, where many layers were measured.

use anyhow::Result;
use plotters::style::Color;

use super::Figure;
use super::curves::{Curve, mean};
use super::house::{self, Axis, GREY, Look, ZOOM};
use super::ics::{COSINE, MOST_LAYERS, arms, sweeps};
use crate::record::TrialRecords;
use crate::report::records::sweep_text;
use crate::report::view::View;

/// A panel for each combination of swept values, a line an arm; `None` where few layers were measured.
pub fn ics_by_layer(view: &View) -> Result<Option<Figure>> {
    let layers = view.layers(COSINE);
    if layers.len() <= MOST_LAYERS {
        return Ok(None);
    }
    const TITLE: &str = "Internal covariate shift by layer";
    let names: Vec<(String, Look)> = arms(view).map(|(look, name)| (name.to_string(), look)).collect();
    let (strip, sweeps) = (house::legend_height(names.len(), 3), sweeps(view));
    let (first, last) = (layers[0] as f64, layers[layers.len() - 1] as f64);
    let svg = house::picture(TITLE, strip + 280, |area| {
        let (top, bottom) = area.split_vertically(strip * ZOOM);
        house::legend(&top, &names, 3)?;
        for (area, sweep) in bottom.split_evenly((1, sweeps.len())).iter().zip(&sweeps) {
            let x = Axis { range: (first, last), title: "layer", ticks: 8, log: false, room: 34 };
            let y = Axis { range: (-1.05, 1.05), title: "cosine of G, G′", ticks: 5, log: false, room: 56 };
            let mut chart = house::chart(area, &sweep_text(sweep), &x, &y)?;
            house::line(&mut chart, &edge_of_stability(view, [first, last]), GREY.to_rgba(), 1.5, Some((8, 4)))?;
            for condition in view.conditions.iter().filter(|condition| condition.sweep == *sweep) {
                let Some((look, _)) = arms(view).find(|(_, name)| *name == condition.arm.name) else { continue };
                let seeds: Vec<Curve> = condition.trials.iter().map(|trial| second_half(trial, &layers)).collect();
                for seed in &seeds {
                    house::line(&mut chart, seed, look.color.mix(0.25), 0.6, None)?;
                }
                house::line(&mut chart, &mean(&seeds, None), look.color.to_rgba(), 2.0, look.dash)?;
            }
        }
        Ok(())
    })?;
    let reading = "The cosine of the gradient of each layer's weight before and after the layers before it took their \
                   step, averaged over the second half of the run. The grey dashed line is 1 − 2(i−1)/k for layer i of k, which \
                   steps at the edge of stability would leave if every layer counted alike: a line along it says that the measure reads the length of \
                   the step and the place of the layer. Thin lines are seeds, thick ones their mean.";
    Ok(Some(Figure { file: "ics_layers.svg", title: TITLE, reading: reading.into(), svg }))
}

/// 1 − 2(i−1)/k for layers i of the deepest network's k.
fn edge_of_stability(view: &View, layers: [f64; 2]) -> [(f64, f64); 2] {
    let depth = view.conditions.iter().map(|condition| condition.spec.model.layers()).max().unwrap_or(1) as f64;
    layers.map(|layer| (layer, 1.0 - 2.0 * (layer - 1.0) / depth))
}

/// The mean cosine at each layer over the second half of a run.
fn second_half(trial: &TrialRecords, layers: &[usize]) -> Curve {
    let at = |&layer: &usize| {
        let late =
            trial.series(COSINE, Some(layer)).filter(|&(step, value)| 2 * step >= trial.steps && value.is_finite());
        let values: Vec<f64> = late.map(|(_, value)| value).collect();
        crate::stats::mean(&values).map(|mean| (layer as f64, mean))
    };
    layers.iter().filter_map(at).collect()
}
