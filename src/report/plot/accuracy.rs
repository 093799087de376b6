//! Minibatch training accuracy over steps: the arms of the paper's claims together, and every arm by itself.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Figure;
use super::curves::{Curve, SMOOTHING, accuracy, mean_accuracy, smoothed};
use super::house;
use super::learning::{Line, one_by_one, points_of_the_paper, together};
use super::traces::percent_axis;
use crate::record::Ending;
use crate::report::view::{Condition, View};
use crate::spec::DataName;
use crate::study::claim::{Claim, Origin, Role, Statistic};

const NAME: &str = "train_accuracy";

/// The arms of the paper's claims, labelled at their ends; on the paper's data its curves under them.
pub fn main(view: &View) -> Result<Option<Figure>> {
    let named = arms_of_the_paper(view);
    let all = lines(view);
    let arms = all.len();
    let lines: Vec<Line> = all.into_iter().filter(|line| named.contains(line.arm.as_str())).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let on_its_data = view.conditions.iter().all(|condition| condition.spec.data == DataName::Cifar10);
    let references = if on_its_data { references(view) } else { Vec::new() };
    const TITLE: &str = "Training accuracy";
    let svg = together(view, TITLE, &lines, &references, &percent_axis("minibatch training accuracy, %"))?;
    let noisy = if view.has_noise() { "; a noisy arm's reading passes through its noise" } else { "" };
    let mut reading = format!(
        "Accuracy on each step's own minibatch, averaged over the last {} steps (fewer at the start){noisy}. Thin lines \
         are seeds, thick ones means over seeds. A cross marks a seed that diverged; from there on it counts as chance, \
         10 %. The sooner a line rises, the faster its arm learns.",
        window(view)
    );
    if lines.len() < arms {
        reading += " These are the arms of the main claims; “Training accuracy, arm by arm” has all of them.";
    }
    if !references.is_empty() {
        reading += " The wide pale lines are the paper's own curves of the same arms (its network has full width), digitised: \
                    single minibatches, logged every 100 steps, averaged where so many steps hold several.";
    }
    Ok(Some(Figure { file: "accuracy.svg", title: TITLE, reading, svg }))
}

/// One panel an arm, with the means of the others in grey.
pub fn every_arm(view: &View) -> Result<Option<Figure>> {
    let lines = lines(view);
    if lines.len() < 2 {
        return Ok(None);
    }
    const TITLE: &str = "Training accuracy, arm by arm";
    let svg = one_by_one(view, TITLE, &lines, ("training accuracy, %", percent_axis))?;
    let reading =
        "The same curves, each arm's seeds (thin) and mean (thick) by themselves; grey lines are the means of \
                   the other arms, for comparison. How far the thin lines lie apart shows how much hangs on the seed."
            .into();
    Ok(Some(Figure { file: "arms.svg", title: TITLE, reading, svg }))
}

/// The arms that the paper's claims name; those of the primary claim where there are none, or all.
fn arms_of_the_paper<'a>(view: &'a View) -> BTreeSet<&'a str> {
    let study = &view.plan.study;
    let named_by = |is_meant: fn(&Claim) -> bool| -> BTreeSet<&str> {
        let claims = study.claim.iter().filter(|claim| is_meant(claim));
        claims.flat_map(Claim::statistics).flat_map(Statistic::arms).map(|name| study.arm_of(name)).collect()
    };
    let all = || view.shown().map(|condition| condition.arm.name.as_str()).collect();
    [named_by(|claim| claim.origin == Origin::Paper), named_by(|claim| claim.role == Role::Primary)]
        .into_iter()
        .find(|named| !named.is_empty())
        .unwrap_or_else(all)
}

fn lines(view: &View) -> Vec<Line> {
    let line = |(number, condition): (usize, &Condition)| {
        let of = |trial: &&crate::record::TrialRecords| accuracy(trial, NAME, window(view));
        let seeds: Vec<Curve> = condition.trials.iter().map(of).collect();
        let diverged = condition.trials.iter().zip(&seeds).filter(|(trial, _)| trial.ending != Ending::Finished);
        Line {
            arm: condition.arm.name.clone(),
            label: condition.short_label(),
            look: house::look(number),
            crosses: diverged.filter_map(|(_, seed)| seed.last().copied()).collect(),
            mean: mean_accuracy(&seeds),
            seeds,
        }
    };
    view.shown().enumerate().map(line).filter(|line| !line.mean.is_empty()).collect()
}

/// The paper's curves of training accuracy, by our arms' names, as far as our run goes.
fn references(view: &View) -> Vec<(String, Curve)> {
    let inside = |points: Vec<(usize, f64)>| up_to(&points, view.steps()).into_iter();
    let curve = |points| smoothed(inside(points), window(view), view.steps());
    points_of_the_paper(view, NAME).into_iter().map(|(arm, points)| (arm, curve(points))).collect()
}

/// The curve through `points` as far as `end`, where it is interpolated if it goes on: a run shorter than the paper's
/// hundred steps between points still has the paper's line under it.
fn up_to(points: &[(usize, f64)], end: usize) -> Vec<(usize, f64)> {
    let inside = points.partition_point(|point| point.0 < end);
    let mut kept = points[..inside].to_vec();
    if let (Some(&(before, low)), Some(&(after, high))) = (kept.last(), points.get(inside)) {
        kept.push((end, low + (high - low) * (end - before) as f64 / (after - before) as f64));
    }
    kept
}

/// Steps of the running mean.
fn window(view: &View) -> usize {
    (SMOOTHING * view.steps() as f64).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_cut_at_the_end_of_the_run_where_it_is_interpolated() {
        let points = [(0, 10.0), (100, 20.0), (200, 60.0)];
        assert_eq!(up_to(&points, 20), [(0, 10.0), (20, 12.0)]);
        assert_eq!(up_to(&points, 150), [(0, 10.0), (100, 20.0), (150, 40.0)]);
        assert_eq!(up_to(&points, 500), points);
    }
}
