//! An HTTP download that resumes.

use std::fs::File;
use std::io::{IsTerminal, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use ureq::http::Response;
use ureq::{Agent, Body};

use super::super::facts::sha256_of_file;
use super::Archive;

/// A server that is silent for so long has gone away.
const SILENCE: Duration = Duration::from_secs(60);

/// Completes `file` to the whole archive. A file of another sha256 is emptied: there is nothing to resume.
pub fn download(archive: &Archive, file: &mut File, name: &str) -> anyhow::Result<()> {
    let is_expected = |file: &mut File| -> anyhow::Result<bool> {
        file.rewind()?;
        Ok(sha256_of_file(file)? == archive.sha256)
    };
    if is_expected(file)? {
        return Ok(());
    }
    let response = request(&archive.url, file)?;
    receive(response, file, name)?;
    file.sync_all()?;
    if !is_expected(file)? {
        file.set_len(0)?;
        bail!("what came is not the expected archive (its sha256 differs) and was removed: try again");
    }
    Ok(())
}

/// Asks for what `file` lacks and leaves it positioned where the body belongs: at its end, or at the start, emptied,
/// where the server sends everything.
fn request(url: &str, file: &mut File) -> anyhow::Result<Response<Body>> {
    let have = file.seek(SeekFrom::End(0))?;
    let mut response = get(url, have)?;
    if have > 0 && response.status() == 206 && first_byte(&response) == Some(have) {
        return Ok(response);
    }
    file.set_len(0)?;
    file.rewind()?;
    if matches!(response.status().as_u16(), 206 | 416) {
        response = get(url, 0)?;
    }
    Ok(response)
}

fn get(url: &str, from: u64) -> anyhow::Result<Response<Body>> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        // The bytes of the archive are wanted as they are.
        .accept_encoding("identity");
    let mut request = Agent::new_with_config(config.build()).get(url);
    if from > 0 {
        request = request.header("Range", format!("bytes={from}-"));
    }
    let response = request.call().context("no answer from the server: check the connection and try again")?;
    match response.status().as_u16() {
        200 => Ok(response),
        206 | 416 if from > 0 => Ok(response),
        status => bail!("the server answers with status {status}: try again later"),
    }
}

/// The position of the first byte that a partial response carries, from `Content-Range: bytes FIRST-LAST/TOTAL`.
fn first_byte(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// Appends the body to `file`, which keeps what came if the connection breaks.
fn receive(response: Response<Body>, file: &mut File, name: &str) -> anyhow::Result<()> {
    let mut have = file.stream_position()?;
    let total = response.body().content_length().map(|rest| have + rest);
    let mut progress = Progress::start(name, have, total);
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let broken = || format!("the connection broke after {have} bytes: run the same command again to resume");
        let read = body.read(&mut buffer).with_context(broken)?;
        if read == 0 {
            break;
        }
        file.write_all(&buffer[..read]).context("the download cannot be written: is the disk full?")?;
        have += read as u64;
        progress.advance(have);
    }
    progress.finish();
    match total {
        Some(total) if have < total => bail!("{have} of {total} bytes came: run the same command again to resume"),
        _ => Ok(()),
    }
}

/// A bar on a terminal; a line each tenth elsewhere.
enum Progress {
    Bar(ProgressBar),
    Lines { name: String, total: Option<u64>, tenth: u64 },
}

impl Progress {
    fn start(name: &str, have: u64, total: Option<u64>) -> Self {
        if !std::io::stderr().is_terminal() {
            let tenth = total.map_or(0, |total| tenths(have, total));
            eprintln!("{name}: downloading from byte {have}");
            return Progress::Lines { name: name.to_string(), total, tenth };
        }
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let style = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        bar.set_style(ProgressStyle::with_template(style).expect("the template is constant and valid"));
        bar.set_message(name.to_string());
        bar.set_position(have);
        // A resumed part was not downloaded now: it does not count for the rate.
        bar.reset_eta();
        Progress::Bar(bar)
    }

    fn advance(&mut self, have: u64) {
        match self {
            Progress::Bar(bar) => bar.set_position(have),
            Progress::Lines { name, total: Some(total), tenth } if tenths(have, *total) > *tenth => {
                *tenth = tenths(have, *total);
                eprintln!("{name}: {} % of {total} bytes", 10 * *tenth);
            }
            Progress::Lines { .. } => {}
        }
    }

    fn finish(self) {
        if let Progress::Bar(bar) = self {
            bar.finish();
        }
    }
}

fn tenths(have: u64, total: u64) -> u64 {
    10 * have / total.max(1)
}
