//! `whybn report`, with which `whybn study` ends too.

use std::path::Path;

use anyhow::{Result, bail};

use super::args::ReportArgs;
use super::say;
use crate::files::Damaged;
use crate::record::TrialRecords;
use crate::report::{self, Contents, Earlier, Input, View};
use crate::run::{Datasets, Interrupt, Invocation, Runs, Stop, Task, check_writable, lock_reports, tasks};
use crate::study::claim::Role;
use crate::study::{Plan, PlannedTrial};
use crate::text::{count, duration, note, shell_word};

/// Writes a study's report again, from records alone: those in the runs, else those of an earlier report.
///
/// # Errors
/// Mistakes, missing or damaged records among them; a report that cannot be written.
pub fn report(args: &ReportArgs, interrupt: &Interrupt) -> Result<(), Stop> {
    let mut invocation = Invocation::begin(0);
    let mut plan = args.plan.plan()?;
    check_writable(&args.out, "--out").map_err(Stop::Mistake)?;
    report::check_place(&plan, &args.out).map_err(Stop::Mistake)?;
    let earlier = Earlier::find(&plan, &args.out).map_err(Stop::Mistake)?;
    let runs = Runs::to_read(&args.plan.runs);
    hold_to_first_claims(&mut plan, &runs, &earlier).map_err(Stop::Mistake)?;
    let gathered = match Datasets::load(&plan, args.plan.data.data_dir.as_deref()) {
        Ok(datasets) => gather(&plan, &datasets, &runs, &earlier),
        Err(error) if earlier.has_any() => {
            note(format_args!("Only from the records in {}, because: {error:#}", earlier.folder.display()));
            earlier.input(&plan).map(|input| (input, 0))
        }
        Err(error) => Err(error),
    };
    let (input, found) = gathered.map_err(Stop::Mistake)?;
    invocation.found = found;
    let is_there = |planned: &PlannedTrial| {
        input.trials.iter().any(|trial| trial.seed == planned.seed && trial.is_of(&planned.arm, &planned.sweep))
    };
    let in_runs = |id: &str, probes: &[String]| runs.has_records(id, probes);
    earlier.refuse_loss(&plan, &input.data, is_there, in_runs).map_err(Stop::Mistake)?;
    refuse_incomplete(&input, args).map_err(Stop::Mistake)?;
    let ids = input.trials.iter().map(|trial| &trial.id);
    invocation.note_trainers(&runs, ids).map_err(Stop::Mistake)?;
    write_report(&input, &args.out, &invocation, interrupt)
}

/// Compares the claims of `plan` with those of the `earlier` report or, where there is none, with those that the runs kept
/// when its first trial was trained.
///
/// # Errors
/// A file of the runs that cannot be read.
pub fn hold_to_first_claims(plan: &mut Plan, runs: &Runs, earlier: &Earlier) -> Result<()> {
    let first = earlier.claims.clone().map_or_else(|| runs.first_claims(plan), |claims| Ok(Some(claims)))?;
    if let Some(first) = first {
        plan.hold_to(first);
    }
    Ok(())
}

/// The input from the runs and from the `earlier` report; where the runs have no trial at all, from that report alone. And
/// how many trials the runs have.
fn gather<'a>(plan: &'a Plan, datasets: &Datasets, runs: &Runs, earlier: &Earlier) -> Result<(Input<'a>, usize)> {
    let tasks = tasks(plan, datasets);
    let found = in_runs(plan, &tasks, runs, earlier)?;
    match found.iter().flatten().count() {
        0 if earlier.has_any() => Ok((earlier.input(plan)?, 0)),
        count => Ok((Input { plan, trials: complete(plan, &tasks, found, earlier)?, data: datasets.facts() }, count)),
    }
}

/// The records of each of the `tasks` that the runs have. One that is damaged there may be whole with the `earlier` report.
///
/// # Errors
/// A trial that is damaged; a file that cannot be read.
pub fn in_runs(plan: &Plan, tasks: &[Task], runs: &Runs, earlier: &Earlier) -> Result<Vec<Option<TrialRecords>>> {
    let records = |task: &Task| match runs.records(task) {
        Err(error) if error.is::<Damaged>() && earlier.has(plan, &task.id) => Ok(None),
        found => found,
    };
    tasks.iter().map(records).collect()
}

/// The records `found` of the `tasks`, and of those that the runs lack what the `earlier` report has of the same trial
/// (settings, seed and data).
///
/// # Errors
/// Records of the earlier report that cannot be read, or are damaged.
pub fn complete(
    plan: &Plan,
    tasks: &[Task],
    found: Vec<Option<TrialRecords>>,
    earlier: &Earlier,
) -> Result<Vec<TrialRecords>> {
    let lacks = |(task, found): (&Task, &Option<TrialRecords>)| found.is_none() && earlier.has(plan, &task.id);
    let stored = if tasks.iter().zip(&found).any(lacks) { earlier.trials()? } else { Vec::new() };
    let stored = |task: &Task| Some(task.planned.named(stored.iter().find(|trial| trial.id == task.id)?));
    Ok(tasks.iter().zip(found).filter_map(|(task, found)| found.or_else(|| stored(task))).collect())
}

fn refuse_incomplete(input: &Input, args: &ReportArgs) -> Result<()> {
    let (there, planned) = (input.trials.len(), input.plan.trials.len());
    let (runs, study) = (args.plan.runs.display(), shell_word(&args.plan.study));
    if there == 0 {
        bail!(
            "no trial of study `{}` is finished in {runs}; run `whybn study {study}` with the same options first",
            args.plan.study
        );
    }
    if there < planned && !args.partial {
        bail!(
            "{} of {planned} not finished in {runs}; `whybn study {study}` with the same options trains the rest, \
             --partial reports what is there",
            count(planned - there, "trial")
        );
    }
    Ok(())
}

/// Writes the report of `input` into the folder `out`, notes the invocation in `run.json`, and tells the verdicts.
///
/// # Errors
/// A file that cannot be written.
pub fn write_report(input: &Input, out: &Path, invocation: &Invocation, interrupt: &Interrupt) -> Result<(), Stop> {
    let view = View::new(input);
    let contents = Contents::new(&view)?;
    let _lock = lock_reports(out)?;
    let page = interrupt.busy(|| {
        let page = contents.write(out)?;
        report::append_run_entry(&out.join(input.plan.output_name()), &invocation.entry())?;
        say(&told(&view))?;
        report::write_index(out)?;
        Ok(page)
    })?;
    let (trained, found) = (count(invocation.trained, "trial"), invocation.found);
    let took = duration(invocation.elapsed());
    say(&format!("{trained} trained, {found} found finished, {took}\nReport: {}", page.display()))
}

/// A line for each claim that decides something, the claims that were changed, and the consequences of the primary ones.
fn told(view: &View) -> String {
    let (verdicts, mut text) = (&view.verdicts, String::new());
    for verdict in verdicts.iter().filter(|verdict| verdict.role != Role::Descriptive) {
        let exploratory = if verdict.exploratory { " (exploratory)" } else { "" };
        text += &format!("  {:<22} {:<5} {}{exploratory}\n", verdict.word.to_string(), verdict.id, verdict.says);
    }
    if !view.plan.changed_claims.is_empty() {
        let changed = view.plan.changed_claims.join(", ");
        text += &format!("\nChanged, added or removed after the first trial was trained: {changed}\n");
    }
    for means in verdicts.iter().filter(|verdict| verdict.role == Role::Primary).filter_map(|v| v.means.as_ref()) {
        text += &format!("\n{means}\n");
    }
    text
}
