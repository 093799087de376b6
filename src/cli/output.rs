//! Text for people.

use std::io::{ErrorKind, Write};

use anyhow::Context;

use crate::run::Stop;

/// Prints `text` and ends the line. A reader that has gone, as `head` goes, is not an error.
///
/// # Errors
/// Those of the standard output.
pub fn say(text: &str) -> Result<(), Stop> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("standard output").map_err(Stop::from)
        }
        _ => Ok(()),
    }
}
