//! Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::text::note;

/// Whether the user wants to stop.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for Ctrl-C (and SIGTERM, and SIGHUP, even under `nohup`): the first asks for a stop at a checkpoint, the second leaves at once, which
    /// loses no more than the steps since the last checkpoint.
    ///
    /// # Errors
    /// The system's, where it does not let the program listen.
    pub fn listen() -> Result<Interrupt> {
        let interrupt = Interrupt::default();
        let requested = Arc::clone(&interrupt.0);
        let handler = move || {
            if requested.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            note("\nStopping at a checkpoint, within seconds (Ctrl-C again: at once).");
        };
        ctrlc::set_handler(handler).context("cannot listen for Ctrl-C")?;
        Ok(interrupt)
    }

    /// Whether the user wants to stop.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
