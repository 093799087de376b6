//! The command line: parse, dispatch, exit code.

mod args;
mod list;
mod report;
mod study;
mod trial;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Parser;

use crate::data;
use crate::run::{Interrupt, Stop, caught, silence_panics, stopped};
use crate::text::note;
use args::{Command, CommandLine, DataCommand};

/// Does what the command line says.
///
/// The exit code is 0 after success, 2 after a mistake that the user can mend, 130 after an interruption, 1 after
/// anything else.
pub fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    silence_panics();
    let outcome =
        caught(|| Ok(dispatch(command, &Interrupt::listen()?))).unwrap_or_else(|panic| Err(Stop::Failure(panic)));
    let Err(stop) = outcome else { return ExitCode::SUCCESS };
    match &stop {
        Stop::Interrupted => note(stopped()),
        Stop::Mistake(error) | Stop::Failure(error) => note(format_args!("error: {error:#}")),
    }
    ExitCode::from(stop.exit_code())
}

fn dispatch(command: Command, interrupt: &Interrupt) -> Result<(), Stop> {
    match command {
        Command::List => list::list(),
        Command::Study(args) => study::study(&args, interrupt),
        Command::Report(args) => report::report(&args, interrupt),
        Command::Trial(args) => trial::trial(&args, interrupt),
        Command::Data(DataCommand::Fetch { data, .. }) => {
            say(&data::fetch_cifar10(data.data_dir.as_deref()).map_err(Stop::Mistake)?)
        }
        Command::Data(DataCommand::Check { data }) => {
            let (text, strange) = data::check(data.data_dir.as_deref()).map_err(Stop::Mistake)?;
            say(&text)?;
            strange.map_or(Ok(()), |strange| Err(Stop::Mistake(anyhow!(strange))))
        }
    }
}

/// Prints `text` and ends the line. A reader that has gone, as `head` goes, is not an error.
///
/// # Errors
/// Those of the standard output.
fn say(text: &str) -> Result<(), Stop> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("standard output").map_err(Stop::from)
        }
        _ => Ok(()),
    }
}
