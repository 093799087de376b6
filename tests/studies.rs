//! Study files as people write them: the built-in ones, those of the documentation, and wrong ones.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use whybn::probe::Probe;
use whybn::spec::{Batch, Model, Norm, NormDivisor, Transform};
use whybn::study::{BUILT_IN, Overrides, Plan, PlannedTrial, Study};

const README: &str = include_str!("../studies/README.md");

/// The TOML blocks of `studies/README.md`: a whole study first, then pieces that can be added to it.
fn blocks() -> Vec<&'static str> {
    let parts = README.split("```toml\n").skip(1);
    parts.map(|part| part.split("```").next().unwrap()).collect()
}

fn plan(text: &str, overrides: &Overrides) -> Result<Plan, String> {
    let study = Study::parse("example", "example.toml", text).map_err(|error| format!("{error:#}"))?;
    Plan::new(study, "desk", overrides).map_err(|error| format!("{error:#}"))
}

fn error(from: &str, to: &str) -> String {
    let text = blocks()[0];
    assert!(text.contains(from), "`{from}` is not in the example");
    plan(&text.replacen(from, to, 1), &Overrides::default()).unwrap_err()
}

#[test]
fn every_built_in_study_makes_a_plan_at_every_scale() {
    for (name, _) in BUILT_IN {
        let study = Study::load(name).unwrap();
        for scale in study.scale.keys() {
            let plan = Plan::new(study.clone(), scale, &Overrides::default()).unwrap();
            assert!(!plan.trials.is_empty(), "{name} {scale}");
        }
    }
}

#[test]
fn noisy_bn_has_the_planned_trials() {
    let plan = |scale| Plan::new(Study::load("noisy_bn").unwrap(), scale, &Overrides::default()).unwrap();
    let (desk, lab, paper) = (plan("desk"), plan("lab"), plan("paper"));
    assert_eq!((desk.trials.len(), lab.trials.len(), paper.trials.len()), (48, 36, 36));
    assert_eq!(desk.output_name(), "noisy_bn");
    assert_eq!(lab.output_name(), "noisy_bn.lab");
    let Model::Vgg16(vgg) = &paper.trials[0].spec.model else { panic!("the paper has a VGG") };
    assert_eq!(vgg.head, [4096, 4096]);
    assert_eq!(paper.trials[1].spec.train.weight_decay, 0.0005);
    let arms: Vec<_> = desk.trials[..6].iter().map(|trial| trial.arm.as_str()).collect();
    assert_eq!(arms[..4], ["standard", "batch_norm", "noisy_batch_norm", "noisy_standard"], "seed by seed");
}

/// A trial that one study has trained need not be trained for another study's arms of the same names.
#[test]
fn studies_of_the_same_networks_share_their_trials() {
    let ids = |study: &str, arm: &str| -> BTreeSet<String> {
        let plan = Plan::new(Study::load(study).unwrap(), "lab", &Overrides::default()).unwrap();
        let trials = plan.trials.iter().filter(|trial| trial.arm == arm);
        trials.map(|trial| trial.spec.identity(trial.seed, "data")).collect()
    };
    let shared = [("noisy_bn", "landscape", "ics"), ("deep_linear", "landscape_deep_linear", "ics_deep_linear")];
    for (trained, landscape, ics) in shared {
        for arm in ["standard", "batch_norm"] {
            let trained = ids(trained, arm);
            assert!(trained.len() >= 6);
            assert_eq!(ids(landscape, arm), trained);
            assert!(ids(ics, arm).is_superset(&trained), "at one of its two rates");
        }
    }
}

#[test]
fn every_piece_of_the_documentation_fits_its_example() {
    let blocks = blocks();
    assert!(blocks.len() >= 5);
    for piece in &blocks[1..] {
        let whole = format!("{}\n{piece}", blocks[0]);
        plan(&whole, &Overrides::default()).unwrap_or_else(|error| panic!("{error}\nin\n{piece}"));
    }
}

#[test]
fn every_setting_is_documented_with_its_default() {
    let default = toml::Value::try_from(whybn::spec::Spec::default()).unwrap();
    for group in ["model", "train"] {
        for (key, value) in default[group].as_table().unwrap() {
            let row = format!("| `{group}.{key}` | `{value}` |");
            assert!(README.contains(&row), "studies/README.md lacks: {row}");
        }
    }
    for left_out_of_the_default in [
        "| `model.depth` | none |",
        "| `model.width` | none |",
        "| `train.dtype` | `\"f32\"` |",
        "| `train.transforms` | `[]` |",
    ] {
        assert!(README.contains(left_out_of_the_default));
    }
}

