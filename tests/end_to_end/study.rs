//! Whole studies.

use std::fs;

use super::desk::{Desk, TINY, cifar10, copy, files, uninterrupted};

#[test]
fn a_study_asks_trains_answers_and_leaves_all_its_files() {
    let desk = Desk::new();
    let printed = desk.run(0, "study tiny.toml --jobs 2");
    for words in ["Does the whole program work?", "6 (3 conditions × 2 seeds)", "BatchNorm trains faster", "tiny.md"] {
        assert!(printed.stdout.contains(words), "{words}: {}", printed.stdout);
    }
    assert!(printed.stderr.contains("[6/6]"), "{}", printed.stderr);
    for name in ["reports/tiny.md", "reports/README.md", "reports/tiny/summary.json", "reports/tiny/records.csv.gz"] {
        assert!(desk.path(name).is_file(), "{name}");
    }
    let run = fs::read_to_string(desk.path("reports/tiny/run.json")).unwrap();
    assert!(run.contains("whybn study tiny.toml --jobs 2") && run.contains("wall_seconds"), "{run}");
    let run: serde_json::Value = serde_json::from_str(&run).unwrap();
    let (entry, trained_by) = (&run[0], &run[0]["trained_by"][0]);
    assert_eq!((&entry["commit"], &trained_by["trials"]), (&env!("WHYBN_COMMIT").into(), &6.into()));
    for fact in ["commit", "cpu", "instruction_set", "system", "version"] {
        assert!(entry[fact].is_string() && entry[fact] == trained_by[fact], "{run}");
    }
    desk.assert_results_are_the_uninterrupted_ones();
}

#[test]
fn a_report_tells_which_programs_trained_its_trials() {
    let desk = Desk::with_finished_runs();
    let lists = || files(&desk.path("runs/trials")).into_keys().filter(|name| name.ends_with("trained_by.json"));
    for list in lists().skip(2) {
        let path = desk.path("runs/trials").join(list);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace(env!("WHYBN_COMMIT"), "another")).unwrap();
    }
    desk.run(0, "report tiny.toml");
    let run: serde_json::Value =
        serde_json::from_slice(&fs::read(desk.path("reports/tiny/run.json")).unwrap()).unwrap();
    let trained =
        |by: usize| (run[0]["trained_by"][by]["commit"].as_str(), run[0]["trained_by"][by]["trials"].as_u64());
    assert_eq!([trained(0), trained(1)], [(Some(env!("WHYBN_COMMIT")), Some(2)), (Some("another"), Some(4))], "{run}");
}

#[test]
fn results_do_not_depend_on_the_number_of_jobs() {
    let desk = Desk::new();
    desk.run(0, "study tiny.toml --jobs 1");
    desk.assert_results_are_the_uninterrupted_ones();
}

#[test]
fn finished_trials_are_not_trained_again() {
    let desk = Desk::with_finished_runs();
    let written = |desk: &Desk| {
        let weights = files(&desk.path("runs/trials")).into_keys();
        weights.map(|name| fs::metadata(desk.path("runs/trials").join(name)).unwrap().modified().unwrap()).collect()
    };
    let before: Vec<_> = written(&desk);
    let printed = desk.run(0, "study tiny.toml");
    assert!(printed.stdout.contains("6 found finished") && printed.stdout.contains("0 trials trained"));
    assert_eq!(before, written(&desk));
    desk.assert_results_are_the_uninterrupted_ones();
}

#[test]
fn a_changed_run_shares_trials_but_never_overwrites_a_report() {
    let desk = Desk::with_finished_runs();
    copy(&uninterrupted().path("reports"), &desk.path("reports"));
    let printed = desk.run(0, "study tiny.toml --seeds 1");
    assert!(printed.stdout.contains("3 found finished") && printed.stdout.contains("exploratory"));
    let results = desk.results();
    assert!(results.keys().any(|name| name.starts_with("reports/tiny-") && name.ends_with(".md")));
    for (name, bytes) in uninterrupted().results() {
        assert!(name == "reports/README.md" || results[&name] == bytes, "{name} differs");
    }
}

#[test]
fn a_report_of_another_plan_is_not_replaced() {
    let desk = Desk::with_finished_runs();
    for folder in ["x", "y"] {
        fs::create_dir(desk.path(folder)).unwrap();
        fs::write(desk.path(&format!("{folder}/tiny.toml")), TINY).unwrap();
    }
    desk.run(0, "study x/tiny.toml");
    desk.run(0, "report ./x/tiny.toml");
    let results = desk.results();
    let refused = |command: &str, words: &[&str]| {
        let error = desk.run(2, command).stderr;
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
        assert!(desk.results() == results, "{command}");
    };
    let words = ["reports/tiny is the report of another plan", "x/tiny.toml", "--out"];
    refused("study y/tiny.toml --jobs 2", &words);
    refused("report y/tiny.toml", &words);
    // Two changes with one hash.
    desk.run(0, "study x/tiny.toml --seeds 1");
    let changed =
        desk.results().into_keys().find(|name| name.starts_with("reports/tiny-") && name.ends_with("plan.json"));
    let plan = desk.path(&changed.unwrap());
    fs::write(&plan, fs::read_to_string(&plan).unwrap().replace("seeds=1", "seeds=9")).unwrap();
    let results = desk.results();
    let error = desk.run(2, "study x/tiny.toml --seeds 1").stderr;
    assert!(error.contains("is the report of another plan (study x/tiny.toml, scale desk, seeds=9)"), "{error}");
    assert!(desk.results() == results);
}

