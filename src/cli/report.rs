//! `whybn report`, with which `whybn study` ends too.

use std::path::Path;

use anyhow::{Result, bail};

use super::args::ReportArgs;
use super::say;
use crate::judge::Verdict;
use crate::record::TrialRecords;
use crate::report::{self, Contents, Input, View};
use crate::run::{Datasets, Interrupt, Invocation, Runs, Stop, Task, check_writable, lock_reports, tasks};
use crate::study::Plan;
use crate::study::claim::Role;
use crate::text::{count, duration, note, shell_word};

/// Writes a study's report again, from records alone: those in the runs, else those of an earlier report.
///
/// # Errors
/// Mistakes, missing or damaged records among them; a report that cannot be written.
pub fn report(args: &ReportArgs, interrupt: &Interrupt) -> Result<(), Stop> {
    let mut invocation = Invocation::begin(0);
    let plan = args.plan.plan()?;
    check_writable(&args.out, "--out").map_err(Stop::Mistake)?;
    report::check_place(&plan, &args.out).map_err(Stop::Mistake)?;
    let earlier = args.out.join(plan.output_name());
    let gathered = match Datasets::load(&plan, args.plan.data.data_dir.as_deref()) {
        Ok(datasets) => gather(&plan, &datasets, args, &earlier),
        Err(error) if has_records(&earlier) => {
            note(format_args!("Only from the records in {}, because: {error:#}", earlier.display()));
            report::read_records(&earlier, &plan).map(|input| (input, 0))
        }
        Err(error) => Err(error),
    };
    let (input, found) = gathered.map_err(Stop::Mistake)?;
    invocation.found = found;
    refuse_incomplete(&input, args).map_err(Stop::Mistake)?;
    let ids = input.trials.iter().map(|trial| &trial.id);
    invocation.note_trainers(&Runs::to_read(&args.plan.runs), ids).map_err(Stop::Mistake)?;
    write_report(&input, &args.out, &invocation, interrupt)
}

/// The records in the runs; where a trial has none there, those of the same trial (settings, seed and data) with the
/// `earlier` report. Where the runs have none at all, the earlier report's, with what it says of its own data. And how
/// many trials the runs have.
fn gather<'a>(plan: &'a Plan, datasets: &Datasets, args: &ReportArgs, earlier: &Path) -> Result<(Input<'a>, usize)> {
    let tasks = tasks(plan, datasets);
    let runs = Runs::to_read(&args.plan.runs);
    let found = tasks.iter().map(|task| runs.records(task)).collect::<Result<Vec<_>>>()?;
    let in_runs = found.iter().flatten().count();
    let earlier = (in_runs < tasks.len() && has_records(earlier)).then(|| report::read_records(earlier, plan));
    let stored = match earlier {
        None => Vec::new(),
        Some(input) if in_runs == 0 => return Ok((input?, 0)),
        Some(Ok(input)) => input.trials,
        Some(Err(error)) => {
            note(format_args!("Nothing is taken from the earlier report: {error:#}"));
            Vec::new()
        }
    };
    let same =
        |trial: &&TrialRecords, task: &Task| trial.id == task.id && trial.is_of(&task.planned.arm, &task.planned.sweep);
    let stored = |task: &Task| stored.iter().find(|trial| same(trial, task)).cloned();
    let trials = tasks.iter().zip(found).filter_map(|(task, found)| found.or_else(|| stored(task)));
    Ok((Input { plan, trials: trials.collect(), data: datasets.facts() }, in_runs))
}

fn has_records(earlier: &Path) -> bool {
    earlier.join(report::PLAN).exists()
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
        say(&told(&view.verdicts))?;
        report::write_index(out)?;
        Ok(page)
    })?;
    let (trained, found) = (count(invocation.trained, "trial"), invocation.found);
    let took = duration(invocation.elapsed());
    say(&format!("{trained} trained, {found} found finished, {took}\nReport: {}", page.display()))
}

/// A line for each claim that decides something, and the consequences of the primary ones.
fn told(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.role != Role::Descriptive) {
        text += &format!("  {:<22} {:<5} {}\n", verdict.word.to_string(), verdict.id, verdict.says);
    }
    for means in verdicts.iter().filter(|verdict| verdict.role == Role::Primary).filter_map(|v| v.means.as_ref()) {
        text += &format!("\n{means}\n");
    }
    text
}
