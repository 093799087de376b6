//! Bad input: one clear error, exit code 2, nothing trained.

use std::fs;

use super::desk::{Desk, TINY, cifar10, files};

/// `whybn ARGUMENTS` is refused with all of `words`, and trains nothing.
fn assert_refused(desk: &Desk, arguments: &str, words: &[&str]) {
    let error = desk.run(2, arguments).stderr;
    assert_eq!(error.matches("error:").count(), 1, "{arguments}: {error}");
    for word in words {
        assert!(error.contains(word), "{arguments}: no `{word}` in: {error}");
    }
    assert!(!desk.path("runs/trials").exists(), "{arguments}");
}

#[test]
fn mistakes_on_the_command_line() {
    let desk = Desk::new();
    for (arguments, words) in [
        ("study noisy_bm", ["unknown study `noisy_bm`", "did you mean `noisy_bn`?"]),
        ("study absent.toml", ["absent.toml", "cannot read"]),
        ("study tiny.toml --scale big", ["unknown scale `big`", "desk"]),
        ("study tiny.toml --sed 3", ["--sed", "--seeds"]),
        ("stduy tiny.toml", ["stduy", "study"]),
        ("study tiny.toml --steps 0", ["--steps", "at least 1"]),
        ("study tiny.toml --steps -5", ["--steps", "at least 1"]),
        ("study tiny.toml --seeds 0", ["--seeds", "at least 1"]),
        ("study tiny.toml --jobs 0", ["--jobs", "at least 1"]),
        ("study tiny.toml --jobs 100000000", ["--jobs", "at most 1024"]),
        ("study tiny.toml --seeds 18446744073709551613", ["18446744073709551613 seeds", "at most 100000"]),
        ("study tiny.toml --seeds 1000000000", ["are 3000000000 trials", "at most 100000"]),
        (
            "study tiny.toml --steps 18446744073709551613",
            ["`train.steps` is 9223372036854775807", "at most 1000000000"],
        ),
        ("study tiny.toml --set model.head=[1000000000]", ["`model` has parameters of 96.9 GiB", "may have 1.0 GiB"]),
        (
            "study tiny.toml --set model.head=[9223372036854775807,9223372036854775807]",
            ["`model` has parameters of", "may have 1.0 GiB"],
        ),
        ("study tiny.toml --jobs many", ["--jobs", "at least 1"]),
        ("study tiny.toml --set train.steps", ["--set", "train.learning_rate=0.05"]),
        ("study tiny.toml --set train.learning_rat=1", ["train.learning_rat", "did you mean `train.learning_rate`?"]),
        ("study tiny.toml --set train.learning_rate=fast", ["`train.learning_rate`", "fast"]),
        ("study tiny.toml --set train.batch=0", ["`train.batch` is 0", "at least 1"]),
        ("study tiny.toml --set train.batch=-4", ["`train.batch`", "-4"]),
        ("study tiny.toml --set train.batch=10001", ["`train.batch` is 10001", "10000 training images"]),
        ("study tiny.toml --set model.width_divisor=0", ["`model.width_divisor` is 0", "at least 1"]),
        ("study tiny.toml --set train.batch=4 --set train={batch=8}", ["`train.batch` is set twice", "command line"]),
        ("study tiny.toml --set train.steps=4 --steps 5", ["`train.steps` is set twice", "command line"]),
        ("study tiny.toml --set model.norm=batch", ["`model.norm` is fixed by arm `batch_norm`", "study file"]),
        ("trial tiny.toml 7", ["unknown trial `7`", "1 to 6"]),
        ("trial tiny.toml 0123456789abcdef", ["unknown trial", "--dry-run"]),
        ("report tiny.toml", ["no trial of study `tiny.toml` is finished in runs", "whybn study tiny.toml"]),
        ("data fetch mnist", ["mnist", "cifar10"]),
    ] {
        assert_refused(&desk, arguments, &words);
    }
}

