//! Numbers in, estimates out: knows no file and no tensor.
//!
//! Values come from few, paired seeds. An estimate is a mean with a Student t interval; in addition there is an exact
//! sign-flip test, which assumes symmetry only. A value may be infinite (the loss of a trial that diverged): it is
//! left out of t intervals and outweighs every finite value in the exact test.

mod curve;
mod fieller;
mod holm;
mod passage;
mod quantile;
mod share;
mod sign_flip;
mod student;

pub use curve::{largest_passing, rank_correlation, slope, smallest_passing, zero_crossing};
pub use fieller::{ConfidenceSet, ratio_of_means};
pub use holm::holm;
pub use passage::{first_passage, restricted_mean};
pub use quantile::quantile;
pub use share::share;
pub use sign_flip::sign_flip_p;
pub use student::{Estimate, mean, t_interval, t_p};
