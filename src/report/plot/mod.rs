//! The pictures of a report. A picture whose records are not there is left out.
//!
//! A maker says which panels there are and what they show ([`Figure`]); [`grid`] draws them all; `captions.md.j2` says
//! how to read them.

mod axis;
mod conditions;
mod distributions;
mod drift;
mod forest;
mod grid;
mod ics;
mod landscape;
mod learning;
mod look;
mod mark;
mod panel;
mod readings;
mod series;
mod sweep;

use anyhow::Result;
use minijinja::Value;

use super::view::View;
use grid::Grid;
pub use series::SMOOTHING;

/// A picture.
pub struct Figure {
    /// Its file in the report's folder, by which its caption is found.
    pub file: &'static str,
    /// Its headline.
    pub title: &'static str,
    /// What its caption must know of it.
    pub facts: Value,
    grids: Vec<Grid>,
}

impl Figure {
    /// The picture.
    ///
    /// # Errors
    /// A picture that cannot be drawn.
    pub fn svg(&self) -> Result<String> {
        grid::svg(self.title, &self.grids)
    }
}

/// The pictures that the records of `view` allow, in the order of the page.
pub fn figures(view: &View) -> Vec<Figure> {
    let makers = [
        learning::accuracy,
        learning::loss,
        sweep::sweeps,
        forest::forest,
        learning::accuracy_by_arm,
        learning::loss_by_arm,
        readings::readings,
        distributions::distributions,
        drift::moments,
        ics::ics,
        ics::ics_by_layer,
        landscape::along_the_gradient,
        landscape::distance_by_length,
        landscape::along_random_directions,
        drift::wasserstein,
        conditions::conditions,
    ];
    makers.iter().filter_map(|make| make(view)).collect()
}
