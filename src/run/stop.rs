//! Why a command ends before its work is done, and the exit code that says so.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Result, anyhow};

use crate::files::Obstacle;

/// Why a command ended before its work was done.
#[derive(Debug)]
pub enum Stop {
    /// Something that the user typed, wrote or lacks; the message says what to change.
    Mistake(anyhow::Error),
    /// Anything else.
    Failure(anyhow::Error),
    /// The user stopped it.
    Interrupted,
}

/// The exit code after an interruption, as shells have it.
pub const INTERRUPTED: u8 = 130;

impl Stop {
    /// 2 for a mistake, as clap's own; [`INTERRUPTED`]; 1 for anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Stop::Mistake(_) => 2,
            Stop::Failure(_) => 1,
            Stop::Interrupted => INTERRUPTED,
        }
    }
}

/// A full disk (with what to do about it) and an [`Obstacle`] are the user's to mend; whatever else was not found before
/// the work began is a failure.
impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        let is_full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge];
        let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
        if io.is_some_and(|io| is_full.contains(&io.kind())) {
            return Stop::Mistake(anyhow!(
                "{error:#}\nFree some space and run the same command again: finished trials and checkpoints are kept"
            ));
        }
        if error.is::<Obstacle>() {
            return Stop::Mistake(error);
        }
        Stop::Failure(error)
    }
}

thread_local! {
    /// Where the last panic of this thread was.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From now on a panic prints nothing itself: [`caught`] turns it into an error that is reported as any other.
pub fn silence_panics() {
    std::panic::set_hook(Box::new(|panic| {
        PLACE.set(panic.location().map(|place| format!(" ({place})")).unwrap_or_default());
    }));
}

/// The result of `work`; a panic within it is an error, so that it never reaches the user as a panic.
///
/// # Errors
/// Those of `work`, and its panic.
pub fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(anyhow!("a mistake of the program itself, please report it: {}{}", text.unwrap_or("unknown"), PLACE.take()))
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_full_disk_is_named_with_its_remedy() {
        let full: Result<()> = Err(std::io::Error::from(ErrorKind::StorageFull)).context("runs/x: cannot write");
        let stop = Stop::from(full.unwrap_err());
        let Stop::Mistake(error) = &stop else { panic!("{stop:?}") };
        let text = format!("{error:#}");
        assert!(text.contains("runs/x") && text.contains("run the same command again"), "{text}");
        assert_eq!(stop.exit_code(), 2);
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let error = caught::<()>(|| panic!("index {} out of range", 3)).unwrap_err();
        assert!(error.to_string().contains("index 3 out of range"), "{error}");
    }
}
