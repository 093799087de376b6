//! Many trials: local workers, locks, resuming, progress.
//!
//! A plan becomes [`tasks`]; [`train_all`] trains those that are not finished, some at a time, and [`collect`] reads
//! what all of them left. Everything lies under one [`Place`], `runs/` by default:
//!
//! ```text
//! runs/trials/ID/           a trial: its checkpoint while it trains, its weights and records when it is finished
//! runs/locks/trial-ID       held by the process that trains it
//! runs/locks/study-NAME     held by the process that runs the study
//! reports/.lock             held by the process that writes a report
//! ```

mod collect;
mod cost;
mod interrupt;
mod place;
mod progress;
mod provenance;
mod stop;
mod tally;
mod task;
mod workers;

pub use collect::collect;
pub use cost::{Cost, estimate};
pub use interrupt::Interrupt;
pub use place::{Lock, Place, check_writable, lock_reports};
pub use provenance::{Begun, Provenance, command_line, cores};
pub use stop::{OrMistake, Stop, caught, silence_panics};
pub use tally::duration;
pub use task::{Datasets, Task, distinct, tasks};
pub use workers::train_all;
