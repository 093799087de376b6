//! How far the gradient moves, by the length of the step (the paper's figure 11).

use anyhow::Result;

use super::Figure;
use super::curves::{Curve, mean};
use super::house::{self, Axis, Look, ZOOM};
use super::traces::{Lines, decades, heights, log_axis, looks, names, panel};
use crate::record::TrialRecords;
use crate::report::view::{Condition, View};
use crate::study::Probe;

/// Step lengths over a larger range than this are drawn on a logarithmic axis.
const WIDE: f64 = 20.0;

/// A panel for the first third of the run and one for the last, a line an arm.
pub fn distance_by_length(view: &View) -> Result<Option<Figure>> {
    let multiples = view.plan.probes.iter().find_map(|probe| match probe {
        Probe::Landscape { multiples, .. } => Some(multiples),
        _ => None,
    });
    let (Some(multiples), true) = (multiples, view.has(&record(0))) else { return Ok(None) };
    const TITLE: &str = "Distance of the gradients by length of the step";
    let names = names(view);
    let parts = [("first third of the run", 0.0..1.0 / 3.0), ("last third of the run", 2.0 / 3.0..1.0)];
    let (x, lengths) = length_axis(multiples);
    let strip = house::legend_height(names.len(), 3);
    let svg = house::picture(TITLE, strip + 250, |area| {
        let (top, bottom) = area.split_vertically(strip * ZOOM);
        house::legend(&top, &names, 3)?;
        let panels = parts.each_ref().map(|(_, part)| {
            let of = |trial: &&TrialRecords| distances(trial, part, &lengths);
            let lines = |(look, condition): (Look, &Condition)| {
                let seeds: Vec<Curve> = condition.trials.iter().map(of).collect();
                Lines { look, mean: mean(&seeds, None), seeds }
            };
            looks(view).map(lines).collect::<Vec<_>>()
        });
        let range = decades(heights(panels.iter().flatten().flat_map(|lines| &lines.seeds)));
        for ((area, (headline, _)), lines) in bottom.split_evenly((1, 2)).iter().zip(&parts).zip(&panels) {
            panel(area, headline, &x, &Axis { room: 60, ..log_axis(range, "‖∇(x − ηg) − g‖") }, lines)?;
        }
        Ok(())
    })?;
    let reading = "How far the gradient has moved after a step of the given length along it, on the same minibatch: the \
                   geometric mean over the measured steps of a part of the run, on a logarithmic axis. Low and flat means that the gradient \
                   stays a good guide for long steps. A line ends where a distance overflows. Thin lines are seeds, thick ones their geometric mean.";
    Ok(Some(Figure { file: "step_lengths.svg", title: TITLE, reading: reading.into(), svg }))
}

/// The axis of the step lengths, and their places on it.
fn length_axis(multiples: &[f64]) -> (Axis<'static>, Vec<f64>) {
    let log = multiples[multiples.len() - 1] / multiples[0] > WIDE;
    let lengths: Vec<f64> = multiples.iter().map(|&length| if log { length.log10() } else { length }).collect();
    let (shortest, longest) = (lengths[0], lengths[lengths.len() - 1]);
    let (range, ticks) = match log {
        true => ((shortest.floor(), longest.ceil()), (longest.ceil() - shortest.floor()) as usize + 1),
        false => ((0.0, longest), 5),
    };
    (Axis { range, title: "length of the step, in learning rates", ticks, log, room: 34 }, lengths)
}

fn record(length: usize) -> String {
    format!("landscape.gradient.distance_{:02}", length + 1)
}

/// The mean logarithm of the distance at each length over a part of a run; none where a distance is not finite.
fn distances(trial: &TrialRecords, part: &std::ops::Range<f64>, lengths: &[f64]) -> Curve {
    let at = |(index, &length): (usize, &f64)| {
        let name = record(index);
        let here = trial.series(&name, None);
        let here = here.filter(|(step, _)| part.contains(&(*step as f64 / trial.steps as f64)));
        let logs: Vec<f64> = here.map(|(_, distance)| distance.log10()).collect();
        crate::stats::mean(&logs).filter(|mean| mean.is_finite()).map(|mean| (length, mean))
    };
    lengths.iter().enumerate().filter_map(at).collect()
}
