//! Why does BatchNorm work? The published explanations, re-run as controlled experiments.
//!
//! Data flows in one direction:
//! a [`study`] is parsed and planned; every trial of the plan is [trained](train) on [`data`] while [probes](probe)
//! measure it; its [records](record) are [judged](judge) and [reported](report).
//!
//! A study is read and planned, and its claims are judged on the records that are kept with its report:
//!
//! ```
//! use std::path::Path;
//!
//! use whybn::judge::{Context, Word, judge};
//! use whybn::report::Earlier;
//! use whybn::study::{Overrides, Plan, Study};
//!
//! # fn main() -> anyhow::Result<()> {
//! let plan = Plan::new(Study::load("ics")?, "desk", &Overrides::default())?;
//! let stored = Earlier::find(&plan, Path::new("reports"))?.input(&plan)?;
//! let context = Context::of(&plan, &stored.trials);
//! let verdicts = judge(&plan.study.claim, &stored.trials, &context);
//!
//! assert_eq!(verdicts[0].id, "I1");
//! assert_eq!(verdicts[0].word, Word::Replicated);
//! # Ok(())
//! # }
//! ```
pub mod cli;
pub mod data;
mod files;
#[cfg(fuzzing)]
mod fuzzing;
mod groups;
pub mod judge;
pub mod kernels;
mod lock;
pub mod nn;
pub mod optimizer;
pub mod probe;
pub mod record;
pub mod report;
pub mod rng;
mod run;
pub mod spec;
mod stats;
pub mod study;
#[cfg(test)]
mod testing;
mod text;
pub mod train;
