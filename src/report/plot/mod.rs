//! The pictures of a report. A picture whose records are not there is left out.

mod accuracy;
mod conditions;
mod curves;
mod distributions;
mod drift;
mod forest;
mod house;
mod ics;
mod ics_layers;
mod landscape;
mod learning;
mod loss;
mod readings;
mod step_lengths;
mod sweep;
mod traces;

use anyhow::Result;

use super::view::View;
pub use curves::SMOOTHING;

/// A picture with what a reader needs beside it.
pub struct Figure {
    /// Its file in the report's folder.
    pub file: &'static str,
    /// Its headline.
    pub title: &'static str,
    /// How to read it, in sentences.
    pub reading: String,
    /// The picture.
    pub svg: String,
}

/// The pictures that the records of `view` allow, in the order of the page.
///
/// # Errors
/// A picture that cannot be drawn.
pub fn figures(view: &View) -> Result<Vec<Figure>> {
    let makers = [
        accuracy::main,
        loss::main,
        sweep::sweeps,
        forest::forest,
        accuracy::every_arm,
        loss::every_arm,
        readings::readings,
        distributions::distributions,
        drift::drift,
        ics::ics,
        ics_layers::ics_by_layer,
        landscape::along_the_gradient,
        step_lengths::distance_by_length,
        landscape::along_random_directions,
        drift::wasserstein,
        conditions::conditions,
    ];
    makers.iter().filter_map(|make| make(view).transpose()).collect()
}
