//! How far the moments of units, or their whole distributions, move over training, on a logarithmic axis.

use anyhow::Result;

use super::Figure;
use super::house::{self, ZOOM};
use super::traces::{Lines, Trace, decades, heights, log_axis, looks, names, panel, steps_axis};
use crate::report::view::View;

/// A record and its name on the axis.
type Row = (&'static str, &'static str);

const MOMENTS: [Row; 2] =
    [("moments.pre.mean_drift", "drift of the mean"), ("moments.pre.variance_drift", "drift of the variance")];

const WASSERSTEIN: [Row; 1] = [("wasserstein.pre.drift", "Wasserstein-1 drift")];

/// Rows for mean and variance.
pub fn drift(view: &View) -> Result<Option<Figure>> {
    const TITLE: &str = "Drift of the moments from step to step";
    let reading = "How much a unit's mean (upper row) and variance (lower row) over the minibatch change from one step \
                   to the next, after the noise and before the ReLU, in units of the unit's own standard deviation and \
                   variance; averaged over units and a few steps. The axis is logarithmic. Thin lines are seeds, thick ones their geometric mean. Higher is less stable."
        .into();
    let svg = picture(view, TITLE, &MOMENTS)?;
    Ok(svg.map(|svg| Figure { file: "drift.svg", title: TITLE, reading, svg }))
}

/// One row for the distance between distributions.
pub fn wasserstein(view: &View) -> Result<Option<Figure>> {
    const TITLE: &str = "Drift of whole distributions";
    let reading = "How far the distribution of a unit's activation before the ReLU has moved since the measurement \
                   before: the Wasserstein-1 distance, in units of the unit's own standard deviation, averaged over \
                   units. The axis is logarithmic. Thin lines are seeds, thick ones their geometric mean. Higher is \
                   less stable."
        .into();
    let svg = picture(view, TITLE, &WASSERSTEIN)?;
    Ok(svg.map(|svg| Figure { file: "wasserstein.svg", title: TITLE, reading, svg }))
}

/// Panels side by side: more of them would leave none any width.
const COLUMNS: usize = 5;

/// Rows for records, as many as their layers fill, a column a layer, a line an arm; `None` without records.
fn picture(view: &View, title: &str, rows: &[Row]) -> Result<Option<String>> {
    let layers = view.layers(rows[0].0);
    let rows: Vec<&Row> = rows.iter().filter(|row| view.has(row.0)).collect();
    let of = |name, layer| Trace { name, layer: Some(layer), log: true }.lines(looks(view));
    let panels: Vec<Vec<Vec<Lines>>> =
        rows.iter().map(|row| layers.iter().map(|&layer| of(row.0, layer)).collect()).collect();
    if layers.is_empty() || panels.iter().flatten().all(Vec::is_empty) {
        return Ok(None);
    }
    let names = names(view);
    let strip = house::legend_height(names.len(), 3);
    let (columns, folds) = (layers.len().min(COLUMNS), layers.len().div_ceil(COLUMNS));
    let svg = house::picture(title, strip + 230 * (rows.len() * folds) as i32, |area| {
        let (top, bottom) = area.split_vertically(strip * ZOOM);
        house::legend(&top, &names, 3)?;
        for (records, (row, panels)) in bottom.split_evenly((rows.len(), 1)).iter().zip(rows.iter().zip(&panels)) {
            let areas = records.split_evenly((folds, columns));
            for (index, (area, (layer, lines))) in areas.iter().zip(layers.iter().zip(panels)).enumerate() {
                let title = if index % columns == 0 { row.1 } else { "" };
                let y = log_axis(decades(heights(panels.iter().flatten().flat_map(|lines| &lines.seeds))), title);
                panel(area, &format!("layer {layer}"), &steps_axis(view, 4), &y, lines)?;
            }
        }
        Ok(())
    })?;
    Ok(Some(svg))
}
