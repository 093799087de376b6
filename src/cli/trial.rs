//! `whybn trial`.

use anyhow::{Result, anyhow};

use super::args::TrialArgs;
use super::say;
use crate::run::{Datasets, Interrupt, Runs, Stop, Task, tasks, train_all};
use crate::text::shell_word;

/// Trains one trial of a plan, unless it is finished.
///
/// # Errors
/// Mistakes; a failed trial; an interruption.
pub fn trial(args: &TrialArgs, interrupt: &Interrupt) -> Result<(), Stop> {
    let plan = args.plan.plan()?;
    let datasets = Datasets::load(&plan, args.plan.data.data_dir.as_deref()).map_err(Stop::Mistake)?;
    let tasks = tasks(&plan, &datasets);
    let task = find(&tasks, args).map_err(Stop::Mistake)?;
    let runs = Runs::new(&args.plan.runs).map_err(Stop::Mistake)?;
    let name = format!("Trial {} of {} ({}, {})", task.number, tasks.len(), task.id, task.planned.label());
    if runs.has(task).map_err(Stop::Mistake)? {
        runs.tidy(task)?;
        return say(&format!("{name} is finished already."));
    }
    runs.keep_claims(&plan)?;
    say(&format!("{name} in {}", runs.trial(&task.id).display()))?;
    train_all(&[task], &runs, 1, interrupt)?;
    Ok(())
}

/// The task that `which` names: a number in the plan, counted from 1, or an id.
fn find<'a>(tasks: &'a [Task<'a>], args: &TrialArgs) -> Result<&'a Task<'a>> {
    let which = args.which.to_lowercase();
    tasks.iter().find(|task| task.number.to_string() == which || task.id == which).ok_or_else(|| {
        anyhow!(
            "unknown trial `{which}`; this plan has 1 to {}, and `whybn study {} --dry-run` lists their ids",
            tasks.len(),
            shell_word(&args.plan.study)
        )
    })
}
