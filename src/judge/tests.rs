//! Constructed studies through the whole judge: every word, every rule.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::probe::{Evaluation, Landscape, Measurement, Training};
use crate::record::{Ending, Record};

mod values;

const STEPS: usize = 100;
/// The accuracy of guessing among ten classes, in percent.
const CHANCE: f64 = 10.0;
const MINIBATCH: &str = "train_accuracy";
const CLEAN: &str = "eval.train.accuracy.batch.clean";

/// A trial with one accuracy at every step and another at ten points, and a loss.
fn trial(arm: &str, seed: u64, minibatch: f64, clean: f64) -> TrialRecords {
    let record = |step, name: &str, value| Record { step, name: name.into(), layer: None, value };
    let steps = (0..STEPS).flat_map(|step| [record(step, MINIBATCH, minibatch), record(step, "train_loss", 1.0)]);
    let points = (1..=10).map(|point| record(point * STEPS / 10, CLEAN, clean));
    TrialRecords {
        arm: arm.into(),
        seed,
        sweep: BTreeMap::new(),
        id: format!("{arm}-{seed}"),
        steps: STEPS,
        ending: Ending::Finished,
        instruction_set: String::new(),
        records: steps.chain(points).collect(),
    }
}

/// Small differences between seeds, so that intervals have a width.
fn wiggle(seed: u64) -> f64 {
    [0.1, -0.2, 0.3, -0.1, 0.2, -0.3, 0.15, -0.15][seed as usize % 8]
}

/// Two arms, `a` above `b` by the given differences on either reading.
fn two_arms(seeds: u64, minibatch: f64, clean: f64) -> Vec<TrialRecords> {
    let of = |seed| {
        [trial("a", seed, 60.0 + minibatch + wiggle(seed), 60.0 + clean + wiggle(seed)), trial("b", seed, 60.0, 60.0)]
    };
    (0..seeds).flat_map(of).collect()
}

fn claim(fields: &str) -> Claim {
    let common = r#"
        id = "C"
        says = "a beats b"
        metric = "train_accuracy"
        unit = "points"
        if_holds = "holds"
        if_fails = "fails"
        if_open = "open"
    "#;
    toml::from_str(&format!("{common}\n{fields}")).unwrap()
}

const A_OVER_B: &str = r#"
    role = "primary"
    origin = "paper"
    confirm_on = "eval.train.accuracy.batch.clean"
    statistic = { contrast = { a = 1.0, b = -1.0 } }
    criterion = { above = 0.0 }
"#;

/// Arms that train on ten classes, and all that their steps, an evaluation and a landscape record.
fn at(scale: &str) -> Context {
    let evaluation = Evaluation { points: 10, images: 1, along: Vec::new() };
    let landscape = Landscape { points: 1, random_points: 1, multiples: vec![1.0], smaller_step: 0.5 };
    let measurements: [&dyn Measurement; 3] = [&Training {}, &evaluation, &landscape];
    let quantities = measurements.iter().flat_map(|measurement| measurement.quantities());
    Context {
        scale: scale.into(),
        quantities: quantities.map(|quantity| (quantity.name.clone(), quantity)).collect(),
        classes: ["a", "b", "c"].map(|arm| (arm.to_string(), 10)).into(),
        terms: ["a", "b", "c"].map(|arm| (arm.to_string(), Term::of_arm(arm, BTreeMap::new()))).into(),
        ..Default::default()
    }
}

fn judge_one(claim: &Claim, trials: &[TrialRecords]) -> Verdict {
    judge(std::slice::from_ref(claim), trials, &at("desk")).remove(0)
}

