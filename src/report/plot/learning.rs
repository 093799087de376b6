//! How well each arm has learnt at every step, in accuracy or, where a study trains on targets, in loss: all arms
//! together, and each by itself.

use std::collections::BTreeSet;

use minijinja::context;

use super::Figure;
use super::picture::{Axis, Curve, GREY, Grid, Label, Mark, Panel, WIDTH, in_rows, range};
use super::series::{Arm, SMOOTHING, Series, arms, seed_heights, smoothed, steps};
use crate::probe::Training;
use crate::record::Ending;
use crate::report::view::{Condition, View};
use crate::spec::DataName;
use crate::study::claim::{Claim, Origin, Paper, Role, Statistic, curves};

/// An arm's curves.
struct Learning<'a> {
    condition: &'a Condition<'a>,
    series: Series,
    /// Where seeds diverged.
    crosses: Curve,
}

/// The paper's curves, by our arms' names.
type References = Vec<(String, Curve)>;

/// Accuracy of the arms of the paper's claims, labelled at their ends; on the paper's data its curves under them.
pub fn accuracy(view: &View) -> Option<Figure> {
    let named = arms_of_the_paper(view);
    let (shown, others): (Vec<_>, Vec<_>) =
        accuracies(view).into_iter().partition(|it| named.contains(it.condition.arm.name.as_str()));
    let on_its_data = view.conditions.iter().all(|condition| condition.spec.data == DataName::Cifar10);
    let smooth =
        |points: Vec<(usize, f64)>| smoothed(up_to(&points, view.steps()).into_iter(), window(view), view.steps());
    let references = if on_its_data { references(view, Training::ACCURACY, smooth) } else { Vec::new() };
    let grid = together(view, &shown, &references, Axis::percent("minibatch training accuracy, %"));
    let (has_references, has_all_arms) = (!references.is_empty(), others.is_empty());
    let facts = context! { window => window(view), has_references, has_all_arms };
    Some(Figure::new("accuracy.svg", "Training accuracy", vec![grid])?.with(facts))
}

/// Accuracy in one panel per arm, with the means of the others in grey.
pub fn accuracy_by_arm(view: &View) -> Option<Figure> {
    let grid = one_by_one(view, &accuracies(view), &Axis::percent("training accuracy, %"))?;
    Figure::new("arms.svg", "Training accuracy, arm by arm", vec![grid])
}

/// The loss of all arms, labelled at their ends, with the paper's curves under them.
pub fn loss(view: &View) -> Option<Figure> {
    let losses = losses(view);
    let as_far_as_ours = |points: Vec<(usize, f64)>| {
        let inside = points.into_iter().filter(|point| point.0 < view.steps());
        inside.map(|(step, value)| (step as f64, value.log10())).collect()
    };
    let references = references(view, Training::LOSS, as_far_as_ours);
    let grid = together(view, &losses, &references, loss_axis(&losses, &references));
    let facts = context! { has_references => !references.is_empty() };
    Some(Figure::new("loss.svg", "Training loss", vec![grid])?.with(facts))
}

/// The loss in one panel per arm, with the means of the others in grey.
pub fn loss_by_arm(view: &View) -> Option<Figure> {
    let losses = losses(view);
    let grid = one_by_one(view, &losses, &loss_axis(&losses, &[]))?;
    Figure::new("loss_arms.svg", "Training loss, arm by arm", vec![grid])
}

fn accuracies<'v>(view: &'v View) -> Vec<Learning<'v>> {
    let of = |arm: Arm<'v>| {
        let series = Series::of_accuracy(arm, Training::ACCURACY, window(view));
        let diverged = arm.1.trials.iter().zip(&series.seeds).filter(|(trial, _)| trial.ending != Ending::Finished);
        let crosses = diverged.filter_map(|(_, seed)| seed.last().copied()).collect();
        Learning { condition: arm.1, series, crosses }
    };
    arms(view).map(of).filter(|it| !it.series.mean.is_empty()).collect()
}

