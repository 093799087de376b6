//! Whole reports from made-up records.

use std::collections::BTreeMap;
use std::path::Path;

use super::testing::{input, plan};
use super::*;
use crate::data::Standing;
use crate::record::{Ending, Record, TrialRecords};
use crate::study::claim::Role;
use crate::study::{Overrides, PlannedTrial, Study};

/// A report in a folder of its own, its page read back as text without the mark.
fn page_of(input: &Input) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let page = Contents::new(&View::new(input)).unwrap().write(folder.path()).unwrap();
    let text = std::fs::read_to_string(page).unwrap();
    (folder, text.strip_prefix(place::MARK).unwrap().to_string())
}

fn pictures(folder: &Path) -> Vec<String> {
    let names = files_of(folder).into_keys().map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".svg")).collect()
}

/// Every file below `folder`, by path.
fn files_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_of(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn the_page() {
    let plan = plan(8);
    insta::assert_snapshot!(page_of(&input(&plan)).1);
}

#[test]
fn writing_twice_gives_the_same_bytes_and_strays_go() {
    let plan = plan(2);
    let (folder, _) = page_of(&input(&plan));
    let first = files_of(folder.path());
    assert_eq!(first.len(), 1 + 6 + 3, "a page, six pictures, three files: {:?}", first.keys());
    std::fs::write(folder.path().join("noisy_bn/old.svg"), place::MARK.to_owned() + "old").unwrap();
    Contents::new(&View::new(&input(&plan))).unwrap().write(folder.path()).unwrap();
    assert_eq!(files_of(folder.path()), first);
    // But not somebody else's, nor is it written over.
    let theirs = ["noisy_bn/my.svg", "noisy_bn/claims.svg"].map(|name| folder.path().join(name));
    std::fs::write(&theirs[0], "<svg/>").unwrap();
    Contents::new(&View::new(&input(&plan))).unwrap().write(folder.path()).unwrap();
    std::fs::write(&theirs[1], "<svg/>").unwrap();
    let error = Contents::new(&View::new(&input(&plan))).unwrap().write(folder.path()).unwrap_err();
    assert!(error.to_string().contains("claims.svg: this program did not make this file"), "{error}");
    assert!(theirs.iter().all(|path| std::fs::read(path).unwrap() == b"<svg/>"));
}

/// Words of a study's file stay words.
#[test]
fn pipes_newlines_and_tags_of_names_and_titles_make_no_markdown() {
    let mut plan = plan(2);
    plan.study.title = "Lin | x\n\n## Claims\n<b>h</b>".into();
    plan.study.claim[0].id = "N|1".into();
    plan.study.claim[1].id = "<b>2".into();
    let made = input(&plan);
    let (folder, page) = page_of(&made);
    write_index(folder.path()).unwrap();
    let index = std::fs::read_to_string(folder.path().join("README.md")).unwrap();
    for text in [&page, &index] {
        assert!(text.contains("Lin | x  ## Claims &lt;b>h&lt;/b>"), "{text}");
        assert!(text.contains(r"N\|1") && text.contains("&lt;b>2") && !text.contains("<b>"), "{text}");
    }
    assert_eq!(page.matches("\n## Claims").count(), 1);
    let columns = |line: &str| line.replace(r"\|", "").matches('|').count();
    let mut rows =
        page.lines().skip_while(|line| !line.starts_with("|  | claim")).take_while(|line| line.starts_with('|'));
    let head = columns(rows.next().unwrap());
    assert!(rows.all(|row| columns(row) == head), "{page}");
}

#[test]
fn gzip_of_several_members_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.gz");
    std::fs::write(&path, [stored::compress(b"one, ").unwrap(), stored::compress(b"two").unwrap()].concat()).unwrap();
    assert_eq!(stored::uncompressed(&path).unwrap(), b"one, two");
}

#[test]
fn records_that_unpack_without_end_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.gz");
    std::fs::write(&path, stored::compress(&vec![0; 1 << 24]).unwrap().repeat(65)).unwrap();
    let error = stored::uncompressed(&path).unwrap_err().to_string();
    assert!(error.contains("bomb.gz: it unpacks to 1 GiB or more"), "{error}");
}

