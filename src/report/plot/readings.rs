//! The same accuracy read in several ways: through the noise or without it, on training or test images.

use anyhow::Result;
use plotters::style::Color;

use super::Figure;
use super::curves::{Curve, accuracy, mean_accuracy};
use super::house::{self, Chart, Look, ZOOM};
use super::traces::{percent_axis, steps_axis};
use crate::report::view::{Condition, View};
use crate::study::Probe;

/// A reading: its record, its name, and the number of its look. Where no sample of the test images was read along the run,
/// all of them were at its end.
const READINGS: [(&str, &str, usize); 6] = [
    ("eval.train.accuracy.batch.clean", "training images, noise off", 0),
    ("eval.train.accuracy.batch.noisy", "training images, noise on", 3),
    ("eval.test.accuracy.batch.clean", "test images, noise off", 1),
    ("eval.test.accuracy.running.clean", "test images, noise off, running statistics", 4),
    ("final.test.accuracy.batch.clean", "all test images, noise off", 1),
    ("final.test.accuracy.running.clean", "all test images, noise off, running statistics", 4),
];

/// One panel an arm, one line a reading; a reading that was taken once is a dot.
pub fn readings(view: &View) -> Result<Option<Figure>> {
    let noise = view.has_noise();
    let is_needed = |name: &str| !name.starts_with("final.") || !view.has(&name.replacen("final.", "eval.", 1));
    let said = |reading: &&(&str, &str, usize)| {
        view.has(reading.0) && is_needed(reading.0) && (noise || !reading.0.ends_with("noisy"))
    };
    let at_end: Vec<String> = view.plan.probes.iter().flat_map(Probe::measured_at_end).collect();
    let is_dot = |name: &str| name.starts_with("final.") || at_end.iter().any(|known| known == name);
    let there: Vec<_> = READINGS.iter().filter(said).collect();
    let conditions: Vec<&Condition> = view.shown().filter(|condition| !condition.trials.is_empty()).collect();
    if there.is_empty() || conditions.is_empty() {
        return Ok(None);
    }
    let title = if noise { "Accuracy with noise off and on" } else { "Accuracy on fixed images" };
    let (columns, rows) = (3.min(conditions.len()), conditions.len().div_ceil(3));
    let entry = |&&(record, name, number): &&(&str, &str, usize)| {
        let look = house::look(number);
        (view.without_idle_noise(name), if is_dot(record) { look.as_dot() } else { look })
    };
    let entries: Vec<(String, Look)> = there.iter().map(entry).collect();
    let strip = house::legend_height(entries.len(), 2);
    let svg = house::picture(title, strip + 215 * rows as i32, |area| {
        let (top, panels) = area.split_vertically(strip * ZOOM);
        house::legend(&top, &entries, 2)?;
        for (index, (panel, condition)) in panels.split_evenly((rows, columns)).iter().zip(&conditions).enumerate() {
            let y = percent_axis(if index % columns == 0 { "accuracy, %" } else { "" });
            let mut chart = house::chart(panel, &condition.short_label(), &steps_axis(view, 4), &y)?;
            for &&(name, _, number) in &there {
                let seeds: Vec<Curve> = condition.trials.iter().map(|trial| accuracy(trial, name, 1)).collect();
                let look = house::look(number);
                draw(&mut chart, &seeds, if is_dot(name) { look.as_dot() } else { look })?;
            }
        }
        Ok(())
    })?;
    let noisy = if noise {
        " Where a reading with noise on lies below the one with noise off, the noise harms the reading; where the one with \
         noise off itself lies below another arm's, it harmed the learning."
    } else {
        ""
    };
    let dots = if there.iter().any(|reading| is_dot(reading.0)) {
        " A reading that was taken at the end of the run alone is a dot there: small for seeds, large for their mean."
    } else {
        ""
    };
    let hidden = if noise { ": without noise the first two are one" } else { "" };
    let reading = format!(
        "Accuracy on fixed samples of images at evenly spaced points of the run, thin for seeds and thick for their \
         mean.{dots}{noisy} Readings use the statistics of their own sample unless they say running statistics. Those that \
         coincide hide one another{hidden}."
    );
    Ok(Some(Figure { file: "readings.svg", title, reading, svg }))
}

/// A reading of all seeds, and their mean.
fn draw(chart: &mut Chart, seeds: &[Curve], Look { color, dash, is_dot }: Look) -> Result<()> {
    let (pale, mean) = (color.mix(0.2), mean_accuracy(seeds));
    if is_dot {
        let seeds: Vec<_> = seeds.iter().filter_map(|seed| seed.last().copied()).collect();
        house::dots(chart, &seeds, pale, 1)?;
        return house::dots(chart, &Vec::from_iter(mean.last().copied()), color.to_rgba(), house::DOT);
    }
    for seed in seeds {
        house::line(chart, seed, pale, 0.7, None)?;
    }
    house::line(chart, &mean, color.to_rgba(), 2.0, dash)
}
