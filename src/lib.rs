//! Why does BatchNorm work? The published explanations, re-run as controlled experiments.
//!
//! The modules stand in the order in which data flows:
//! a [`study`] is parsed and planned; every trial of the plan is trained on [`data`];
//! its records are judged and reported.
pub mod data;
pub mod judge;
pub mod kernels;
pub mod nn;
pub mod record;
pub mod report;
pub mod rng;
pub mod stats;
pub mod study;
pub mod train;
