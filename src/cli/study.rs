//! `whybn study`.

use std::fmt::Write;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::args::StudyArgs;
use super::report::{complete, hold_to_first_claims, in_runs, write_report};
use super::say;
use crate::data::DataFacts;
use crate::groups::grouped;
use crate::lock::Lock;
use crate::report::{self, Earlier, Input};
use crate::run::{
    Datasets, Interrupt, Invocation, Runs, Stop, Task, check_writable, distinct, estimate, tasks, train_all,
};
use crate::study::Plan;
use crate::text::{count, duration, note, shell_word};

/// Trains what is not trained yet, judges, and reports.
///
/// # Errors
/// Mistakes, all found before training starts; a failed trial; an interruption.
pub fn study(args: &StudyArgs, interrupt: &Interrupt) -> Result<(), Stop> {
    let mut invocation = Invocation::begin(args.jobs);
    let mut plan = args.plan.plan()?;
    let datasets = Datasets::load(&plan, args.plan.data.data_dir.as_deref()).map_err(Stop::Mistake)?;
    if !args.dry_run {
        check_writable(&args.out, "--out").map_err(Stop::Mistake)?;
        report::check_place(&plan, &args.out).map_err(Stop::Mistake)?;
    }
    let earlier = Earlier::find(&plan, &args.out).map_err(Stop::Mistake)?;
    hold_to_first_claims(&mut plan, &Runs::to_read(&args.plan.runs), &earlier).map_err(Stop::Mistake)?;
    let tasks = tasks(&plan, &datasets);
    if args.dry_run {
        let work = Work::of(&tasks, &plan, &Runs::to_read(&args.plan.runs), &earlier).map_err(Stop::Mistake)?;
        return dry_run(args, &plan, &datasets, &tasks, &work);
    }
    let runs = Runs::new(&args.plan.runs).map_err(Stop::Mistake)?;
    let _lock = lock(&runs, &plan, args)?;
    let is_in_runs = |id: &str, probes: &[String]| runs.has_records(id, probes);
    earlier.refuse_loss(&plan, &datasets.facts(), |_| true, is_in_runs).map_err(Stop::Mistake)?;
    let work = Work::of(&tasks, &plan, &runs, &earlier).map_err(Stop::Mistake)?;
    say(&opening(args, &plan, &datasets, &work))?;
    runs.keep_claims(&plan)?;
    work.found.iter().try_for_each(|task| runs.tidy(task))?;
    invocation.trained = train_all(&work.pending, &runs, args.jobs, interrupt)?;
    invocation.found = work.count() - invocation.trained;
    let found = in_runs(&plan, &tasks, &runs, &earlier).map_err(Stop::Mistake)?;
    let trials = complete(&plan, &tasks, found, &earlier).map_err(Stop::Mistake)?;
    invocation.note_trainers(&runs, tasks.iter().map(|task| &task.id)).map_err(Stop::Mistake)?;
    let input = Input { plan: &plan, trials, data: datasets.facts() };
    write_report(&input, &args.out, &invocation, interrupt)
}

/// The distinct trials of a plan.
#[derive(Default)]
struct Work<'a> {
    /// Those that are finished in the runs.
    found: Vec<&'a Task<'a>>,
    /// Those whose records are with the earlier report alone.
    committed: Vec<&'a Task<'a>>,
    /// Those to be trained.
    pending: Vec<&'a Task<'a>>,
}

impl<'a> Work<'a> {
    fn of(tasks: &'a [Task<'a>], plan: &Plan, runs: &Runs, earlier: &Earlier) -> Result<Self> {
        let mut work = Self::default();
        for task in distinct(tasks) {
            let part = match (runs.has(task)?, earlier.has(plan, &task.id)) {
                (true, _) => &mut work.found,
                (false, true) => &mut work.committed,
                (false, false) => &mut work.pending,
            };
            part.push(task);
        }
        Ok(work)
    }

    fn count(&self) -> usize {
        self.found.len() + self.committed.len() + self.pending.len()
    }
}