/// Trials of an older schema are shown, and said to be.
#[test]
fn a_report_of_an_older_schema_is_written_again_and_says_so() {
    let plan = plan(2);
    let mut made = input(&plan);
    let words = "trial schema 0 (an older one: it is 1 now) and 1, ";
    assert!(!page_of(&made).1.contains(words));
    for (trial, planned) in made.trials.iter_mut().zip(&plan.trials).take(3) {
        trial.id = planned.spec.identity_under(0, trial.seed, &made.data[0].sha256);
    }
    let (folder, page) = page_of(&made);
    assert!(page.contains(words), "{page}");
    let stored = Earlier::find(&plan, folder.path()).unwrap().input(&plan).unwrap();
    assert_eq!(page_of(&stored).1, page);
}

/// NaN and infinities come back, as does every digit, and with them the same report.
#[test]
fn a_report_is_written_again_from_its_own_folder() {
    let plan = plan(2);
    let mut made = input(&plan);
    for (index, value) in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, 0.1 + 0.2].into_iter().enumerate()
    {
        made.trials[0].records[index].value = value;
    }
    made.trials[1].ending = Ending::Diverged { step: 7 };
    let (folder, _) = page_of(&made);
    let first = files_of(folder.path());
    let stored = Earlier::find(&plan, folder.path()).unwrap().input(&plan).unwrap();
    for (ours, theirs) in made.trials.iter().zip(&stored.trials) {
        let bits = |trial: &TrialRecords| trial.records.iter().map(|record| record.value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(ours), bits(theirs));
    }
    Contents::new(&View::new(&stored)).unwrap().write(folder.path()).unwrap();
    assert_eq!(files_of(folder.path()), first);
}

#[test]
fn damage_is_named_with_file_and_line() {
    let plan = plan(1);
    let (folder, _) = page_of(&input(&plan));
    let dir = folder.path().join("noisy_bn");
    let path = dir.join(stored::RECORDS);
    let whole = std::fs::read(&path).unwrap();
    let csv = String::from_utf8(stored::uncompressed(&path).unwrap()).unwrap();
    let error = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let Err(error) = Earlier::find(&plan, folder.path()).unwrap().input(&plan) else { panic!("damage is seen") };
        format!("{error:#}")
    };
    let edited = |from: &str, to: &str| stored::compress(csv.replacen(from, to, 1).as_bytes()).unwrap();
    let cut = error(&whole[..whole.len() / 2]);
    assert!(cut.contains("records.csv.gz, line ") && cut.contains("cut off or corrupt"), "{cut}");
    let header = error(&edited("arm,seed", "arm,sead"));
    assert!(header.contains("records.csv.gz, line 1: the columns must be arm,seed,"), "{header}");
    let row = csv.lines().nth(2).unwrap();
    let number = error(&edited(row, "standard,0,,one,train_loss,,1.0"));
    assert!(number.contains("records.csv.gz, line 3: `one` is not a step"), "{number}");
    let short = error(&edited(row, "standard,0"));
    assert!(short.contains("records.csv.gz, line 3"), "{short}");
    let stranger = error(&edited(row, "standard,7,,1,train_loss,,1.0"));
    assert!(stranger.contains("records.csv.gz, line 3: no trial of the plan is standard seed 7"), "{stranger}");
    let other = error(&edited(row, "standard,0,,1,train_loss,,1.0"));
    assert!(other.contains("not the records that plan.json"), "{other}");
}

