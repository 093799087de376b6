//! The tables of a report.

use super::numbers::{estimate_or_dash, fixed, ours, p_value, plain};
use super::table::Table;
use super::view::View;
use crate::data::Standing;
use crate::judge::{ArmSummary, Outcome, Values, Verdict};
use crate::study::claim::{Origin, Role};

/// One row per claim: ours, the criterion, the paper's, the verdict.
pub fn claims(view: &View) -> Table {
    let mut table = Table::new(["", "claim"])
        .numbers(["ours [95 % interval]", "needed", "the paper"])
        .texts(["unit", "role", "verdict"]);
    for verdict in &view.verdicts {
        table.row(vec![
            format!("**{}**", verdict.id),
            verdict.says.clone(),
            ours(verdict, "", "<br>").unwrap_or_else(|| "–".into()),
            verdict.criterion.clone().unwrap_or_else(|| "–".into()),
            verdict.paper_value.map_or_else(|| "–".into(), plain),
            verdict.unit.clone(),
            role(verdict),
            format!("**{}**", verdict.word),
        ]);
    }
    table
}

fn role(verdict: &Verdict) -> String {
    let origin = match verdict.origin {
        Origin::Paper => "paper",
        Origin::Critique => "critique",
        Origin::Ours => "ours",
    };
    let role = match verdict.role {
        Role::Primary => "primary",
        Role::Secondary => "secondary",
        Role::Exploratory => "exploratory",
        Role::Descriptive => "descriptive",
    };
    let here = if verdict.exploratory && verdict.role != Role::Exploratory { ", exploratory here" } else { "" };
    format!("{role}{here}, {origin}")
}

/// Every condition of every claim on every reading, and the estimates beside it.
pub fn readings(view: &View) -> Table {
    let mut table = Table::new(["", "record", "statistic"])
        .numbers(["ours [95 % interval]", "needed"])
        .texts(["outcome"])
        .numbers(["p (t)", "p (sign flip)", "p (Holm)"]);
    for verdict in &view.verdicts {
        for (index, part) in verdict.parts.iter().enumerate() {
            table.row(vec![
                verdict.id.clone(),
                record(&part.metric, part.window),
                part.statistic.clone(),
                estimate_or_dash(part.estimate.as_ref()),
                part.criterion.clone().unwrap_or_else(|| "–".into()),
                part.outcome.map_or("–", outcome).into(),
                p_value(part.p_t),
                p_value(part.p_sign_flip),
                if index == 0 { p_value(verdict.p_holm) } else { String::new() },
            ]);
        }
        for part in &verdict.beside {
            let mut cells = vec![verdict.id.clone(), record(&part.metric, part.window), part.statistic.clone()];
            cells.push(estimate_or_dash(part.estimate.as_ref()));
            let beside = part.unit.as_ref().map_or_else(|| "beside".into(), |unit| format!("beside: {unit}"));
            cells.extend([String::new(), beside, String::new(), String::new(), String::new()]);
            table.row(cells);
        }
    }
    table
}

/// A record's name, with the part of the run where it is not the claim's.
fn record(metric: &str, window: Option<[f64; 2]>) -> String {
    match window {
        None => format!("`{metric}`"),
        Some([from, to]) => format!("`{metric}`, {:.0} to {:.0} % of the run", 100.0 * from, 100.0 * to),
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Holds => "holds",
        Outcome::Fails => "fails",
        Outcome::Open => "open",
    }
}

/// A number of an arm, or of one of its trials, with its title.
type Column = (&'static str, fn(&ArmSummary) -> Option<&Values>);

const MEASURES: [Column; 7] = [
    ("training accuracy over the run, %", |arm| arm.train_accuracy.as_ref()),
    ("the same, fixed images, noise off, %", |arm| arm.train_accuracy_clean.as_ref()),
    ("last quarter, %", |arm| arm.last_quarter.as_ref()),
    ("last quarter, fixed images, noise off, %", |arm| arm.last_quarter_clean.as_ref()),
    ("test at the end, running statistics, noise off, %", |arm| arm.test_running.as_ref()),
    ("test at the end, batch statistics, noise off, %", |arm| arm.test_batch.as_ref()),
    ("training loss over the last 5 % of the run", |arm| arm.final_loss.as_ref()),
];

/// The accuracies, or losses, that were recorded.
fn measures(view: &View) -> Vec<Column> {
    let recorded = |column: &Column| view.conditions.iter().any(|condition| column.1(&condition.summary).is_some());
    MEASURES.into_iter().filter(recorded).collect()
}

/// The heads of `columns`.
fn heads(view: &View, columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| view.without_idle_noise(column.0)).collect()
}