#[test]
fn a_download_without_curl_says_what_to_fetch_by_hand() {
    let desk = Desk::new();
    let error = desk.run_alone(2, "data fetch cifar10 --data-dir there").stderr;
    let part = "there/cifar-10-batches-bin/cifar-10-binary.tar.gz.part";
    for word in ["`curl`", "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "c4a38c50a1bc", part] {
        assert!(error.contains(word), "no `{word}` in: {error}");
    }
    assert!(!desk.path("there/cifar-10-batches-bin").exists());
}

#[test]
fn mistakes_in_a_study_file() {
    let desk = Desk::new();
    for (from, to, words) in [
        ("learning_rate =", "learning_rat =", ["bad.toml:7", "did you mean `train.learning_rate`?"]),
        ("steps = 6", "steps = \"six\"", ["bad.toml:7", "`train.steps`"]),
        ("steps = 6", "steps = 0", ["bad.toml", "`train.steps` is 0"]),
        ("batch = 16", "batch = -16", ["bad.toml:7", "`train.batch`"]),
        ("seeds = 2", "seeds = 0", ["bad.toml", "`seeds` is 0"]),
        ("seeds = 2", "first_seed = 9223372036854775807\nseeds = 9223372036854775807", ["bad.toml", "at most 100000"]),
        (
            "[scale.desk]",
            "[scale.\"../x\"]\nsays = \"\"\nseeds = 1\n[scale.desk]",
            ["scale `../x`", "a part of its report's"],
        ),
        ("bins = 8", "bins = 9223372036854775807", ["`bins` is 9223372036854775807", "at most 1000000"]),
        ("seeds = 2", "sedes = 2", ["bad.toml", "`seeds`"]),
        ("title =", "titel =", ["bad.toml", "titel"]),
        ("question =", "# question =", ["bad.toml", "`question`"]),
        ("setup = \"vgg\"", "setup = \"vg\"", ["unknown setup `vg`", "vgg"]),
        ("images = 32", "images = 3000", ["`images` is 3000", "2000"]),
        ("images = 32", "images = 32\nalong = [\"train.clean\"]", ["no reading `train.clean`", "train.batch.clean"]),
        (
            "images = 32",
            "images = 32\nalong = [\"test.batch.clean\"]",
            ["must name `train.batch.clean`", "evaluation-"],
        ),
        ("layers = [2, 13]", "layers = [2, 14]", ["bad.toml", "layer 14"]),
        ("layers = [2]", "layers = []", ["bad.toml", "`layers` is empty"]),
        (
            "kind = \"histogram\"\nlayers = [2]\npoints = 3\nbins = 8",
            "kind = \"evaluation\"\npoints = 3\nimages = 8",
            ["two [[probe]] measure `eval.", "scale `desk`"],
        ),
        ("batch_norm = 1.0", "bach_norm = 1.0", ["claim T1", "bach_norm"]),
        ("batch_norm = 1.0", "batch_norm = nan", ["bad.toml", "`claim T1.statistic.contrast.batch_norm` is NaN"]),
        (
            "criterion = { above = 0.0 }",
            "criterion = { above = nan }",
            ["bad.toml", "`claim T1.criterion.above` is NaN"],
        ),
        (
            "criterion = { above = 0.0 }",
            "criterion = { between = [-1.0, inf] }",
            ["bad.toml", "`claim T1.criterion.between[1]` is inf"],
        ),
        ("role = \"primary\"", "role = \"primary\"\nwindow = [nan, 1.0]", ["bad.toml", "`claim T1.window[0]` is NaN"]),
        (
            "role = \"primary\"",
            "role = \"primary\"\naggregate = { quantile = nan }",
            ["bad.toml", "`claim T1.aggregate.quantile` is NaN"],
        ),
        ("role = \"primary\"", "role = \"primary\"\nscales = [\"lap\"]", ["claim T1", "unknown scale `lap`"]),
        (
            "[scale.desk]",
            "[[sweep]]\npath = \"train.batch\"\nvalues = [16, 8, 16]\n\n[scale.desk]",
            ["sweep of `train.batch`", "16 stands twice"],
        ),
        (
            "[scale.desk]",
            "[[sweep]]\npath = \"train.batch\"\nvalues = [16, 8]\n\n[[scale.desk.sweep]]\npath = \"train.batch\"\n\
             values = [4]\narms = [\"standard\"]\n\n[scale.desk]",
            ["bad.toml", "`train.batch` is swept twice for one arm"],
        ),
        (
            "set = { \"model.norm\" = \"batch\", \"model.noise\" = \"algorithm_1\" }",
            "set = { \"model.noise\" = { shift = 1e38, dose = 10.0 } }",
            ["`model.noise` reaches 1e39", "single precision"],
        ),
        (
            "set = { \"model.norm\" = \"batch\" }",
            "set = { \"model.norm\" = \"batch\", model.norm = \"none\" }",
            ["bad.toml: arm `batch_norm`", "`model.norm` is set twice"],
        ),
        (
            "seeds = 2",
            "seeds = 2\nset = { \"train.steps\" = 5, train.steps = 4 }",
            ["scale `desk`", "`train.steps` is set twice"],
        ),
        (
            "seeds = 2",
            "seeds = 2\nsetup.vgg = { \"train.steps\" = 5, train.steps = 4 }",
            ["scale `desk`: setup `vgg`", "`train.steps` is set twice"],
        ),
        (
            "seeds = 2",
            "seeds = 2\nchoose_seeds = [100, 100]",
            ["bad.toml: scale `desk`", "100 stands twice in `choose_seeds`"],
        ),
        ("layers = [2, 13]", "layers = [2, 2]", ["bad.toml", "2 stands twice in `layers`"]),
        ("[scale.desk]", "[scale.big]", ["bad.toml", "[scale.desk]"]),
        ("title = \"", "title = ", ["bad.toml", "line 1"]),
    ] {
        let bad = TINY.replacen(from, to, 1);
        assert_ne!(bad, TINY, "{from}");
        fs::write(desk.path("bad.toml"), bad).unwrap();
        assert_refused(&desk, "study bad.toml", &words);
    }
}

