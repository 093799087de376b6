//! A folder of its own for each test, and the program run in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The study of most tests: three arms, two seeds, six steps, all probes.
pub const TINY: &str = include_str!("tiny.toml");

/// A folder with `tiny.toml` in it.
pub struct Desk {
    folder: TempDir,
}

/// The output of a finished command.
pub struct Printed {
    pub stdout: String,
    pub stderr: String,
}

impl Desk {
    pub fn new() -> Desk {
        let desk = Desk { folder: tempfile::tempdir().unwrap() };
        fs::write(desk.path("tiny.toml"), TINY).unwrap();
        desk
    }

    /// A desk with a copy of the runs that an uninterrupted study leaves.
    pub fn with_finished_runs() -> Desk {
        let desk = Desk::new();
        copy(&uninterrupted().path("runs"), &desk.path("runs"));
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whybn"));
        command.current_dir(self.folder.path()).args(arguments.split_whitespace()).env_remove("WHYBN_DATA");
        command
    }

    /// Starts `whybn ARGUMENTS`.
    pub fn start(&self, arguments: &str) -> Child {
        start(self.command(arguments))
    }

    /// Starts `whybn ARGUMENTS` with `library` in the place of the system's functions of the same names.
    pub fn start_over(&self, library: &Path, arguments: &str) -> Child {
        let mut command = self.command(arguments);
        command.env("LD_PRELOAD", library);
        start(command)
    }

    /// Runs `whybn ARGUMENTS`, which must exit with `code`.
    pub fn run(&self, code: i32, arguments: &str) -> Printed {
        printed(code, self.command(arguments).output().unwrap())
    }

    /// Runs `whybn ARGUMENTS` with `WHYBN_DATA` set to `data`; it must exit with `code`.
    pub fn run_with_data(&self, data: &Path, code: i32, arguments: &str) -> Printed {
        printed(code, self.command(arguments).env("WHYBN_DATA", data).output().unwrap())
    }

    /// Runs `whybn ARGUMENTS` where no other program is found; it must exit with `code`.
    pub fn run_alone(&self, code: i32, arguments: &str) -> Printed {
        printed(code, self.command(arguments).env("PATH", "").output().unwrap())
    }

    /// Every file that must not differ from run to run, with its bytes.
    pub fn results(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = files(self.folder.path());
        files.retain(|name, _| {
            (name.starts_with("runs/trials") || name.starts_with("reports"))
                && !name.ends_with("run.json")
                && !name.ends_with("trained_by.json")
                && !name.contains("damaged")
        });
        files
    }

    /// Asserts that the results here are those of an uninterrupted study.
    pub fn assert_results_are_the_uninterrupted_ones(&self) {
        let (here, expected) = (self.results(), uninterrupted().results());
        assert_eq!(here.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (name, bytes) in &expected {
            assert!(here[name] == *bytes, "{name} differs");
        }
    }
}

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends `signal` to `process`.
#[cfg(unix)]
pub fn send(signal: &str, process: &Child) {
    assert!(Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap().success());
}

/// Reads the standard error of `process` as far as a line with `words`, and returns that.
pub fn wait_for(process: &mut Child, words: &str) -> String {
    let lines = BufReader::new(process.stderr.as_mut().unwrap()).lines();
    let mut read = Vec::new();
    for line in lines.map_while(Result::ok) {
        if line.contains(words) {
            return line;
        }
        read.push(line);
    }
    panic!("no `{words}` in {read:?}")
}

/// A made-up CIFAR-10, with 40 records only in its test file, in a folder below `parent`.
pub fn cifar10(parent: &Path) -> PathBuf {
    let folder = parent.join("cifar-10-batches-bin");
    fs::create_dir_all(&folder).unwrap();
    let record = |index: usize| {
        let pixels = (0..3072).map(move |pixel| (index * 31 + pixel * 7 % 251) as u8);
        std::iter::once((index % 10) as u8).chain(pixels)
    };
    let records: Vec<u8> = (0..10_000).flat_map(record).collect();
    for batch in 1..=5 {
        fs::write(folder.join(format!("data_batch_{batch}.bin")), &records).unwrap();
    }
    fs::write(folder.join("test_batch.bin"), &records[..40 * 3073]).unwrap();
    folder
}

/// The text of `output`; it must have exited with `code`, and no panic may show.
pub fn printed(code: i32, output: Output) -> Printed {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let printed = Printed { stdout: text(output.stdout), stderr: text(output.stderr) };
    assert_eq!(output.status.code(), Some(code), "{}\n{}", printed.stdout, printed.stderr);
    assert!(!printed.stderr.contains("panicked") && !printed.stderr.contains("mistake of the program"));
    printed
}

/// The desk of a study that ran through at two jobs.
pub fn uninterrupted() -> &'static Desk {
    static DESK: OnceLock<Desk> = OnceLock::new();
    DESK.get_or_init(|| {
        let desk = Desk::new();
        desk.run(0, "study tiny.toml --jobs 2");
        desk
    })
}

/// All files below `folder` with their bytes, by path from it.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
                files.insert(name, bytes);
            }
        }
    }
    files
}

/// Copies the folder `from` to `to`.
pub fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
