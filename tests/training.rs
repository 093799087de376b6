//! A trial is a pure function of its specification, seed and data: not of its probes, of where it was stopped, or of
//! what ran at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use whybn::data::Dataset;
use whybn::probe::{
    Conditions, Evaluation, Histogram, Ics, Landscape, Moments, Probe, Quantity, SurvivingShift, Training, Wasserstein,
    When,
};
use whybn::record::{Ending, Record};
use whybn::spec::{
    Batch, Clip, DataName, DeepLinear, Init, Loss, Model, Momentum, Noise, Norm, Precision, Spec, Train, Transform,
    Vgg16,
};
use whybn::study::{Overrides, Plan, Study};
use whybn::train::{self, Trial, Watch};

fn data() -> &'static Dataset {
    static DATA: OnceLock<Dataset> = OnceLock::new();
    DATA.get_or_init(|| whybn::data::load(DataName::FashionMnist, None).unwrap())
}

fn tiny(norm: Option<Norm>, noise: bool) -> Spec {
    let noise = if noise { Some(Noise::default()) } else { None };
    let model = Model::Vgg16(Vgg16 { width_divisor: 32, norm, noise, ..Vgg16::default() });
    Spec { model, train: Train { batch: Batch::Size(16), steps: 7, ..Train::default() }, ..Spec::default() }
}

fn all_probes() -> Vec<Probe> {
    vec![
        Probe::Training(Training {}),
        Probe::Evaluation(Evaluation { points: 2, images: 50, along: vec![] }),
        Probe::Moments(Moments { layers: vec![2, 9, 13], units: 64, bin: 3 }),
        Probe::Histogram(Histogram { layers: vec![2, 13], points: 3, bins: 6 }),
        Probe::SurvivingShift(SurvivingShift { layers: vec![2], redraws: 2, points: 2 }),
        Probe::Ics(Ics { layers: vec![1, 10], points: 2, matched_update: 0.01 }),
        Probe::Landscape(Landscape { points: 2, random_points: 1, multiples: vec![0.5, 4.0], smaller_step: 0.25 }),
        Probe::Conditions(Conditions { layers: vec![1, 13], units: 2, points: 2, length: 0.01 }),
        Probe::Wasserstein(Wasserstein { layers: vec![2, 11], units: 4, points: 3 }),
    ]
}

/// Stops the trial each time it has taken another `stop_every` steps since it was begun or resumed.
#[derive(Default)]
struct Watcher {
    stop_every: Option<usize>,
    resumed_at: AtomicUsize,
    done: AtomicUsize,
    calls: AtomicUsize,
}

impl Watch for Watcher {
    fn progress(&self, done: usize, _steps: usize) {
        self.done.store(done, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
    fn stop(&self) -> bool {
        let (done, resumed_at) = (self.done.load(Ordering::Relaxed), self.resumed_at.load(Ordering::Relaxed));
        self.stop_every.is_some_and(|every| done > resumed_at && done.is_multiple_of(every))
    }
    fn warn(&self, _message: &str) {}
}

fn run(spec: &Spec, probes: &[Probe], folder: &Path, watch: &Watcher, checkpoint_every: usize) -> Ending {
    let regression = whybn::data::load(DataName::GaussianRegression, None).unwrap();
    let data = if spec.data == DataName::GaussianRegression { &regression } else { data() };
    let trial = Trial { spec, seed: 5, data, probes };
    for _ in 0..100 {
        watch.resumed_at.store(watch.done.load(Ordering::Relaxed), Ordering::Relaxed);
        if let Some(ending) = train::run(&trial, folder, checkpoint_every, watch).unwrap() {
            return ending;
        }
    }
    panic!("it never ends");
}

/// All that a finished trial left, by file name.
fn left(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_string(), fs::read(&path).unwrap())
    };
    fs::read_dir(folder).unwrap().map(entry).collect()
}

