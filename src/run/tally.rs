//! How far many trials are, and how long the rest will take.

use std::time::Duration;

/// Trials and steps, counted.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// Trials to end.
    pub trials: usize,
    /// Trials that have ended.
    pub ended: usize,
    /// Steps of all trials.
    pub steps: usize,
    /// Steps taken now: what the speed is measured by.
    pub taken: usize,
    /// Steps that need not be taken now: before a checkpoint, after a divergence, or taken by another process.
    pub spared: usize,
}

impl Tally {
    /// Steps behind us.
    pub fn done(&self) -> usize {
        self.taken + self.spared
    }

    /// The time left if the rest goes as fast as the steps taken in `elapsed`; `None` before the
    /// first step and after the last.
    pub fn time_left(&self, elapsed: Duration) -> Option<Duration> {
        let left = self.steps.saturating_sub(self.done());
        (self.taken > 0 && left > 0).then(|| elapsed.mul_f64(left as f64 / self.taken as f64))
    }
}

/// `duration` as people say it: `45 s`, `12 min`, `3 h 20 min`, `4 days 2 h`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let minutes = (seconds / 60.0).round() as u64;
    let hours = (seconds / 3600.0).round() as u64;
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 179.5 => format!("{s:.0} s"),
        s if s < 3570.0 => format!("{minutes} min"),
        s if s < 48.0 * 3600.0 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} days {} h", hours / 24, hours % 24),
    }
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

    #[test]
    fn durations_read_well() {
        let said = |seconds| duration(Duration::from_secs_f64(seconds));
        assert_eq!(said(0.26), "0.3 s");
        assert_eq!(said(61.0), "61 s");
        assert_eq!(said(179.6), "3 min");
        assert_eq!(said(3599.0), "1 h 0 min");
        assert_eq!(said(12_345.0), "3 h 26 min");
        assert_eq!(said(200_000.0), "2 days 8 h");
    }
}
