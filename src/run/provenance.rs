//! The facts that differ from run to run: time, machine, program, command. It goes to `run.json`, never into a report.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::kernels::isa;
use crate::text::shell_word;

/// One run of the program, as `run.json` keeps it.
#[derive(Debug)]
pub struct Invocation {
    begun: Instant,
    /// The commit at the beginning, or `unknown` outside of a checkout: whoever edits the checkout while trials train
    /// does not change what trains them.
    commit: String,
    /// Trials trained at once.
    pub jobs: usize,
    /// Trials that it trained.
    pub trained: usize,
    /// Trials that it found finished.
    pub found: usize,
}

impl Invocation {
    /// An invocation that begins now.
    pub fn begin(jobs: usize) -> Self {
        let commit = commit().unwrap_or_else(|| "unknown".into());
        Self { begun: Instant::now(), commit, jobs, trained: 0, found: 0 }
    }

    /// Its time so far.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Its entry in `run.json`.
    pub fn entry(&self) -> Value {
        json!({
            // When it ended.
            "time": now(),
            "command": command_line(),
            "version": env!("CARGO_PKG_VERSION"),
            "commit": self.commit,
            "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            "cpu": field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into()),
            "cores": cores(),
            // That of the kernels.
            "instruction_set": isa::current().to_string(),
            "jobs": self.jobs,
            "trained": self.trained,
            "found": self.found,
            "wall_seconds": (self.elapsed().as_secs_f64() * 10.0).round() / 10.0,
            // The most that the process held, where the system tells.
            "peak_memory_mib": peak_memory_mib(),
        })
    }
}

/// The time, as [`utc`] writes it.
pub fn now() -> String {
    utc(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

/// Threads that this process may use at once.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get())
}

/// The command as typed, quoted so that a shell would read it back.
pub fn command_line() -> String {
    let arguments = std::env::args_os().skip(1).map(|argument| shell_word(&argument.to_string_lossy()));
    std::iter::once("whybn".to_string()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// The commit of the checkout that the program was built in, marked where its files differ. Reports do not count: the
/// program writes them.
fn commit() -> Option<String> {
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)reports"])?;
    Some(if changes.is_empty() { commit } else { format!("{commit}-dirty") })
}

/// The answer of git in the checkout.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR")]).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}

fn peak_memory_mib() -> Option<f64> {
    let text = field("/proc/self/status", "VmHWM")?;
    let kib: f64 = text.trim_end_matches(" kB").parse().ok()?;
    Some((kib / 1024.0).round())
}

/// The value of the first line `name : value` of the file `path`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let (_, value) = text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_string())
}

/// Seconds since 1970 as `2026-11-22T15:41:00Z` (Hinnant's `civil_from_days`).
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `date -u -d @N +%FT%TZ`.
    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_795_362_061), "2026-11-22T15:41:01Z");
    }
}
