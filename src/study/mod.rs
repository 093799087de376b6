//! What is asked: a study's file, the specification of its trainings, the plan of its trials, and its claims.

mod batch;
pub mod claim;
mod dotted;
mod file;
mod model;
mod noise;
mod plan;
mod probe;
mod spec;
mod value;

pub use batch::Batch;
pub use dotted::Setting;
pub use file::{Arm, BUILT_IN, Scale, Settings, Study, Sweep};
pub use noise::{Noise, NoiseConstants, NoisePlace, NoisyLayers, Redraw, ShiftUnit};
pub use plan::{Overrides, Plan, PlannedTrial};
pub use probe::Probe;
pub use spec::{Init, Loss, Model, ModelKind, Norm, Optimizer, Precision, SCHEMA, Spec, Train};
pub use value::{LAYERS, Level, Passing, Point, Reached, Take, Term, Value};
