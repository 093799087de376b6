//! Fetching from a small server on the loopback interface, with the `curl` of this machine.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::text::sha256;

/// How the server treats a request.
#[derive(Clone, Copy)]
enum Manner {
    /// Sends the part that was asked for; 416 where there is none.
    HonoursRange,
    /// Always sends everything.
    IgnoresRange,
    /// Announces everything and closes after so many bytes.
    BreaksAfter(usize),
    /// Has a bad day.
    Unavailable,
}

/// A server of one file. It remembers the `Range` of each request ("" without one).
struct Server {
    url: String,
    ranges: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(content: Vec<u8>, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/set.tar.gz", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let seen = ranges.clone();
        // The thread waits for more requests until the test process ends.
        thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that hangs up early is not a failure of the server.
                let _ = answer(stream.unwrap(), &content, manner, &seen);
            }
        });
        Self { url, ranges }
    }

    fn ranges(&self) -> Vec<String> {
        self.ranges.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, content: &[u8], manner: Manner, seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).map(|line| line.to_lowercase()).collect();
    let range = head.iter().find_map(|line| line.strip_prefix("range: ")).unwrap_or_default().to_string();
    let from = range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().ok();
    seen.lock().unwrap().push(range);
    let total = content.len();
    let (status, body, extra) = match (manner, from) {
        (Manner::Unavailable, _) => ("503 Service Unavailable", &[][..], String::new()),
        (Manner::HonoursRange, Some(from)) if from >= total => ("416 Range Not Satisfiable", &[][..], String::new()),
        (Manner::HonoursRange, Some(from)) => {
            ("206 Partial Content", &content[from..], format!("Content-Range: bytes {from}-{}/{total}\r\n", total - 1))
        }
        _ => ("200 OK", content, String::new()),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{extra}Connection: close\r\n\r\n", body.len())?;
    match manner {
        Manner::BreaksAfter(bytes) => stream.write_all(&body[..bytes]),
        _ => stream.write_all(body),
    }
}

const MEMBERS: [(&str, &[u8]); 2] = [("one.bin", b"the first member"), ("two.bin", &[7; 5_000])];