/// A deep linear network in the documentation's example, with the settings that it must have.
#[test]
fn a_deep_linear_network_is_a_study_without_images() {
    let example = blocks()[0].replace("[[probe]]\nkind = \"evaluation\"\npoints = 4\nimages = 200\n", "");
    let example = example.replace("confirm_on = \"eval.train.accuracy.batch.clean\"\n", "");
    let example = example.replace("\"model.noise\" = { shift = 1.0 }", "\"model.norm\" = \"l1\"");
    let setup = example.find("[setup.vgg]").unwrap()..example.find("[[arm]]").unwrap();
    let mut deep = example.clone();
    deep.replace_range(
        setup,
        "[setup.vgg]\ndata = \"gaussian_regression\"\nloss = \"half_squared_error_sum\"\n\
         model = { kind = \"deep_linear\", depth = 25, width = 10 }\ntrain = { batch = \"full\", dtype = \"f64\" }\n",
    );
    let plan = |text: &str| plan(text, &Overrides::default());
    assert_eq!(plan(&deep).unwrap().trials[1].spec.model.layers(), 25);
    for (from, to, words) in [
        ("depth = 25, ", "", &["deep_linear", "`model.depth`", "25"][..]),
        ("width = 10", "width = 0", &["`model.width` is 0"]),
        ("loss = \"half_squared_error_sum\"\n", "", &["`loss`", "gaussian_regression", "half_squared_error_sum"]),
        ("\"full\"", "\"all\"", &["train.batch", "all", "\"full\""]),
        ("\"f64\"", "\"f16\"", &["train.dtype", "f16", "`f64`"]),
        (
            "[scale.desk]",
            "[[probe]]\nkind = \"evaluation\"\npoints = 1\nimages = 1\n[scale.desk]",
            &["evaluates images"],
        ),
    ] {
        assert!(deep.contains(from), "{from}");
        let error = plan(&deep.replacen(from, to, 1)).unwrap_err();
        for word in words {
            assert!(error.contains(word), "`{word}` is not in: {error}");
        }
    }
}

#[test]
fn a_run_with_changes_has_a_name_of_its_own_and_equal_changes_the_same() {
    let with = |set: &[(&str, f64)], seeds| {
        let set = set.iter().map(|(key, value)| (key.to_string(), toml::Value::from(*value))).collect();
        plan(blocks()[0], &Overrides { set, seeds }).unwrap()
    };
    assert_eq!(with(&[], None).output_name(), "example");
    assert_eq!(with(&[], Some(2)).output_name(), "example", "the scale's own seeds change nothing");
    let changed = with(&[("train.learning_rate", 0.2)], None);
    assert!(changed.is_exploratory() && changed.output_name().starts_with("example-"));
    assert_eq!(changed.output_name(), with(&[("train.learning_rate", 0.2)], None).output_name());
    assert_ne!(changed.output_name(), with(&[("train.learning_rate", 0.3)], None).output_name());
    assert_eq!(with(&[], Some(3)).trials.len(), 6);
    assert_eq!(with(&[("train.learning_rate", 0.1)], None).output_name(), "example", "what it has anyway");
    // Six digits of the same hash, as names once had, are alike for these two.
    let of_steps = |steps: i64, seeds| {
        plan(blocks()[0], &Overrides { set: [("train.steps".into(), steps.into())].into(), seeds: Some(seeds) })
            .unwrap()
    };
    let (one, other) = (of_steps(313, 7).output_name(), of_steps(346, 1).output_name());
    assert_eq!(one[..14], other[..14]);
    assert_ne!(one, other);
    let (rate, decay) = (("train.learning_rate", 0.2), ("train.weight_decay", 0.1));
    assert_eq!(with(&[rate, decay], None).output_name(), with(&[decay, rate], None).output_name());
}

