//! Minibatch training accuracy over steps: the arms of the paper's claims together, and every arm by itself.

use std::collections::BTreeSet;

use anyhow::Result;
use plotters::prelude::*;

use super::Figure;
use super::curves::{Curve, SMOOTHING, accuracy, mean_accuracy, smoothed};
use super::house::{self, Axis, Chart, GREY, Look, WIDTH, ZOOM};
use crate::record::Ending;
use crate::report::view::{Condition, View};
use crate::study::claim::{Claim, Origin, Paper, Role, Statistic, curves};

const NAME: &str = "train_accuracy";

/// An arm's curves.
struct Line {
    arm: String,
    label: String,
    look: Look,
    seeds: Vec<Curve>,
    /// Where seeds diverged.
    crosses: Vec<(f64, f64)>,
    mean: Curve,
}

/// The arms of the paper's claims, labelled at their ends; at paper scale the paper's curves under them.
pub fn main(view: &View) -> Result<Option<Figure>> {
    let named = arms_of_the_paper(view);
    let all = lines(view);
    let arms = all.len();
    let lines: Vec<Line> = all.into_iter().filter(|line| named.contains(line.arm.as_str())).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let references = if view.plan.scale == "paper" { references(view) } else { Vec::new() };
    const TITLE: &str = "Training accuracy";
    let room = 40 + 7 * lines.iter().map(|line| line.label.len()).max().unwrap_or(0) as i32;
    let svg = house::picture(TITLE, 430, |area| {
        let (left, _) = area.split_horizontally((WIDTH - room) * ZOOM);
        let mut chart = house::chart(&left, "", &steps_axis(view, 8), &percent_axis("minibatch training accuracy, %"))?;
        for (arm, curve) in &references {
            let ours = lines.iter().find(|line| line.arm == *arm).map_or(GREY, |line| line.look.color);
            house::line(&mut chart, curve, ours.mix(0.3), 6.0, None)?;
        }
        for line in &lines {
            draw_seeds(&mut chart, line)?;
        }
        for line in &lines {
            house::line(&mut chart, &line.mean, line.look.color.to_rgba(), 2.5, line.look.dash)?;
        }
        let end = |curve: &Curve| curve.last().map(|point| point.1);
        let ends = lines.iter().filter_map(|line| Some((end(&line.mean)?, line.label.clone(), line.look)));
        house::end_labels(area, &chart, &ends.collect::<Vec<_>>())
    })?;
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
        reading += " The wide pale lines are the paper's own curves of the same arms, digitised and averaged over as many steps.";
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
    let (columns, rows) = (3.min(lines.len()), lines.len().div_ceil(3));
    let svg = house::picture(TITLE, 215 * rows as i32, |area| {
        for (index, panel) in area.split_evenly((rows, columns)).iter().take(lines.len()).enumerate() {
            let first = index % columns == 0;
            let y = percent_axis(if first { "training accuracy, %" } else { "" });
            let mut chart = house::chart(panel, &lines[index].label, &steps_axis(view, 4), &y)?;
            for other in lines.iter().filter(|other| other.label != lines[index].label) {
                house::line(&mut chart, &other.mean, GREY.mix(0.7), 1.0, None)?;
            }
            draw_seeds(&mut chart, &lines[index])?;
            house::line(&mut chart, &lines[index].mean, lines[index].look.color.to_rgba(), 2.0, None)?;
        }
        Ok(())
    })?;
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

fn draw_seeds(chart: &mut Chart, line: &Line) -> Result<()> {
    for seed in &line.seeds {
        house::line(chart, seed, line.look.color.mix(0.35), 0.8, None)?;
    }
    let style = line.look.color.stroke_width(2 * ZOOM as u32);
    chart.draw_series(line.crosses.iter().map(|&place| Cross::new(place, 5 * ZOOM, style)))?;
    Ok(())
}

/// The paper's curves of training accuracy, by our arms' names, as far as our run goes.
fn references(view: &View) -> Vec<(String, Curve)> {
    let papers =
        view.plan.study.claim.iter().filter(|claim| claim.metric == NAME).filter_map(|claim| claim.paper.as_ref());
    let mut found: Vec<(String, Curve)> = Vec::new();
    for paper in papers {
        let Paper::Curves { curves: file, columns, .. } = paper else { continue };
        for (arm, column) in columns {
            let known = found.iter().any(|(name, _)| name == arm);
            let Ok(points) = curves::curve(file, column) else { continue };
            if !known {
                let inside = up_to(&points, view.steps()).into_iter();
                found.push((arm.clone(), smoothed(inside, window(view), view.steps())));
            }
        }
    }
    found
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

/// The axis of steps.
pub fn steps_axis(view: &View, ticks: usize) -> Axis<'static> {
    Axis { range: (0.0, view.steps() as f64), title: "step", ticks, log: false, room: 34 }
}

/// An axis of percent.
pub fn percent_axis(title: &'static str) -> Axis<'static> {
    Axis { range: (0.0, 100.0), title, ticks: 6, log: false, room: 46 }
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
