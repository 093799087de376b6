//! One trial: optimiser, loop, checkpoint.

use std::path::Path;

use anyhow::Result;

use crate::record::{Ending, Record};
use crate::study::{Probe, Spec};

/// What watches a trial while it trains, and may stop it.
pub trait Watch: Sync {
    /// `done` of `steps` steps are taken.
    fn progress(&self, done: usize, steps: usize);
    /// Whether to stop at a checkpoint now.
    fn stop(&self) -> bool;
    /// Something that the user should know, such as a damaged checkpoint that was set aside.
    fn warn(&self, message: &str);
}

/// What a finished trial left: how it ended, and its records probe by probe, in the order asked for.
pub struct Finished {
    /// How it ended.
    pub ending: Ending,
    /// Its records.
    pub records: Vec<Record>,
}

/// The finished trial in `dir`, if it is there with records of all `probes`.
pub fn finished(_dir: &Path, _spec: &Spec, _probes: &[Probe]) -> Result<Option<Finished>> {
    unimplemented!("being written")
}