#[test]
fn a_key_that_an_arm_or_a_sweep_fixes_cannot_be_overridden() {
    let set = |key: &str, text: &str| {
        let overrides = Overrides { set: [(key.into(), 0.3.into())].into(), seeds: None };
        plan(text, &overrides).unwrap_err()
    };
    assert!(set("model.noise.shift", blocks()[0]).contains("fixed by arm `double_shift`"));
    let swept = format!("{}\n[[sweep]]\npath = \"train.learning_rate\"\nvalues = [0.1, 0.05]\n", blocks()[0]);
    assert!(set("train.learning_rate", &swept).contains("swept"));
}

/// Wrong probes before the example's own.
const LANDSCAPE: &str = "[[probe]]\nkind = \"landscape\"\npoints = 4\nrandom_points = 0\n\
                         multiples = [1.0, 0.5]\nsmaller_step = 0.25\n[[probe]]";
const ICS: &str = "[[probe]]\nkind = \"ics\"\nlayers = [2]\npoints = 4\nmatched_update = 0.0\n[[probe]]";

/// A further claim before the example's own.
const SECOND_PRIMARY: &str = "[[claim]]\nid = \"D0\"\nrole = \"primary\"\norigin = \"ours\"\nsays = \"s\"\n\
                              metric = \"train_accuracy\"\nstatistic = { contrast = { batch_norm = 1.0 } }\n\
                              criterion = { above = 0.0 }\nunit = \"%\"\n[[claim]]";

