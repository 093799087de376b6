//! The page: a template filled with what a report has.

use std::collections::BTreeSet;

use anyhow::Result;
use minijinja::value::Serde;
use minijinja::{Value, context};

use super::numbers::{estimate, fixed};
use super::plot::{Figure, SMOOTHING};
use super::summary::Summary;
use super::view::{Condition, Measure, View};
use super::{answer, settings, templates};
use crate::groups::grouped;
use crate::judge::{ArmSummary, LEVEL, SEEDS_TO_JUDGE, Verdict};
use crate::probe::{Evaluation, Training};
use crate::record::sweep_text;
use crate::study;

/// The page's Markdown.
pub fn page(view: &View, summary: &Summary, figures: &[Figure]) -> Result<String> {
    let study = &view.plan.study;
    let columns = view.recorded(&COLUMNS);
    let value = |(name, value): (&String, &study::Value)| {
        let at: Vec<_> = value.at.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        context! { name, at, ..Value::from(Serde(value)) }
    };
    let data = view.data.iter().map(|facts| (facts.describe(), facts.sha256.clone()));
    let has_times = view.conditions.iter().any(|condition| !condition.summary.time_to.is_empty());
    let facts = context! {
        summary => Serde(summary),
        folder => view.plan.output_name(),
        question => study.question.trim(),
        scale_says => &study.scale[&view.plan.scale].says,
        seeds => view.plan.seeds,
        instruction_sets => Serde(view.trials.iter().map(|trial| &trial.instruction_set).collect::<BTreeSet<_>>()),
        opening => answer::opening(&view.verdicts).map(|verdict| &verdict.id),
        verdicts => view.verdicts.iter().map(templates::verdict).collect::<Vec<_>>(),
        values => study.values_at(&view.plan.scale).map(value).collect::<Vec<_>>(),
        remarks => Serde(remarks(&view.verdicts)),
        figures => Serde(figures),
        swept => Serde(swept(view)),
        measures => columns.iter().map(|column| view.without_idle_noise(column.0)).collect::<Vec<_>>(),
        thresholds => if has_times { study.page.steps_to.clone() } else { Vec::new() },
        conditions => view.conditions.iter().map(|arm| condition(arm, &columns)).collect::<Vec<_>>(),
        has_accuracy => view.has(Training::ACCURACY),
        has_evaluation => view.has(Evaluation::CLEAN),
        notes => &study.notes,
        data => data.collect::<Vec<_>>(),
        files => Serde(view.data.iter().flat_map(|facts| &facts.files).collect::<Vec<_>>()),
        settings => settings::settings(view),
        command => settings::command(view.plan),
        versions => settings::versions(view),
        smoothing => SMOOTHING,
        stuck_below => view.shown().find_map(|arm| arm.summary.stuck_below),
        seeds_to_judge => SEEDS_TO_JUDGE,
        level => LEVEL,
    };
    Ok(templates::render("report.md", facts)?.trim_end().to_string() + "\n")
}

/// The columns of numbers of an arm or a trial, those that were recorded.
const COLUMNS: [Measure; 7] = [
    ("training accuracy over the run, %", |arm| arm.train_accuracy.as_ref()),
    ("the same, fixed images, noise off, %", |arm| arm.train_accuracy_clean.as_ref()),
    ("last quarter, %", |arm| arm.last_quarter.as_ref()),
    ("last quarter, fixed images, noise off, %", |arm| arm.last_quarter_clean.as_ref()),
    ("test at the end, running statistics, noise off, %", |arm| arm.test_running.as_ref()),
    ("test at the end, batch statistics, noise off, %", |arm| arm.test_batch.as_ref()),
    ("training loss over the last 5 % of the run", |arm| arm.final_loss.as_ref()),
];