#[test]
fn a_place_is_not_chosen_by_a_loss_nor_outside_the_run() {
    let desk = Desk::new();
    let value = "[value.chosen]\narm = \"standard\"\nalong = \"train.learning_rate\"\n";
    let with = |metric: &str, take: &str| {
        let claim = TINY.replace("\"train_accuracy\"", metric).replace("standard = -1.0", "chosen = -1.0");
        fs::write(desk.path("bad.toml"), format!("{claim}\n{value}take = {take}\n")).unwrap();
    };
    with("\"train_loss\"", "\"best\"");
    assert_refused(&desk, "study bad.toml", &["claim T1", "`chosen` is chosen by the highest mean"]);
    with("\"train_accuracy\"", "{ first_reached = { arms = [\"standard\"], at_least = 20.0, window = [0.9, 0.2] } }");
    assert_refused(&desk, "study bad.toml", &["value `chosen`", "window [0.9, 0.2] is not a part of the run"]);
}

#[test]
fn a_study_of_ones_own_does_not_take_the_place_of_another_report() {
    let desk = Desk::new();
    for name in ["noisy_bn", "README"] {
        fs::write(desk.path(&format!("{name}.toml")), TINY).unwrap();
        assert_refused(&desk, &format!("study {name}.toml"), &[&format!("{name}.toml"), "rename the file"]);
    }
}

