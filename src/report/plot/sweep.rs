//! Accuracy over the values of a sweep: a learning rate, a dose.

use std::collections::BTreeSet;

use minijinja::context;

use super::Figure;
use super::picture::{Axis, Curve, Grid, Legend, Look, Mark, Panel};
use super::series::arms;
use crate::groups::grouped;
use crate::judge::Values;
use crate::report::view::{Measure, View};

const MEASURES: [Measure; 2] = [
    ("each step's own minibatch", |summary| summary.train_accuracy.as_ref()),
    ("fixed images, noise off", |summary| summary.train_accuracy_clean.as_ref()),
];

/// A row of panels for each swept key.
pub fn sweeps(view: &View) -> Option<Figure> {
    let measures = view.recorded(&MEASURES);
    let keys: BTreeSet<&str> = view.conditions.iter().flat_map(|arm| arm.sweep.keys()).map(String::as_str).collect();
    let keys = keys.into_iter().map(|key| (key, values(view, key))).filter(|(_, values)| values.len() > 1);
    let grid = |(key, values): (&str, Vec<f64>)| {
        let arms = swept_arms(view, key);
        let panel = |measure: &Measure| panel(view, key, &values, &arms, measure);
        Grid::new(260.0, vec![measures.iter().map(panel).collect()], arms.clone())
    };
    let facts = context! { has_fixed_images => measures.len() > 1 };
    Some(Figure::new("sweep.svg", "Accuracy over the swept values", keys.map(grid).collect())?.with(facts))
}

/// The arms that a key is swept for, with their looks.
fn swept_arms(view: &View, key: &str) -> Legend {
    let swept = arms(view).filter(|(_, arm)| arm.sweep.contains_key(key));
    let by_name = grouped(swept.map(|(look, arm)| (arm.arm.name.clone(), look)));
    by_name.into_iter().map(|(name, looks)| (name, looks[0])).collect()
}

/// The values of a swept key that have trials, where they are numbers, in order.
fn values(view: &View, key: &str) -> Vec<f64> {
    let trained = view.conditions.iter().filter(|condition| !condition.trials.is_empty());
    let mut values: Vec<f64> = trained.filter_map(|arm| arm.sweep.get(key)?.parse().ok()).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

/// A measure at the swept values, which are side by side whatever their distance.
fn panel(view: &View, key: &str, values: &[f64], arms: &[(String, Look)], measure: &Measure) -> Panel {
    let arm = |(number, (arm, look)): (usize, &(String, Look))| {
        // Arms are a little apart, so that their bars do not hide one another.
        let aside = 0.12 * (number as f64 - 0.5 * (arms.len() - 1) as f64);
        let points = values
            .iter()
            .enumerate()
            .filter_map(|(index, value)| Some((index as f64 + aside, measured(view, key, arm, *value, measure)?)));
        marks(&points.collect::<Vec<_>>(), *look)
    };
    let x = Axis::names(values.iter().map(f64::to_string).collect(), key, 34.0);
    let marks = arms.iter().enumerate().flat_map(arm).collect();
    Panel::new(view.without_idle_noise(measure.0), x, Axis::percent("training accuracy, %"), marks)
}

/// The numbers of an arm's seeds at a swept value; of several sweeps the others are at their first values.
fn measured<'v>(view: &'v View, key: &str, arm: &str, value: f64, (_, of): &Measure) -> Option<&'v Values> {
    let is_at = |swept: &String| swept.parse::<f64>().is_ok_and(|swept| swept == value);
    let here = view.conditions.iter().filter(|it| it.arm.name == arm && it.sweep.get(key).is_some_and(is_at));
    here.filter_map(|it| of(&it.summary)).next()
}

/// An arm's seeds as dots next to the bars, which would hide them; its intervals as bars; a line through its means.
fn marks(points: &[(f64, &Values)], look: Look) -> Vec<Mark> {
    let mut marks = Vec::new();
    for (x, values) in points {
        let seeds: Curve = values.seeds.iter().map(|seed| (x + 0.05, seed.1)).collect();
        marks.push(Mark::dots(seeds, 2.0, look.color).faded(0.5));
        if let Some((low, high)) = values.mean.and_then(|mean| mean.ci95) {
            marks.push(Mark::line(vec![(*x, low.max(0.0)), (*x, high.min(100.0))], look.color, 2.0));
        }
    }
    let means = points.iter().filter_map(|(x, values)| Some((*x, values.mean?.point))).collect();
    marks.push(Mark::line(means, look.color, 2.0).dashed(look.dash));
    marks
}
