//! The question: a study's file, the plan of its trials, and its claims.

#[cfg(fuzzing)]
pub mod fuzzing;

pub mod claim;
mod file;
mod plan;
mod trial;
mod value;

pub use file::{Arm, BUILT_IN, Page, Scale, Settings, Study, Sweep};
pub use plan::{Overrides, Plan};
pub use trial::PlannedTrial;
pub(crate) use value::LAYERS;
pub use value::{CurvePoint, Level, Passing, Reached, Take, Term, Value};
