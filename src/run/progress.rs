//! The view of trials while they train: bars in a terminal, plain lines elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::text::{duration, note};
use crate::train::Watch;

/// Without a terminal, how often a line says how far the whole is while no trial ends.
const PLAIN_INTERVAL: Duration = Duration::from_secs(30);

/// The progress of many trials.
pub struct Screen {
    /// Hidden where there is no terminal.
    bars: MultiProgress,
    overall: ProgressBar,
    tally: Mutex<Tally>,
    last_line: Mutex<Instant>,
}

/// Trials and steps, counted.
#[derive(Clone, Copy, Debug)]
struct Tally {
    /// Trials to end.
    trials: usize,
    /// Trials that have ended.
    ended: usize,
    /// Steps of all trials.
    steps: usize,
    /// Steps taken now: what the speed is measured by.
    taken: usize,
    /// Steps that need not be taken now: before a checkpoint, after a divergence, or taken by another process.
    spared: usize,
}

impl Tally {
    /// Steps behind us.
    fn done(&self) -> usize {
        self.taken + self.spared
    }

    /// The time left if the rest goes as fast as the steps taken in `elapsed`; `None` before the
    /// first step and after the last.
    fn time_left(&self, elapsed: Duration) -> Option<Duration> {
        let left = self.steps.saturating_sub(self.done());
        (self.taken > 0 && left > 0).then(|| elapsed.mul_f64(left as f64 / self.taken as f64))
    }
}

/// The progress of one trial on a [`Screen`].
pub struct TrialBar<'a> {
    screen: &'a Screen,
    bar: ProgressBar,
    /// Whether the steps that an earlier run took are known.
    begun: AtomicBool,
    /// Whether it is to stop.
    stop: &'a (dyn Fn() -> bool + Sync),
}

impl Screen {
    /// The screen for `trials` trials that have `steps` steps together.
    pub fn new(trials: usize, steps: usize) -> Screen {
        let bars = MultiProgress::new();
        let overall = bars.add(bar(steps, "{bar:24} {prefix}  {msg}"));
        overall.set_prefix(format!("0 of {trials} trials"));
        let tally = Mutex::new(Tally { trials, ended: 0, steps, taken: 0, spared: 0 });
        Screen { bars, overall, tally, last_line: Mutex::new(Instant::now()) }
    }

    /// Shows the trial `label` of `steps` steps, which ends early when `stop` says so.
    pub fn trial<'a>(&'a self, label: &str, steps: usize, stop: &'a (dyn Fn() -> bool + Sync)) -> TrialBar<'a> {
        let bar = self.bars.insert_before(&self.overall, bar(steps, "{bar:24} {pos:>5} of {len} steps  {prefix}"));
        bar.set_prefix(label.to_string());
        bar.tick();
        TrialBar { screen: self, bar, begun: AtomicBool::new(false), stop }
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

    /// Counts, and shows the whole anew.
    fn count(&self, count: impl FnOnce(&mut Tally)) -> Tally {
        let mut tally = held(&self.tally);
        count(&mut tally);
        self.overall.set_position(tally.done() as u64);
        self.overall.set_prefix(format!("{} of {} trials", tally.ended, tally.trials));
        self.overall.set_message(self.time_left("", &tally));
        *tally
    }

    /// `separator` and the time left, where it is known.
    fn time_left(&self, separator: &str, tally: &Tally) -> String {
        let left = tally.time_left(self.overall.elapsed()).filter(|left| left.as_secs() > 0);
        left.map(|left| format!("{separator}about {} left", duration(left))).unwrap_or_default()
    }

    /// Without a terminal: now and then, a line about the whole.
    fn plain_line(&self, tally: &Tally) {
        let mut last_line = held(&self.last_line);
        if self.bars.is_hidden() && last_line.elapsed() >= PLAIN_INTERVAL {
            *last_line = Instant::now();
            let left = self.time_left(", ", tally);
            note(format_args!("  {} of {} steps{left}", tally.done(), tally.steps));
        }
    }
}

impl TrialBar<'_> {
    /// The trial has ended `how`.
    pub fn end(self, how: &str) {
        let rest = self.bar.length().unwrap_or(0).saturating_sub(self.bar.position());
        self.bar.finish_and_clear();
        let tally = self.screen.count(|tally| {
            tally.spared += rest as usize;
            tally.ended += 1;
        });
        let left = self.screen.time_left("; ", &tally);
        let (label, took) = (self.bar.prefix(), duration(self.bar.elapsed()));
        let Tally { ended, trials, .. } = tally;
        self.screen.say(&format!("[{ended}/{trials}] {label}: {how} ({took}){left}"));
        *held(&self.screen.last_line) = Instant::now();
    }
}

impl Watch for TrialBar<'_> {
    /// The first call may tell of steps that an earlier run took.
    fn progress(&self, done: usize, _steps: usize) {
        let before = self.bar.position() as usize;
        self.bar.set_position(done as u64);
        let tally = self.screen.count(|tally| match self.begun.swap(true, Ordering::Relaxed) {
            false => tally.spared += done,
            true => tally.taken += done.saturating_sub(before),
        });
        self.screen.plain_line(&tally);
    }

    fn stop(&self) -> bool {
        (self.stop)()
    }

    fn warn(&self, message: &str) {
        self.screen.say(&format!("warning: {message}"));
    }
}

fn bar(steps: usize, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("a constant template").progress_chars("=> ");
    ProgressBar::new(steps as u64).with_style(style)
}

/// The lock of `mutex`, whose value no panic leaves half changed.
pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_goes_by_the_steps_taken_now() {
        let mut tally = Tally { trials: 2, ended: 0, steps: 200, taken: 0, spared: 90 };
        assert_eq!(tally.time_left(Duration::from_secs(10)), None);
        tally.taken = 10;
        assert_eq!(tally.time_left(Duration::from_secs(10)), Some(Duration::from_secs(100)));
        tally.spared += 100;
        assert_eq!(tally.time_left(Duration::from_secs(10)), None);
    }
}
