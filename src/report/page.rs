//! The page: a template filled with tables, figures and sentences.

use anyhow::Result;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::plot::{Figure, SMOOTHING};
use super::view::{Condition, View};
use super::{answer, numbers, settings, tables};
use crate::groups::grouped;
use crate::judge::{ArmSummary, LEVEL, SEEDS_TO_JUDGE, Verdict};
use crate::probe::{Evaluation, Training};
use crate::record::sweep_text;

/// The page's Markdown.
pub fn page(view: &View, figures: &[Figure]) -> Result<String> {
    let environment = environment()?;
    let plan = view.plan;
    let (shared, differing) = settings::settings(view);
    let rendered = environment.get_template("report.md")?.render(context! {
        title => &plan.study.title,
        question => plan.study.question.trim(),
        exploratory => plan.is_exploratory(),
        changes => plan.changes.iter().map(|change| format!("`{change}`")).collect::<Vec<_>>().join(", "),
        missing => view.missing(),
        planned => plan.trials.len(),
        scale => &plan.scale,
        scale_says => &plan.study.scale[&plan.scale].says,
        seeds => &plan.seeds,
        answer => answer::answer(&view.verdicts).join(" "),
        behind => answer::behind(view),
        instruction_sets => instruction_sets(view),
        opening => answer::opening(&view.verdicts).map(|verdict| &verdict.id),
        verdicts => verdicts(&view.verdicts),
        claims => tables::claims(view).to_string(),
        values => values(view),
        paper_numbers => paper_numbers(&view.verdicts),
        remarks => remarks(&view.verdicts),
        readings => tables::readings(view).to_string(),
        figures => shown(&environment, view, figures)?,
        swept => swept(view),
        arms => tables::arms(view).to_string(),
        has_accuracy => view.has(Training::ACCURACY),
        has_noise => view.has_noise(),
        has_evaluation => view.has(Evaluation::CLEAN),
        times => tables::times(view).map(|table| table.to_string()),
        conditions => conditions(view),
        seed_table => tables::seeds(view).to_string(),
        notes => &plan.study.notes,
        data => view.data.iter().map(|facts| (facts.describe(), &facts.sha256)).map(Value::from).collect::<Vec<Value>>(),
        data_table => tables::data(view).map(|table| table.to_string()),
        shared_settings => shared,
        differing_settings => differing.to_string(),
        command => settings::command(plan),
        versions => settings::versions(view),
        folder => plan.output_name(),
        smoothing_percent => (SMOOTHING * 100.0).to_string(),
        stuck_below => view.shown().find_map(|arm| arm.summary.stuck_below).map(|accuracy| accuracy.to_string()),
        seeds_to_judge => SEEDS_TO_JUDGE,
        level_percent => (LEVEL * 100.0).to_string(),
    })?;
    Ok(rendered.trim_end().to_string() + "\n")
}

/// The templates.
fn environment() -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("report.md", include_str!("report.md.j2"))?;
    environment.add_template("captions.md", include_str!("captions.md.j2"))?;
    Ok(environment)
}

/// The pictures with their captions.
fn shown(environment: &Environment, view: &View, figures: &[Figure]) -> Result<Vec<Value>> {
    let shown = |figure: &Figure| {
        let caption = context! { file => figure.file, facts => &figure.facts, has_noise => view.has_noise() };
        let reading = environment.get_template("captions.md")?.render(caption)?;
        Ok(context! { file => figure.file, title => figure.title, reading => reading.trim() })
    };
    figures.iter().map(shown).collect()
}

/// The arms at their swept values, with how many of their trials stuck or diverged.
fn conditions(view: &View) -> Vec<Value> {
    let condition = |condition: &Condition| {
        let ArmSummary { trials, diverged, stuck, .. } = &condition.summary;
        context! { label => condition.label(), trials, diverged, stuck => stuck.len() }
    };
    view.conditions.iter().map(condition).collect()
}

fn verdicts(verdicts: &[Verdict]) -> Vec<Value> {
    let verdict = |Verdict { id, exploratory, means, word, .. }: &Verdict| {
        context! { id, exploratory, means, word => word.to_string() }
    };
    verdicts.iter().map(verdict).collect()
}

/// The instruction sets that the trials were trained with, each of which rounds in its own way.
fn instruction_sets(view: &View) -> String {
    let sets: std::collections::BTreeSet<&str> =
        view.trials.iter().map(|trial| trial.instruction_set.as_str()).collect();
    sets.into_iter().collect::<Vec<_>>().join(" and ")
}

/// The meaning of the study's values.
fn values(view: &View) -> Vec<String> {
    let here = view.plan.study.values_at(&view.plan.scale);
    here.map(|(name, value)| format!("`{name}`: {value}")).collect()
}

/// The quantity of each published number.
fn paper_numbers(verdicts: &[Verdict]) -> Vec<String> {
    let said = |verdict: &Verdict| {
        let (value, of, source) =
            (verdict.paper_value?, verdict.paper_value_of.as_ref()?, verdict.paper_source.as_ref()?);
        Some(format!("**{}** {}: {of} ({source})", verdict.id, numbers::plain(value)))
    };
    verdicts.iter().filter_map(said).collect()
}

/// The judge's remarks, each with the claims that it is about.
fn remarks(verdicts: &[Verdict]) -> Vec<String> {
    let notes = |verdict: &'_ Verdict| {
        let notes = verdict.chosen.iter().chain(&verdict.notes);
        notes.map(|note| (note.clone(), verdict.id.clone())).collect::<Vec<_>>()
    };
    let remarks = grouped(verdicts.iter().flat_map(notes));
    remarks.iter().map(|(note, ids)| format!("**{}**: {note}", ids.join(", "))).collect()
}

/// At which swept values claims are judged and figures drawn, with the arms where these differ; `None` where nothing is
/// swept or claimed.
fn swept(view: &View) -> Option<String> {
    let swept = view.shown().filter(|condition| !condition.sweep.is_empty() && !view.verdicts.is_empty());
    let settings = grouped(swept.map(|condition| (sweep_text(condition.sweep), format!("`{}`", condition.arm.name))));
    let with_arms = |(setting, arms): &(String, Vec<String>)| format!("`{setting}` ({})", arms.join(", "));
    match &settings[..] {
        [] => None,
        [(setting, _)] => Some(format!("`{setting}`")),
        several => Some(several.iter().map(with_arms).collect::<Vec<_>>().join(", ")),
    }
}
