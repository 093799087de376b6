//! Internal covariate shift over steps: its relative size and its cosine, layer by layer.

use std::collections::BTreeMap;

use anyhow::Result;

use super::Figure;
use super::house::{self, Axis, Look, ZOOM};
use super::traces::{Lines, Trace, decades, heights, log_axis, panel, steps_axis};
use crate::report::records::sweep_text;
use crate::report::view::View;

const SIZE: &str = "ics.relative";
pub(super) const COSINE: &str = "ics.cosine";

/// Layers shown where more than this many were measured: those at a third and at two thirds of them.
pub(super) const MOST_LAYERS: usize = 3;

/// Two rows for each combination of swept values, a column a layer, a line an arm.
pub fn ics(view: &View) -> Result<Option<Figure>> {
    let layers = layers(view);
    let rows: Vec<Row> =
        sweeps(view).into_iter().flat_map(|sweep| [SIZE, COSINE].map(|name| Row { sweep, name })).collect();
    let panels: Vec<Vec<Vec<Lines>>> =
        rows.iter().map(|row| layers.iter().map(|&layer| row.lines(view, layer)).collect()).collect();
    if layers.is_empty() || panels.iter().flatten().all(Vec::is_empty) {
        return Ok(None);
    }
    const TITLE: &str = "Internal covariate shift";
    let sizes = rows.iter().zip(&panels).filter(|(row, _)| row.name == SIZE).flat_map(|(_, panels)| panels);
    let size_range = decades(heights(sizes.flatten().map(|lines| &lines.mean)));
    let names: Vec<(String, Look)> = arms(view).map(|(look, name)| (name.to_string(), look)).collect();
    let strip = house::legend_height(names.len(), 3);
    let svg = house::picture(TITLE, strip + 190 * rows.len() as i32, |area| {
        let (top, bottom) = area.split_vertically(strip * ZOOM);
        house::legend(&top, &names, 3)?;
        for (index, area) in bottom.split_evenly((rows.len(), layers.len())).iter().enumerate() {
            let (row, column) = (index / layers.len(), index % layers.len());
            let y = rows[row].axis(size_range, column == 0);
            let headline = rows[row].headline(layers[column]);
            panel(area, &headline, &steps_axis(view, 6), &y, &panels[row][column])?;
        }
        Ok(())
    })?;
    Ok(Some(Figure { file: "ics.svg", title: TITLE, reading: reading(), svg }))
}

/// One record at one combination of swept values.
struct Row<'a> {
    sweep: &'a BTreeMap<String, String>,
    name: &'static str,
}

impl Row<'_> {
    fn lines(&self, view: &View, layer: usize) -> Vec<Lines> {
        let trace = Trace { name: self.name, layer: Some(layer), log: self.name == SIZE };
        let here = view.conditions.iter().filter(|condition| condition.sweep == self.sweep);
        let looks = here.filter_map(|condition| {
            let (look, _) = arms(view).find(|(_, name)| *name == condition.arm.name)?;
            Some((look, condition))
        });
        trace.lines(looks)
    }

    fn axis(&self, size_range: (f64, f64), first: bool) -> Axis<'static> {
        let title = |title| if first { title } else { "" };
        match self.name {
            SIZE => Axis { room: 66, ..log_axis(size_range, title("‖G − G′‖ / ‖G‖")) },
            _ => Axis { range: (-1.05, 1.05), title: title("cosine of G, G′"), ticks: 5, log: false, room: 66 },
        }
    }

    fn headline(&self, layer: usize) -> String {
        let swept = sweep_text(self.sweep);
        if swept.is_empty() { format!("layer {layer}") } else { format!("layer {layer}, {swept}") }
    }
}

/// The arms with their looks, in the study's order.
pub(super) fn arms<'a>(view: &'a View) -> impl Iterator<Item = (Look, &'a str)> {
    view.plan.study.arm.iter().enumerate().map(|(number, arm)| (house::look(number), arm.name.as_str()))
}

/// The combinations of swept values, in the plan's order.
pub(super) fn sweeps<'a>(view: &'a View) -> Vec<&'a BTreeMap<String, String>> {
    let mut sweeps = Vec::new();
    for condition in &view.conditions {
        if !sweeps.contains(&condition.sweep) {
            sweeps.push(condition.sweep);
        }
    }
    sweeps
}

/// The layers that are shown.
fn layers(view: &View) -> Vec<usize> {
    let measured = view.layers(SIZE);
    match measured.len() {
        0..=MOST_LAYERS => measured,
        count => [count.div_ceil(3), (2 * count).div_ceil(3)].map(|place| measured[place - 1]).to_vec(),
    }
}

fn reading() -> String {
    "G is the gradient of a layer's weight on a minibatch, G′ the same gradient on the same minibatch after the layers \
     before it alone took their step. Upper rows: how far it moved, ‖G − G′‖/‖G‖, on a logarithmic axis; at 1 the move is \
     as large as the gradient itself. Lower rows: the cosine of the two; at 1 the step of the layers before does not turn \
     the layer's gradient, at 0 it makes it useless, at −1 it turns it round. Internal covariate shift, as the paper defines it, is large where the upper \
     curve is high and the lower one low. Thin lines are seeds, thick ones their mean (geometric in the upper rows); \
     every swept value has its own rows."
        .into()
}
