//! The end of a study: its report, and what the user reads of it.

use std::path::Path;
use std::time::Instant;

use super::output::{count, say};
use crate::judge::{Context, judge};
use crate::report::{self, Input};
use crate::run::{Provenance, Stop, duration};
use crate::study::claim::Role;

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

/// Writes the report of `input` into the folder `out`, notes the invocation beside it, and says what came out.
///
/// # Errors
/// A file that cannot be written.
pub fn write_report(input: &Input, out: &Path, work: &Work) -> Result<(), Stop> {
    let page = report::write(input, out)?;
    report::write_index(out)?;
    let took = work.started.elapsed();
    let entry = Provenance::now(work.jobs, work.trained, work.found, took);
    report::append_run_entry(&out.join(input.plan.output_name()), &entry)?;
    say(&verdicts(input))?;
    let (trained, found) = (count(work.trained, "trial"), work.found);
    say(&format!("{trained} trained, {found} found finished, {}\nReport: {}", duration(took), page.display()))
}

/// A line for each claim that decides something, and what follows from the primary ones.
fn verdicts(input: &Input) -> String {
    let verdicts = judge(&input.plan.study.claim, &input.trials, &Context::of(input.plan));
    let mut text = String::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.role != Role::Descriptive) {
        text += &format!("  {:<14} {:<4} {}\n", verdict.word.to_string(), verdict.id, verdict.says);
    }
    for means in verdicts.iter().filter(|verdict| verdict.role == Role::Primary).filter_map(|v| v.means.as_ref()) {
        text += &format!("\n{means}\n");
    }
    text
}