#[test]
fn every_word_is_reached() {
    let ours = A_OVER_B.replace("paper", "ours");
    let paper_scale = format!("{A_OVER_B}\nscales = [\"paper\"]");
    let descriptive = r#"
        role = "descriptive"
        origin = "paper"
        statistic = { contrast = { a = 1.0, b = -1.0 } }
    "#;
    let cases = [
        (A_OVER_B, two_arms(8, 2.0, 2.0), Word::Replicated, Some("holds")),
        (A_OVER_B, two_arms(8, -2.0, -2.0), Word::NotReplicated, Some("fails")),
        (&ours, two_arms(6, 2.0, 2.0), Word::Supported, Some("holds")),
        (&ours, two_arms(6, -2.0, -2.0), Word::NotSupported, Some("fails")),
        (A_OVER_B, two_arms(8, 0.0, 0.0), Word::Inconclusive, Some("open")),
        (A_OVER_B, two_arms(8, -2.0, 0.0), Word::Inconclusive, Some("open")),
        (A_OVER_B, two_arms(8, 2.0, -2.0), Word::DependsOnTheReading, None),
        (A_OVER_B, two_arms(8, 0.0, 2.0), Word::DependsOnTheReading, None),
        (A_OVER_B, two_arms(5, 2.0, 2.0), Word::Descriptive, None),
        (A_OVER_B, two_arms(1, 2.0, 2.0), Word::Descriptive, None),
        (descriptive, two_arms(8, 2.0, 2.0), Word::Descriptive, None),
        (&paper_scale, two_arms(8, 2.0, 2.0), Word::NotJudged, None),
        (A_OVER_B, Vec::new(), Word::NotJudged, None),
    ];
    let mut reached = BTreeSet::new();
    for (fields, trials, word, means) in cases {
        let verdict = judge_one(&claim(fields), &trials);
        assert_eq!((verdict.word, verdict.means.as_deref()), (word, means), "{fields} {verdict:?}");
        let decided = !matches!(word, Word::Descriptive | Word::NotJudged);
        assert_eq!((verdict.p_t.is_some(), verdict.parts[0].outcome.is_some()), (decided, decided), "{verdict:?}");
        reached.insert(word.to_string());
    }
    assert_eq!(reached.len(), 8);
}

/// With weights that sum to 0 but for their rounding, identical arms differ by nothing in every seed, for any number of
/// seeds: where it was the rounding of 1/3 that was judged, it had the same sign in all.
#[test]
fn rounding_is_not_a_difference() {
    let third = "a = 1.0, b = -0.3333333333333333, c = -0.3333333333333333, d = -0.3333333333333333";
    let tenths = "a = 0.1, b = 0.2, c = -0.3";
    let (thirds, tenths) = (format!("contrast = {{ {third} }}"), format!("contrast = {{ {tenths} }}"));
    let mut context = at("desk");
    context.terms.insert("d".into(), Term::of_arm("d", BTreeMap::new()));
    // Beyond 20 seeds the interval alone decides, and 0 lies outside of what is asked.
    for (seeds, word) in [(12, Word::Inconclusive), (30, Word::NotSupported)] {
        let same = |arm| (0..seeds).map(move |seed| trial(arm, seed, 60.1 + wiggle(seed), 60.0));
        let trials: Vec<_> = ["a", "b", "c", "d"].into_iter().flat_map(same).collect();
        for statistic in [&*thirds, &*tenths, "log_ratio = { of = \"a\", to = \"b\" }"] {
            for criterion in ["above", "below"] {
                let fields = format!(
                    "role = \"primary\"\norigin = \"ours\"\nstatistic = {{ {statistic} }}\n\
                     criterion = {{ {criterion} = 0.0 }}"
                );
                let verdict = judge(&[claim(&fields)], &trials, &context).remove(0);
                let found = (verdict.point, verdict.ci95, verdict.p_t, verdict.word);
                assert_eq!(found, (Some(0.0), Some((0.0, 0.0)), Some(1.0), word), "{fields}");
            }
        }
    }
    let apart = |arm, of: f64| (0..12).map(move |seed| trial(arm, seed, of, of));
    let trials: Vec<_> = apart("a", 60.0).chain(apart("b", 60.0 * (1.0 + 1e-12))).collect();
    let verdict = judge(&[claim(&A_OVER_B.replace("above", "below"))], &trials, &context).remove(0);
    assert_eq!(verdict.word, Word::Replicated, "a difference beyond rounding is one: {verdict:?}");
}

