//! The loss over steps on a logarithmic axis, where a study trains on targets and has no accuracy to show.

use anyhow::Result;

use super::Figure;
use super::curves::Curve;
use super::house::{self, Axis, Look};
use super::learning::{Line, one_by_one, points_of_the_paper, together};
use super::traces::{Lines, Trace, heights, log_axis, looks};
use crate::report::view::{Condition, View};

const NAME: &str = "train_loss";

/// All arms, labelled at their ends, with the paper's curves under them.
pub fn main(view: &View) -> Result<Option<Figure>> {
    let lines = lines(view);
    if lines.is_empty() {
        return Ok(None);
    }
    const TITLE: &str = "Training loss";
    let references = references(view);
    let range = range(&lines, &references);
    let svg = together(view, TITLE, &lines, &references, &loss_axis(range, "training loss"))?;
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
    let svg = one_by_one(view, TITLE, &lines, ("training loss", |title| loss_axis(range, title)))?;
    let reading = "The same curves, each arm's seeds (thin) and geometric mean (thick) by themselves; grey lines are the \
                   means of the other arms. Every seed draws its own regression and its own weights, which the arms share: \
                   how far the thin lines lie apart is what a single run, such as the paper's, leaves open."
        .into();
    Ok(Some(Figure { file: "loss_arms.svg", title: TITLE, reading, svg }))
}

/// The arms, as logarithms to base 10.
fn lines(view: &View) -> Vec<Line> {
    if view.has("train_accuracy") {
        return Vec::new();
    }
    let trace = Trace { name: NAME, layer: None, log: true };
    let line = |(look, condition): (Look, &Condition)| {
        let Lines { seeds, mean, .. } = trace.of(look, condition);
        let (arm, label) = (condition.arm.name.clone(), condition.short_label());
        Line { arm, label, look, seeds, crosses: Vec::new(), mean }
    };
    looks(view).map(line).filter(|line| !line.mean.is_empty()).collect()
}

/// The paper's curves of the loss, by our arms' names, as far as our run goes.
fn references(view: &View) -> Vec<(String, Curve)> {
    let curve = |points: Vec<(usize, f64)>| {
        let inside = points.into_iter().filter(|point| point.0 < view.steps());
        inside.map(|(step, value)| (step as f64, value.log10())).collect()
    };
    points_of_the_paper(view, NAME).into_iter().map(|(arm, points)| (arm, curve(points))).collect()
}

fn loss_axis(range: (f64, f64), title: &str) -> Axis<'_> {
    Axis { room: 56, ..log_axis(range, title) }
}

/// Whole powers of ten around all values, without the margin that would add a decade below the paper's curves.
fn range(lines: &[Line], references: &[(String, Curve)]) -> (f64, f64) {
    let curves = lines.iter().flat_map(|line| &line.seeds).chain(references.iter().map(|(_, curve)| curve));
    house::range(heights(curves), 0.0).map_or((-1.0, 1.0), |(low, high)| (low.floor(), high.ceil()))
}