#[test]
fn a_report_is_made_from_the_runs_alone() {
    let desk = Desk::with_finished_runs();
    desk.run(0, "report tiny.toml --out elsewhere");
    let mut expected = files(&uninterrupted().path("reports"));
    let mut here = files(&desk.path("elsewhere"));
    for reports in [&mut expected, &mut here] {
        reports.remove("tiny/run.json");
    }
    assert!(here == expected);
}

#[test]
fn a_report_is_made_from_the_records_beside_an_earlier_one() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("reports/tiny")).unwrap();
    for name in ["plan.json", "records.csv.gz"] {
        let name = format!("reports/tiny/{name}");
        fs::copy(uninterrupted().path(&name), desk.path(&name)).unwrap();
    }
    desk.run(0, "report tiny.toml");
    let mut expected = uninterrupted().results();
    expected.retain(|name, _| name.starts_with("reports"));
    assert!(desk.results() == expected);
}

/// A desk as a clone has it: with the report, without the runs.
fn clone() -> Desk {
    let desk = Desk::new();
    copy(&uninterrupted().path("reports"), &desk.path("reports"));
    desk
}

#[test]
fn trials_with_committed_records_are_not_trained_again() {
    let desk = clone();
    let printed = desk.run(0, "study tiny.toml").stdout;
    assert!(printed.contains("0 found finished; 6 trials with committed records (another --out"), "{printed}");
    assert!(printed.contains("0 trials trained, 6 found finished"), "{printed}");
    let expected = files(&uninterrupted().path("reports"));
    let same = |desk: &Desk| {
        let reports = files(&desk.path("reports"));
        reports.iter().all(|(name, bytes)| name.ends_with("run.json") || expected[name] == *bytes)
    };
    assert!(same(&desk) && files(&desk.path("runs/trials")).is_empty());

    // Only what is new is trained, and the others' records stay.
    fs::write(desk.path("tiny.toml"), TINY.replace("seeds = 2", "seeds = 3")).unwrap();
    let printed = desk.run(0, "study tiny.toml").stdout;
    assert!(printed.contains("3 trials trained, 6 found finished"), "{printed}");
    // And who wants the weights may have them.
    assert!(desk.run(0, "trial tiny.toml 1").stderr.contains("[1/1]"));
}

#[test]
fn the_only_copy_of_a_record_is_not_dropped() {
    let desk = clone();
    let records = || fs::read(desk.path("reports/tiny/records.csv.gz")).unwrap();
    let before = records();
    for (from, to, words) in [
        ("bins = 8", "bins = 9", "the study no longer has their probe `histogram-"),
        ("seeds = 2", "seeds = 1", "`standard` (1 trial), `batch_norm` (1 trial), `noisy_batch_norm` (1 trial)"),
        ("learning_rate = 0.05", "learning_rate = 0.06", "`standard` (2 trials)"),
    ] {
        fs::write(desk.path("tiny.toml"), TINY.replacen(from, to, 1)).unwrap();
        for command in ["study tiny.toml", "report tiny.toml --partial"] {
            let refused = desk.run(2, command).stderr;
            for word in ["reports/tiny/records.csv.gz has the only records of", words, "move reports/tiny away"] {
                assert!(refused.contains(word), "{command}: {refused}");
            }
        }
        assert!(records() == before && !desk.path("runs/trials").exists());
    }
    fs::write(desk.path("tiny.toml"), TINY.replace("\"noisy_batch_norm\"", "\"noisy\"")).unwrap();
    assert!(desk.run(0, "study tiny.toml").stdout.contains("0 trials trained, 6 found finished"));
    // Where the runs have the records, too, the report may lose them.
    copy(&uninterrupted().path("runs"), &desk.path("runs"));
    fs::write(desk.path("tiny.toml"), TINY.replace("seeds = 2", "seeds = 1")).unwrap();
    desk.run(0, "study tiny.toml");
}

