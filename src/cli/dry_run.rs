//! `whybn study --dry-run`.

use std::fmt::Write;
use std::time::Duration;

use super::args::StudyArgs;
use super::opening::opening;
use super::output::{count, say};
use crate::run::{Cost, Datasets, Runs, Stop, Task, distinct, duration, estimate};
use crate::study::Plan;
use crate::text::note;

/// Shows the plan and an estimate of its cost.
///
/// # Errors
/// Those of the few steps that are measured.
pub fn dry_run(args: &StudyArgs, plan: &Plan, datasets: &Datasets, tasks: &[Task]) -> Result<(), Stop> {
    let runs = Runs::to_read(&args.folders.runs);
    let (found, pending): (Vec<_>, Vec<_>) = distinct(tasks).into_iter().partition(|task| runs.has(task));
    say(&opening(args, plan, datasets, found.len(), pending.len()))?;
    say(&table(tasks, &found))?;
    if pending.is_empty() {
        return say("All trials are finished: only the report would be written.");
    }
    note("Timing a few steps of each condition …");
    say(&costs(&estimate(&pending)?, args.jobs, pending.len()))
}

fn table(tasks: &[Task], found: &[&Task]) -> String {
    let mut text = format!("{:>5}  {:<16}  {:<8}  trial\n", "TRIAL", "ID", "STATE");
    for task in tasks {
        let state = if found.iter().any(|known| known.id == task.id) { "finished" } else { "to train" };
        let _ = writeln!(text, "{:>5}  {:<16}  {state:<8}  {}", task.number, task.id, task.planned.label());
    }
    text
}

fn costs(costs: &[Cost], jobs: usize, pending: usize) -> String {
    let mut text = format!("\n{:>9}  {:>9}  {:>6}  like\n", "ONE STEP", "ONE TRIAL", "TRIALS");
    for Cost { label, trials, step, trial } in costs {
        let step = format!("{:.1} ms", step.as_secs_f64() * 1e3);
        let _ = writeln!(text, "{step:>9}  {:>9}  {trials:>6}  {label}", duration(*trial));
    }
    let work: Duration = costs.iter().map(|cost| cost.trial * cost.trials as u32).sum();
    let at_once = jobs.min(pending);
    let wall = duration(work / at_once as u32);
    let at_once = count(at_once, "trial");
    let _ = write!(text, "\nAbout {wall} with {at_once} at a time on this machine. Nothing was trained or written.");
    text
}