/// An arm at its swept values, and its trials, with their `columns`.
fn condition(condition: &Condition, columns: &[Measure]) -> Value {
    let ArmSummary { trials, diverged, stuck, time_to, .. } = &condition.summary;
    let mean = |column: &Measure| column.1(&condition.summary)?.mean.as_ref().map(estimate);
    let seeds = condition.trials.iter().enumerate().map(|(index, trial)| {
        let value = |column: &Measure| {
            let seed = column.1(&condition.summary)?.seeds.iter().find(|seed| seed.0 == trial.seed)?;
            Some(fixed(seed.1, 1))
        };
        let values: Vec<_> = columns.iter().map(value).collect();
        let times: Vec<_> = time_to.iter().map(|time| time.steps[index].1).collect();
        let is_stuck = stuck.contains(&trial.seed);
        context! { seed => trial.seed, values, times, steps => trial.steps, is_stuck, ending => trial.ending.to_string() }
    });
    let times = time_to
        .iter()
        .map(|time| context! { reached => time.reached, mean => time.restricted_mean.as_ref().map(estimate) });
    context! {
        label => condition.label(), trials, diverged, stuck => stuck.len(), steps => condition.spec.train.steps,
        means => columns.iter().map(mean).collect::<Vec<_>>(),
        times => times.collect::<Vec<_>>(),
        seeds => seeds.collect::<Vec<_>>(),
    }
}

/// The judge's remarks, each with the claims that it is about.
fn remarks(verdicts: &[Verdict]) -> Vec<(&String, Vec<&String>)> {
    let notes = |verdict| {
        let Verdict { id, chosen, notes, .. }: &Verdict = verdict;
        chosen.iter().chain(notes).map(move |note| (note, id))
    };
    grouped(verdicts.iter().flat_map(notes))
}

/// The swept values at which claims are judged and figures drawn, each with its arms; none where nothing is swept or
/// claimed.
fn swept<'v>(view: &'v View) -> Vec<(String, Vec<&'v String>)> {
    let swept = view.shown().filter(|condition| !condition.sweep.is_empty() && !view.verdicts.is_empty());
    grouped(swept.map(|condition| (sweep_text(condition.sweep), &condition.arm.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Input;
    use crate::study::{Overrides, Plan, Study};

    /// Every kind of value, in the words of the page.
    #[test]
    fn values_are_said_in_words() {
        let text = r#"
            title = "t"
            question = "q"
            setup.vgg = {}
            arm = [{ name = "a", says = "a", setup = "vgg" }]
            sweep = [{ path = "train.learning_rate", values = [0.1, 0.5] }]
            scale.desk = { says = "small", seeds = 1, choose_seeds = [9] }
            value.at_half = { arm = "a", at = { "train.learning_rate" = 0.5, "train.dtype" = "f32" } }
            value.best = { arm = "a", along = "train.learning_rate", take = "best" }
            value.first = { arm = "a", along = "train.learning_rate", take = { first_reached = { arms = ["a", "a"], at_least = 20, window = [0.5, 1.0] } } }
            value.largest = { arm = "a", along = "train.learning_rate", take = { largest = { at_least = 50.0 } } }
            value.smallest = { arm = "a", along = "train.learning_rate", take = { smallest = { below = { a = 0.9 } } } }
            value.slope = { arm = "a", along = "train.learning_rate", take = "slope" }
            value.log_slope = { arm = "a", along = "train.learning_rate", take = "log_slope" }
            value.rank = { arm = "a", along = "train.learning_rate", take = "rank_correlation" }
            value.zero = { arm = "a", along = "layer", take = "zero_crossing" }
            [[claim]]
            id = "C1"
            role = "descriptive"
            origin = "ours"
            says = "s"
            metric = "train_accuracy"
            statistic = { contrast = { a = 1.0 } }
            unit = "%"
        "#;
        let plan = Plan::new(Study::parse("s", "s.toml", text).unwrap(), "desk", &Overrides::default()).unwrap();
        let input = Input { plan: &plan, trials: Vec::new(), data: Vec::new() };
        let view = View::new(&input);
        let page = page(&view, &Summary::of(&view).unwrap(), &[]).unwrap();
        for line in [
            "- `at_half`: `a` at `train.dtype = \"f32\"`, `train.learning_rate = 0.5`",
            "- `best`: `a` at its best `train.learning_rate`, chosen on other seeds",
            "- `first`: `a` at the smallest `train.learning_rate` at which `a` or `a` reaches 20 between 0.5 and 1 of the run, on other seeds",
            "- `largest`: the largest `train.learning_rate` at which `a` is at least 50; 0 if none",
            "- `smallest`: the smallest `train.learning_rate` at which `a` is below 0.9 · a; ∞ if none",
            "- `slope`: the slope of `a` over `train.learning_rate`",
            "- `log_slope`: the slope of `a` over log `train.learning_rate`",
            "- `rank`: the rank correlation of `a` with `train.learning_rate`",
            "- `zero`: the `layer` at which `a` changes its sign",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in {page}");
        }
    }
}