/// A record is kept under its arm's new name, and never dropped while it has no other copy.
#[test]
fn a_record_is_not_lost() {
    let plan = plan(2);
    let made = input(&plan);
    let (folder, _) = page_of(&made);
    let earlier = Earlier::find(&plan, folder.path()).unwrap();
    let nowhere = |_: &str, _: &[String]| false;
    let refuse = |other: &Plan, elsewhere: fn(&str, &[String]) -> bool| {
        let refused = earlier.refuse_loss(other, &made.data, |_| true, elsewhere);
        refused.map_err(|error| error.to_string())
    };

    let mut renamed = plan.clone();
    renamed.trials.iter_mut().filter(|trial| trial.arm == "standard").for_each(|trial| trial.arm = "plain".into());
    let input = earlier.input(&renamed).unwrap();
    assert_eq!(input.trials.len(), made.trials.len());
    assert!(input.trials.iter().zip(&renamed.trials).all(|(trial, planned)| trial.arm == planned.arm));
    refuse(&renamed, nowhere).unwrap();

    let mut changed = plan.clone();
    changed.trials.iter_mut().filter(|trial| trial.arm == "standard").for_each(|t| t.spec.train.learning_rate = 0.2);
    assert_eq!(earlier.input(&changed).unwrap().trials.len(), made.trials.len() - 2);
    let refused = refuse(&changed, nowhere).unwrap_err();
    assert!(refused.contains("records.csv.gz has the only records of `standard` (2 trials), which would"), "{refused}");
    refuse(&changed, |_, _| true).unwrap();

    let mut probed = plan.clone();
    let probe = probed.probes.pop().unwrap().id();
    assert!(earlier.input(&probed).unwrap().trials.is_empty());
    let refused = refuse(&probed, nowhere).unwrap_err();
    assert!(refused.contains(&format!("no longer has their probe `{probe}`")), "{refused}");

    let partial = earlier.refuse_loss(&plan, &made.data, |planned| planned.seed == 0, nowhere).unwrap_err();
    assert!(partial.to_string().contains("`standard` (1 trial), `batch_norm` (1 trial)"), "{partial}");
}

#[test]
fn a_study_whose_trials_all_diverged_is_reported() {
    let plan = plan(8);
    let mut made = input(&plan);
    for trial in &mut made.trials {
        trial.ending = Ending::Diverged { step: 3 };
        trial.records.retain(|record| record.step <= 3 && record.name.starts_with("train"));
        trial.records.iter_mut().filter(|record| record.step == 3).for_each(|record| record.value = f64::NAN);
    }
    let (folder, page) = page_of(&made);
    assert!(page.contains("`standard`: 0 stuck, 8 diverged, of 8 trials"), "{page}");
    assert!(!page.contains("is replicated"), "{page}");
    assert!(pictures(folder.path()).contains(&"accuracy.svg".to_string()));
}

#[test]
fn one_seed_gives_estimates_and_no_verdict() {
    let plan = plan(1);
    let (_folder, page) = page_of(&input(&plan));
    let answer = page.lines().find(|line| line.starts_with("**Answer.**")).unwrap();
    assert!(answer.contains("There is no verdict on “Noisy BatchNorm keeps"), "{answer}");
    assert!(!answer.contains("is replicated") && !answer.contains("leaves more than half"), "{answer}");
}

#[test]
fn pictures_without_records_are_left_out() {
    let plan = plan(6);
    let mut made = input(&plan);
    for trial in &mut made.trials {
        trial.records.retain(|record| record.name == "train_accuracy");
    }
    let (folder, page) = page_of(&made);
    assert_eq!(pictures(folder.path()), ["accuracy.svg", "arms.svg", "claims.svg"]);
    assert!(!page.contains("drift.svg") && !page.contains("noise off, %"), "{page}");
    assert!(!page.contains("Fixed images"), "{page}");
}

