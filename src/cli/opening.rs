//! The text that a study opens with.

use super::args::StudyArgs;
use super::output::count;
use crate::data::DataFacts;
use crate::run::Datasets;
use crate::study::Plan;

/// The question, and what will be done where; of the distinct trials `found` are finished, `pending` are not.
pub fn opening(args: &StudyArgs, plan: &Plan, datasets: &Datasets, found: usize, pending: usize) -> String {
    let data: Vec<_> = datasets.facts().iter().map(DataFacts::describe).collect();
    let report = args.out.out.join(format!("{}.md", plan.output_name()));
    let mut text = format!("{}\n\n", plan.study.title);
    let mut line = |name: &str, value: String| text += &format!("  {name:<8} {value}\n");
    line("scale", format!("{}: {}", plan.scale, plan.study.scale[&plan.scale].says));
    if plan.is_exploratory() {
        line("changed", format!("{} (the report is marked exploratory)", plan.changes.join(", ")));
    }
    line("data", data.join("; "));
    line("trials", trials(plan, found, pending));
    line("jobs", count(args.jobs, "trial") + " at a time");
    line("runs", args.folders.runs.display().to_string());
    line("report", report.display().to_string());
    text
}

fn trials(plan: &Plan, found: usize, pending: usize) -> String {
    let conditions = count(plan.trials.iter().filter(|trial| trial.seed == plan.trials[0].seed).count(), "condition");
    let seeds = count(plan.seeds, "seed");
    let choosing = plan.trials.iter().filter(|trial| plan.choose_seeds().contains(&trial.seed)).count();
    let choosing = if choosing > 0 { format!(", and {choosing} to choose places of sweeps on") } else { String::new() };
    let mut text = format!("{} ({conditions} × {seeds}{choosing}); {found} found finished", plan.trials.len());
    let shared = plan.trials.len() - found - pending;
    if shared > 0 {
        text += &format!("; {shared} the same as others of the plan");
    }
    text
}