/// One row per arm: how it learnt. Columns that nothing was recorded for are left out.
pub fn arms(view: &View) -> Table {
    let columns = measures(view);
    let mut table = Table::new(["arm"]).numbers(["trials", "stuck", "diverged"]).numbers(heads(view, &columns));
    for condition in view.trained() {
        let summary = &condition.summary;
        let mut cells = vec![format!("`{}`", condition.label())];
        cells.extend([summary.trials, summary.stuck.len(), summary.diverged].map(|count| count.to_string()));
        let mean = |column: &Column| estimate_or_dash(column.1(summary).and_then(|values| values.mean.as_ref()));
        cells.extend(columns.iter().map(mean));
        table.row(cells);
    }
    table
}

/// One row per arm: how many seeds reached each accuracy, and after how many steps; `None` where nobody recorded it.
pub fn times(view: &View) -> Option<Table> {
    let thresholds = thresholds(view);
    if thresholds.is_empty() {
        return None;
    }
    let titles =
        thresholds.iter().flat_map(|threshold| [format!("reached {threshold} %"), format!("steps to {threshold} %")]);
    let mut table = Table::new(["arm"]).numbers(titles);
    for condition in view.trained() {
        let summary = &condition.summary;
        let mut cells = vec![format!("`{}`", condition.label())];
        for time in &summary.time_to {
            cells.push(format!("{} of {}", time.reached, summary.trials));
            cells.push(match &time.restricted_mean {
                _ if time.reached == 0 => format!("> {}", condition.spec.train.steps),
                mean => estimate_or_dash(mean.as_ref()),
            });
        }
        cells.resize(1 + 2 * thresholds.len(), "–".into());
        table.row(cells);
    }
    Some(table)
}

/// One row per trial.
pub fn seeds(view: &View) -> Table {
    let columns = measures(view);
    let thresholds = thresholds(view);
    let mut table = Table::new(["arm"])
        .numbers(["seed"])
        .numbers(heads(view, &columns))
        .numbers(thresholds.iter().map(|threshold| format!("steps to {threshold} %")))
        .texts(["ending"]);
    for condition in view.trained() {
        for (index, trial) in condition.trials.iter().enumerate() {
            let summary = &condition.summary;
            let mut cells = vec![format!("`{}`", condition.label()), trial.seed.to_string()];
            let value = |column: &Column| {
                let values = column.1(summary);
                let seed = values.and_then(|values| values.seeds.iter().find(|seed| seed.0 == trial.seed));
                seed.map_or_else(|| "–".into(), |seed| fixed(seed.1, 1))
            };
            cells.extend(columns.iter().map(value));
            let step = |step: Option<usize>| step.map_or_else(|| format!("> {}", trial.steps), |step| step.to_string());
            cells.extend(summary.time_to.iter().map(|time| step(time.steps[index].1)));
            cells.resize(2 + columns.len() + thresholds.len(), "–".into());
            let is_stuck = summary.stuck.contains(&trial.seed);
            cells.push(if is_stuck { "stuck after a quarter".into() } else { trial.ending.to_string() });
            table.row(cells);
        }
    }
    table
}

/// The accuracies to which the steps are counted; none where nobody recorded any.
fn thresholds<'a>(view: &'a View) -> &'a [f64] {
    let recorded = view.conditions.iter().any(|condition| !condition.summary.time_to.is_empty());
    if recorded { &view.plan.study.page.steps_to } else { &[] }
}

/// The files of the image sets; `None` where no data are read from files.
pub fn data(view: &View) -> Option<Table> {
    if view.data.iter().all(|facts| facts.files.is_empty()) {
        return None;
    }
    let mut table = Table::new(["file"]).numbers(["bytes", "records"]).texts(["sha256 (unpacked)", "standing"]);
    for file in view.data.iter().flat_map(|facts| &facts.files) {
        let standing = match file.standing {
            Standing::Official => "official",
            Standing::FirstRecords => "first records of the official file",
            Standing::Other => "not the official file",
        };
        table.row(vec![
            format!("`{}`", file.name),
            crate::text::thousands(file.bytes),
            crate::text::thousands(file.records),
            format!("`{}`", file.sha256),
            standing.into(),
        ]);
    }
    Some(table)
}
