//! The claims' estimates with their intervals, with what each claim needs and what the paper has.

use super::Figure;
use super::picture::{Axis, GREY, Grid, HEADLINE, Label, Mark, Panel, Rgb, TOP, range};
use crate::groups::grouped;
use crate::judge::{Outcome, Part, Verdict};
use crate::report::view::View;
use crate::stats::Estimate;
use crate::study::claim::{Claim, Criterion};

/// Pixels of a row, of a group's axis, and of the labels at the left and the right.
const ROW: f64 = 24.0;
const AXIS: f64 = 28.0;
const LEFT: f64 = 300.0;
const RIGHT: f64 = 250.0;

/// One estimate.
struct Row {
    label: String,
    estimate: Estimate,
    outcome: Option<Outcome>,
    criterion: Option<Criterion>,
    /// The paper's value and the verdict, in a claim's first row.
    paper: Option<f64>,
    word: Option<String>,
    /// Whether it is of the claim's second reading.
    second: bool,
}

/// One group per unit, one row per estimate.
pub fn forest(view: &View) -> Option<Figure> {
    let groups = grouped(view.claims().flat_map(|(claim, verdict)| rows(claim, verdict)));
    let grids: Vec<Grid> = groups.iter().map(|(unit, rows)| group(unit, rows)).collect();
    Figure::new("claims.svg", "The claims, with intervals", grids)
}

/// A claim's rows with their units; parts come reading by reading, and in each condition by condition. A condition on
/// another record has no unit of its own: the record's name takes its place.
fn rows(claim: &Claim, verdict: &Verdict) -> Vec<(String, Row)> {
    let conditions = 1 + claim.also.len();
    let exploratory = if verdict.exploratory { ", exploratory" } else { "" };
    let row = |(index, part): (usize, &Part)| {
        let (reading, condition) = (index / conditions, index % conditions);
        let also = condition.checked_sub(1).map(|number| &claim.also[number]);
        let other_record = also.and_then(|also| also.metric.clone()).filter(|record| *record != claim.metric);
        let row = Row {
            label: label(verdict, part, reading, condition, other_record.is_some()),
            estimate: part.estimate.filter(|estimate| estimate.point.is_finite())?,
            outcome: part.outcome,
            criterion: also.map_or(claim.criterion, |also| Some(also.criterion)),
            paper: verdict.paper_value.filter(|_| index == 0),
            word: (index == 0).then(|| format!("{}{exploratory}", verdict.word)),
            second: reading > 0,
        };
        Some((other_record.unwrap_or_else(|| verdict.unit.clone()), row))
    };
    verdict.parts.iter().enumerate().filter_map(row).collect()
}

/// A row's name; with the claim's where it is apart from the claim's first row.
fn label(verdict: &Verdict, part: &Part, reading: usize, condition: usize, apart: bool) -> String {
    let words = [(apart, &*verdict.id), (condition > 0, &part.statistic), (reading > 0, "2nd reading")];
    let said: Vec<&str> = words.into_iter().filter(|word| word.0).map(|word| word.1).collect();
    if said.is_empty() { verdict.id.clone() } else { said.join(", ") }
}

/// The rows of one unit on an axis of their own, the first at the top.
fn group(unit: &str, rows: &[Row]) -> Grid {
    let extent = range(rows.iter().flat_map(Row::extent), 0.08).unwrap_or((0.0, 1.0));
    let count = rows.len() as f64;
    let heights = (0..rows.len()).map(|index| count - index as f64 - 0.5);
    let marks = rows.iter().zip(heights.clone()).flat_map(|(row, height)| row.marks(height, extent));
    let (x, y) = (Axis::numbers(extent, "", 7, AXIS), Axis::numbers((0.0, count), "", 0, 0.0));
    let mut panel = Panel::new(unit, x, y, marks.collect());
    let label = |height, text: &str, is_minor| Label { height, text: text.into(), look: None, is_minor };
    let names = rows.iter().zip(heights.clone()).map(|(row, height)| label(height, &row.label, row.word.is_none()));
    let words = rows.iter().zip(heights).filter_map(|(row, height)| Some(label(height, row.word.as_ref()?, false)));
    (panel.left, panel.right) = ((names.collect(), LEFT), (words.collect(), RIGHT));
    Grid::new(HEADLINE + TOP + ROW * count + AXIS, vec![vec![panel]], Vec::new())
}

impl Row {
    /// The values that its group's axis must show.
    fn extent(&self) -> impl Iterator<Item = f64> {
        let (low, high) = self.estimate.ci95.unwrap_or((self.estimate.point, self.estimate.point));
        let (lower, upper) = self.criterion.map_or((None, None), Criterion::bounds);
        [Some(low), Some(high), Some(self.estimate.point), lower, upper, self.paper].into_iter().flatten()
    }

    /// The side that is needed, the paper's number, the interval, the point.
    fn marks(&self, height: f64, (low, high): (f64, f64)) -> Vec<Mark> {
        let color = match self.outcome {
            Some(Outcome::Holds) => Rgb(0, 114, 178),
            Some(Outcome::Fails) => Rgb(213, 94, 0),
            Some(Outcome::Open) | None => Rgb(70, 70, 70),
        };
        let (bottom, top) = (height - 0.42, height + 0.42);
        let mut marks = Vec::new();
        if let Some(criterion) = self.criterion {
            let (lower, upper) = criterion.bounds();
            let (from, to) = (lower.unwrap_or(low), upper.unwrap_or(high));
            let needed = vec![(from, bottom), (to, bottom), (to, top), (from, top)];
            marks.push(Mark::area(needed, GREY).faded(0.25));
            let bound = |x| Mark::line(vec![(x, bottom), (x, top)], GREY, 1.5);
            marks.extend([lower, upper].into_iter().flatten().map(bound));
        }
        marks.extend(self.paper.map(|paper| Mark::diamonds(vec![(paper, height)], 6.0, Rgb(0, 0, 0))));
        marks.extend(self.estimate.ci95.map(|(from, to)| Mark::line(vec![(from, height), (to, height)], color, 2.0)));
        let point = vec![(self.estimate.point, height)];
        let inside = if self.second { Rgb(255, 255, 255) } else { color };
        marks.push(Mark::dots(point.clone(), 4.0, inside));
        marks.push(Mark::rings(point, 4.0, color));
        marks
    }
}