/// The losses, as logarithms to base 10, where there is no accuracy to show.
fn losses<'v>(view: &'v View) -> Vec<Learning<'v>> {
    if view.has(Training::ACCURACY) {
        return Vec::new();
    }
    let series = |arm| Series::of_records(arm, Training::LOSS, None, f64::log10);
    let of = |arm: Arm<'v>| Learning { condition: arm.1, series: series(arm), crosses: Vec::new() };
    arms(view).map(of).filter(|it| !it.series.mean.is_empty()).collect()
}

/// Whole powers of ten around all values, without a margin, which would add a decade below the paper's curves.
fn loss_axis(losses: &[Learning], references: &[(String, Curve)]) -> Axis {
    let seeds = seed_heights(losses.iter().map(|it| &it.series));
    let heights = seeds.chain(references.iter().flat_map(|(_, curve)| curve).map(|point| point.1));
    Axis::powers(range(heights, 0.0).unwrap_or((-1.0, 1.0)), "training loss", 56.0)
}

/// All arms in one panel, labelled at their ends, with the `references` under them.
fn together(view: &View, all: &[Learning], references: &[(String, Curve)], y: Axis) -> Grid {
    let reference = |(arm, curve): &(String, Curve)| {
        let ours = all.iter().find(|it| it.condition.arm.name == *arm).map_or(GREY, |it| it.series.look.color);
        Mark::line(curve.clone(), ours, 6.0).faded(0.3)
    };
    let means = all.iter().map(|it| it.series.mean_line(2.5));
    let marks = references.iter().map(reference).chain(all.iter().flat_map(Learning::seeds)).chain(means);
    let mut panel = Panel::new("", steps(view, 8), y, marks.collect());
    let label = |it: &Learning| {
        let (_, height) = *it.series.mean.last()?;
        Some(Label { height, text: it.condition.short_label(), look: Some(it.series.look), is_minor: false })
    };
    let labels: Vec<Label> = all.iter().filter_map(label).collect();
    let longest = labels.iter().map(|label| label.text.len()).max().unwrap_or(0) as f64;
    panel.right = (labels, (40.0 + 7.0 * longest).min(WIDTH / 2.0));
    Grid::new(430.0, vec![vec![panel]], Vec::new())
}

/// One panel per arm, with the means of the others in grey; `None` where there are not several.
fn one_by_one(view: &View, all: &[Learning], y: &Axis) -> Option<Grid> {
    let panel = |it: &Learning| {
        let others = all.iter().filter(|other| !std::ptr::eq(*other, it));
        let others = others.map(|other| Mark::line(other.series.mean.clone(), GREY, 1.0).faded(0.7));
        let mean = Mark::line(it.series.mean.clone(), it.series.look.color, 2.0);
        let marks = others.chain(it.seeds()).chain([mean]).collect();
        Panel::new(it.condition.short_label(), steps(view, 4), y.clone(), marks)
    };
    (all.len() > 1).then(|| Grid::new(215.0, in_rows(all.iter().map(panel), 3), Vec::new()))
}

impl Learning<'_> {
    fn seeds(&self) -> impl Iterator<Item = Mark> {
        let crosses = Mark::crosses(self.crosses.clone(), 5.0, self.series.look.color);
        self.series.seed_lines(0.35, 0.8).chain([crosses])
    }
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

/// The paper's curves of the record `name`, as `curve` makes them of its points, from the claims that are about it.
fn references(view: &View, name: &str, curve: impl Fn(Vec<(usize, f64)>) -> Curve) -> References {
    let claims = view.plan.study.claim.iter().filter(|claim| claim.metric == name);
    let mut found = References::new();
    for paper in claims.filter_map(|claim| claim.paper.as_ref()) {
        let Paper::Curves { curves: file, columns, .. } = paper else { continue };
        for (arm, column) in columns {
            let Ok(points) = curves::curve(file, column) else { continue };
            if found.iter().all(|(known, _)| known != arm) {
                found.push((arm.clone(), curve(points)));
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
