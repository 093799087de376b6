//! Several processes at once.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};

use super::desk::{Desk, printed};

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
    assert!(waits.unwrap().contains("standard seed 0"));
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