#[test]
fn readings_that_differ_are_named() {
    let verdict = judge_one(&claim(A_OVER_B), &two_arms(8, 2.0, -2.0));
    let expected = format!("By the reading: it holds on `{MINIBATCH}`, it fails on `{CLEAN}`.");
    assert_eq!(verdict.notes, [expected]);
    assert_eq!(verdict.parts.len(), 2);
}

/// The window takes the last quarter, and of the ten points those at 80, 90 and 100 of 100 steps.
#[test]
fn a_window_is_a_fraction_of_the_run() {
    let mut trials = two_arms(8, 0.0, 0.0);
    for record in trials.iter_mut().flat_map(|trial| &mut trial.records) {
        record.value = record.step as f64;
    }
    let last_quarter = claim(
        r#"
        role = "primary"
        origin = "ours"
        confirm_on = "eval.train.accuracy.batch.clean"
        window = [0.75, 1.0]
        statistic = { contrast = { a = 1.0 } }
        criterion = { above = 0.0 }
        "#,
    );
    let parts = judge_one(&last_quarter, &trials).parts;
    let points: Vec<f64> = parts.iter().map(|part| part.estimate.unwrap().point).collect();
    assert_eq!(points, [87.0, 90.0]);
    assert_eq!(parts[0].outcome, Some(Outcome::Holds), "equal values are a result, not an accident");
}

/// A claim with two conditions: either one failing fails it, and its p value is the larger.
#[test]
fn a_conjunction_holds_only_as_a_whole() {
    let stopped = |bound: f64| {
        claim(&format!(
            r#"
            role = "primary"
            origin = "paper"
            statistic = {{ contrast = {{ b = 1.0 }} }}
            criterion = {{ at_most = {bound} }}
            [[also]]
            statistic = {{ contrast = {{ a = 1.0, b = -1.0 }} }}
            criterion = {{ above = 0.0 }}
            "#
        ))
    };
    let trials = two_arms(8, 2.0, 2.0);
    let both = judge_one(&stopped(65.0), &trials);
    assert_eq!(both.word, Word::Replicated);
    assert_eq!(both.p_t, both.parts[1].p_t);
    assert_eq!(judge_one(&stopped(55.0), &trials).word, Word::NotReplicated);
    assert_eq!(judge_one(&stopped(65.0), &two_arms(8, 0.0, 0.0)).word, Word::Inconclusive);
}

/// Per seed ln(a/b) at each layer, averaged over the layers: ln 8 and ln 2 give ln 4. The raw line decides nothing.
#[test]
fn a_log_ratio_is_averaged_over_layers() {
    let record = |name: &str, layer, value| Record { step: 10, name: name.into(), layer: Some(layer), value };
    let mut trials = two_arms(6, 0.0, 0.0);
    for trial in &mut trials {
        let at = |a: f64| if trial.arm == "a" { a } else { 1.0 };
        trial.records.extend([record("drift", 2, at(8.0)), record("drift", 9, at(2.0))]);
        trial.records.extend([record("raw", 2, at(0.5)), record("raw", 9, at(0.5))]);
    }
    let drift = claim(
        r#"
        role = "primary"
        origin = "paper"
        layers = [2, 9]
        statistic = { log_ratio = { of = "a", to = "b" } }
        criterion = { above = 1.0986 }
        beside = [{ metric = "raw" }]
        "#,
    );
    let verdict = judge_one(&Claim { metric: "drift".into(), ..drift }, &trials);
    assert_eq!(verdict.word, Word::Replicated);
    assert!((verdict.estimate().unwrap().point - 4f64.ln()).abs() < 1e-12);
    assert!((verdict.beside[0].estimate.unwrap().point - 0.5f64.ln()).abs() < 1e-12);
}

