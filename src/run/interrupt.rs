//! Ctrl-C, and the signals that ask for the same.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use signal_hook::consts::*;
use signal_hook::flag;

use super::progress::held;
use super::provenance::command_line;
use super::stop::{INTERRUPTED, Stop};
use crate::text::note;

/// SIGUSR1 is how schedulers of clusters warn that a job's time ends.
#[cfg(unix)]
const SIGNALS: &[i32] = &[SIGINT, SIGTERM, SIGHUP, SIGUSR1];
#[cfg(not(unix))]
const SIGNALS: &[i32] = &[SIGINT, SIGTERM];

/// How long a signal may go unnoticed.
const POLL: Duration = Duration::from_millis(50);

/// Whether the user wants the program to stop.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Mutex<Phase>>);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Phase {
    /// Nothing is lost where the program ends now.
    #[default]
    Free,
    /// Work that ends by itself soon after a stop is asked for.
    Busy,
    /// Such work, which is to end.
    Stopping,
}

impl Interrupt {
    /// Listens for the signals (SIGHUP even under `nohup`). The first ends the program at once, or where it is
    /// [busy](Self::busy) soon; the second ends it at once, which loses no more than the steps since the last
    /// checkpoint.
    ///
    /// # Errors
    /// The system's, where it does not let the program listen.
    pub fn listen() -> Result<Interrupt> {
        let asked = Arc::new(AtomicBool::new(false));
        for &signal in SIGNALS {
            flag::register(signal, Arc::clone(&asked)).context("cannot listen for Ctrl-C")?;
        }
        let interrupt = Interrupt::default();
        let listening = interrupt.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(POLL);
                if asked.swap(false, Ordering::SeqCst) {
                    listening.stop();
                }
            }
        });
        Ok(interrupt)
    }

    fn stop(&self) {
        let mut phase = held(&self.0);
        if *phase != Phase::Busy {
            note(stopped());
            std::process::exit(INTERRUPTED.into());
        }
        *phase = Phase::Stopping;
        note("\nStopping as soon as nothing is lost, within seconds (Ctrl-C again: at once).");
    }

    /// The result of `work`, which is not cut off: it is short, or stops at a checkpoint when that is
    /// [requested](Self::requested).
    ///
    /// # Errors
    /// Those of `work`; an interruption.
    pub fn busy<T>(&self, work: impl FnOnce() -> Result<T, Stop>) -> Result<T, Stop> {
        *held(&self.0) = Phase::Busy;
        let done = work();
        match std::mem::take(&mut *held(&self.0)) {
            Phase::Stopping => done.and(Err(Stop::Interrupted)),
            _ => done,
        }
    }

    /// Whether the user wants a stop.
    pub fn requested(&self) -> bool {
        *held(&self.0) == Phase::Stopping
    }
}

/// The last words of a program that was stopped.
pub fn stopped() -> String {
    format!("Stopped. The same command goes on from here:\n  {}", command_line())
}
