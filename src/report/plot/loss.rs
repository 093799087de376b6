//! The loss over steps on a logarithmic axis, where a study trains on targets and has no accuracy to show.

use anyhow::Result;
use plotters::prelude::*;

use super::Figure;
use super::accuracy::steps_axis;
use super::curves::Curve;
use super::house::{self, Axis, Chart, GREY, Look, WIDTH, ZOOM};
use super::traces::{Lines, Trace, log_axis, looks};
use crate::report::view::{Condition, View};
use crate::study::claim::{Paper, curves};

const NAME: &str = "train_loss";

/// An arm's curves, as logarithms to base 10.
struct Line {
    arm: String,
    label: String,
    look: Look,
    seeds: Vec<Curve>,
    mean: Curve,
}

/// All arms, labelled at their ends, with the paper's curves under them.
pub fn main(view: &View) -> Result<Option<Figure>> {
    let lines = lines(view);
    if lines.is_empty() {
        return Ok(None);
    }
    const TITLE: &str = "Training loss";
    let references = references(view);
    let range = range(&lines, &references);
    let room = 40 + 7 * lines.iter().map(|line| line.label.len()).max().unwrap_or(0) as i32;
    let svg = house::picture(TITLE, 430, |area| {
        let (left, _) = area.split_horizontally((WIDTH - room) * ZOOM);
        let mut chart = house::chart(&left, "", &steps_axis(view, 8), &loss_axis(range, "training loss"))?;
        for (arm, curve) in &references {
            let ours = lines.iter().find(|line| line.arm == *arm).map_or(GREY, |line| line.look.color);
            house::line(&mut chart, curve, ours.mix(0.3), 6.0, None)?;
        }
        lines.iter().try_for_each(|line| draw_seeds(&mut chart, line))?;
        for line in &lines {
            house::line(&mut chart, &line.mean, line.look.color.to_rgba(), 2.5, line.look.dash)?;
        }
        let ends = lines.iter().filter_map(|line| Some((line.mean.last()?.1, line.label.clone(), line.look)));
        house::end_labels(area, &chart, &ends.collect::<Vec<_>>())
    })?;
    let mut reading = String::from(
        "The loss of every step over the whole training set, on a logarithmic axis. Thin lines are seeds, thick ones their \
         geometric mean. The lower a line ends, the better its arm fits; the sooner it falls, the faster it learns.",
    );
    if !references.is_empty() {
        reading += " The wide pale lines are the paper's own curves of the same arms, one run each, digitised: they have \
                    another random target, so that their shape compares and their height does so only roughly.";
    }
    Ok(Some(Figure { file: "loss.svg", title: TITLE, reading, svg }))
}

/// One panel an arm, with the means of the others in grey.
pub fn every_arm(view: &View) -> Result<Option<Figure>> {
    let lines = lines(view);
    if lines.len() < 2 {
        return Ok(None);
    }
    const TITLE: &str = "Training loss, arm by arm";
    let range = range(&lines, &[]);
    let (columns, rows) = (3.min(lines.len()), lines.len().div_ceil(3));
    let svg = house::picture(TITLE, 215 * rows as i32, |area| {
        for (index, (panel, line)) in area.split_evenly((rows, columns)).iter().zip(&lines).enumerate() {
            let y = loss_axis(range, if index % columns == 0 { "training loss" } else { "" });
            let mut chart = house::chart(panel, &line.label, &steps_axis(view, 4), &y)?;
            for other in lines.iter().filter(|other| other.label != line.label) {
                house::line(&mut chart, &other.mean, GREY.mix(0.7), 1.0, None)?;
            }
            draw_seeds(&mut chart, line)?;
            house::line(&mut chart, &line.mean, line.look.color.to_rgba(), 2.0, None)?;
        }
        Ok(())
    })?;
    let reading = "The same curves, each arm's seeds (thin) and geometric mean (thick) by themselves; grey lines are the \
                   means of the other arms. Every seed draws its own regression and its own weights, which the arms share: \
                   how far the thin lines lie apart is what a single run, such as the paper's, leaves open."
        .into();
    Ok(Some(Figure { file: "loss_arms.svg", title: TITLE, reading, svg }))
}

fn lines(view: &View) -> Vec<Line> {
    if view.has("train_accuracy") {
        return Vec::new();
    }
    let trace = Trace { name: NAME, layer: None, log: true };
    let line = |(look, condition): (Look, &Condition)| {
        let Lines { seeds, mean, .. } = trace.of(look, condition);
        Line { arm: condition.arm.name.clone(), label: condition.short_label(), look, seeds, mean }
    };
    looks(view).map(line).filter(|line| !line.mean.is_empty()).collect()
}

fn draw_seeds(chart: &mut Chart, line: &Line) -> Result<()> {
    line.seeds.iter().try_for_each(|seed| house::line(chart, seed, line.look.color.mix(0.3), 0.8, None))
}

/// The paper's curves of the loss, by our arms' names, as far as our run goes.
fn references(view: &View) -> Vec<(String, Curve)> {
    let claims = view.plan.study.claim.iter().filter(|claim| claim.metric == NAME);
    let mut found: Vec<(String, Curve)> = Vec::new();
    for paper in claims.filter_map(|claim| claim.paper.as_ref()) {
        let Paper::Curves { curves: file, columns, .. } = paper else { continue };
        for (arm, column) in columns {
            let Ok(points) = curves::curve(file, column) else { continue };
            if found.iter().all(|(known, _)| known != arm) {
                let inside = points.into_iter().filter(|point| point.0 < view.steps());
                found.push((arm.clone(), inside.map(|(step, value)| (step as f64, value.log10())).collect()));
            }
        }
    }
    found
}

fn loss_axis(range: (f64, f64), title: &'static str) -> Axis<'static> {
    Axis { room: 56, ..log_axis(range, title) }
}

/// Whole powers of ten around all values, without the margin that would add a decade below the paper's curves.
fn range(lines: &[Line], references: &[(String, Curve)]) -> (f64, f64) {
    let curves = lines.iter().flat_map(|line| &line.seeds).chain(references.iter().map(|(_, curve)| curve));
    let values = curves.flatten().map(|point| point.1);
    house::range(values, 0.0).map_or((-1.0, 1.0), |(low, high)| (low.floor(), high.ceil()))
}