/// (a − c) / (b − c) = 4 / 5, with Fieller's interval; and without one where b − c may be 0.
#[test]
fn a_ratio_of_means_has_an_interval_only_where_there_is_one() {
    let recovery = claim(
        r#"
        role = "descriptive"
        origin = "paper"
        statistic = { ratio_of_means = { of = { a = 1.0, c = -1.0 }, to = { b = 1.0, c = -1.0 } } }
        "#,
    );
    let with_floor = |floor: &dyn Fn(u64) -> f64| {
        let floors = (0..8).map(|seed| trial("c", seed, floor(seed), 0.0));
        two_arms(8, -1.0, 0.0).into_iter().chain(floors).collect::<Vec<_>>()
    };
    let verdict = judge_one(&recovery, &with_floor(&|_| 55.0));
    let estimate = verdict.estimate().unwrap();
    let (low, high) = estimate.ci95.unwrap();
    assert!((estimate.point - 0.8).abs() < 1e-12 && low < 0.8 && 0.8 < high && high < 0.85, "{estimate:?}");
    assert!(verdict.notes.is_empty());

    let verdict = judge_one(&recovery, &with_floor(&|seed| if seed % 2 == 0 { 58.0 } else { 61.0 }));
    assert_eq!(verdict.estimate().unwrap().ci95, None);
    assert!(verdict.notes[0].starts_with("Fieller's 95 % set"), "{:?}", verdict.notes);
}

/// Among nine other claims that fail to hold, p must be under 0.005 for the tenth: a difference that holds alone does not.
#[test]
fn holm_withholds_what_one_test_grants() {
    let secondary = claim(&A_OVER_B.replace("primary", "secondary"));
    let weak = two_arms(8, 0.25, 0.25);
    let alone = judge_one(&secondary, &weak);
    assert_eq!((alone.word, alone.p_holm), (Word::Replicated, alone.p_t));
    let many = judge(&vec![secondary.clone(); 10], &weak, &at("desk"));
    assert!((many[0].p_holm.unwrap() - 10.0 * alone.p_t.unwrap()).abs() < 1e-12);
    assert!(many.iter().all(|verdict| verdict.word == Word::Inconclusive), "{:?}", many[0]);

    let elsewhere = Claim { scales: vec!["paper".into()], ..secondary.clone() };
    let primary = Claim { role: Role::Primary, ..secondary.clone() };
    let others = judge(&[secondary, elsewhere, primary], &weak, &at("desk"));
    assert_eq!(others.iter().map(|verdict| verdict.p_holm).collect::<Vec<_>>(), [alone.p_t, None, None]);
}

/// A claim whose values are infinite on all seeds but one has no t test; it counts next to the other all the same.
#[test]
fn a_claim_without_a_t_test_stays_in_holms_family() {
    let secondary = claim(&A_OVER_B.replace("primary", "secondary"));
    let on_loss = Claim { metric: "train_loss".into(), confirm_on: None, ..secondary.clone() };
    let mut trials = two_arms(8, 2.0, 2.0);
    for trial in trials.iter_mut().filter(|trial| trial.arm == "a" && trial.seed > 0) {
        trial.records.iter_mut().filter(|record| record.name == "train_loss").for_each(|r| r.value = f64::INFINITY);
    }
    let verdicts = judge(&[secondary, on_loss], &trials, &at("desk"));
    assert_eq!(verdicts[1].p_t, None);
    assert!((verdicts[0].p_holm.unwrap() - 2.0 * verdicts[0].p_t.unwrap()).abs() < 1e-12, "{:?}", verdicts[0]);
}

#[test]
fn overridden_settings_make_everything_exploratory() {
    let context = Context { exploratory: true, ..at("desk") };
    assert!(judge(&[claim(A_OVER_B)], &two_arms(8, 2.0, 2.0), &context)[0].exploratory);
    assert!(!judge_one(&claim(A_OVER_B), &two_arms(8, 2.0, 2.0)).exploratory);
}

fn summary(arm: &str, trials: &[TrialRecords]) -> ArmSummary {
    arm_summary(
        arm,
        &BTreeMap::new(),
        &trials.iter().filter(|trial| trial.arm == arm).collect::<Vec<_>>(),
        trials,
        &[50.0, 80.0, 90.0],
        &at("desk"),
    )
}

