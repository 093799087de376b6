//! The distribution of a unit's activation over the run, the arms side by side.

use minijinja::context;

use super::Figure;
use super::axis::{Axis, range};
use super::grid::Grid;
use super::look::Look;
use super::mark::{Mark, Shape};
use super::panel::Panel;
use super::series::{Curve, looks};
use crate::record::TrialRecords;
use crate::report::view::{Condition, View};

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
    let arms: Vec<(Look, &Condition)> = looks(view).filter(|(_, arm)| !arm.trials.is_empty()).collect();
    let (&deepest, first) = (layers.last()?, arms.first()?.1.trials[0]);
    let row = |&layer: &usize| {
        let x = if layer == deepest { "step" } else { "" };
        let panel = |(column, (look, arm)): (usize, &(Look, &Condition))| {
            let y = if column == 0 { format!("layer {layer}") } else { String::new() };
            panel(view, [x, &y], &histograms(arm.trials[0], layer), *look)
        };
        arms.iter().enumerate().map(panel).collect()
    };
    let mut grid = Grid::new(169, layers.iter().map(row).collect());
    grid.column_names = arms.iter().map(|(_, arm)| arm.short_label()).collect();
    Some(Figure {
        file: "distributions.svg",
        title: "Distributions over time",
        facts: context! { seed => first.seed },
        grids: vec![grid],
    })
}

fn panel(view: &View, [x, y]: [&str; 2], histograms: &[Histogram], look: Look) -> Panel {
    let edges = histograms.iter().flat_map(|it| [it.mean - SHOWN * it.sd, it.mean + SHOWN * it.sd]);
    let heights = range(edges, 0.05).unwrap_or((0.0, 1.0));
    let spacing = view.steps() as f64 / histograms.len().max(1) as f64;
    let tallest = histograms.iter().flat_map(|it| &it.shares).fold(0.0f64, |a, &b| a.max(b));
    let outline = |it: &Histogram| Mark::new(it.outline(0.95 * spacing / tallest, heights), Shape::Area, look.color);
    let means = histograms.iter().map(|it| (it.step, it.mean)).collect();
    let marks = histograms.iter().map(|it| outline(it).faded(0.65)).chain([Mark::line(means, look.color, 0.8)]);
    let x = Axis::numbers((0.0, view.steps() as f64 + spacing), x, 3, 30);
    let y = Axis::numbers(heights, y, 5, if y.is_empty() { 34 } else { 50 });
    Panel::new("", x, y, marks.collect())
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
