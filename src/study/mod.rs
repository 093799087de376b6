//! The question: a study's file, the plan of its trials, and its claims.

pub mod claim;
mod file;
mod plan;
mod value;

pub use file::{Arm, BUILT_IN, Page, Scale, Settings, Study, Sweep};
pub use plan::{Overrides, Plan, PlannedTrial};
pub use value::{LAYERS, Level, Passing, Point, Reached, Take, Term, Value};
