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

/// All arms together, labelled at their ends, with the paper's curves under them. Of accuracies only the arms of the
/// paper's claims are drawn, and the paper's curves only on its data.
pub fn together(view: &View) -> Option<Figure> {
    let is_accuracy = view.has(Training::ACCURACY);
    let named = arms_of_the_paper(view);
    let is_shown = |it: &Learning| !is_accuracy || named.contains(it.condition.arm.name.as_str());
    let (shown, others): (Vec<_>, Vec<_>) = learnt(view).into_iter().partition(is_shown);
    let on_its_data = view.conditions.iter().all(|condition| condition.spec.data == DataName::Cifar10);
    let references = if is_accuracy && !on_its_data { Vec::new() } else { references(view) };
    let (file, title, y) = match is_accuracy {
        true => ("accuracy.svg", "Training accuracy", Axis::percent("minibatch training accuracy, %")),
        false => ("loss.svg", "Training loss", loss_axis(&shown, &references)),
    };
    let grid = in_one_panel(view, &shown, &references, y);
    let (has_references, has_all_arms) = (!references.is_empty(), others.is_empty());
    let facts = context! { window => window(view), has_references, has_all_arms };
    Some(Figure::new(file, title, vec![grid])?.with(facts))
}

/// One panel per arm, with the means of the others in grey; `None` where there are not several.
pub fn by_arm(view: &View) -> Option<Figure> {
    let all = learnt(view);
    let (file, title, y) = match view.has(Training::ACCURACY) {
        true => ("arms.svg", "Training accuracy, arm by arm", Axis::percent("training accuracy, %")),
        false => ("loss_arms.svg", "Training loss, arm by arm", loss_axis(&all, &[])),
    };
    let panel = |it: &Learning| {
        let others = all.iter().filter(|other| !std::ptr::eq(*other, it));
        let others = others.map(|other| Mark::line(other.series.mean.clone(), GREY, 1.0).faded(0.7));
        let mean = Mark::line(it.series.mean.clone(), it.series.look.color, 2.0);
        let marks = others.chain(it.seeds()).chain([mean]).collect();
        Panel::new(it.condition.short_label(), steps(view, 4), y.clone(), marks)
    };
    let grid = Grid::new(215.0, in_rows(all.iter().map(panel), 3), Vec::new());
    Figure::new(file, title, vec![grid]).filter(|_| all.len() > 1)
}

/// The arms' accuracies; where there are none, their losses, as logarithms to base 10.
fn learnt<'v>(view: &'v View) -> Vec<Learning<'v>> {
    let of = |arm: Arm<'v>| {
        if !view.has(Training::ACCURACY) {
            let series = Series::of_records(arm, Training::LOSS, None, f64::log10);
            return Learning { condition: arm.1, series, crosses: Vec::new() };
        }
        let series = Series::of_accuracy(arm, Training::ACCURACY, window(view));
        let diverged = arm.1.trials.iter().zip(&series.seeds).filter(|(trial, _)| trial.ending != Ending::Finished);
        let crosses = diverged.filter_map(|(_, seed)| seed.last().copied()).collect();
        Learning { condition: arm.1, series, crosses }
    };
    arms(view).map(of).filter(|it| !it.series.mean.is_empty()).collect()
}

/// Whole powers of ten around all values, without a margin, which would add a decade below the paper's curves.
fn loss_axis(losses: &[Learning], references: &[(String, Curve)]) -> Axis {
    let seeds = seed_heights(losses.iter().map(|it| &it.series));
    let heights = seeds.chain(references.iter().flat_map(|(_, curve)| curve).map(|point| point.1));
    Axis::powers(range(heights, 0.0).unwrap_or((-1.0, 1.0)), "training loss", 56.0)
}

/// `all` arms in one panel, labelled at their ends, with the `references` under them.
fn in_one_panel(view: &View, all: &[Learning], references: &[(String, Curve)], y: Axis) -> Grid {
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

/// The paper's curves of what the arms learn, from the claims that are about it, as far as our runs go.
fn references(view: &View) -> References {
    let name = if view.has(Training::ACCURACY) { Training::ACCURACY } else { Training::LOSS };
    let as_ours = |points: Vec<(usize, f64)>| match name {
        Training::ACCURACY => smoothed(up_to(&points, view.steps()).into_iter(), window(view), view.steps()),
        _ => {
            let inside = points.into_iter().filter(|point| point.0 < view.steps());
            inside.map(|(step, loss)| (step as f64, loss.log10())).collect()
        }
    };
    let claims = view.plan.study.claim.iter().filter(|claim| claim.metric == name);
    let mut found = References::new();
    for paper in claims.filter_map(|claim| claim.paper.as_ref()) {
        let Paper::Curves { curves: file, columns, .. } = paper else { continue };
        for (arm, column) in columns {
            let Ok(points) = curves::curve(file, column) else { continue };
            if found.iter().all(|(known, _)| known != arm) {
                found.push((arm.clone(), as_ours(points)));
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
