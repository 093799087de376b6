//! The end of a study: its report, and what the user reads of it.

use std::path::Path;

use super::output::{count, say};
use crate::judge::Verdict;
use crate::report::{self, Input, View};
use crate::run::{Invocation, Stop, duration, lock_reports};
use crate::study::claim::Role;

/// Writes the report of `input` into the folder `out`, notes the invocation in `run.json`, and tells the verdicts.
///
/// # Errors
/// A file that cannot be written.
pub fn write_report(input: &Input, out: &Path, invocation: &Invocation) -> Result<(), Stop> {
    let _lock = lock_reports(out)?;
    let view = View::new(input);
    let page = report::write(&view, out)?;
    report::append_run_entry(&out.join(input.plan.output_name()), &invocation.entry())?;
    say(&told(&view.verdicts))?;
    report::write_index(out)?;
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