/// A tar archive of the members, among entries that must not be unpacked.
fn packed() -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let strangers: [(&str, &[u8]); 3] =
        [("set/readme.html", b"hello"), ("../escaped.bin", b"evil"), ("set/../../one.bin", b"evil")];
    let members = MEMBERS.map(|(name, bytes)| (format!("set/{name}"), bytes));
    let strangers = strangers.map(|(path, bytes)| (path.to_string(), bytes));
    for (path, bytes) in members.into_iter().chain(strangers) {
        let mut header = tar::Header::new_old();
        // Written by hand: the builder refuses a path that escapes.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// The archive `content` that `server` has, as the program knows it.
fn archive(server: &Server, content: &[u8]) -> Archive<'static> {
    let member = |(name, bytes): (&'static str, &[u8])| (name, &*sha256([bytes]).leak());
    Archive {
        url: server.url.clone().leak(),
        sha256: sha256([content]).leak(),
        folder: "set",
        members: Box::leak(Box::new(MEMBERS.map(member))),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A place to fetch to (`set` in a folder that must stay clean) and a way to fetch there.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A place where an earlier download left `part`.
    fn with_part(part: &[u8]) -> Self {
        let place = Self::new();
        fs::create_dir(place.folder()).unwrap();
        fs::write(place.folder().join("set.tar.gz.part"), part).unwrap();
        place
    }

    fn folder(&self) -> std::path::PathBuf {
        self.0.path().join("set")
    }

    /// Fetches from a server of `content`; returns the outcome and the ranges that were asked for.
    fn fetch(&self, content: &[u8], manner: Manner) -> (anyhow::Result<bool>, Vec<String>) {
        let server = Server::start(content.to_vec(), manner);
        let outcome = fetch(&archive(&server, content), &self.folder());
        (outcome, server.ranges())
    }

    fn assert_whole(&self) {
        assert_eq!(names(self.0.path()), ["set"]);
        assert_eq!(names(&self.folder()), ["one.bin", "two.bin"]);
        for (name, bytes) in MEMBERS {
            assert_eq!(fs::read(self.folder().join(name)).unwrap(), bytes);
        }
    }
}

#[test]
fn the_members_and_nothing_else_are_unpacked_once() {
    let (place, content) = (Place::new(), packed());
    let (outcome, ranges) = place.fetch(&content, Manner::HonoursRange);
    assert!(outcome.unwrap());
    assert_eq!(ranges, [""]);
    place.assert_whole();

    let (outcome, ranges) = place.fetch(&content, Manner::Unavailable);
    assert!(!outcome.unwrap());
    assert!(ranges.is_empty());
}

#[test]
fn another_file_with_the_name_of_a_member_is_left_alone() {
    let (place, content) = (Place::new(), packed());
    place.fetch(&content, Manner::HonoursRange).0.unwrap();
    let other = place.folder().join("two.bin");
    fs::write(&other, b"somebody's own").unwrap();
    let refused = place.fetch(&content, Manner::HonoursRange).0.unwrap_err().to_string();
    assert!(refused.contains("two.bin: this is not the official file; move it away"), "{refused}");
    assert_eq!(fs::read(&other).unwrap(), b"somebody's own");
    fs::remove_file(&other).unwrap();
    assert!(place.fetch(&content, Manner::HonoursRange).0.unwrap());
    place.assert_whole();
}

#[test]
fn a_download_that_broke_off_is_resumed() {
    let (place, content) = (Place::new(), packed());
    let (outcome, _) = place.fetch(&content, Manner::BreaksAfter(100));
    let message = format!("{:#}", outcome.unwrap_err());
    assert!(message.contains("again to resume"), "{message}");
    assert_eq!(names(&place.folder()), ["set.tar.gz.part"]);
    assert_eq!(fs::read(place.folder().join("set.tar.gz.part")).unwrap(), content[..100]);

    let (outcome, _) = place.fetch(&content, Manner::Unavailable);
    assert!(format!("{:#}", outcome.unwrap_err()).contains("error: 503"));

    let (outcome, ranges) = place.fetch(&content, Manner::HonoursRange);
    assert!(outcome.unwrap());
    assert_eq!(ranges, ["bytes=100-"]);
    place.assert_whole();
}

#[test]
fn a_failure_before_the_first_byte_leaves_nothing() {
    let place = Place::new();
    let (outcome, _) = place.fetch(&packed(), Manner::Unavailable);
    assert!(format!("{:#}", outcome.unwrap_err()).contains("error: 503"));
    assert!(names(place.0.path()).is_empty());
}

#[test]
fn a_server_that_ignores_the_range_sends_everything_again() {
    let content = packed();
    let place = Place::with_part(b"rubbish");
    let (outcome, ranges) = place.fetch(&content, Manner::IgnoresRange);
    assert!(outcome.unwrap());
    assert_eq!(ranges, ["bytes=7-", ""]);
    place.assert_whole();
}

#[test]
fn a_part_longer_than_the_archive_is_dropped() {
    let content = packed();
    let place = Place::with_part(&vec![0; content.len() + 1]);
    let (outcome, ranges) = place.fetch(&content, Manner::HonoursRange);
    assert!(outcome.unwrap());
    assert_eq!(ranges, [format!("bytes={}-", content.len() + 1), String::new()]);
    place.assert_whole();
}

#[test]
fn a_whole_part_is_not_downloaded_again() {
    let content = packed();
    let place = Place::with_part(&content);
    let (outcome, ranges) = place.fetch(&content, Manner::Unavailable);
    assert!(outcome.unwrap());
    assert!(ranges.is_empty());
    place.assert_whole();
}

#[test]
fn another_archive_is_refused_and_removed() {
    let content = packed();
    for place in [Place::new(), Place::with_part(b"rubbish")] {
        let server = Server::start(content.clone(), Manner::HonoursRange);
        let expected = archive(&server, b"something else");
        let message = format!("{:#}", fetch(&expected, &place.folder()).unwrap_err());
        assert!(message.contains("sha256 differs"), "{message}");
        assert!(names(place.0.path()).is_empty());
    }
}

/// The hash fits, so the server's file itself is damaged.
#[test]
fn an_archive_that_breaks_off_leaves_no_part_of_a_member() {
    let content = packed();
    for keep in [0, 5, content.len() / 2] {
        let place = Place::new();
        let (outcome, _) = place.fetch(&content[..keep], Manner::HonoursRange);
        let message = format!("{:#}", outcome.unwrap_err());
        assert!(message.contains("breaks off") || message.contains("does not hold"), "{message}");
        assert!(names(&place.folder()).contains(&"set.tar.gz.part".to_string()));
        for (name, bytes) in MEMBERS {
            assert!(fs::read(place.folder().join(name)).map_or(true, |found| found == bytes), "{name}");
        }
    }
}

#[test]
fn a_member_that_differs_is_refused() {
    let (place, content) = (Place::new(), packed());
    let server = Server::start(content.clone(), Manner::HonoursRange);
    let other = sha256(["other"]);
    let members = [archive(&server, &content).members[0], ("two.bin", &*other)];
    let expected = Archive { members: &members, ..archive(&server, &content) };
    let message = format!("{:#}", fetch(&expected, &place.folder()).unwrap_err());
    assert!(message.contains("two.bin in the archive is not the expected file"), "{message}");
    assert_eq!(names(&place.folder()), ["one.bin", "set.tar.gz.part"]);
}

#[test]
fn two_fetches_do_not_write_the_same_file() {
    let content = packed();
    let place = Place::with_part(b"");
    let other = lock(&place.folder().join("set.tar.gz.part")).unwrap().unwrap();
    let (outcome, ranges) = place.fetch(&content, Manner::HonoursRange);
    assert!(outcome.unwrap_err().to_string().contains("another process is fetching"));
    assert!(ranges.is_empty());
    drop(other);
    place.fetch(&content, Manner::HonoursRange).0.unwrap();
    place.assert_whole();
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let (place, content) = (Place::new(), packed());
    fs::write(place.folder(), "a file").unwrap();
    let (outcome, ranges) = place.fetch(&content, Manner::HonoursRange);
    let message = format!("{:#}", outcome.unwrap_err());
    assert!(message.contains(&format!("the folder {} cannot be made", place.folder().display())), "{message}");
    assert!(ranges.is_empty());
}