fn records(folder: &Path, probes: &[Probe]) -> Vec<Record> {
    train::finished(folder, 1, probes).unwrap().unwrap().records
}

#[test]
fn stopped_and_resumed_anywhere_leaves_the_same_bytes() {
    let spec = tiny(Some(Norm::BATCH), true);
    let folder = || tempfile::tempdir().unwrap();
    let (whole, every_step, every_third) = (folder(), folder(), folder());
    run(&spec, &all_probes(), whole.path(), &Watcher::default(), 100);
    for (folder, every) in [(&every_step, 1), (&every_third, 3)] {
        let watch = Watcher { stop_every: Some(every), ..Watcher::default() };
        run(&spec, &all_probes(), folder.path(), &watch, 2);
        assert_eq!(left(whole.path()), left(folder.path()), "stopped every {every}");
    }
}

/// The paper's own scale takes a week: here all its conditions, for a few steps of a small network on
/// embedded data.
#[test]
fn every_condition_of_the_paper_s_scale_runs_and_is_resumed_to_the_same_bytes() {
    let small = "data = 'fashion_mnist'\n'model.width_divisor' = 32\n'model.head' = [16, 16]\n\
                 'train.batch' = 4\n'train.steps' = 4";
    let overrides = Overrides { set: toml::from_str(small).unwrap(), seeds: Some(1) };
    let plan = Plan::new(Study::load("noisy_bn").unwrap(), "paper", &overrides).unwrap();
    let is_quick = |probe: &&Probe| !matches!(probe, Probe::Evaluation(_)); // It reads the whole test set four times.
    let probes: Vec<Probe> = plan.probes.iter().filter(is_quick).cloned().collect();
    assert_eq!(plan.trials.len(), 6 * 2, "six arms, with and without weight decay");
    let mut ends = BTreeSet::new();
    for planned in &plan.trials {
        let (whole, stopped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        run(&planned.spec, &probes, whole.path(), &Watcher::default(), 100);
        run(&planned.spec, &probes, stopped.path(), &Watcher { stop_every: Some(2), ..Watcher::default() }, 100);
        let end = left(whole.path());
        assert!(end == left(stopped.path()), "{}", planned.label());
        ends.insert(end["weights.safetensors"].clone());
    }
    assert_eq!(ends.len(), plan.trials.len(), "no two conditions are the same");
}

/// A checkpoint keeps what the transforms of the update remember.
#[test]
fn a_trial_with_momentum_is_resumed_to_the_bit() {
    let mut spec = tiny(None, false);
    let plain = spec.clone();
    spec.train.transforms = vec![Transform::Clip(Clip { norm: 1.0 }), Transform::Momentum(Momentum { beta: 0.9 })];
    let probes = [Probe::Training(Training {})];
    let trained = |spec: &Spec, watch: Watcher| {
        let folder = tempfile::tempdir().unwrap();
        run(spec, &probes, folder.path(), &watch, 2);
        left(folder.path())
    };
    let whole = trained(&spec, Watcher::default());
    assert_eq!(whole, trained(&spec, Watcher { stop_every: Some(3), ..Watcher::default() }));
    assert_ne!(whole["weights.safetensors"], trained(&plain, Watcher::default())["weights.safetensors"]);
}

/// Full batches and double precision, which a checkpoint must keep.
#[test]
fn a_deep_linear_network_is_resumed_to_the_bit_and_learns() {
    let model = DeepLinear { depth: 5, width: 10, norm: Some(Norm::BATCH), init: Init::default() };
    let spec = Spec {
        data: DataName::GaussianRegression,
        loss: Loss::HalfSquaredErrorSum,
        model: Model::DeepLinear(model),
        train: Train { batch: Batch::Full, dtype: Precision::F64, learning_rate: 1e-5, steps: 20, ..Train::default() },
    };
    spec.check().unwrap();
    let (whole, stopped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let probes = [Probe::Training(Training {})];
    run(&spec, &probes, whole.path(), &Watcher::default(), 100);
    run(&spec, &probes, stopped.path(), &Watcher { stop_every: Some(3), ..Watcher::default() }, 2);
    assert_eq!(left(whole.path()), left(stopped.path()));
    let records = records(whole.path(), &probes);
    assert!(records.iter().all(|record| record.name == "train_loss"), "a regression has no accuracy");
    let (first, last) = (records[0].value, records[19].value);
    assert!(first > 10_000.0 && last < 0.9 * first, "{first} {last}");
    let weights = candle_core::safetensors::load(whole.path().join("weights.safetensors"), &candle_core::Device::Cpu);
    assert_eq!(weights.unwrap()["linear3.weight"].dtype(), candle_core::DType::F64);
}

/// In double precision there are Candle's own operations only; the losses agree to single precision.
#[test]
fn double_precision_trains_alike() {
    let first_losses = |dtype: Precision| {
        let mut spec = tiny(None, false);
        (spec.train.steps, spec.train.batch, spec.train.dtype) = (2, Batch::Size(4), dtype);
        let folder = tempfile::tempdir().unwrap();
        let probes =
            [Probe::Training(Training {}), Probe::Evaluation(Evaluation { points: 1, images: 8, along: vec![] })];
        run(&spec, &probes, folder.path(), &Watcher::default(), 100);
        let finished = train::finished(folder.path(), spec.schema(), &probes).unwrap().unwrap();
        finished.records.iter().filter(|r| r.name == "train_loss").map(|r| r.value).collect::<Vec<_>>()
    };
    let (single, double) = (first_losses(Precision::F32), first_losses(Precision::F64));
    assert!(
        single != double && single.iter().zip(&double).all(|(a, b)| (a / b - 1.0).abs() < 1e-3),
        "{single:?} {double:?}"
    );
}

#[test]
fn probes_leave_no_trace_in_the_weights() {
    for (norm, noise) in [(Some(Norm::BATCH), true), (None, false)] {
        let spec = tiny(norm, noise);
        let (with, without) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        run(&spec, &all_probes(), with.path(), &Watcher::default(), 100);
        run(&spec, &[Probe::Training(Training {})], without.path(), &Watcher::default(), 100);
        assert_eq!(left(with.path())["weights.safetensors"], left(without.path())["weights.safetensors"]);
        assert_eq!(
            records(with.path(), &[Probe::Training(Training {})]),
            records(without.path(), &[Probe::Training(Training {})]),
            "{norm:?}"
        );
    }
}

#[test]
fn steps_are_counted_exactly_and_every_probe_measures_when_it_should() {
    let spec = tiny(Some(Norm::BATCH), true);
    let folder = tempfile::tempdir().unwrap();
    let watch = Watcher::default();
    assert_eq!(run(&spec, &all_probes(), folder.path(), &watch, 100), Ending::Finished);
    assert_eq!(watch.done.load(Ordering::Relaxed), 7);
    assert_eq!(watch.calls.load(Ordering::Relaxed), 8);
    let records = records(folder.path(), &all_probes());
    let steps = |name: &str, layer| {
        let of_name = records.iter().filter(|r| r.name == name && r.layer == layer);
        of_name.map(|record| record.step).collect::<Vec<_>>()
    };
    assert_eq!(steps("train_accuracy", None), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(steps("eval.train.accuracy.batch.clean", None), [4, 7]);
    assert_eq!(steps("eval.test.loss.running.noisy", None), [4, 7]);
    assert_eq!(steps("final.test.accuracy.running.clean", None), [7]);
    assert_eq!(steps("moments.pre.mean_drift", Some(9)), [2, 5, 6]);
    assert_eq!(steps("histogram.post.bin_05", Some(13)), [0, 3, 5]);
    assert_eq!(steps("surviving_shift.jitter", Some(2)), [3, 6]);
    assert_eq!(steps("ics.matched.cosine", Some(10)), [0, 4]);
    assert_eq!(steps("landscape.gradient.beta_extended", None), [0, 4]);
    assert_eq!(steps("landscape.random.distance_02", None), [0]);
    assert_eq!(steps("wasserstein.pre.drift", Some(11)), [3, 5]);
    assert_eq!(steps("conditions.all", Some(13)), [0, 4]);
    let value = |name: &str| records.iter().find(|record| record.name == name).unwrap().value;
    let loss = value("train_loss");
    assert!(loss > 1.0 && loss < 6.0, "{loss} at the first step, of about ln 10");
    assert!((0.0..=1.0).contains(&value("surviving_shift.all")));
}

/// Weight decay, BatchNorm, noise and classes: nothing that a probe may record is missing.
#[test]
fn every_probe_records_what_it_announces_and_nothing_else() {
    let mut spec = tiny(Some(Norm::BATCH), true);
    spec.train.weight_decay = 1e-3;
    let folder = tempfile::tempdir().unwrap();
    run(&spec, &all_probes(), folder.path(), &Watcher::default(), 100);
    let kind = |probe: &Probe| probe.id().split('-').next().unwrap().to_string();
    assert_eq!(all_probes().iter().map(kind).collect::<Vec<_>>(), Probe::KINDS, "one of each");
    for probe in all_probes() {
        let mut announced = BTreeSet::new();
        for Quantity { name, layers, .. } in probe.quantities() {
            let layers = if layers.is_empty() { vec![None] } else { layers.into_iter().map(Some).collect() };
            announced.extend(layers.into_iter().map(|layer| (name.clone(), layer)));
        }
        let recorded = records(folder.path(), std::slice::from_ref(&probe));
        let recorded: BTreeSet<_> = recorded.into_iter().map(|record| (record.name, record.layer)).collect();
        assert_eq!(recorded, announced, "{}", probe.id());
    }
}

#[test]
fn an_evaluation_takes_along_the_run_what_it_is_told_and_reads_the_same() {
    let spec = tiny(Some(Norm::BATCH), true);
    let probe = |along: &[&str]| {
        let along = along.iter().map(|reading| reading.to_string()).collect();
        Probe::Evaluation(Evaluation { points: 3, images: 50, along })
    };
    let evaluation = |along: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        run(&spec, &[probe(along)], folder.path(), &Watcher::default(), 100);
        records(folder.path(), &[probe(along)])
    };
    let along = ["train.batch.clean", "test.running.noisy"];
    let is_kept = |record: &Record| {
        let at_the_end = record.step == 7 && !record.name.starts_with("eval.test");
        at_the_end || along.iter().any(|kept| is_reading(&record.name, kept))
    };
    let expected: Vec<Record> = evaluation(&[]).into_iter().filter(is_kept).collect();
    // Two readings at three points, three more of the training sample at the last, four of all test images.
    assert_eq!(expected.len(), 2 * (2 * 3 + 3 + 4));
    assert_eq!(evaluation(&along), expected);
    let recorded: BTreeSet<String> = expected.iter().map(|record| record.name.clone()).collect();
    let announced = |is_meant: &dyn Fn(&Quantity) -> bool| -> BTreeSet<String> {
        let quantities = probe(&along).quantities().into_iter().filter(is_meant);
        quantities.map(|quantity| quantity.name).collect()
    };
    assert_eq!(recorded, announced(&|_| true));
    let once = |name: &String| expected.iter().filter(|record| record.name == *name).count() == 1;
    let at_end: BTreeSet<String> = recorded.into_iter().filter(once).collect();
    assert_eq!(at_end, announced(&|quantity| quantity.when != When::Along));
    assert_eq!(announced(&|quantity| quantity.when == When::EndBySettings).len(), 2 * 3);
}

/// Whether `eval.train.loss.batch.clean` is a record of `train.batch.clean`.
fn is_reading(name: &str, reading: &str) -> bool {
    ["loss.", "accuracy."].iter().any(|what| name.replacen(what, "", 1) == format!("eval.{reading}"))
}

#[test]
fn a_loss_that_is_not_finite_ends_the_trial_as_diverged() {
    let mut spec = tiny(None, false);
    spec.train.learning_rate = 1e30;
    let folder = tempfile::tempdir().unwrap();
    let ending = run(&spec, &all_probes(), folder.path(), &Watcher::default(), 100);
    let Ending::Diverged { step } = ending else { panic!("{ending:?}") };
    assert!(step > 0);
    let losses: Vec<Record> =
        records(folder.path(), &all_probes()).into_iter().filter(|record| record.name == "train_loss").collect();
    assert_eq!(losses.len(), step + 1);
    assert!(!losses[step].value.is_finite());
}

/// The only step's own loss is finite; the network that it leaves is not.
#[test]
fn a_network_that_breaks_in_its_last_step_has_diverged() {
    let mut spec = tiny(None, false);
    (spec.train.learning_rate, spec.train.steps) = (1e38, 1);
    let folder = tempfile::tempdir().unwrap();
    let ending = run(&spec, &all_probes(), folder.path(), &Watcher::default(), 100);
    assert_eq!(ending, Ending::Diverged { step: 1 });
    let left = train::finished(folder.path(), 1, &all_probes()).unwrap().unwrap();
    assert_eq!(left.ending, ending);
    assert!(left.records.iter().any(|record| record.name == "train_loss" && record.value.is_finite()));
}

#[test]
fn a_trial_is_trained_again_only_for_a_probe_that_it_lacks() {
    let spec = tiny(None, false);
    let folder = tempfile::tempdir().unwrap();
    let first = [Probe::Training(Training {})];
    assert!(train::finished(folder.path(), 1, &first).unwrap().is_none());
    run(&spec, &first, folder.path(), &Watcher::default(), 100);
    assert!(train::finished(folder.path(), 1, &first).unwrap().is_some());
    assert!(train::finished(folder.path(), 1, &all_probes()).unwrap().is_none());
    run(
        &spec,
        &[Probe::Evaluation(Evaluation { points: 1, images: 20, along: vec![] })],
        folder.path(),
        &Watcher::default(),
        100,
    );
    let both = [Probe::Training(Training {}), Probe::Evaluation(Evaluation { points: 1, images: 20, along: vec![] })];
    assert!(train::finished(folder.path(), 1, &both).unwrap().is_some());
}

#[test]
fn damaged_records_and_checkpoints_are_noticed_and_named() {
    let spec = tiny(None, false);
    let folder = tempfile::tempdir().unwrap();
    let trial_folder = folder.path().join("trial");
    let probes = [Probe::Training(Training {})];
    run(&spec, &probes, &trial_folder, &Watcher::default(), 100);
    let path = trial_folder.join(format!("{}.csv", probes[0].id()));
    let mut bytes = fs::read(&path).unwrap();
    bytes[40] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = train::finished(&trial_folder, 1, &probes).unwrap_err();
    assert!(format!("{error:#}").contains("training-"), "{error:#}");

    let aside = train::set_aside(&trial_folder).unwrap();
    assert!(aside.exists() && !trial_folder.exists());
    let trial = Trial { spec: &spec, seed: 5, data: data(), probes: &probes };
    let stop = Watcher { stop_every: Some(3), ..Watcher::default() };
    assert!(train::run(&trial, &trial_folder, 100, &stop).unwrap().is_none());
    let files = || fs::read_dir(&trial_folder).unwrap().map(|entry| entry.unwrap().path());
    let named = |part: &str| files().find(|path| path.to_string_lossy().contains(part));
    fs::write(named("-000003.safetensors").unwrap(), b"cut short").unwrap();
    run(&spec, &probes, &trial_folder, &Watcher::default(), 100);
    assert!(train::finished(&trial_folder, 1, &probes).unwrap().is_some());
    assert!(named("damaged-checkpoint-").is_some());
}
