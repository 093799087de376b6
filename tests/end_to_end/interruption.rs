//! Stopped anywhere, a study goes on and ends with the same bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::desk::{Desk, files, printed, send, wait_for};

/// Waits until `happened` says so.
fn until(mut happened: impl FnMut() -> bool) {
    while !happened() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The first file of a trial whose name starts and ends so.
fn find(desk: &Desk, start: &str, end: &str) -> Option<PathBuf> {
    let trials = desk.path("runs/trials");
    let is_it =
        |name: &String| name.split('/').nth(1).is_some_and(|file| file.starts_with(start) && file.ends_with(end));
    files(&trials).into_keys().find(is_it).map(|name| trials.join(name))
}

#[test]
fn killed_many_times_a_study_ends_with_the_same_bytes() {
    let desk = Desk::new();
    for kill in 0..8 {
        let mut study = desk.start("study tiny.toml --jobs 2");
        let before = files(&desk.path("runs/trials")).len();
        let mut ended = false;
        until(|| {
            ended = study.try_wait().unwrap().is_some();
            ended || files(&desk.path("runs/trials")).len() != before
        });
        assert!(!ended || kill > 0, "the first kill must meet a study at work");
        // Any moment from the first write on: between steps, within a write, within a measurement.
        std::thread::sleep(Duration::from_millis(37 * kill));
        study.kill().unwrap();
        study.wait().unwrap();
    }
    desk.run(0, "study tiny.toml --jobs 2");
    desk.assert_results_are_the_uninterrupted_ones();
}

#[cfg(unix)]
#[test]
fn a_checkpoint_that_was_left_beside_a_finished_trial_goes() {
    let name = find(&interrupted(), "checkpoint-", ".csv").unwrap();
    let name = name.file_name().unwrap().to_str().unwrap();
    for command in ["study tiny.toml", "trial tiny.toml 1"] {
        let desk = Desk::with_finished_runs();
        let id = desk.run(0, "study tiny.toml --dry-run").stdout;
        let id =
            id.lines().find(|line| line.trim_start().starts_with("1 ")).unwrap().split_whitespace().nth(1).unwrap();
        let left = desk.path(&format!("runs/trials/{id}/{name}"));
        fs::write(&left, "left by a process that was killed").unwrap();
        desk.run(0, command);
        assert!(!left.exists(), "{command}");
    }
}

/// A desk whose study was stopped by Ctrl-C once a checkpoint was there. (Where the trial ended before the signal came, the
/// checkpoint is gone: then another.)
#[cfg(unix)]
fn interrupted() -> Desk {
    for _ in 0..20 {
        let desk = Desk::new();
        let study = desk.start("study tiny.toml --jobs 1");
        until(|| find(&desk, "checkpoint-", ".safetensors").is_some());
        send("-INT", &study);
        let printed = printed(130, study.wait_with_output().unwrap());
        assert!(printed.stderr.contains("whybn study tiny.toml --jobs 1"), "{}", printed.stderr);
        if find(&desk, "checkpoint-", ".safetensors").is_some() {
            return desk;
        }
    }
    panic!("no trial was stopped at a checkpoint in twenty studies")
}

#[cfg(unix)]
#[test]
fn stopped_by_ctrl_c_a_study_goes_on_from_its_checkpoint() {
    let desk = interrupted();
    assert!(!desk.path("reports/tiny.md").exists());
    desk.run(0, "study tiny.toml");
    desk.assert_results_are_the_uninterrupted_ones();
}

/// Twenty seeds have a million sign flips, which here are tested again for each of many claims.
#[cfg(unix)]
#[test]
fn a_stop_is_a_stop_while_claims_are_judged_too() {
    let desk = Desk::new();
    let study = || {
        let claim = |number: usize| {
            format!(
                "[[claim]]\nid = \"C{number}\"\nrole = \"secondary\"\norigin = \"ours\"\nsays = \"a\"\nunit = \"b\"\n\
                 metric = \"train_loss\"\nstatistic = {{ contrast = {{ a = 1.0, b = -1.0 }} }}\ncriterion = {{ above = 0.0 }}\n"
            )
        };
        let arm = |name: &str, norm: &str| {
            format!(
                "[[arm]]\nname = \"{name}\"\nsays = \"c\"\nsetup = \"s\"\nset = {{ \"model.norm\" = \"{norm}\" }}\n"
            )
        };
        let claims: String = (0..400).map(claim).collect();
        format!(
            "title = \"t\"\nquestion = \"q\"\n[setup.s]\ndata = \"gaussian_regression\"\nloss = \"half_squared_error_sum\"\n\
             model = {{ kind = \"deep_linear\", depth = 2, width = 4 }}\n\
             train = {{ learning_rate = 1e-6, batch = \"full\", steps = 1 }}\n\
             {}{}[scale.desk]\nsays = \"d\"\nseeds = 20\n{claims}",
            arm("a", "none"),
            arm("b", "batch")
        )
    };
    fs::write(desk.path("flips.toml"), study()).unwrap();
    for (signal, command) in [("-TERM", "study flips.toml --jobs 2"), ("-INT", "report flips.toml")] {
        let mut process = desk.start(command);
        if command.starts_with("study") {
            wait_for(&mut process, "[40/40]");
        }
        std::thread::sleep(Duration::from_millis(300));
        send(signal, &process);
        let stopped = printed(130, process.wait_with_output().unwrap());
        assert!(stopped.stderr.contains(command), "{}", stopped.stderr);
        assert!(!desk.path("reports/flips").exists() && !desk.path("reports/flips.md").exists());
    }
}

#[cfg(unix)]
#[test]
fn a_damaged_checkpoint_is_set_aside_and_its_trial_redone() {
    for end in [".safetensors", ".csv"] {
        let desk = interrupted();
        let checkpoint = find(&desk, "checkpoint-", end).unwrap();
        let bytes = fs::read(&checkpoint).unwrap();
        let mut damaged = bytes.clone();
        damaged[bytes.len() / 2] ^= 1;
        fs::write(&checkpoint, damaged).unwrap();
        let printed = desk.run(0, "study tiny.toml");
        let name = checkpoint.file_name().unwrap().to_str().unwrap();
        assert!(printed.stderr.contains(name) && printed.stderr.contains("set aside"), "{}", printed.stderr);
        desk.assert_results_are_the_uninterrupted_ones();
    }
}

#[cfg(unix)]
#[test]
fn a_trial_of_another_instruction_set_is_not_continued() {
    let desk = interrupted();
    begun_with(&desk, |_| "another");
    let before = desk.results();
    let refused = desk.run(2, "study tiny.toml --jobs 1").stderr;
    for words in ["trial.json", "instruction set another", "finish it where it was begun"] {
        assert!(refused.contains(words), "{refused}");
    }
    assert!(desk.results() == before, "nothing is lost");
}

#[cfg(unix)]
#[test]
fn avx2_and_avx512_continue_each_others_trials() {
    let desk = interrupted();
    let other = |set: &str| match set {
        "avx2" => "avx512",
        "avx512" => "avx2",
        _ => "plain",
    };
    begun_with(&desk, other);
    desk.run(0, "study tiny.toml");
    desk.assert_results_are_the_uninterrupted_ones();
}

/// Makes the card of the interrupted trial say that it was begun with what `other` makes of its instruction set.
#[cfg(unix)]
fn begun_with(desk: &Desk, other: impl Fn(&str) -> &'static str) {
    let card = find(desk, "checkpoint-", ".safetensors").unwrap().with_file_name("trial.json");
    let text = fs::read_to_string(&card).unwrap();
    let (from, to) = text.split_once("\"instruction_set\": \"").unwrap();
    let (set, to) = to.split_once('"').unwrap();
    fs::write(&card, format!("{from}\"instruction_set\": \"{}\"{to}", other(set))).unwrap();
}

/// A finished trial whose first file `name…` is damaged so is refused by a report and redone by a study.
fn assert_redone(name: &str, damage: impl Fn(&mut Vec<u8>)) {
    let desk = Desk::with_finished_runs();
    let file = find(&desk, name, "").unwrap();
    let mut bytes = fs::read(&file).unwrap();
    damage(&mut bytes);
    assert_ne!(bytes, fs::read(&file).unwrap());
    fs::write(&file, bytes).unwrap();

    let refused = desk.run(2, "report tiny.toml").stderr;
    assert!(refused.contains(name) && refused.contains("whybn study"), "{refused}");
    let printed = desk.run(0, "study tiny.toml");
    assert!(printed.stderr.contains(name) && printed.stderr.contains("set aside"), "{}", printed.stderr);
    assert!(printed.stdout.contains("5 found finished"), "{}", printed.stdout);
    desk.assert_results_are_the_uninterrupted_ones();
}

#[test]
fn damaged_results_are_set_aside_and_their_trial_redone() {
    let half = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let flip = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    assert_redone("training-", half);
    assert_redone("weights.safetensors", flip);
    assert_redone("weights.safetensors", |bytes| bytes.clear());
    assert_redone("done.json", half);
    assert_redone("trial.json", |bytes| bytes.clear());
}

/// Both commands refuse, name the file and the reason, and move nothing.
fn assert_kept(desk: &Desk, commands: &[&str], words: &[&str]) {
    let before = files(&desk.path("runs/trials"));
    for command in commands {
        let refused = desk.run(2, command).stderr;
        assert!(words.iter().all(|word| refused.contains(word)), "{command}: {words:?}: {refused}");
    }
    let after = files(&desk.path("runs/trials"));
    assert!(after == before && !after.keys().any(|name| name.contains("damaged")), "{words:?}");
}

/// A folder in the place of a file is as unreadable to root as to others.
fn make_unreadable(file: &Path) {
    fs::remove_file(file).unwrap();
    fs::create_dir(file).unwrap();
}

#[test]
fn results_that_cannot_be_read_or_are_of_another_version_are_kept() {
    for name in ["done.json", "trial.json", "weights.safetensors", "training-"] {
        let desk = Desk::with_finished_runs();
        let file = find(&desk, name, "").unwrap();
        make_unreadable(&file);
        let file = file.strip_prefix(desk.path("")).unwrap().display().to_string();
        assert_kept(&desk, &["study tiny.toml", "report tiny.toml"], &[&file, "cannot read", "directory"]);
    }
    for name in ["done.json", "trial.json"] {
        let desk = Desk::with_finished_runs();
        let file = find(&desk, name, "").unwrap();
        // Of the rest, the form is not known either.
        fs::write(&file, "{ \"schema\": 999 }").unwrap();
        assert_kept(&desk, &["study tiny.toml", "report tiny.toml"], &[name, "another version", "schema 999"]);
    }
}

#[cfg(unix)]
#[test]
fn checkpoints_that_cannot_be_read_are_kept() {
    for (start, end) in [("checkpoint-", ".safetensors"), ("checkpoint-", ".csv"), ("trial", ".json")] {
        let desk = interrupted();
        let file = find(&desk, "checkpoint-", ".csv").unwrap().parent().unwrap().to_path_buf();
        let in_it = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(start) && name.ends_with(end)
        };
        let file = fs::read_dir(file).unwrap().map(|entry| entry.unwrap().path()).find(in_it).unwrap();
        make_unreadable(&file);
        assert_kept(&desk, &["study tiny.toml --jobs 1"], &[end, "cannot read", "directory"]);
    }
}

/// No disk is filled here: a limit on the size of a file makes the same writes fail in the same way.
#[cfg(unix)]
#[test]
fn a_full_disk_is_reported_and_loses_nothing() {
    let desk = Desk::new();
    let script = format!("ulimit -f 4; trap '' XFSZ; exec '{}' study tiny.toml --jobs 1", env!("CARGO_BIN_EXE_whybn"));
    let output = std::process::Command::new("bash").arg("-c").arg(script).current_dir(desk.path("")).output().unwrap();
    let printed = printed(2, output);
    for words in ["runs/trials/", "Free some space and run the same command again"] {
        assert!(printed.stderr.contains(words), "{}", printed.stderr);
    }
    desk.run(0, "study tiny.toml");
    desk.assert_results_are_the_uninterrupted_ones();
}
