//! The same accuracy read in several ways: through the noise or without it, on training or test images.

use minijinja::context;

use super::Figure;
use super::picture::{Axis, Curve, DOT, Grid, Look, Mark, Panel, in_rows};
use super::series::{Arm, Series, arms, lines, steps};
use crate::probe::{Evaluation, When};
use crate::report::view::View;

/// A reading: its record, its name, and the number of its look. Where no sample of the test images was read along the
/// run, all of them were at its end.
const READINGS: [(&str, &str, usize); 6] = [
    (Evaluation::CLEAN, "training images, noise off", 0),
    ("eval.train.accuracy.batch.noisy", "training images, noise on", 3),
    ("eval.test.accuracy.batch.clean", "test images, noise off", 1),
    ("eval.test.accuracy.running.clean", "test images, noise off, running statistics", 4),
    (Evaluation::TEST_BATCH, "all test images, noise off", 1),
    (Evaluation::TEST_RUNNING, "all test images, noise off, running statistics", 4),
];

/// A reading that was taken: its record, its name and its look.
type Reading = (&'static str, String, Look);

/// One panel per arm, one line per reading; a reading that was taken once is a dot.
pub fn readings(view: &View) -> Option<Figure> {
    let readings = taken(view);
    let panel = |arm: Arm| {
        let marks =
            readings.iter().flat_map(|&(record, _, look)| marks(&Series::of_accuracy((look, arm.1), record, 1)));
        Panel::new(arm.1.short_label(), steps(view, 4), Axis::percent("accuracy, %"), marks.collect())
    };
    let panels = arms(view).filter(|(_, arm)| !arm.trials.is_empty()).map(panel);
    let legend = readings.iter().map(|(_, name, look)| (name.clone(), *look)).collect();
    let grid = Grid { legend_columns: 2, ..Grid::new(215.0, in_rows(panels, 3), legend) };
    let title = if view.has_noise() { "Accuracy with noise off and on" } else { "Accuracy on fixed images" };
    let facts = context! { has_dots => readings.iter().any(|(_, _, look)| look.is_dot) };
    Some(Figure::new("readings.svg", title, vec![grid])?.with(facts))
}

fn taken(view: &View) -> Vec<Reading> {
    let quantities = view.plan.quantities();
    let when = |name: &str| quantities.get(name).map_or(When::Along, |quantity| quantity.when);
    let is_taken = |&&(name, _, _): &&(&str, &str, usize)| {
        view.has(name)
            && !(when(name) == When::End && view.has(&name.replacen("final.", "eval.", 1)))
            && (view.has_noise() || !name.ends_with("noisy"))
    };
    let reading = |&(record, name, number): &(&'static str, &str, usize)| {
        let is_dot = when(record) != When::Along;
        (record, view.without_idle_noise(name), Look { is_dot, ..Look::of(number) })
    };
    READINGS.iter().filter(is_taken).map(reading).collect()
}

/// A reading of all seeds, and their mean.
fn marks(series: &Series) -> Vec<Mark> {
    if !series.look.is_dot {
        return lines(std::slice::from_ref(series));
    }
    let color = series.look.color;
    let last = |curve: &Curve| curve.last().copied();
    let seeds = Mark::dots(series.seeds.iter().filter_map(last).collect(), 1.0, color).faded(0.2);
    let mean = Mark::dots(Vec::from_iter(last(&series.mean)), DOT, color);
    vec![seeds, mean]
}
