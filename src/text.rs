//! Numbers, times, hashes and words of a command as text, and lines for the standard error.

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::HumanCount;
use sha2::{Digest, Sha256};

/// Writes a line to the standard error. A reader that has gone is not an error: the work goes on.
pub fn note(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// `12345678` as `12,345,678`.
pub fn thousands(number: usize) -> String {
    HumanCount(number as u64).to_string()
}

/// `1 seed`, `8 seeds`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
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

/// The time, as [`utc`] writes it.
pub fn now() -> String {
    utc(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
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

/// The SHA-256 of `parts`, one after the other, in lower-case hexadecimal.
pub fn sha256(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut digest = Sha256::new();
    parts.into_iter().for_each(|part| digest.update(part));
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The one of the `known` names that is most like `name`, the first of equals; empty where there is none.
pub fn nearest<'a>(name: &str, known: impl DoubleEndedIterator<Item = &'a str>) -> &'a str {
    let likeness = |known: &str| strsim::jaro_winkler(known, name);
    known.rev().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default()
}

/// A word that a shell reads back as `argument`.
pub fn shell_word(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    match !argument.is_empty() && argument.chars().all(plain) {
        true => argument.to_string(),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((count(1, "seed"), count(8, "seed")), ("1 seed".into(), "8 seeds".into()));
    }

    #[test]
    fn sha256_is_the_standard_one() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(["abc"]), expected);
        assert_eq!(sha256(["a", "bc"]), expected);
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them_otherwise() {
        assert_eq!(
            ["train.batch=64", "a b", "it's", ""].map(shell_word),
            ["train.batch=64", "'a b'", r"'it'\''s'", "''"]
        );
    }

    /// `date -u -d @N +%FT%TZ`.
    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_795_362_061), "2026-11-22T15:41:01Z");
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
