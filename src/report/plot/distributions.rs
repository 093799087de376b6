//! The distribution of a unit's activation over the run, the arms side by side.

use minijinja::context;

use super::Figure;
use super::picture::{Axis, Curve, Grid, Look, Mark, Panel, range};
use super::series::{Arm, arms};
use crate::record::TrialRecords;
use crate::report::view::View;

const PREFIX: &str = "histogram.pre";

/// Half the width of a histogram, in standard deviations: what the probe's bins span.
const SPAN: f64 = 4.0;

/// How much of that a panel must show, in standard deviations.
const SHOWN: f64 = 3.0;

/// One histogram.
struct Histogram {
    step: f64,
    mean: f64,
    sd: f64,
    shares: Vec<f64>,
}

/// Rows for layers, a column per arm, from the first seed.
pub fn distributions(view: &View) -> Option<Figure> {
    let layers = view.layers(&format!("{PREFIX}.mean"));
    let arms: Vec<Arm> = arms(view).filter(|(_, arm)| !arm.trials.is_empty()).collect();
    let (&deepest, first) = (layers.last()?, arms.first()?.1.trials[0]);
    let row = |&layer: &usize| {
        let x = if layer == deepest { "step" } else { "" };
        let panel = |(column, (look, arm)): (usize, &Arm)| {
            let (y, room) = if column == 0 { (format!("layer {layer}"), 50.0) } else { (String::new(), 34.0) };
            panel(view, &histograms(arm.trials[0], layer), *look, x, (&y, room))
        };
        arms.iter().enumerate().map(panel).collect()
    };
    let mut grid = Grid::new(169.0, layers.iter().map(row).collect(), Vec::new());
    grid.column_names = arms.iter().map(|(_, arm)| arm.short_label()).collect();
    let figure = Figure::new("distributions.svg", "Distributions over time", vec![grid])?;
    Some(figure.with(context! { seed => first.seed }))
}

fn panel(view: &View, histograms: &[Histogram], look: Look, x: &str, (y, y_room): (&str, f64)) -> Panel {
    let edges = histograms.iter().flat_map(|it| [it.mean - SHOWN * it.sd, it.mean + SHOWN * it.sd]);
    let heights = range(edges, 0.05).unwrap_or((0.0, 1.0));
    let spacing = view.steps() as f64 / histograms.len().max(1) as f64;
    let tallest = histograms.iter().flat_map(|it| &it.shares).fold(0.0f64, |a, &b| a.max(b));
    let outline = |it: &Histogram| Mark::area(it.outline(0.95 * spacing / tallest, heights), look.color).faded(0.65);
    let means = histograms.iter().map(|it| (it.step, it.mean)).collect();
    let marks = histograms.iter().map(outline).chain([Mark::line(means, look.color, 0.8)]).collect();
    let x = Axis::numbers((0.0, view.steps() as f64 + spacing), x, 3, 30.0);
    Panel::new("", x, Axis::numbers(heights, y, 5, y_room), marks)
}

impl Histogram {
    /// A shape that bulges to the right of its step by `width` per share, cut to what the panel shows.
    fn outline(&self, width: f64, (low, high): (f64, f64)) -> Curve {
        let bins = self.shares.len() as f64;
        let centre = |bin: usize| self.mean + self.sd * SPAN * (2.0 * (bin as f64 + 0.5) / bins - 1.0);
        let edge = |sign: f64| (self.step, (self.mean + sign * SPAN * self.sd).clamp(low, high));
        let bulge = self.shares.iter().enumerate().filter(|(bin, _)| (low..=high).contains(&centre(*bin)));
        let bulge = bulge.map(|(bin, share)| (self.step + share * width, centre(bin)));
        std::iter::once(edge(-1.0)).chain(bulge).chain(std::iter::once(edge(1.0))).collect()
    }
}

/// The histograms of a layer, in order of steps; those without finite moments are left out.
fn histograms(trial: &TrialRecords, layer: usize) -> Vec<Histogram> {
    let series = |part: &str| trial.series(&format!("{PREFIX}.{part}"), Some(layer)).collect::<Vec<_>>();
    let bins: Vec<Vec<(usize, f64)>> =
        (0..).map(|bin| series(&format!("bin_{bin:02}"))).take_while(|bin| !bin.is_empty()).collect();
    let (means, sds) = (series("mean"), series("sd"));
    let histogram = |index: usize| Histogram {
        step: means[index].0 as f64,
        mean: means[index].1,
        sd: sds[index].1,
        shares: bins.iter().filter_map(|bin| bin.get(index)).map(|bin| bin.1).collect(),
    };
    let histograms = (0..means.len().min(sds.len())).map(histogram);
    histograms.filter(|it| it.mean.is_finite() && it.sd.is_finite() && !it.shares.is_empty()).collect()
}
