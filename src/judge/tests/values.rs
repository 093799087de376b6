//! A study of two swept arms: accuracies by arm and rate, the same for every seed but for small differences, and other
//! ones on the seeds 100 and 101 that are chosen on.

use super::*;
use crate::study::{CurvePoint, Take, Term, Value};

const RATES: [f64; 4] = [0.05, 0.1, 0.2, 0.5];

fn swept(arm: &str, seed: u64, rate: f64, accuracy: f64) -> TrialRecords {
    let sweep = BTreeMap::from([("rate".to_string(), rate.to_string())]);
    TrialRecords { sweep, ..trial(arm, seed, accuracy, accuracy) }
}

fn trials(judged: [[f64; 4]; 2], choosing: [[f64; 4]; 2]) -> Vec<TrialRecords> {
    let mut trials = Vec::new();
    for (seeds, of) in [((0..8).collect::<Vec<u64>>(), judged), (vec![100, 101], choosing)] {
        for (arm, accuracies) in ["a", "b"].into_iter().zip(of) {
            for seed in seeds.iter().copied() {
                let at = |(rate, accuracy): (f64, f64)| swept(arm, seed, rate, accuracy + wiggle(seed));
                trials.extend(RATES.into_iter().zip(accuracies).map(at));
            }
        }
    }
    trials
}

fn context(values: &[(&str, &str)]) -> Context {
    let points = RATES.map(|x| CurvePoint { x, sweep: BTreeMap::from([("rate".to_string(), x.to_string())]) }).to_vec();
    let term = |text: &str| {
        let value: Value = toml::from_str(text).unwrap();
        Term { arm: value.arm, points: points.clone(), along: value.along, take: value.take }
    };
    let mut terms: BTreeMap<String, Term> = values.iter().map(|&(name, text)| (name.to_string(), term(text))).collect();
    for arm in ["a", "b"] {
        terms.insert(arm.into(), Term { points: points[1..2].to_vec(), ..Term::of_arm(arm, BTreeMap::new()) });
    }
    Context { terms, choose_seeds: vec![100, 101], ..at("desk") }
}

fn estimate(statistic: &str, context: &Context, trials: &[TrialRecords]) -> Verdict {
    let descriptive = format!("role = \"descriptive\"\norigin = \"ours\"\nstatistic = {{ {statistic} }}");
    judge(&[claim(&descriptive)], trials, context).remove(0)
}

fn point(statistic: &str, context: &Context, trials: &[TrialRecords]) -> f64 {
    estimate(statistic, context, trials).estimate().unwrap().point
}

const A: [f64; 4] = [70.0, 80.0, 85.0, 82.0];
const B: [f64; 4] = [30.0, 40.0, 20.0, 10.0];

fn best(arm: &str) -> String {
    format!("arm = \"{arm}\"\nalong = \"rate\"\ntake = \"best\"")
}

/// The best place is that of the choosing seeds (0.5 for `a`, where the judged seeds have 82 and not their best 85;
/// 0.05 for `b`), and a contrast of an arm and of values reads each where it belongs: 82 − 30 − ½·(80 − 40).
#[test]
fn the_best_is_chosen_on_other_seeds_than_those_judged() {
    let (best_a, best_b) = (best("a"), best("b"));
    let context = context(&[("best_a", &best_a), ("best_b", &best_b)]);
    let trials = trials([A, B], [[60.0, 61.0, 62.0, 63.0], [50.0, 20.0, 30.0, 10.0]]);
    let verdict = estimate("contrast = { best_a = 1.0, best_b = -1.0, a = -0.5, b = 0.5 }", &context, &trials);
    let estimate = verdict.estimate().unwrap();
    assert!((estimate.point - 32.0).abs() < 1e-9, "{estimate:?}");
    assert_eq!(estimate.seeds, 8);
    assert!(verdict.chosen[0].contains("`best_a` is read at `rate` = 0.5, at the edge"), "{:?}", verdict.chosen);
    let middle = self::trials([A, B], [A, B]);
    let verdict = self::estimate("contrast = { best_a = 1.0 }", &context, &middle);
    assert!(verdict.chosen[0].contains("`rate` = 0.2; on seeds 100, 101 the means"), "{:?}", verdict.chosen);
}

/// Of `a` and `b` the better one first reaches 50 at 0.1 on the choosing seeds.
#[test]
fn a_shared_place_is_the_first_that_one_of_the_arms_reaches() {
    let reached = "take = { first_reached = { arms = [\"a\", \"b\"], at_least = 50.0, window = [0.75, 1.0] } }";
    let (a, b) =
        (format!("arm = \"a\"\nalong = \"rate\"\n{reached}"), format!("arm = \"b\"\nalong = \"rate\"\n{reached}"));
    let context = context(&[("small_a", &a), ("small_b", &b)]);
    let gap = "contrast = { small_a = 1.0, small_b = -1.0 }";
    assert!((point(gap, &context, &trials([A, B], [[20.0, 55.0, 60.0, 70.0], [10.0; 4]])) - 40.0).abs() < 1e-9);
    let never = estimate(gap, &context, &trials([A, B], [[20.0; 4], [10.0; 4]]));
    assert_eq!((never.estimate(), never.word), (None, Word::NotJudged));
    assert_eq!(never.notes.last().unwrap(), "No seed has a number for it.");
    assert!(never.chosen[0].contains("`small_a` has no place: no `rate` reaches what is asked"), "{:?}", never.chosen);
    assert!(never.chosen[0].contains("are 19.9 at 0.05"), "the seeds' wiggles are in it: {:?}", never.chosen);
}

