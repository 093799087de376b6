//! Local workers: some threads that take trials in the order of the plan.
//!
//! A trial does not know what runs at the same time, so results depend on neither the number of workers nor their timing.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use super::interrupt::Interrupt;
use super::progress::{Screen, held};
use super::provenance::Trainer;
use super::runs::Runs;
use super::stop::{Stop, caught};
use super::task::Task;
use crate::files::Damaged;
use crate::lock::PATIENCE;
use crate::train::{self, Watch};

/// A checkpoint comes after one twentieth of a trial, and after at most this many steps.
const CHECKPOINT_EVERY: usize = 50;

/// Trains all `tasks` that are not finished, `jobs` at a time, and says how many it trained. Those that another process
/// trains are waited for.
///
/// # Errors
/// The first failure, after which the other workers stop at a checkpoint; an interruption.
pub fn train_all(tasks: &[&Task], runs: &Runs, jobs: usize, interrupt: &Interrupt) -> Result<usize, Stop> {
    let steps = tasks.iter().map(|task| task.trial.spec.train.steps).sum();
    let team = Team {
        queue: Mutex::new(tasks.iter().map(|&task| Turn { task, waits: false }).collect()),
        failure: Mutex::new(None),
        trained: AtomicUsize::new(0),
        runs,
        interrupt,
        screen: Screen::new(tasks.len(), steps),
    };
    interrupt.busy(|| {
        std::thread::scope(|scope| {
            for _ in 0..jobs.min(tasks.len()) {
                scope.spawn(|| team.work());
            }
        });
        team.screen.close();
        match team.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error.into()),
            None => Ok(team.trained.into_inner()),
        }
    })
}

struct Team<'a> {
    queue: Mutex<VecDeque<Turn<'a>>>,
    failure: Mutex<Option<anyhow::Error>>,
    trained: AtomicUsize,
    runs: &'a Runs,
    interrupt: &'a Interrupt,
    screen: Screen,
}

/// A trial whose turn will come.
struct Turn<'a> {
    task: &'a Task<'a>,
    /// Whether another process was found to train it.
    waits: bool,
}

impl<'a> Team<'a> {
    fn work(&self) {
        while !self.stop() {
            let Some(turn) = held(&self.queue).pop_front() else { return };
            let end = caught(|| self.train(turn.task));
            match end.with_context(|| format!("trial {} ({})", turn.task.id, turn.task.planned.label())) {
                Ok(None) => {}
                Ok(Some(holder)) => self.wait_for(turn, &holder),
                Err(error) => drop(held(&self.failure).get_or_insert(error)),
            }
        }
    }

    /// Trains the trial of `task` until it ends or has to stop; or says who else trains it.
    fn train(&self, task: &Task) -> Result<Option<String>> {
        let _lock = match self.runs.lock_trial(&task.id)? {
            Ok(lock) => lock,
            Err(holder) => return Ok(Some(holder)),
        };
        let dir = self.runs.trial(&task.id);
        let steps = task.trial.spec.train.steps;
        let stop = || self.stop();
        let bar = self.screen.trial(&task.planned.label(), steps, &stop);
        match train::finished(&dir, task.trial.spec.schema(), task.trial.probes) {
            Ok(Some(_)) => {
                bar.end("finished by another process");
                return Ok(None);
            }
            Ok(None) => {}
            Err(error) if error.is::<Damaged>() => {
                let aside = train::set_aside(&dir)?;
                bar.warn(&format!("{error:#}; set aside as {}; training it anew", aside.display()));
            }
            Err(error) => return Err(error),
        }
        Trainer::sign(&dir)?;
        let checkpoint_every = (steps / 20).clamp(1, CHECKPOINT_EVERY);
        let how = match train::run(&task.trial, &dir, checkpoint_every, &bar)? {
            None => return Ok(None),
            Some(ending) => ending.to_string(),
        };
        bar.end(&how);
        self.trained.fetch_add(1, Ordering::Relaxed);
        Ok(None)
    }

    fn wait_for(&self, turn: Turn<'a>, holder: &str) {
        if !turn.waits {
            self.screen.say(&format!("{}: waiting for {holder}, which trains this trial", turn.task.planned.label()));
        }
        held(&self.queue).push_back(Turn { waits: true, ..turn });
        std::thread::sleep(PATIENCE);
    }

    fn stop(&self) -> bool {
        self.interrupt.requested() || held(&self.failure).is_some()
    }
}