fn lock(runs: &Runs, plan: &Plan, args: &StudyArgs) -> Result<Lock, Stop> {
    runs.lock_study(&plan.output_name())?.map_err(|holder| {
        let (study, folder) = (&args.plan.study, args.plan.runs.display());
        Stop::Mistake(anyhow!(
            "{holder} is running study `{study}` in {folder} already; wait for it, or share its trials with \
             `whybn trial {} TRIAL`",
            shell_word(study)
        ))
    })
}

/// The question, and what will be done where.
fn opening(args: &StudyArgs, plan: &Plan, datasets: &Datasets, work: &Work) -> String {
    let data: Vec<_> = datasets.facts().iter().map(DataFacts::describe).collect();
    let report = args.out.join(format!("{}.md", plan.output_name()));
    let mut text = format!("{}\n\n", plan.study.title);
    let mut line = |name: &str, value: String| text += &format!("  {name:<8} {value}\n");
    line("scale", format!("{}: {}", plan.scale, plan.study.scale[&plan.scale].says));
    if plan.is_exploratory() {
        line("changed", format!("{} (the report is marked exploratory)", plan.changes.join(", ")));
    }
    line("data", data.join("; "));
    line("trials", trials(plan, work));
    line("jobs", count(args.jobs, "trial") + " at a time");
    line("runs", args.plan.runs.display().to_string());
    line("report", report.display().to_string());
    text
}

fn trials(plan: &Plan, work: &Work) -> String {
    let conditions = count(plan.trials.iter().filter(|trial| trial.seed == plan.trials[0].seed).count(), "condition");
    let seeds = count(plan.seeds, "seed");
    let choosing = plan.trials.iter().filter(|trial| plan.choose_seeds().contains(&trial.seed)).count();
    let choosing = if choosing > 0 { format!(", and {choosing} to choose places of sweeps on") } else { String::new() };
    let mut text =
        format!("{} ({conditions} × {seeds}{choosing}); {} found finished", plan.trials.len(), work.found.len());
    if !work.committed.is_empty() {
        let committed = count(work.committed.len(), "trial");
        text += &format!("; {committed} with committed records (another --out trains them anew)");
    }
    let shared = plan.trials.len() - work.count();
    if shared > 0 {
        text += &format!("; {shared} the same as others of the plan");
    }
    text
}

/// Shows the plan and an estimate of its cost.
///
/// # Errors
/// Those of the few steps that are measured.
fn dry_run(args: &StudyArgs, plan: &Plan, datasets: &Datasets, tasks: &[Task], work: &Work) -> Result<(), Stop> {
    say(&opening(args, plan, datasets, work))?;
    say(&table(tasks, work))?;
    if work.pending.is_empty() {
        return say("All trials are finished: only the report would be written.");
    }
    note("Timing a few steps of each condition …");
    say(&costs(&work.pending, args.jobs)?)
}

fn table(tasks: &[Task], work: &Work) -> String {
    let mut text = format!("{:>5}  {:<16}  {:<8}  trial\n", "TRIAL", "ID", "STATE");
    for task in tasks {
        let state = if work.pending.iter().any(|pending| pending.id == task.id) { "to train" } else { "finished" };
        let _ = writeln!(text, "{:>5}  {:<16}  {state:<8}  {}", task.number, task.id, task.planned.label());
    }
    text
}

/// The cost of each distinct specification among the `pending` tasks, and of all together.
fn costs(pending: &[&Task], jobs: usize) -> Result<String> {
    let mut text = format!("\n{:>9}  {:>9}  {:>6}  like\n", "ONE STEP", "ONE TRIAL", "TRIALS");
    let mut work = Duration::ZERO;
    for (_, tasks) in grouped(pending.iter().map(|&task| (task.trial.spec, task))) {
        let (step, trial) = estimate(tasks[0])?;
        let (step, label) = (format!("{:.1} ms", step.as_secs_f64() * 1e3), tasks[0].planned.label());
        let _ = writeln!(text, "{step:>9}  {:>9}  {:>6}  {label}", duration(trial), tasks.len());
        work = work.saturating_add(trial.saturating_mul(tasks.len() as u32));
    }
    let at_once = jobs.min(pending.len());
    let wall = duration(work / at_once as u32);
    let at_once = count(at_once, "trial");
    let _ = write!(text, "\nAbout {wall} with {at_once} at a time on this machine. Nothing was trained or written.");
    Ok(text)
}
