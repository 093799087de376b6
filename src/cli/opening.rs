//! What the user reads before a study starts.

use super::args::StudyArgs;
use super::output::thousands;
use crate::run::Datasets;
use crate::study::Plan;

/// The question, and what will be done where; of the distinct trials `found` are finished, `pending` are not.
pub fn opening(args: &StudyArgs, plan: &Plan, datasets: &Datasets, found: usize, pending: usize) -> String {
    let data: Vec<_> = datasets.all().iter().map(|data| data.facts.describe()).collect();
    let steps: usize = plan.trials.iter().map(|trial| trial.spec.train.steps).max().unwrap_or(0);
    let mut text = format!("{}\n\n", plan.study.title);
    let mut line = |name: &str, value: String| text += &format!("  {name:<8} {value}\n");
    line("scale", format!("{}: {}", plan.scale, plan.study.scale[&plan.scale].says));
    if plan.is_exploratory() {
        line("changed", format!("{} (exploratory: the report says so)", plan.changes.join(", ")));
    }
    line("data", data.join("; "));
    line("trials", format!("{}; {found} found finished", counted(plan, found + pending, steps)));
    line("jobs", format!("{} at a time", args.jobs));
    line("runs", args.place.runs.display().to_string());
    line("report", args.out.out.join(format!("{}.md", plan.output_name())).display().to_string());
    text
}

fn counted(plan: &Plan, trials: usize, steps: usize) -> String {
    let conditions = plan.trials.len() / plan.seeds;
    let shared = plan.trials.len() - trials;
    let shared = if shared > 0 { format!(" ({shared} of them shared by two conditions)") } else { String::new() };
    format!(
        "{}: {conditions} conditions × {} seeds{shared}, {} steps each",
        plan.trials.len(),
        plan.seeds,
        thousands(steps)
    )
}
