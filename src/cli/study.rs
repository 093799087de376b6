//! `whybn study`.

use anyhow::{Result, anyhow};

use super::args::StudyArgs;
use super::dry_run::dry_run;
use super::ending::write_report;
use super::opening::opening;
use super::output::say;
use crate::report::Input;
use crate::run::{
    Datasets, Interrupt, Invocation, Lock, OrMistake, Runs, Stop, check_writable, distinct, tasks, train_all,
};
use crate::study::Plan;

/// Trains what is not trained yet, judges, and reports.
///
/// # Errors
/// Mistakes, all found before training starts; a failed trial; an interruption.
pub fn study(args: &StudyArgs) -> Result<(), Stop> {
    let mut invocation = Invocation::begin(args.jobs);
    let plan = args.plan.plan().or_mistake()?;
    let datasets = Datasets::load(&plan, args.folders.data.data_dir.as_deref()).or_mistake()?;
    let tasks = tasks(&plan, &datasets);
    if args.dry_run {
        return dry_run(args, &plan, &datasets, &tasks);
    }
    check_writable(&args.out.out, "--out").or_mistake()?;
    let runs = Runs::new(&args.folders.runs).or_mistake()?;
    let _lock = lock(&runs, &plan, args)?;
    let interrupt = Interrupt::listen()?;
    let (found, pending): (Vec<_>, Vec<_>) = distinct(&tasks).into_iter().partition(|task| runs.has(task));
    say(&opening(args, &plan, &datasets, found.len(), pending.len()))?;
    found.iter().try_for_each(|task| runs.tidy(task))?;
    invocation.trained = train_all(&pending, &runs, args.jobs, &interrupt)?;
    invocation.found = found.len() + pending.len() - invocation.trained;
    let trials = tasks.iter().filter_map(|task| runs.records(task).transpose()).collect::<Result<_>>().or_mistake()?;
    let input = Input { plan: &plan, trials, data: datasets.facts() };
    write_report(&input, &args.out.out, &invocation)
}

fn lock(runs: &Runs, plan: &Plan, args: &StudyArgs) -> Result<Lock, Stop> {
    runs.lock_study(&plan.output_name())?.ok_or_else(|| {
        let (study, folder) = (&args.plan.study, args.folders.runs.display());
        Stop::Mistake(anyhow!(
            "another process is running study `{study}` in {folder} already; wait for it, or share its trials with \
             `whybn trial {study} TRIAL`"
        ))
    })
}
