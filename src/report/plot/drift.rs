//! How far the moments of units, or their whole distributions, move over training, on a logarithmic axis.

use anyhow::Result;
use plotters::style::Color;

use super::Figure;
use super::accuracy::steps_axis;
use super::curves::{Curve, mean, smoothed};
use super::house::{self, Area, Axis, Look, ZOOM};
use crate::report::view::View;

/// A record and its name on the axis.
type Row = (&'static str, &'static str);

const MOMENTS: [Row; 2] =
    [("moments.pre.mean_drift", "drift of the mean"), ("moments.pre.variance_drift", "drift of the variance")];

const WASSERSTEIN: [Row; 1] = [("wasserstein.pre.drift", "Wasserstein-1 drift")];

/// An arm in a panel: its look, its seeds and their mean, as logarithms to base 10.
type Lines = Vec<(Look, Vec<Curve>, Curve)>;

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

/// A row a record, a column a layer, a line an arm; `None` without records.
fn picture(view: &View, title: &str, rows: &[Row]) -> Result<Option<String>> {
    let layers = view.layers(rows[0].0);
    let rows: Vec<&Row> = rows.iter().filter(|row| view.has(row.0)).collect();
    let panels: Vec<Vec<Lines>> =
        rows.iter().map(|row| layers.iter().map(|&layer| lines(view, row.0, layer)).collect()).collect();
    if layers.is_empty() || panels.iter().flatten().all(Vec::is_empty) {
        return Ok(None);
    }
    let names: Vec<(String, Look)> =
        view.shown().enumerate().map(|(n, condition)| (condition.short_label(), house::look(n))).collect();
    let strip = house::legend_height(names.len(), 3);
    let svg = house::picture(title, strip + 230 * rows.len() as i32, |area| {
        let (top, bottom) = area.split_vertically(strip * ZOOM);
        house::legend(&top, &names, 3)?;
        let areas = bottom.split_evenly((rows.len(), layers.len()));
        for (index, area) in areas.iter().enumerate() {
            let (row, column) = (index / layers.len(), index % layers.len());
            let headline = format!("layer {}", layers[column]);
            let range = decades(&panels[row]);
            let title = if column == 0 { rows[row].1 } else { "" };
            let y = Axis { range, title, ticks: (range.1 - range.0) as usize + 1, log: true, room: 52 };
            panel(area, view, &headline, &y, &panels[row][column])?;
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

fn lines(view: &View, name: &str, layer: usize) -> Lines {
    let arms = view.shown().enumerate().map(|(number, condition)| {
        let logarithms = |trial: &&crate::record::TrialRecords| {
            let points = trial.series(name, Some(layer)).map(|(step, value)| (step, value.log10()));
            smoothed(points, 1, trial.steps)
        };
        let seeds: Vec<Curve> = condition.trials.iter().map(logarithms).collect();
        let mean = mean(&seeds, None);
        (house::look(number), seeds, mean)
    });
    arms.filter(|arm| !arm.2.is_empty()).collect()
}

/// One layer of a row.
fn panel(area: &Area, view: &View, headline: &str, y: &Axis, lines: &Lines) -> Result<()> {
    let mut chart = house::chart(area, headline, &steps_axis(view, 4), y)?;
    for (look, seeds, _) in lines {
        for seed in seeds {
            house::line(&mut chart, seed, look.color.mix(0.2), 0.6, None)?;
        }
    }
    for (look, _, mean) in lines {
        house::line(&mut chart, mean, look.color.to_rgba(), 2.0, look.dash)?;
    }
    Ok(())
}

/// Whole powers of ten around all values of a row.
fn decades(row: &[Lines]) -> (f64, f64) {
    let values = row.iter().flatten().flat_map(|arm| &arm.1).flatten().map(|point| point.1);
    house::range(values, 0.02).map_or((-1.0, 1.0), |(low, high)| (low.floor(), high.ceil()))
}
