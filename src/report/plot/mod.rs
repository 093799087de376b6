//! The pictures of a report. A picture whose records are not there is left out.
//!
//! A maker says which panels there are and what they show; [`picture`] draws them all; `captions.md.j2` says how to read
//! them.

mod conditions;
mod distributions;
mod drift;
mod forest;
mod ics;
mod landscape;
mod learning;
mod picture;
mod readings;
mod series;
mod sweep;

#[cfg(test)]
mod tests;

use minijinja::{Value, context};
use serde::Serialize;

use super::view::View;
use picture::Grid;
pub use series::SMOOTHING;

/// A picture.
#[derive(Serialize)]
pub struct Figure {
    /// Its file in the report's folder, by which its caption is found.
    pub file: &'static str,
    /// Its headline.
    pub title: &'static str,
    /// The facts that its caption depends on.
    pub facts: Value,
    #[serde(skip)]
    grids: Vec<Grid>,
}

impl Figure {
    /// A picture of `grids`, one under the other; `None` where they show nothing.
    fn new(file: &'static str, title: &'static str, grids: Vec<Grid>) -> Option<Self> {
        let is_empty = grids.iter().all(Grid::is_empty);
        (!is_empty).then(|| Self { file, title, facts: context! {}, grids })
    }

    /// The same with facts for its caption.
    fn with(self, facts: Value) -> Self {
        Self { facts, ..self }
    }

    /// The picture.
    pub fn svg(&self) -> String {
        picture::svg(self.title, &self.grids)
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