/// At paper scale a sweep doubles the trials: claims and pictures are about its first value, tables about all, and
/// the paper's curves lie under ours.
#[test]
fn a_partial_swept_run_at_paper_scale() {
    let plan = Plan::new(Study::load("noisy_bn").unwrap(), "paper", &Overrides::default()).unwrap();
    let few = |trial: &crate::study::PlannedTrial| TrialRecords {
        arm: trial.arm.clone(),
        seed: trial.seed,
        sweep: trial.sweep.clone(),
        id: String::new(),
        steps: 15_000,
        ending: Ending::Finished,
        instruction_set: String::new(),
        records: (0..15_000)
            .step_by(100)
            .map(|step| Record {
                step,
                name: "train_accuracy".into(),
                layer: None,
                value: 20.0 + 5.0 * (step as f64 / 15_000.0),
            })
            .collect(),
    };
    let trials: Vec<TrialRecords> =
        plan.trials.iter().filter(|trial| trial.arm != "noisy_standard").take(12).map(few).collect();
    let made = Input { plan: &plan, trials, data: vec![super::testing::facts()] };
    let (folder, page) = page_of(&made);
    assert!(page.contains("24 of 36 planned trials are missing"), "{page}");
    assert!(
        page.contains(
            "There are none of `noisy_standard (train.weight_decay=0.0)`, `noisy_standard (train.weight_decay=0.0005)`."
        ),
        "{page}"
    );
    assert!(!page.contains("| `noisy_standard (train.weight_decay=0.0)` | 0 |"), "a row of nothing: {page}");
    assert!(page.contains("drawn at `train.weight_decay=0.0`"), "{page}");
    assert!(page.contains("`batch_norm (train.weight_decay=0.0005)`"), "{page}");
    assert!(page.contains("whybn study noisy_bn --scale paper\n"), "{page}");
    assert!(page.contains("wide pale lines are the paper's own curves"), "{page}");
    assert!(pictures(folder.path()).contains(&"accuracy.svg".to_string()));
}

/// A3 is a claim about the paper's 15,000 steps: secondary at scale `paper`, exploratory at `lab`.
#[test]
fn a_claim_that_a_scale_only_explores_says_so() {
    let plan = Plan::new(Study::load("learning_rate").unwrap(), "lab", &Overrides::default()).unwrap();
    let made = made_up(&plan, |trial| {
        let ahead = if trial.arm.starts_with("batch_norm") { 20.0 } else { 0.0 };
        let names = ["train_accuracy", "final.test.accuracy.running.clean"];
        names.map(|name| (name, None, 50.0 + ahead)).to_vec()
    });
    let (_folder, page) = page_of(&made);
    let row = page.lines().find(|line| line.starts_with("| **A3**")).expect("a row of the claims");
    assert!(row.contains("| secondary, exploratory here, paper | **replicated** |"), "{row}");
    assert!(page.contains("- **A3** (replicated, exploratory): "), "{page}");
}