/// An error says what is wrong, where, and what would be right.
#[test]
fn mistakes_are_named_with_their_place_and_remedy() {
    let cases = [
        (error("width_divisor", "widht_divisor"), &["example.toml:6", "model.width_divisor"][..]),
        (error("\"batch\" }", "\"bach\" }"), &["example.toml:6", "`none`", "`batch`"]),
        (error("steps = 40", "steps = \"many\""), &["example.toml:7", "train.steps"]),
        (error("steps = 40", "steps = 0"), &["train.steps", "at least 1"]),
        (error("steps = 40", "steps = -1"), &["example.toml:7", "train.steps"]),
        (error("batch = 64", "batch = 0"), &["train.batch", "at least 1"]),
        (error("width_divisor = 16", "width_divisor = 3"), &["width_divisor", "1, 2, 4"]),
        (error("seeds = 2", "seeds = 0"), &["seeds", "at least 1"]),
        (error("[scale.desk]", "[page]\nsteps_to = [50, 101]\n[scale.desk]"), &["[page]", "steps_to", "101"]),
        (error("setup = \"vgg\"", "setup = \"resnet\""), &["`resnet`", "vgg"]),
        (error("name = \"double_shift\"", "name = \"batch_norm\""), &["two arms", "batch_norm"]),
        (error("shift = 1.0", "shift = -1.0"), &["model.noise.shift", "zero or positive"]),
        (error("shift = 1.0", "shft = 1.0"), &["shft", "shift_jitter"]),
        (error("kind = \"evaluation\"", "kind = \"evaluate\""), &["evaluate", "`evaluation`"]),
        (error("points = 4", "points = 0"), &["points", "at least 1"]),
        (error("[[probe]]", LANDSCAPE), &["multiples", "ascend"]),
        (error("[[probe]]", ICS), &["matched_update", "positive"]),
        (error("[scale.desk]", "[scale.large]"), &["[scale.desk]"]),
        (
            error("double_shift = 1.0, batch_norm", "triple_shift = 1.0, batch_norm"),
            &["D1", "triple_shift", "double_shift"],
        ),
        (error("metric = \"train_accuracy\"", "metric = \"accuracy\""), &["D1", "accuracy", "train_accuracy"]),
        (error("criterion = { above = -10.0 }", ""), &["D1", "criterion"]),
        (error("role =", "rank ="), &["rank", "role"]),
        (error("[[claim]]", SECOND_PRIMARY), &["D0 and D1", "one primary claim"]),
    ];
    for (message, words) in cases {
        for word in words {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    }
}

#[test]
fn mistakes_in_transforms_of_the_gradient_are_named_with_their_place_and_remedy() {
    let with = |transforms: &str| {
        let text = blocks()[0].replacen("steps = 40", &format!("steps = 40, transforms = {transforms}"), 1);
        plan(&text, &Overrides::default())
    };
    let sound = with("[{ kind = \"momentum\", beta = 0.9 }, { kind = \"clip\", norm = 1 }]").unwrap();
    let [Transform::Momentum(momentum), Transform::Clip(clip)] = &sound.trials[0].spec.train.transforms[..] else {
        panic!("in the order of the file")
    };
    assert_eq!((momentum.beta, clip.norm), (0.9, 1.0));
    for (transforms, words) in [
        ("[{ kind = \"clip\", norm = 0.0 }]", &["train.transforms", "`norm` of clip is 0", "positive"][..]),
        ("[{ kind = \"momentum\", beta = 1.0 }]", &["train.transforms", "`beta` of momentum is 1", "below 1"]),
        ("[{ kind = \"clip\" }]", &["example.toml:7", "train.transforms[0]", "missing field `norm`"]),
        (
            "[{ kind = \"clip\", norm = 1.0 }, { kind = \"momentum\", bet = 0.9 }]",
            &["example.toml:7", "train.transforms[1]", "unknown field `bet`", "`beta`"],
        ),
        ("[{ kind = \"adam\" }]", &["example.toml:7", "train.transforms[0]", "`adam`", "`clip`", "`momentum`"]),
        ("[{ norm = 1.0 }]", &["example.toml:7", "train.transforms[0]", "missing field `kind`"]),
        ("{ kind = \"clip\", norm = 1.0 }", &["example.toml:7", "`train.transforms`", "expected a sequence"]),
    ] {
        let error = with(transforms).unwrap_err();
        for word in words {
            assert!(error.contains(word), "`{word}` is not in: {error}");
        }
    }
}

#[test]
fn layers_that_do_not_exist_are_an_error() {
    let moments = |layer: usize| {
        let piece = format!("[[probe]]\nkind = \"moments\"\nlayers = [{layer}]\nunits = 4\nbin = 1\n");
        plan(&format!("{}\n{piece}", blocks()[0]), &Overrides::default())
    };
    assert!(moments(13).is_ok());
    assert!(moments(14).unwrap_err().contains("1 to 13"));
    assert!(moments(0).is_err());
}

#[test]
fn an_unknown_study_or_scale_lists_the_known_ones() {
    let error = format!("{:#}", Study::load("noisy_bm").unwrap_err());
    assert!(error.contains("did you mean `noisy_bn`?"), "{error}");
    let study = Study::load("noisy_bn").unwrap();
    let error = format!("{:#}", Plan::new(study, "lap", &Overrides::default()).unwrap_err());
    assert!(error.contains("desk, lab, paper"), "{error}");
}

/// Trials by identity, on data of any hash.
fn identities(study: &str, scale: &str) -> std::collections::BTreeSet<String> {
    let plan = Plan::new(Study::load(study).unwrap(), scale, &Overrides::default()).unwrap();
    plan.trials.iter().map(|trial| trial.spec.identity(trial.seed, "data")).collect()
}

/// Four arms of eight seeds; the doses 1 and 0 are the noisy and the quiet networks themselves. Of the rates, 0.1 alone.
#[test]
fn the_controls_share_the_trials_of_noisy_bn() {
    let main = identities("noisy_bn", "desk");
    assert_eq!(identities("noise_controls", "desk").intersection(&main).count(), 4 * 8);
    assert_eq!(identities("noise_controls", "desk").len(), (14 + 2 + 1) * 8);
    assert_eq!(identities("learning_rate", "desk").intersection(&main).count(), 2 * 8);
}

/// Five rates and a slow one for two networks, on eight seeds to judge and four to choose on; slow trials at 0.05 are
/// those of the grid.
#[test]
fn the_rates_have_the_planned_trials() {
    let plan = Plan::new(Study::load("learning_rate").unwrap(), "desk", &Overrides::default()).unwrap();
    assert_eq!(plan.trials.len(), (8 + 4) * 2 * (4 + 2));
    assert_eq!(identities("learning_rate", "desk").len(), (8 + 4) * 2 * (4 + 1));
    let slow = plan.trials.iter().filter(|trial| trial.arm == "standard_slow");
    assert!(slow.clone().all(|trial| trial.spec.train.learning_rate * trial.spec.train.steps as f64 == 15.0));
    assert_eq!(slow.filter(|trial| trial.seed >= 100).count(), 4 * 2);
}

/// The committed reports: name, plan as it is made now with the changes of then, and `plan.json`.
fn committed_reports() -> Vec<(String, Plan, serde_json::Value)> {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let folders = std::fs::read_dir(reports).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let report = |folder: std::path::PathBuf| {
        let name = folder.file_name().unwrap().to_str().unwrap().to_string();
        let stored = std::fs::read_to_string(folder.join("plan.json")).unwrap();
        let stored: serde_json::Value = serde_json::from_str(&stored).unwrap();
        let mut overrides = Overrides::default();
        for change in stored["changes"].as_array().unwrap() {
            let (key, value) = change.as_str().unwrap().split_once('=').unwrap();
            match key {
                "seeds" => overrides.seeds = Some(value.parse().unwrap()),
                _ => drop(overrides.set.insert(key.into(), value.parse().unwrap())),
            }
        }
        let study = Study::load(stored["study"].as_str().unwrap()).unwrap();
        let plan = Plan::new(study, stored["scale"].as_str().unwrap(), &overrides).unwrap();
        assert_eq!(plan.output_name(), name);
        (name, plan, stored)
    };
    folders.map(report).collect()
}

/// Trials have the identities that they have in the committed reports: a change here loses every trial there is. A
/// specification that has a newer schema by now is still known under the older one.
#[test]
fn identities_are_those_of_the_committed_reports() {
    let mut seen = 0;
    for (name, plan, stored) in committed_reports() {
        for trial in stored["trials"].as_array().unwrap() {
            let is_it = |planned: &&PlannedTrial| {
                let there = (&trial["arm"], &trial["seed"], &trial["sweep"]);
                there == (&json!(planned.arm), &json!(planned.seed), &json!(planned.sweep))
            };
            let planned =
                plan.trials.iter().find(is_it).unwrap_or_else(|| panic!("{name}: no longer planned: {trial}"));
            let facts = stored["data"].as_array().unwrap().iter();
            let data = facts.clone().find(|facts| facts["name"] == planned.spec.data.to_string()).unwrap();
            let (id, data) = (trial["id"].as_str().unwrap(), data["sha256"].as_str().unwrap());
            let schema = planned.spec.schema_of(id, planned.seed, data);
            assert!(schema.is_some_and(|schema| schema >= 1), "{name}: {} was {id}", planned.label());
            seen += 1;
        }
    }
    assert!(seen > 1000, "only {seen} trials");
}

/// Reports can be written again from their records only while their studies measure what they measured, in the same order.
#[test]
fn probes_are_those_of_the_committed_reports() {
    let reports = committed_reports();
    assert!(reports.len() > 10, "only {} reports", reports.len());
    for (name, plan, stored) in reports {
        let ids: Vec<String> = plan.probes.iter().map(Probe::id).collect();
        assert_eq!(json!(ids), stored["probes"], "{name}");
    }
}

/// A study of two networks: each scale may set keys for the arms of one of them, and an arm may be left out of a scale.
#[test]
fn a_scale_has_settings_for_each_setup_and_arms_of_its_own() {
    let deep = "[setup.deep]\ndata = \"gaussian_regression\"\nloss = \"half_squared_error_sum\"\n\
                model = { kind = \"deep_linear\", depth = 3, width = 4 }\n[[arm]]\nname = \"deep\"\nsays = \"d\"\n\
                setup = \"deep\"\nscales = [\"lab\"]\nset = { \"model.norm\" = \"l1\" }\n\
                [scale.lab]\nsays = \"l\"\nseeds = 1\nset = { \"train.steps\" = 7 }\n\
                [scale.lab.setup.vgg]\n\"model.width_divisor\" = 32\ntrain = { steps = 9, batch = 8 }\n\
                [scale.lab.setup.deep]\n\"model.depth\" = 5\n\"model.norm\" = \"l2\"\n\
                [value.deep_plain]\narm = \"deep\"\n[[claim]]\nid = \"D9\"\nrole = \"descriptive\"\norigin = \"ours\"\n\
                says = \"s\"\nmetric = \"train_loss\"\nstatistic = { contrast = { deep = 1.0, deep_plain = -1.0 } }\n\
                unit = \"nats\"\n";
    let example = blocks()[0].replace("[[probe]]\nkind = \"evaluation\"\npoints = 4\nimages = 200\n", "");
    let whole = format!("{}\n{deep}", example.replace("confirm_on = \"eval.train.accuracy.batch.clean\"\n", ""));
    let plan_at = |text: &str, scale: &str| {
        let study = Study::parse("example", "example.toml", text).map_err(|error| format!("{error:#}"))?;
        Plan::new(study, scale, &Overrides::default()).map_err(|error| format!("{error:#}"))
    };
    let lab = plan_at(&whole, "lab").unwrap();
    let [batch_norm, double_shift, deep] = &lab.trials[..] else { panic!("three arms and one seed") };
    assert_eq!(batch_norm.spec.train, double_shift.spec.train);
    assert_eq!((batch_norm.spec.train.steps, batch_norm.spec.train.batch), (9, Batch::Size(8)));
    assert!(matches!(&batch_norm.spec.model, Model::Vgg16(vgg) if vgg.width_divisor == 32));
    assert_eq!((deep.spec.train.steps, deep.spec.model.layers()), (7, 5));
    assert_eq!(deep.spec.model.norm(), Some(Norm::by(NormDivisor::L1)), "the arm comes last");
    assert_eq!(lab.terms().keys().collect::<Vec<_>>(), ["batch_norm", "deep", "deep_plain", "double_shift"]);
    let desk = plan_at(&whole, "desk").unwrap();
    assert!(desk.trials.iter().all(|trial| trial.arm != "deep" && trial.spec.train.steps == 40));
    assert_eq!(desk.terms().keys().collect::<Vec<_>>(), ["batch_norm", "double_shift"]);
    for (from, to, words) in [
        ("scale.lab.setup.deep", "scale.lab.setup.depp", &["scale `lab`", "unknown setup `depp`", "deep, vgg"][..]),
        ("scales = [\"lab\"]", "scales = [\"lap\"]", &["arm `deep`", "unknown scale `lap`", "desk, lab"]),
        ("\"model.depth\" = 5", "\"model.deep\" = 5", &["example.toml:53: scale `lab`, setup `deep`", "`model.depth`"]),
        ("\"model.depth\" = 5", "\"model.depth\" = 1", &["arm `deep`", "`model.depth` is 1"]),
    ] {
        assert!(whole.contains(from), "{from}");
        let error = plan_at(&whole.replacen(from, to, 1), "lab").unwrap_err();
        for word in words {
            assert!(error.contains(word), "`{word}` is not in: {error}");
        }
    }
    let nowhere = whole.replace("setup = \"vgg\"\n", "setup = \"vgg\"\nscales = [\"lab\"]\n");
    assert!(plan_at(&nowhere, "desk").unwrap_err().contains("scale `desk`: no arm exists at it"));
}

/// A scale's probe takes the place of the study's of its kind; others follow.
#[test]
fn a_scale_has_probes_of_its_own() {
    let example = blocks()[0];
    let moments = "[[scale.desk.probe]]\nkind = \"moments\"\nlayers = [2]\nunits = 4\nbin = 1\n";
    let evaluation = "[[scale.desk.probe]]\nkind = \"evaluation\"\npoints = 1\nimages = 9\n";
    let kinds = |text: &str| {
        let probes = plan(text, &Overrides::default()).unwrap().probes;
        probes.iter().map(|probe| probe.id().split('-').next().unwrap().to_string()).collect::<Vec<_>>()
    };
    let own = kinds(example);
    assert_eq!(kinds(&format!("{example}\n{evaluation}")), own);
    assert_eq!(kinds(&format!("{example}\n{moments}{evaluation}")), [&own[..], &["moments".into()]].concat());
    let twice = plan(&format!("{example}\n{moments}{moments}"), &Overrides::default()).unwrap_err();
    assert!(twice.contains("two [[probe]] measure `moments."), "{twice}");
}

#[test]
fn a_sweep_moves_its_other_keys_along() {
    let sweep = |steps: &str| {
        let piece = format!(
            "[[sweep]]\npath = \"train.learning_rate\"\nvalues = [0.1, 0.05]\nwith = {{ \"train.steps\" = {steps} }}"
        );
        plan(&format!("{}\n{piece}\n", blocks()[0]), &Overrides::default())
    };
    let trials = sweep("[40, 80]").unwrap().trials;
    let settings: Vec<_> =
        trials.iter().map(|trial| (trial.spec.train.learning_rate, trial.spec.train.steps)).collect();
    assert_eq!(settings[..2], [(0.1, 40), (0.05, 80)]);
    assert!(sweep("[40]").unwrap_err().contains("1 values; it needs 2"));
}
