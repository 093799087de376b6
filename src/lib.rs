//! Why does BatchNorm work? The published explanations, re-run as controlled experiments.
//!
//! Data flows in one direction:
//! a [`study`] is parsed and planned; every trial of the plan is [trained](train) on [`data`] while [probes](probe)
//! measure it; its [records](record) are [judged](judge) and reported.
pub mod cli;
pub mod data;
pub mod files;
mod groups;
pub mod judge;
pub mod kernels;
pub mod nn;
pub mod optimizer;
pub mod probe;
pub mod record;
pub mod report;
pub mod rng;
pub mod run;
pub mod spec;
pub mod stats;
pub mod study;
#[cfg(test)]
mod testing;
mod text;
pub mod train;