/// Ends a trial at a step whose own values are not numbers.
fn diverge(trial: &mut TrialRecords, step: usize) {
    trial.ending = Ending::Diverged { step };
    trial.records.retain(|record| record.step <= step);
    trial.records.iter_mut().filter(|record| record.step == step).for_each(|record| record.value = f64::NAN);
}

/// Diverged at step 40 of 100: 40 steps at 60 % and 60 at chance make 30 %; of the ten points the three before count
/// and those at 40, 50, ... 100 are chance.
#[test]
fn divergence_counts_as_chance_and_is_counted() {
    let mut trials = two_arms(8, 2.0, 2.0);
    trials.iter_mut().filter(|trial| trial.arm == "b").for_each(|trial| diverge(trial, 40));
    let b = summary("b", &trials);
    assert_eq!((b.diverged, b.stuck.len()), (8, 0));
    assert_eq!(b.train_accuracy.as_ref().unwrap().mean.unwrap().point, 0.4 * 60.0 + 0.6 * CHANCE);
    assert_eq!(b.train_accuracy_clean.as_ref().unwrap().seeds[0].1, (3.0 * 60.0 + 7.0 * CHANCE) / 10.0);
    assert_eq!(b.last_quarter.as_ref().unwrap().seeds[0].1, CHANCE);
    assert_eq!(b.time_to[0].steps[0].1, Some(5), "it had reached 50 % before");
    let verdict = judge_one(&claim(A_OVER_B), &trials);
    assert_eq!(verdict.word, Word::Replicated);
    assert_eq!(verdict.notes, ["8 of 8 trials of `b` diverged."]);
}

/// Diverged in the update after the last of 100 steps: every minibatch counts, and the reading after that step is chance.
#[test]
fn a_divergence_after_the_last_step_takes_its_readings_alone() {
    let mut trials = two_arms(8, 2.0, 2.0);
    trials.iter_mut().filter(|trial| trial.arm == "b").for_each(|trial| diverge(trial, 100));
    let b = summary("b", &trials);
    assert_eq!(b.diverged, 8);
    assert_eq!(b.train_accuracy.as_ref().unwrap().mean.unwrap().point, 60.0);
    assert_eq!(b.train_accuracy_clean.as_ref().unwrap().seeds[0].1, (9.0 * 60.0 + CHANCE) / 10.0);
}

/// Diverged at step 1 of 100, before any reading of fixed images: one step at 60 % and 99 at chance, and chance in every
/// column that another arm has.
#[test]
fn an_arm_that_diverged_at_once_is_at_chance_in_every_column() {
    let mut trials = two_arms(8, 2.0, 2.0);
    trials.iter_mut().filter(|trial| trial.arm == "b").for_each(|trial| diverge(trial, 1));
    let b = summary("b", &trials);
    let mean = |values: &Option<Values>| values.as_ref().unwrap().mean.unwrap().point;
    assert_eq!(mean(&b.train_accuracy), (60.0 + 99.0 * CHANCE) / 100.0);
    assert_eq!((mean(&b.train_accuracy_clean), mean(&b.last_quarter_clean)), (CHANCE, CHANCE));
    let absent = summary("b", &trials.into_iter().filter(|trial| trial.arm == "b").collect::<Vec<_>>());
    assert_eq!(absent.train_accuracy_clean, None, "what nobody recorded is no result");
}

/// A band of losses along the gradient describes a network that a divergence ends: it counts as far as it was measured,
/// whatever its name. With a hundred classes, chance is 1 %.
#[test]
fn a_quantity_says_itself_what_counts_after_a_divergence() {
    const BAND: &str = "landscape.gradient.loss_band";
    let mut trials = two_arms(8, 2.0, 2.0);
    for trial in trials.iter_mut().filter(|trial| trial.arm == "b") {
        let band = |step| Record { step, name: BAND.into(), layer: None, value: 3.0 };
        trial.records.extend([0, 20, 40, 60, 80].map(band));
        diverge(trial, 40);
    }
    let estimate = |metric: &str, context: &Context| {
        let b = claim("role = \"descriptive\"\norigin = \"ours\"\nstatistic = { contrast = { b = 1.0 } }");
        judge(&[Claim { metric: metric.into(), ..b }], &trials, context)[0].estimate().unwrap().point
    };
    assert_eq!(estimate(BAND, &at("desk")), 3.0);
    let hundred = Context { classes: BTreeMap::from([("b".into(), 100)]), ..at("desk") };
    assert!((estimate(MINIBATCH, &hundred) - (0.4 * 60.0 + 0.6 * 1.0)).abs() < 1e-9);
}

