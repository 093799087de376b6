//! The view of trials while they train: bars in a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::tally::{Tally, duration};
use crate::text::note;

/// Without a terminal, how often a line says how far the whole is while no trial ends.
const PLAIN_INTERVAL: Duration = Duration::from_secs(30);

/// The progress of many trials.
pub struct Screen {
    bars: MultiProgress,
    overall: ProgressBar,
    plain: bool,
    started: Instant,
    state: Mutex<State>,
}

struct State {
    tally: Tally,
    last_line: Instant,
}

/// The progress of one trial on a [`Screen`].
pub struct TrialBar<'a> {
    screen: &'a Screen,
    bar: ProgressBar,
    label: String,
    steps: usize,
    started: Instant,
    /// Steps taken when last heard of; `UNHEARD` before that.
    heard: AtomicUsize,
}

const UNHEARD: usize = usize::MAX;

impl Screen {
    /// The screen for `trials` trials that have `steps` steps together.
    pub fn new(trials: usize, steps: usize) -> Screen {
        let plain = !std::io::stderr().is_terminal();
        let target = if plain { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bars = MultiProgress::with_draw_target(target);
        let overall = bars.add(bar(steps, "{bar:24} {prefix}  {msg}"));
        overall.set_prefix(format!("0 of {trials} trials"));
        let tally = Tally { trials, ended: 0, steps, taken: 0, spared: 0 };
        let now = Instant::now();
        Screen { bars, overall, plain, started: now, state: Mutex::new(State { tally, last_line: now }) }
    }

    /// Shows the trial `label` of `steps` steps.
    pub fn trial(&self, label: &str, steps: usize) -> TrialBar<'_> {
        let bar = self.bars.insert_before(&self.overall, bar(steps, "{bar:24} {pos:>5} of {len} steps  {prefix}"));
        bar.set_prefix(label.to_string());
        bar.tick();
        let heard = AtomicUsize::new(UNHEARD);
        TrialBar { screen: self, bar, label: label.into(), steps, started: Instant::now(), heard }
    }

    /// A line of text, above the bars.
    pub fn say(&self, text: &str) {
        self.bars.suspend(|| note(text));
    }

    /// Takes the bars away.
    pub fn close(&self) {
        self.overall.finish_and_clear();
        let _cosmetic = self.bars.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts, and shows the whole anew.
    fn count(&self, count: impl FnOnce(&mut Tally)) -> Tally {
        let mut state = self.state();
        count(&mut state.tally);
        let tally = state.tally;
        self.overall.set_position(tally.done() as u64);
        self.overall.set_prefix(format!("{} of {} trials", tally.ended, tally.trials));
        self.overall.set_message(self.time_left("", &tally));
        tally
    }

    /// `separator` and the time left, where it is known.
    fn time_left(&self, separator: &str, tally: &Tally) -> String {
        let left = tally.time_left(self.started.elapsed()).filter(|left| left.as_secs() > 0);
        left.map(|left| format!("{separator}about {} left", duration(left))).unwrap_or_default()
    }

    /// Without a terminal: now and then, a line about the whole.
    fn plain_line(&self, tally: &Tally) {
        let mut state = self.state();
        if self.plain && state.last_line.elapsed() >= PLAIN_INTERVAL {
            state.last_line = Instant::now();
            let left = self.time_left(", ", tally);
            note(format_args!("  {} of {} steps{left}", tally.done(), tally.steps));
        }
    }
}

impl TrialBar<'_> {
    /// `done` steps are taken. The first call may tell of steps that an earlier run took.
    pub fn progress(&self, done: usize) {
        let before = self.heard.swap(done, Ordering::Relaxed);
        self.bar.set_position(done as u64);
        let tally = self.screen.count(|tally| match before {
            UNHEARD => tally.spared += done,
            before => tally.taken += done.saturating_sub(before),
        });
        self.screen.plain_line(&tally);
    }

    /// The trial has ended `how`.
    pub fn end(self, how: &str) {
        let heard = self.heard.load(Ordering::Relaxed);
        let rest = self.steps.saturating_sub(if heard == UNHEARD { 0 } else { heard });
        self.bar.finish_and_clear();
        let tally = self.screen.count(|tally| {
            tally.spared += rest;
            tally.ended += 1;
        });
        let left = self.screen.time_left("; ", &tally);
        let took = duration(self.started.elapsed());
        let Tally { ended, trials, .. } = tally;
        self.screen.say(&format!("[{ended}/{trials}] {}: {how} ({took}){left}", self.label));
        self.screen.state().last_line = Instant::now();
    }
}

fn bar(steps: usize, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("a constant template").progress_chars("=> ");
    ProgressBar::new(steps as u64).with_style(style)
}