#[test]
fn the_run_log_grows_and_a_damaged_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (command, trained) in [("report", 0), ("study", 8), ("report", 0), ("report again", 0)] {
        append_run_entry(folder.path(), &serde_json::json!({ "command": command, "trained": trained })).unwrap();
    }
    let path = folder.path().join("run.json");
    let entries: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let commands: Vec<_> = entries.iter().map(|entry| entry["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["report", "study", "report again"]);
    // Whoever has the records alone does not drop who trained them.
    let append = |command: &str, trained_by: &[&str]| {
        let entry = serde_json::json!({ "command": command, "trained": 0, "trained_by": trained_by });
        append_run_entry(folder.path(), &entry).unwrap();
    };
    append("report from runs", &["a cluster"]);
    append("report from runs again", &["a cluster"]);
    append("report from records", &[]);
    append("report from records again", &[]);
    let text = std::fs::read_to_string(&path).unwrap();
    let commands: Vec<_> = text.lines().filter(|line| line.contains("\"command\"")).skip(2).collect();
    assert!(commands[0].contains("runs again") && commands[1].contains("records again"), "{text}");
    assert_eq!(commands.len(), 2, "{text}");
    std::fs::write(&path, "{").unwrap();
    let error = append_run_entry(folder.path(), &()).unwrap_err().to_string();
    assert!(error.contains("run.json: not a list of runs"), "{error}");
}

#[test]
fn files_that_are_not_the_official_ones_head_the_page_and_prove_nothing_in_the_index() {
    let index = |standing| {
        let plan = plan(6);
        let mut input = input(&plan);
        input.data[0].files[0].standing = standing;
        let (folder, page) = page_of(&input);
        write_index(folder.path()).unwrap();
        (page, std::fs::read_to_string(folder.path().join("README.md")).unwrap())
    };
    let (page, text) = index(Standing::Other);
    let (head, _) = page.split_once("**Answer.**").unwrap();
    assert!(head.contains("> **Not the official data.**"), "{page}");
    assert!(text.contains("**Not the official data**: ") && !text.contains("## Bottom line"), "{text}");
    let (page, text) = index(Standing::LacksRecords);
    assert!(!page.contains("> **Not") && page.contains("lacks records of the official file"), "{page}");
    assert!(!text.contains("**Not the official data**") && text.contains("## Bottom line"), "{text}");
}

#[test]
fn the_index_lists_reports_and_marks_those_that_prove_nothing() {
    let mut plan = plan(6);
    let (folder, _) = page_of(&input(&plan));
    plan.changes = vec!["train.learning_rate=0.2".into()];
    let mut fewer = input(&plan);
    fewer.trials.pop();
    Contents::new(&View::new(&fewer)).unwrap().write(folder.path()).unwrap();
    write_index(folder.path()).unwrap();
    let index = std::fs::read_to_string(folder.path().join("README.md")).unwrap();
    assert_eq!(index.matches("\n## ").count(), 3, "{index}");
    let (bottom_line, _) = index.split_once("## [").unwrap();
    assert!(bottom_line.contains("**What holds.**\n\n- **N1**: “Noisy BatchNorm"), "{index}");
    assert!(bottom_line.contains("Replicated at [desk](noisy_bn.md), "), "{index}");
    assert!(bottom_line.contains("Supported (exploratory) at [desk](noisy_bn.md), "), "{index}");
    assert!(
        bottom_line.contains("without the exploratory ones: 5. At the largest scale of each, replicated: "),
        "{index}"
    );
    assert!(bottom_line.contains("**Where the paper's numbers lie outside our intervals.**"), "{index}");
    assert!(!bottom_line.contains("noisy_bn-"), "what was changed or is partial proves nothing: {index}");
    assert!(index.contains("## [noisy_bn](noisy_bn.md)") && index.contains("| N1 | N2 |"), "{index}");
    assert!(index.contains("**Exploratory**: run with changed settings (train.learning_rate=0.2)"), "{index}");
    assert!(index.contains("**Partial**: 1 planned trials are missing"), "{index}");
}

#[test]
fn the_bottom_line_puts_a_claim_where_its_largest_scale_does() {
    let plan = plan(6);
    let (folder, _) = page_of(&input(&plan));
    let desk = std::fs::read(folder.path().join("noisy_bn/summary.json")).unwrap();
    let mut lab: serde_json::Value = serde_json::from_slice(&desk).unwrap();
    lab["scale"] = "lab".into();
    assert_eq!((&lab["claims"][0]["id"], &lab["claims"][0]["verdict"]), (&"N1".into(), &"replicated".into()));
    lab["claims"][0]["verdict"] = "inconclusive".into();
    lab["claims"][0]["notes"] = serde_json::json!(["Its two tests disagree."]);
    std::fs::create_dir(folder.path().join("noisy_bn.lab")).unwrap();
    std::fs::write(folder.path().join("noisy_bn.lab/summary.json"), lab.to_string()).unwrap();
    std::fs::write(folder.path().join("noisy_bn.lab.md"), place::MARK).unwrap();
    write_index(folder.path()).unwrap();
    let index = std::fs::read_to_string(folder.path().join("README.md")).unwrap();
    let (_, undecided) = index.split_once("**What these runs do not decide.**").unwrap();
    let line = undecided.lines().find(|line| line.starts_with("- **N1**")).expect("where the lab report puts it");
    assert!(line.contains("Inconclusive at [lab](noisy_bn.lab.md), "), "{line}");
    assert!(line.contains("(Its two tests disagree); replicated"), "{line}");
    assert!(line.contains("; replicated at [desk](noisy_bn.md), "), "{line}");
    assert_eq!(index.matches("- **N1**").count(), 1, "{index}");
}

/// Without one trial of `noisy_standard` N4 is open to change; N1 is not, nor is N6; N2 waits for Holm's family.
#[test]
fn of_a_partial_report_the_bottom_line_takes_what_no_trial_can_change() {
    let plan = plan(6);
    let mut made = input(&plan);
    let last = made.trials.iter().rposition(|trial| trial.arm == "noisy_standard").unwrap();
    made.trials.remove(last);
    let (folder, _) = page_of(&made);
    write_index(folder.path()).unwrap();
    let index = std::fs::read_to_string(folder.path().join("README.md")).unwrap();
    let (bottom_line, _) = index.split_once("## [").unwrap();
    let has = |id: &str| bottom_line.contains(&format!("- **{id}**"));
    assert_eq!(["N1", "N6", "N2", "N4"].map(has), [true, true, false, false], "{index}");
}

/// A place that was chosen on other seeds needs no other place: R2 is judged without the trials at a rate of 1.0. C5
/// waits for Holm's family, and the largest usable rate for its curve.
#[test]
fn of_a_partial_grid_the_bottom_line_takes_what_stands_on_chosen_places() {
    let plan = six_seeds("learning_rate");
    let mut made = made_up(&plan, |trial| {
        let rate = trial.spec.train.learning_rate;
        let accuracy = if trial.arm.starts_with("batch_norm") { 80.0 - rate } else { 30.0 - (rate - 0.1).abs() };
        vec![("train_accuracy", None, accuracy), ("eval.train.accuracy.batch.clean", None, accuracy)]
    });
    let is_missing = |trial: &TrialRecords| trial.sweep["train.learning_rate"] == "1.0" && trial.seed < 6;
    made.trials.retain(|trial| !is_missing(trial));
    let (folder, page) = page_of(&made);
    assert!(page.contains("12 of 120 planned trials are missing"), "{page}");
    write_index(folder.path()).unwrap();
    let index = std::fs::read_to_string(folder.path().join("README.md")).unwrap();
    let (bottom_line, _) = index.split_once("## [").unwrap();
    let has = |id: &str| bottom_line.contains(&format!("- **{id}**"));
    assert_eq!(["R2", "C5", "usable_rates"].map(has), [true, false, false], "{index}");
}

/// A grid that claims nothing shows every swept value in its pictures.
#[test]
fn a_swept_study_without_claims() {
    let plan = Plan::new(Study::load("studies/standard_rate.toml").unwrap(), "desk", &Overrides::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let page = Contents::new(&View::new(&input(&plan))).unwrap().write(folder.path()).unwrap();
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("judges no claim") && !page.contains("## Claims"), "{page}");
    let accuracy = std::fs::read_to_string(folder.path().join("standard_rate/accuracy.svg")).unwrap();
    assert!(accuracy.contains("standard, learning_rate=0.025") && accuracy.contains("standard, learning_rate=0.4"));
    let readings = std::fs::read_to_string(folder.path().join("standard_rate/readings.svg")).unwrap();
    assert!(page.contains("last quarter, fixed images, %"), "{page}");
    assert!(!page.contains("noise o") && !readings.contains("noise o"), "where no arm has noise none is on or off");
}

/// A made-up run of six seeds: every trial has the records that `values` gives it, a hundred times over its steps, give
/// or take a hundredth.
fn made_up<'a>(plan: &'a Plan, values: impl Fn(&PlannedTrial) -> Vec<(&'static str, Option<usize>, f64)>) -> Input<'a> {
    let trial = |planned: &PlannedTrial| {
        let steps = planned.spec.train.steps;
        let record = |point: usize, (name, layer, value): (&str, Option<usize>, f64)| {
            let wiggle = 1.0 + 0.01 * ((planned.seed * 7 + point as u64) as f64).sin();
            Record { step: point * steps / 100, name: name.into(), layer, value: value * wiggle }
        };
        let at = |point: usize| values(planned).into_iter().map(move |value| (point, value));
        TrialRecords {
            instruction_set: String::new(),
            arm: planned.arm.clone(),
            seed: planned.seed,
            sweep: planned.sweep.clone(),
            id: String::new(),
            steps,
            ending: Ending::Finished,
            records: (0..100).flat_map(at).map(|(point, value)| record(point, value)).collect(),
        }
    };
    Input { plan, trials: plan.trials.iter().map(trial).collect(), data: vec![super::testing::facts()] }
}

fn six_seeds(study: &str) -> Plan {
    let overrides = Overrides { seeds: Some(6), ..Overrides::default() };
    let mut plan = Plan::new(Study::load(study).unwrap(), "desk", &overrides).unwrap();
    plan.changes.clear();
    plan
}

fn word(input: &Input, id: &str) -> String {
    let view = super::view::View::new(input);
    view.verdicts.iter().find(|verdict| verdict.id == id).unwrap().word.to_string()
}

/// Three made-up worlds, in which β is set by the learning rate, by the smallest probed step, or by the network: of the
/// readings written in the study, the right one survives.
#[test]
fn the_readings_of_the_plateau_are_told_apart() {
    let plan = six_seeds("landscape");
    type Beta = fn(f64, f64) -> f64;
    let by_rate: Beta = |rate, _| 2.0 / rate;
    let by_smallest: Beta = |_, smallest| 1.0 / smallest;
    let by_network: Beta = |_, _| 20.0;
    for (world, edge, artefact) in [
        (by_rate, "supported", "not supported"),
        (by_smallest, "not supported", "supported"),
        (by_network, "not supported", "not supported"),
    ] {
        let made = made_up(&plan, |planned| {
            let rate = planned.spec.train.learning_rate;
            let (own, extended) = (world(rate, 0.5 * rate), world(rate, 0.25 * rate));
            vec![
                ("landscape.gradient.beta_times_rate", None, own * rate),
                ("landscape.gradient.beta_times_smallest", None, own * 0.5 * rate),
                ("landscape.gradient.beta_extended_times_rate", None, extended * rate),
                ("landscape.gradient.beta_extended_times_smallest", None, extended * 0.25 * rate),
            ]
        });
        assert_eq!((word(&made, "L4a").as_str(), word(&made, "L4b").as_str()), (edge, artefact));
    }
}

/// Also where one seed's numbers overflow.
#[test]
fn the_landscape_is_drawn_along_both_directions() {
    const ALONG: [&[&str]; 6] = [
        &["landscape.gradient.loss_low", "landscape.gradient.distance_low"],
        &["landscape.random.loss_low", "landscape.random.distance_low"],
        &["landscape.gradient.loss_high", "landscape.gradient.distance_high"],
        &["landscape.random.loss_high", "landscape.random.distance_high"],
        &["landscape.gradient.beta", "landscape.gradient.beta_extended", "landscape.random.beta"],
        &["landscape.gradient.distance_01", "landscape.gradient.distance_02"],
    ];
    let plan = six_seeds("landscape");
    let made = made_up(&plan, |planned| {
        let overflows = planned.arm == "standard" && planned.seed == 3;
        let high = if overflows { f64::INFINITY } else { 2.5 };
        let values = ALONG.into_iter().zip([1.0, 1.0, high, high, 20.0, high]);
        values.flat_map(|(names, value)| names.iter().map(move |&name| (name, None, value))).collect()
    });
    let (folder, page) = page_of(&made);
    assert_eq!(pictures(folder.path()), ["claims.svg", "landscape.svg", "landscape_random.svg", "step_lengths.svg"]);
    assert!(page.contains("2 over the learning rate"), "{page}");
}

/// Every swept rate has its rows; the claim is judged on its metrics together.
#[test]
fn internal_covariate_shift_is_drawn_and_judged() {
    let plan = six_seeds("ics");
    let made = made_up(&plan, |planned| {
        let (relative, cosine) = if planned.arm == "standard" { (0.05, 0.95) } else { (1.2, 0.3) };
        let at = |layer| [("ics.relative", Some(layer), relative), ("ics.cosine", Some(layer), cosine)];
        [at(5), at(10)].concat()
    });
    assert_eq!(word(&made, "I1"), "replicated");
    assert_eq!(word(&made, "I2"), "not replicated");
    let (folder, _) = page_of(&made);
    let picture = std::fs::read_to_string(folder.path().join("ics/ics.svg")).unwrap();
    for panel in ["layer 5, train.learning_rate=0.1", "layer 10, train.learning_rate=0.01"] {
        assert!(picture.contains(panel), "{panel}");
    }
}

/// The share by layer and the share over steps are drawn from the same records.
#[test]
fn the_theorems_conditions_are_drawn() {
    const NAMES: [&str; 4] = ["conditions.along", "conditions.convex", "conditions.shrinking", "conditions.all"];
    let plan = six_seeds("theory");
    let made = made_up(&plan, |_| {
        let at = |layer: u8| NAMES.map(|name| (name, Some(usize::from(layer)), 25.0 * f64::from(layer)));
        [at(1), at(2), at(3)].concat()
    });
    let (folder, page) = page_of(&made);
    assert_eq!(pictures(folder.path()), ["conditions.svg"]);
    assert!(page.contains("How often the theorems' conditions hold"), "{page}");
}

/// The arms that hardly learned are listed in one sentence, and of one seed it is "seed was".
#[test]
fn arms_that_hardly_learned_are_said_once() {
    for (seeds, arms, expected) in [
        (1, &["standard"][..], "`standard` had hardly begun to learn: 1 of 1 seed was under 20 % after a quarter of"),
        (2, &["standard"], "`standard` had hardly begun to learn: 2 of 2 seeds were under 20 % after a quarter of"),
        (
            2,
            &["standard", "batch_norm", "noisy_batch_norm"],
            "`standard`, `batch_norm` and `noisy_batch_norm` had hardly begun to learn: 2 of 2, 2 of 2 and 2 of 2 \
             seeds were under 20 % after a quarter of",
        ),
    ] {
        let plan = plan(seeds);
        let mut made = input(&plan);
        for trial in made.trials.iter_mut().filter(|trial| arms.contains(&trial.arm.as_str())) {
            let accuracies = trial.records.iter_mut().filter(|record| record.name == "train_accuracy");
            accuracies.for_each(|record| record.value = 10.0);
        }
        let page = page_of(&made).1;
        assert_eq!(page.matches("hardly begun").count(), 1, "{page}");
        assert!(page.contains(&format!("%. {expected} the run. So whatever is compared")), "{page}");
    }
}

#[test]
fn a_claim_that_was_changed_after_the_data_is_exploratory_everywhere() {
    let mut plan = plan(8);
    let first = plan.claims.clone();
    plan.hold_to(first.clone());
    assert_eq!(word(&input(&plan), "N1"), "replicated");
    assert!(plan.changed_claims.is_empty() && plan.study.claim[0].role == Role::Primary);

    let mut then = first.clone();
    then.insert("N1".into(), "another".into());
    then.remove("N3");
    then.insert("N0".into(), "gone".into());
    plan.hold_to(then.clone());
    let made = input(&plan);
    let (folder, page) = page_of(&made);
    assert!(page.contains("> **Changed claims.** N0, N1, N3: changed, added or removed after"), "{page}");
    let row = page.lines().find(|line| line.starts_with("| **N1**")).unwrap();
    assert!(row.contains("| exploratory, paper |"), "{row}");
    write_index(folder.path()).unwrap();
    let index = std::fs::read_to_string(folder.path().join("README.md")).unwrap();
    assert!(index.contains("**Changed claims**: N0, N1, N3") && index.contains("(exploratory) at [desk]"), "{index}");
    let summary = std::fs::read(folder.path().join("noisy_bn/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
    assert_eq!(summary["changed_claims"], serde_json::json!(["N0", "N1", "N3"]));
    let n1 = &summary["claims"][0];
    assert_eq!((&n1["role"], &n1["exploratory"]), (&"exploratory".into(), &true.into()));
    // What was stored at first stays.
    assert_eq!(Earlier::find(&plan, folder.path()).unwrap().claims, Some(then));
}
