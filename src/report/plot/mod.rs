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
    let makers: [fn(&View) -> Option<Figure>; 14] = [
        learning::together,
        sweep::sweeps,
        forest::forest,
        learning::by_arm,
        readings::readings,
        distributions::distributions,
        drift::moments,
        ics::ics,
        ics::ics_by_layer,
        |view| landscape::along(view, "gradient", "landscape.svg", "The landscape along the gradient"),
        landscape::distance_by_length,
        |view| landscape::along(view, "random", "landscape_random.svg", "The landscape along random directions"),
        drift::wasserstein,
        conditions::conditions,
    ];
    makers.iter().filter_map(|make| make(view)).collect()
}