#[test]
fn missing_and_damaged_data() {
    let desk = Desk::new();
    let command = "study tiny.toml --set data=cifar10 --data-dir pictures";
    assert_refused(&desk, command, &["data_batch_1.bin", "whybn data fetch cifar10"]);
    let folder = cifar10(&desk.path("pictures"));
    let batch = folder.join("data_batch_1.bin");
    let whole = fs::read(&batch).unwrap();
    let bad_label = [&[10], &whole[1..]].concat();
    for (bytes, words) in [
        (&b"not pictures"[..], &["damaged"][..]),
        (&[], &["data_batch_1.bin"]),
        (&whole[..whole.len() - 1], &["3,073"]),
        (&bad_label, &["label", "10"]),
    ] {
        fs::write(&batch, bytes).unwrap();
        assert_refused(&desk, command, &[&["data_batch_1.bin", "whybn data fetch cifar10"], words].concat());
    }
    fs::write(&batch, whole).unwrap();
    let test = folder.join("test_batch.bin");
    fs::write(&test, &fs::read(&test).unwrap()[..3073 * 31]).unwrap();
    assert_refused(&desk, command, &["`images` is 32", "31 images"]);
}

#[test]
fn data_that_are_not_the_official_ones_are_shown_and_refused_by_the_check() {
    let desk = Desk::new();
    cifar10(&desk.path("pictures"));
    let printed = desk.run(2, "data check --data-dir pictures");
    assert!(printed.stdout.contains("The test set lacks 9960 of the official 10,000 images."), "{}", printed.stdout);
    for word in ["not the official CIFAR-10: data_batch_1.bin, data_batch_2.bin", "whybn data fetch cifar10"] {
        assert!(printed.stderr.contains(word), "{}", printed.stderr);
    }
    assert!(!printed.stderr.contains("test_batch.bin"), "{}", printed.stderr);
}

#[test]
fn places_that_cannot_be_written_are_found_before_training() {
    let desk = Desk::new();
    fs::write(desk.path("file"), "").unwrap();
    assert_refused(&desk, "study tiny.toml --out file", &["file: cannot write here", "--out"]);
    assert_refused(&desk, "study tiny.toml --out file/below", &["file/below: cannot write here", "--out"]);
    assert_refused(&desk, "study tiny.toml --runs file", &["file", "cannot write here", "--runs"]);
    assert_refused(&desk, "trial tiny.toml 1 --runs file/below", &["file/below: cannot write here", "--runs"]);
}

#[test]
fn files_that_the_program_did_not_make_are_neither_replaced_nor_removed() {
    for (name, arguments) in [
        ("reports/README.md", ""),
        ("reports/tiny.md", ""),
        ("reports/tiny/my.svg", ""),
        ("reports/tiny/summary.json", ""),
        ("reports/tiny/records.csv.gz", ""),
        ("reports/tiny/plan.json", ""),
        ("README.md", "--out ."),
        ("tiny.md", "--out ."),
    ] {
        let desk = Desk::new();
        fs::create_dir_all(desk.path(name).parent().unwrap()).unwrap();
        fs::write(desk.path(name), "# Mine\n").unwrap();
        assert_refused(
            &desk,
            &format!("study tiny.toml {arguments}"),
            &[name.rsplit('/').next().unwrap(), "move it away"],
        );
        assert_eq!(fs::read(desk.path(name)).unwrap(), b"# Mine\n", "{name}");
    }
}

#[test]
fn somebody_elses_folder_among_the_reports_is_left_alone() {
    let desk = Desk::with_finished_runs();
    for name in ["x/summary.json", "x/plan.json", "x.md", "tiny/notes.txt"] {
        fs::create_dir_all(desk.path("reports").join(name).parent().unwrap()).unwrap();
        fs::write(desk.path("reports").join(name), "mine").unwrap();
    }
    let printed = desk.run(0, "report tiny.toml");
    assert!(!printed.stderr.contains("summary.json"), "{}", printed.stderr);
    let reports = files(&desk.path("reports"));
    assert!(["x/summary.json", "x/plan.json", "x.md", "tiny/notes.txt"].iter().all(|name| reports[*name] == b"mine"));
    assert!(!String::from_utf8_lossy(&reports["README.md"]).contains("(x.md)"));
}
