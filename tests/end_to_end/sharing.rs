//! Several processes at once.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::desk::{Desk, files, printed, send, wait_for};

/// A lock as another process would hold it.
fn lock(desk: &Desk, name: &str) -> File {
    fs::create_dir_all(desk.path("runs/locks")).unwrap();
    let file = File::create(desk.path(&format!("runs/locks/{name}"))).unwrap();
    file.try_lock().unwrap();
    file
}

#[test]
fn the_second_run_of_a_study_says_so_and_leaves() {
    let desk = Desk::new();
    let lock = lock(&desk, "study-tiny");
    let refused = desk.run(2, "study tiny.toml").stderr;
    assert!(refused.contains("another process is running study `tiny.toml`"), "{refused}");
    assert!(!desk.path("runs/trials").exists());
    drop(lock);
    desk.run(0, "study tiny.toml --seeds 1");
}

#[test]
fn a_trial_that_another_process_trains_is_waited_for() {
    let desk = Desk::new();
    let plan = desk.run(0, "study tiny.toml --dry-run").stdout;
    let id = plan.lines().find(|line| line.ends_with("standard seed 0")).unwrap().split_whitespace().nth(1).unwrap();
    let lock = lock(&desk, &format!("trial-{id}"));

    let mut study = desk.start("study tiny.toml");
    let mut lines = BufReader::new(study.stderr.take().unwrap()).lines();
    let waits = lines.by_ref().map_while(Result::ok).find(|line| line.contains("another process"));
    assert_eq!(waits.unwrap(), "standard seed 0: waiting for another process, which trains this trial");
    let others = lines.by_ref().map_while(Result::ok).take_while(|line| !line.contains("[5/6]")).count();
    assert!(others > 0 && !desk.path(&format!("runs/trials/{id}")).exists(), "the others are trained meanwhile");
    drop(lock);
    lines.map_while(Result::ok).count();
    let mut rest = String::new();
    study.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    printed(0, study.wait_with_output().unwrap());
    desk.assert_results_are_the_uninterrupted_ones();
}

#[test]
fn a_study_and_single_trials_share_the_work() {
    let desk = Desk::new();
    let commands = ["study tiny.toml --jobs 1", "trial tiny.toml 6", "trial tiny.toml 3"];
    for process in commands.map(|command| desk.start(command)) {
        printed(0, process.wait_with_output().unwrap());
    }
    desk.assert_results_are_the_uninterrupted_ones();
}

#[test]
fn of_two_processes_with_one_trial_the_second_waits_until_the_first_has_finished_it() {
    let desk = Desk::new();
    let commands = ["trial tiny.toml 1"; 2].map(|command| desk.start(command));
    for process in commands {
        printed(0, process.wait_with_output().unwrap());
    }
    desk.run(0, "study tiny.toml");
    desk.assert_results_are_the_uninterrupted_ones();
}

#[cfg(unix)]
#[test]
fn a_report_waits_for_another_says_so_and_can_be_stopped_meanwhile() {
    let desk = Desk::with_finished_runs();
    fs::create_dir(desk.path("reports")).unwrap();
    let lock = File::create(desk.path("reports/.lock")).unwrap();
    lock.try_lock().unwrap();
    for (signal, command) in [("-USR1", "study tiny.toml"), ("-TERM", "report tiny.toml")] {
        let mut process = desk.start(command);
        wait_for(&mut process, "Waiting for another process to write its report in reports");
        send(signal, &process);
        let stopped = printed(130, process.wait_with_output().unwrap()).stderr;
        assert!(stopped.contains(&format!("whybn {command}")), "{stopped}");
        assert!(!desk.path("reports/tiny.md").exists());
    }
    let mut process = desk.start("report tiny.toml");
    wait_for(&mut process, "Waiting");
    drop(lock);
    printed(0, process.wait_with_output().unwrap());
    desk.assert_results_are_the_uninterrupted_ones();
}

/// A library without `flock`, as file systems of clusters are.
#[cfg(target_os = "linux")]
fn without_locks(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("noflock.c"), folder.join("noflock.so"));
    fs::write(&source, "#include <errno.h>\nint flock(int file, int how) { errno = ENOSYS; return -1; }\n").unwrap();
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(compiled.unwrap().success());
    library
}

#[cfg(target_os = "linux")]
fn held(desk: &Desk) -> Vec<PathBuf> {
    let names =
        files(&desk.path("runs/locks")).into_keys().filter(|name| name.contains(".held-") && !name.ends_with("new"));
    names.map(|name| desk.path("runs/locks").join(name)).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn where_files_cannot_be_locked_files_with_their_owners_take_the_place_of_locks() {
    let desk = Desk::new();
    let library = without_locks(&desk.path(""));
    let start = |command: &str| desk.start_over(&library, command);

    // A process that was killed leaves its files.
    let mut killed = start("study tiny.toml --jobs 1");
    let said = wait_for(&mut killed, "no file locks");
    assert!(said.contains("runs/locks") && said.contains("Function not implemented"), "{said}");
    while held(&desk).len() < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();

    // Those of another host may be at work: they are waited for, and named with what to do.
    let elsewhere = |file: &PathBuf| {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let name = file.to_string_lossy().replace(&format!("held-{}-", host.trim()), "held-elsewhere-");
        assert_ne!(Path::new(&name), file);
        fs::rename(file, &name).unwrap();
        PathBuf::from(name)
    };
    let left: Vec<_> = held(&desk).iter().map(elsewhere).collect();
    let refused = printed(2, start("study tiny.toml").wait_with_output().unwrap()).stderr;
    let study = left.iter().find(|file| file.to_string_lossy().contains("study-tiny")).unwrap();
    let remedy = format!("remove runs/locks/{}", study.file_name().unwrap().to_string_lossy());
    assert!(refused.contains(" of ") && refused.contains(", since 20") && refused.contains(&remedy), "{refused}");
    let mut trial = start("trial tiny.toml 1");
    assert!(wait_for(&mut trial, "waiting for process").contains("held-elsewhere-"));
    left.iter().for_each(|file| fs::remove_file(file).unwrap());

    // A lock that a process of this host left is taken over, and several share the work.
    let (_, study) = (printed(0, trial.wait_with_output().unwrap()), start("study tiny.toml --jobs 1"));
    for process in [start("trial tiny.toml 6"), start("trial tiny.toml 6"), study] {
        printed(0, process.wait_with_output().unwrap());
    }
    assert_eq!(held(&desk), Vec::<PathBuf>::new());
    desk.assert_results_are_the_uninterrupted_ones();
}
