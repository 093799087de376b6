use super::*;
use crate::study::{Overrides, Plan, Study};

const STUDY: &str = r#"
    title = "t"
    question = "q"
    [setup.vgg]
    [[arm]]
    name = "plain"
    says = "plain"
    setup = "vgg"
    [[arm]]
    name = "fixed"
    says = "another width"
    setup = "vgg"
    set = { "model.width_divisor" = 16 }
    [[sweep]]
    path = "train.learning_rate"
    values = [0.1, 0.5, 0.02]
    arms = ["plain"]
    [[sweep]]
    path = "train.weight_decay"
    values = [0.0, 0.1]
    arms = ["plain"]
    [scale.desk]
    says = "small"
    seeds = 2
    choose_seeds = [100, 101]
    [scale.lab]
    says = "large"
    seeds = 2
"#;

fn plan(values: &str) -> Result<Plan, String> {
    let text = format!("{STUDY}\n{values}");
    let study = Study::parse("s", "s.toml", &text).map_err(|error| format!("{error:#}"))?;
    Plan::new(study, "desk", &Overrides::default()).map_err(|error| format!("{error:#}"))
}

fn term(value: &str) -> Term {
    plan(&format!("[value.v]\n{value}")).unwrap().terms().remove("v").unwrap()
}

fn rates(term: &Term) -> Vec<(f64, &str)> {
    term.points.iter().map(|point| (point.x, point.sweep["train.weight_decay"].as_str())).collect()
}

#[test]
fn a_curve_is_in_order_and_other_sweeps_stand_at_their_first_value_or_at_the_one_named() {
    let best = term("arm = \"plain\"\nalong = \"train.learning_rate\"\ntake = \"best\"");
    assert_eq!(rates(&best), [(0.02, "0.0"), (0.1, "0.0"), (0.5, "0.0")]);
    let decayed = term(
        "arm = \"plain\"\nalong = \"train.learning_rate\"\ntake = \"slope\"\nat = { \"train.weight_decay\" = 0.1 }",
    );
    assert_eq!(rates(&decayed)[0], (0.02, "0.1"));
    let place = term("arm = \"plain\"\nat = { \"train.learning_rate\" = 0.5 }");
    assert_eq!((place.points.len(), place.points[0].sweep["train.learning_rate"].as_str()), (1, "0.5"));
}

/// A setting that no sweep touches is read from the specification, so that a value goes with it or not at all.
#[test]
fn a_place_may_be_the_arms_own_setting() {
    let place = term("arm = \"fixed\"\nat = { \"train.learning_rate\" = 0.1 }");
    assert_eq!((place.points.len(), place.points[0].sweep.len()), (1, 0));
    let neutral = term("arm = \"fixed\"\nat = { \"train.dtype\" = \"f32\" }");
    assert_eq!(neutral.points.len(), 1, "a neutral value, which a specification leaves out");
    let error = plan("[value.v]\narm = \"fixed\"\nat = { \"train.learning_rate\" = 0.2 }").unwrap_err();
    assert!(error.contains("value `v`") && error.contains("train.learning_rate = 0.2"), "{error}");
    let elsewhere = "[value.v]\narm = \"fixed\"\nat = { \"train.learning_rate\" = 0.2 }\nscales = [\"lab\"]";
    assert!(!plan(elsewhere).unwrap().terms().contains_key("v"));
}

#[test]
fn choosing_seeds_are_planned_for_the_arms_that_are_chosen() {
    let best = plan("[value.v]\narm = \"plain\"\nalong = \"train.learning_rate\"\ntake = \"best\"").unwrap();
    let choosing: Vec<_> = best.trials.iter().filter(|trial| trial.seed >= 100).collect();
    assert_eq!(choosing.len(), 2 * 6);
    assert!(choosing.iter().all(|trial| trial.arm == "plain"));
    assert_eq!(plan("").unwrap().trials.len(), 2 * 7);
}

#[test]
fn mistakes_are_named() {
    for (value, words) in [
        ("arm = \"plane\"", "unknown arm `plane`"),
        ("arm = \"plain\"\ntake = \"best\"", "`along`"),
        ("arm = \"plain\"\nalong = \"train.learning_rate\"", "`take`"),
        ("arm = \"fixed\"\nalong = \"train.learning_rate\"\ntake = \"slope\"", "not swept for arm `fixed`"),
        ("arm = \"plain\"\nalong = \"layer\"\ntake = \"best\"", "only a sweep"),
        (
            "arm = \"plain\"\nalong = \"train.learning_rate\"\ntake = { smallest = { below = { nobody = 1.0 } } }",
            "unknown arm `nobody`",
        ),
    ] {
        let error = plan(&format!("[value.v]\n{value}")).unwrap_err();
        assert!(error.contains("value `v`") && error.contains(words), "{error}");
    }
    let twice = plan("[value.fixed]\narm = \"plain\"").unwrap_err();
    assert!(twice.contains("an arm and a value"), "{twice}");
    let judged = STUDY.replace("[100, 101]", "[1]");
    let text = format!("{judged}\n[value.v]\narm = \"plain\"\nalong = \"train.learning_rate\"\ntake = \"best\"");
    let study = Study::parse("s", "s.toml", &text).unwrap();
    let error = format!("{:#}", Plan::new(study, "desk", &Overrides::default()).unwrap_err());
    assert!(error.contains("seed 1") && error.contains("choose_seeds"), "{error}");
}
