//! Many trials: local workers, locks, resuming, progress.
//!
//! A plan becomes [`tasks`]; [`train_all`] trains those that are not finished, some at a time, and [`Runs`] has
//! what they left, in one folder, `runs/` by default:
//!
//! ```text
//! runs/trials/ID/           a trial: its checkpoint while it trains, its weights and records when it is finished
//! runs/trials/ID/trained_by.json   the programs and machines that trained it
//! runs/claims/NAME.json     the hashes of a study's claims, written before its first trial is trained here
//! runs/locks/trial-ID       held by the process that trains it
//! runs/locks/study-NAME     held by the process that runs the study
//! reports/.lock             held by the process that writes a report
//! ….held-HOST-PROCESS-TIME   beside a lock, in its place where the file system has no locks: its owner
//! ```

mod cost;
mod interrupt;
mod progress;
mod provenance;
mod runs;
mod stop;
mod task;
mod workers;

pub use cost::estimate;
pub use interrupt::{Interrupt, stopped};
pub use provenance::{Invocation, cores};
pub use runs::{Runs, check_writable, lock_reports};
pub use stop::{Stop, caught, silence_panics};
pub use task::{Datasets, Task, distinct, tasks};
pub use workers::train_all;