#[test]
fn a_criterion_that_moved_after_the_data_leaves_its_trace() {
    let desk = Desk::with_finished_runs();
    let page = |out: &str| fs::read_to_string(desk.path(out).join("tiny.md")).unwrap();
    let told = "Changed, added or removed after the first trial was trained: T1";
    desk.run(0, "study tiny.toml");
    fs::write(desk.path("tiny.toml"), TINY.replace("above = 0.0", "above = -100.0")).unwrap();
    for (command, out) in [("report", "reports"), ("study", "elsewhere")] {
        let printed = desk.run(0, &format!("{command} tiny.toml --out {out}")).stdout;
        assert!(printed.contains(told) && printed.contains("(exploratory)"), "{printed}");
        assert!(page(out).contains("**Changed claims.** T1"));
    }
    // Words are free.
    fs::write(desk.path("tiny.toml"), TINY.replace("trains faster", "is faster")).unwrap();
    assert!(!desk.run(0, "report tiny.toml").stdout.contains(told));
    assert!(page("reports").contains("is faster") && !page("reports").contains("Changed claims"));

    // And single trials keep the claims.
    let other = Desk::new();
    other.run(0, "trial tiny.toml 1");
    fs::write(other.path("tiny.toml"), TINY.replace("above = 0.0", "above = -100.0")).unwrap();
    assert!(other.run(0, "report tiny.toml --partial").stdout.contains(told));
}

#[test]
fn single_trials_by_number_and_id_make_the_same_study() {
    let desk = Desk::new();
    let plan = desk.run(0, "study tiny.toml --dry-run").stdout;
    assert!(!desk.path("runs").exists() && !desk.path("reports").exists(), "a dry run writes nothing");
    assert!(plan.contains("ONE STEP") && plan.contains("at a time on this machine"), "{plan}");
    let row = plan.lines().find(|line| line.ends_with("standard seed 1")).unwrap();
    let id = row.split_whitespace().nth(1).unwrap();

    for number in [1, 2, 3] {
        desk.run(0, &format!("trial tiny.toml {number}"));
    }
    let refused = desk.run(2, "report tiny.toml").stderr;
    assert!(refused.contains("3 trials of 6 not finished") && refused.contains("--partial"), "{refused}");
    desk.run(0, "report tiny.toml --partial --out partial");
    assert!(desk.path("partial/tiny.md").is_file());

    desk.run(0, &format!("trial tiny.toml {id}"));
    assert!(desk.run(0, "trial tiny.toml 4").stdout.contains("finished already"));
    for number in [5, 6] {
        desk.run(0, &format!("trial tiny.toml {number}"));
    }
    desk.run(0, "report tiny.toml");
    desk.assert_results_are_the_uninterrupted_ones();
}

#[test]
fn data_are_found_through_the_environment_and_a_short_test_file_is_named() {
    let desk = Desk::new();
    let folder = cifar10(&desk.path("pictures"));
    let command = "tiny.toml --set data=cifar10 --seeds 1";
    desk.run_with_data(&folder, 0, &format!("study {command}"));
    let results = desk.results();
    let (name, page) = results.iter().find(|(name, _)| name.starts_with("reports/tiny-")).unwrap();
    let page = String::from_utf8_lossy(page);
    assert!(page.contains("40 of 10,000 test images"), "{name}: {page}");

    // Elsewhere with other data of the same name, the records' own data are named, not those.
    let test = folder.join("test_batch.bin");
    fs::write(&test, &fs::read(&test).unwrap()[..3073 * 32]).unwrap();
    desk.run_with_data(&folder, 0, &format!("report {command} --runs none"));
    assert!(desk.results()[name] == results[name]);
    // And the two are never mixed.
    desk.run_with_data(&folder, 0, &format!("trial {command} 1 --runs other"));
    let refused = desk.run_with_data(&folder, 2, &format!("report {command} --runs other")).stderr;
    assert!(refused.contains("records.csv.gz has the only records of `standard` (1 trial)"), "{refused}");
}

#[test]
fn studies_and_data_are_listed() {
    let desk = Desk::new();
    let list = desk.run(0, "list").stdout;
    assert!(list.contains("noisy_bn") && list.contains("--scale desk") && list.contains("--scale paper"), "{list}");
    let data = desk.run(0, "data check").stdout;
    assert!(data.contains("Fashion-MNIST") && data.contains("whybn data fetch cifar10"), "{data}");
}

/// The whole example of `studies/README.md`, then with each of the pieces that can be added to it.
#[test]
fn every_example_of_the_documentation_runs() {
    let text = include_str!("../../studies/README.md");
    let blocks: Vec<&str> = text.split("```toml\n").skip(1).map(|part| part.split("```").next().unwrap()).collect();
    let desk = Desk::new();
    for piece in std::iter::once("").chain(blocks[1..].iter().copied()) {
        fs::write(desk.path("example.toml"), format!("{}\n{piece}", blocks[0])).unwrap();
        let steps = if piece.contains("with = { \"train.steps\"") { "" } else { "--steps 2" };
        let printed = desk.run(0, &format!("study example.toml --seeds 1 {steps}"));
        assert!(printed.stdout.contains("Report: reports/example-"), "{piece}: {}", printed.stdout);
    }
}