#[test]
fn an_infinite_loss_is_left_out_of_the_interval_and_ranked_last_in_the_exact_test() {
    let lower = claim(
        r#"
        role = "primary"
        origin = "paper"
        statistic = { contrast = { a = 1.0, b = -1.0 } }
        criterion = { below = 0.0 }
        "#,
    );
    let lower = Claim { metric: "train_loss".into(), ..lower };
    let mut trials = two_arms(8, 0.0, 0.0);
    for trial in trials.iter_mut().filter(|trial| trial.arm == "a") {
        let seed = trial.seed;
        trial
            .records
            .iter_mut()
            .filter(|record| record.name == "train_loss")
            .for_each(|r| r.value = 0.5 + wiggle(seed) / 9.0);
    }
    assert_eq!(judge_one(&lower, &trials).word, Word::Replicated);
    diverge(&mut trials[0], 50);
    let verdict = judge_one(&lower, &trials);
    assert_eq!((verdict.word, verdict.estimate().unwrap().seeds), (Word::Inconclusive, 7));
    assert_eq!(verdict.notes.len(), 3, "left out, tests disagree, diverged: {:?}", verdict.notes);
    diverge(&mut trials[1], 50);
    assert_eq!(judge_one(&lower, &trials).word, Word::Replicated, "a tie between two infinite losses weighs nothing");
}

#[test]
fn a_seed_that_an_arm_lacks_is_left_out_and_named() {
    let mut trials = two_arms(8, 2.0, 2.0);
    trials.retain(|trial| trial.arm != "b" || trial.seed != 3);
    let verdict = judge_one(&claim(A_OVER_B), &trials);
    assert_eq!((verdict.word, verdict.estimate().unwrap().seeds), (Word::Replicated, 7));
    assert_eq!(verdict.notes, ["Not every arm has a trial of seed 3: left out of the pairs."]);
}

/// The paper's numbers over our number of steps: recovery .83 over 2,000 steps, .71 over all 15,000.
#[test]
fn the_paper_is_read_over_the_same_horizon() {
    let recovery = claim(
        r#"
        role = "descriptive"
        origin = "paper"
        statistic = { ratio_of_means = { of = { a = 1.0, c = -1.0 }, to = { b = 1.0, c = -1.0 } } }
        paper = { curves = "fig2_train_acc", columns = { a = "noisy", b = "bn", c = "std" }, source = "fig. 2" }
        "#,
    );
    let over = |steps| paper::paper_value(&recovery, steps).unwrap();
    assert!((over(2000).0 - 0.8317).abs() < 5e-5, "computed apart, in Python");
    assert_eq!(over(2000).1, "the same statistic over the first 2000 of 15000 steps, from 20 points per curve");
    assert!((over(20_000).0 - 0.7100).abs() < 5e-5);
    assert_eq!(over(20_000).1, "the same statistic over all of its 15000 steps, from 151 points per curve");
    let last_quarter = Claim { window: [0.75, 1.0], ..recovery };
    assert_eq!(paper::paper_value(&last_quarter, 100), None, "the only point, at step 0, is not in it");
}