/// Passing at 0.5 and none; failing against the mean of two arms at their own place: below ½·(80 + 40) = 60.
#[test]
fn largest_and_smallest_passing_values() {
    let value = |arm: &str, take: &str| format!("arm = \"{arm}\"\nalong = \"rate\"\ntake = {{ {take} }}");
    let texts = [
        value("a", "largest = { at_least = 75.0 }"),
        value("b", "largest = { at_least = 75.0 }"),
        value("b", "smallest = { below = { a = 0.5, b = 0.5 } }"),
        value("a", "smallest = { below = { a = 0.5, b = 0.5 } }"),
    ];
    let names = ["largest_a", "largest_b", "smallest_b", "smallest_a"];
    let context = context(&names.into_iter().zip(texts.iter().map(String::as_str)).collect::<Vec<_>>());
    let trials = trials([A, B], [A, B]);
    assert!((point("contrast = { largest_a = 1.0 }", &context, &trials) - 0.5).abs() < 1e-12);
    assert!((point("contrast = { largest_b = 1.0 }", &context, &trials)).abs() < 1e-12);
    assert!((point("contrast = { smallest_b = 1.0 }", &context, &trials) - 0.05).abs() < 1e-12);
    let never = estimate("contrast = { smallest_a = 1.0 }", &context, &trials);
    assert!(never.point.is_none() && never.notes[0].contains("8 of 8 seeds have no finite value"), "{never:?}");
    let beside = "[[beside]]\nstatistic = { contrast = { smallest_a = 1.0 } }\n";
    let beside = format!(
        "role = \"descriptive\"\norigin = \"ours\"\nstatistic = {{ contrast = {{ largest_a = 1.0 }} }}\n{beside}"
    );
    let beside = judge(&[claim(&beside)], &trials, &context).remove(0);
    assert!(beside.notes[0].contains("8 of 8 seeds have no finite value of smallest_a"), "{beside:?}");
}

#[test]
fn slopes_and_rank_correlations_of_each_seed() {
    let texts = ["slope", "log_slope", "rank_correlation"]
        .map(|take| format!("arm = \"a\"\nalong = \"rate\"\ntake = \"{take}\""));
    let context = context(&[("slope", &texts[0]), ("log_slope", &texts[1]), ("rank", &texts[2])]);
    let of = |y: fn(f64) -> f64| trials([RATES.map(y), B], [A, B]);
    assert!((point("contrast = { slope = 1.0 }", &context, &of(|x| 10.0 + 40.0 * x)) - 40.0).abs() < 1e-9);
    assert!((point("contrast = { log_slope = 1.0 }", &context, &of(|x| 50.0 + 3.0 * x.ln())) - 3.0).abs() < 1e-9);
    assert!((point("contrast = { rank = 1.0 }", &context, &trials([A, B], [A, B])) - 0.8).abs() < 1e-9);
}

/// y = 5 − layer at layers 2, 4, 6 and 8 crosses 0 at 5, whatever other layers were recorded.
#[test]
fn a_zero_crossing_is_over_the_claims_layers() {
    let mut trials = two_arms(6, 0.0, 0.0);
    for trial in &mut trials {
        let record = |layer: usize| Record {
            step: 10,
            name: "cosine".into(),
            layer: Some(layer),
            value: 5.0 - layer as f64 + 0.01 * wiggle(trial.seed),
        };
        trial.records.extend([1, 2, 4, 6, 8].map(record));
    }
    let crossing = claim(
        "role = \"secondary\"\norigin = \"ours\"\nlayers = [2, 4, 6, 8]\nstatistic = { contrast = { crossing = 1.0 } }\ncriterion = { between = [4.0, 6.0] }",
    );
    let take = Some(Take::ZeroCrossing);
    let term = Term { along: Some("layer".into()), take, ..Term::of_arm("a", BTreeMap::new()) };
    let context = Context { terms: BTreeMap::from([("crossing".into(), term)]), ..at("desk") };
    let verdict = judge(&[Claim { metric: "cosine".into(), ..crossing }], &trials, &context).remove(0);
    assert_eq!(verdict.word, Word::Supported, "{verdict:?}");
    assert!((verdict.estimate().unwrap().point - 5.0).abs() < 1e-3);
}

/// 6 of 8 seeds: the exact interval of Clopper and Pearson is 0.3491 to 0.9681 (binomial tails of 2.5 %, solved apart, in Python).
#[test]
fn a_share_of_seeds() {
    let trials: Vec<TrialRecords> =
        (0..8).map(|seed| trial("a", seed, if seed < 6 { 60.0 } else { 12.0 }, 0.0)).collect();
    let verdict = estimate("share = { of = \"a\", meets = { at_least = 20.0 } }", &at("desk"), &trials);
    let share = verdict.estimate().unwrap();
    let (low, high) = share.ci95.unwrap();
    assert_eq!((share.point, share.seeds), (0.75, 8));
    assert!((low - 0.3491).abs() < 1e-4 && (high - 0.9681).abs() < 1e-4, "{low} {high}");
}
