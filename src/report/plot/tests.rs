//! Every picture, drawn from a few made-up records. A picture that loses a line, signs, a label or an entry of its
//! legend differs from its snapshot.

use super::*;
use crate::record::{Ending, Record, TrialRecords};
use crate::report::Input;
use crate::spec::DataName;
use crate::study::{Overrides, Plan, PlannedTrial, Study};

fn plan(text: &str, seeds: usize) -> Plan {
    let overrides = Overrides { seeds: Some(seeds), ..Overrides::default() };
    Plan::new(Study::parse("pictures", "pictures.toml", text).unwrap(), "desk", &overrides).unwrap()
}

/// The plan's trials with made-up records; the first diverged at step 150.
fn input(plan: &Plan) -> Input<'_> {
    let trial = |(index, planned): (usize, &PlannedTrial)| TrialRecords {
        arm: planned.arm.clone(),
        seed: planned.seed,
        sweep: planned.sweep.clone(),
        id: String::new(),
        steps: planned.spec.train.steps,
        ending: if index == 0 { Ending::Diverged { step: 150 } } else { Ending::Finished },
        instruction_set: String::new(),
        records: records(planned),
    };
    Input { plan, trials: plan.trials.iter().enumerate().map(trial).collect(), data: Vec::new() }
}

fn records(planned: &PlannedTrial) -> Vec<Record> {
    let better = if planned.arm == "standard" { 1.0 } else { 2.0 };
    let seed = 1.0 + 0.03 * planned.seed as f64;
    let mut records = Vec::new();
    for step in [0, 100, 199] {
        let mut add = |name: &str, layer, value: f64| {
            let value = value * seed * (1.0 + 0.001 * step as f64);
            records.push(Record { step, name: name.into(), layer, value });
        };
        if planned.spec.data == DataName::GaussianRegression {
            add("train_loss", None, 0.01 / better);
            continue;
        }
        add("train_accuracy", None, 20.0 * better);
        for (sample, accuracy) in [("eval.train.accuracy.batch.clean", 24.0), ("eval.test.accuracy.batch.clean", 18.0)]
        {
            add(sample, None, accuracy * better);
        }
        if step == 199 {
            add("eval.train.accuracy.batch.noisy", None, 10.0 * better);
            add("final.test.accuracy.running.clean", None, 15.0 * better);
        }
        for layer in 1..=4 {
            let deeper = better + layer as f64;
            add("moments.pre.mean_drift", Some(layer), 0.1 * deeper);
            add("moments.pre.variance_drift", Some(layer), 0.01 * deeper);
            add("wasserstein.pre.drift", Some(layer), 0.2 * deeper);
            add("ics.relative", Some(layer), 0.3 * deeper);
            add("ics.cosine", Some(layer), 0.7 / deeper);
            for (condition, share) in [("along", 15.0), ("convex", 12.0), ("shrinking", 9.0), ("all", 6.0)] {
                add(&format!("conditions.{condition}"), Some(layer), share * deeper);
            }
        }
        for (part, value) in [("mean", 0.1), ("sd", 1.0), ("bin_00", 0.1), ("bin_01", 0.6), ("bin_02", 0.3)] {
            add(&format!("histogram.pre.{part}"), Some(2), value * better);
        }
        for direction in ["gradient", "random"] {
            let parts = [("loss_low", 1.0), ("loss_high", 2.0), ("distance_low", 3.0), ("distance_high", 4.0)];
            for (part, value) in parts.into_iter().chain([("beta", 5.0), ("beta_extended", 6.0)]) {
                add(&format!("landscape.{direction}.{part}"), None, value * better);
            }
        }
        for (length, distance) in [("01", 0.5), ("02", 0.8)] {
            add(&format!("landscape.gradient.distance_{length}"), None, distance * better);
        }
    }
    records
}

/// Compares each picture with its snapshot, and says which there were.
fn drawn(plan: &Plan, is_meant: impl Fn(&Figure) -> bool) -> Vec<&'static str> {
    let input = input(plan);
    let figures = figures(&View::new(&input)).into_iter().filter(is_meant);
    let draw = |figure: Figure| {
        insta::with_settings!({prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(figure.file, figure.svg());
        });
        figure.file
    };
    figures.map(draw).collect()
}

#[test]
fn every_picture_of_an_image_study() {
    let plan = plan(include_str!("tests.toml"), 2);
    let drawn = drawn(&plan, |figure| figure.file != "claims.svg");
    let expected = [
        "accuracy.svg",
        "sweep.svg",
        "arms.svg",
        "readings.svg",
        "distributions.svg",
        "drift.svg",
        "ics.svg",
        "ics_layers.svg",
        "landscape.svg",
        "step_lengths.svg",
        "landscape_random.svg",
        "wasserstein.svg",
        "conditions.svg",
    ];
    assert_eq!(drawn, expected);
}

/// Of six seeds, which are enough for verdicts.
#[test]
fn the_claims() {
    let plan = plan(include_str!("tests.toml"), 6);
    assert_eq!(drawn(&plan, |figure| figure.file == "claims.svg"), ["claims.svg"]);
}

#[test]
fn the_pictures_of_a_study_on_targets() {
    let text = r#"
        title = "Pictures"
        question = "Does the loss show?"
        setup.linear.data = "gaussian_regression"
        setup.linear.loss = "half_squared_error_sum"
        setup.linear.model = { kind = "deep_linear", depth = 2, width = 1 }
        setup.linear.train = { learning_rate = 1e-6, batch = "full", steps = 200 }
        arm = [
            { name = "standard", says = "plain", setup = "linear" },
            { name = "batch_norm", says = "BatchNorm", setup = "linear", set = { "model.norm" = "batch" } },
        ]
        scale.desk = { says = "made up", seeds = 2 }
        [[claim]]
        id = "T1"
        role = "primary"
        origin = "paper"
        says = "BatchNorm ends lower"
        metric = "train_loss"
        statistic = { log_ratio = { of = "batch_norm", to = "standard" } }
        criterion = { below = 0.0 }
        unit = "log ratio of the losses"
        paper = { curves = "fig5b_dln_lp_loss", columns = { standard = "std", batch_norm = "bn" }, source = "fig. 5b" }
        if_holds = "Go on."
    "#;
    let drawn = drawn(&plan(text, 2), |figure| figure.file != "claims.svg");
    assert_eq!(drawn, ["loss.svg", "loss_arms.svg"]);
}

/// A criterion as wide as numbers go once kept plotters looking for ticks for ever.
#[test]
fn a_criterion_without_measure_is_drawn() {
    let text = include_str!("tests.toml");
    for wide in ["between = [-1.7e308, 1.7e308]", "above = 1e300", "below = -1e300", "above = 1e-320"] {
        let plan = plan(&text.replace("above = 0.0", wide), 6);
        let input = input(&plan);
        let figures = figures(&View::new(&input));
        let claims = figures.iter().find(|figure| figure.file == "claims.svg").expect("claims are drawn");
        assert!(claims.svg().len() < 20_000, "{wide}");
    }
}