/// 10 % until step 26 and 60 % from there: stuck is read from steps 25 to 29, and 50 % is reached by the mean of five
/// steps at the fifth of 60 %: (10 + 4 · 60) / 5 = 50 already at the fourth.
#[test]
fn stuck_trials_and_times() {
    let mut trials = two_arms(3, 0.0, 0.0);
    for trial in trials.iter_mut().filter(|trial| trial.arm == "a") {
        let late = if trial.seed == 0 { 1000 } else { 26 };
        trial.records.iter_mut().for_each(|record| record.value = if record.step < late { 10.0 } else { 60.0 });
    }
    trials.iter_mut().filter(|trial| trial.arm == "b" && trial.seed == 0).for_each(|trial| diverge(trial, 10));
    let (a, b) = (summary("a", &trials), summary("b", &trials));
    assert_eq!((a.trials, &a.stuck[..], a.diverged), (3, &[0][..], 0));
    assert_eq!(
        (b.trials, &b.stuck[..], b.diverged),
        (3, &[][..], 1),
        "a trial is counted as stuck or as diverged, not as both"
    );
    assert_eq!(a.time_to[0].steps, [(0, None), (1, Some(30)), (2, Some(30))]);
    let restricted = a.time_to[0].restricted_mean.unwrap();
    assert!((restricted.point - 160.0 / 3.0).abs() < 1e-12, "a trial that never gets there counts as 100 steps");
    assert_eq!(a.time_to[1].reached, 0);
    assert!(a.test_running.is_none(), "nobody recorded it");
}

#[test]
fn the_claims_of_noisy_bn_are_sound() {
    let claims = crate::study::Study::load("noisy_bn").unwrap().claim;
    assert_eq!(claims.iter().filter(|claim| claim.role == Role::Primary).count(), 1);
    let verdicts = judge(&claims, &[], &at("desk"));
    assert!(verdicts.iter().all(|verdict| verdict.word == Word::NotJudged));
}

proptest! {
    #[test]
    fn the_order_of_trials_does_not_matter(
        values in prop::collection::vec((0.0..100.0f64, 0.0..100.0f64), 16),
        order in Just((0..16usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let of = |(index, &(minibatch, clean)): (usize, &(f64, f64))| {
            trial(if index % 2 == 0 { "a" } else { "b" }, index as u64 / 2, minibatch, clean)
        };
        let trials: Vec<TrialRecords> = values.iter().enumerate().map(of).collect();
        let shuffled: Vec<TrialRecords> = order.iter().map(|&index| trials[index].clone()).collect();
        prop_assert_eq!(judge_one(&claim(A_OVER_B), &trials), judge_one(&claim(A_OVER_B), &shuffled));
    }
}

/// A condition of another record and window is the same on both readings, and is not a reading of its own.
#[test]
fn a_condition_may_have_its_own_record_and_window() {
    let with = |bound: f64| {
        claim(&format!(
            "{A_OVER_B}\n[[also]]\nmetric = \"train_loss\"\nwindow = [0.5, 1.0]\nstatistic = {{ contrast = {{ a = 1.0 }} }}\ncriterion = {{ at_most = {bound} }}\n[[beside]]\nwindow = [0.0, 0.1]\n"
        ))
    };
    let mut trials = two_arms(8, 2.0, 2.0);
    for record in trials.iter_mut().flat_map(|trial| &mut trial.records) {
        record.value = if record.name == "train_loss" && record.step >= 50 { 0.5 } else { record.value };
    }
    let verdict = judge_one(&with(0.6), &trials);
    assert_eq!((verdict.word, verdict.parts.len()), (Word::Replicated, 4));
    assert_eq!(judge_one(&with(0.4), &trials).word, Word::NotReplicated);
    assert!((verdict.beside[0].estimate.unwrap().point - 2.0).abs() < 1e-9);
}

#[test]
fn a_claim_may_be_exploratory_at_some_scales_and_silent_at_others() {
    let secondary = A_OVER_B.replace("primary", "secondary");
    let paper = claim(&format!("{secondary}\nscales = [\"paper\"]\nexploratory_at = [\"lab\"]"));
    let at_scale = |scale: &str| judge(std::slice::from_ref(&paper), &two_arms(8, 2.0, 2.0), &at(scale)).remove(0);
    let of = |scale: &str| (at_scale(scale).word, at_scale(scale).exploratory, at_scale(scale).p_holm.is_some());
    assert_eq!(of("paper"), (Word::Replicated, false, true));
    assert_eq!(of("lab"), (Word::Replicated, true, false));
    assert_eq!(of("desk"), (Word::NotJudged, false, false));
}
