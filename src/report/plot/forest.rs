//! The claims' estimates with their intervals, beside what each claim needs and what the paper has.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::Figure;
use super::house::{self, Area, Axis, Chart, GREY, WIDTH, ZOOM};
use crate::judge::{Outcome, Part, Verdict};
use crate::report::view::View;
use crate::stats::Estimate;
use crate::study::claim::{Claim, Criterion};

/// Pixels of a row, of a group's headline, of its axis, and of the labels at the left and the right.
const ROW: i32 = 24;
const HEADLINE: i32 = 26;
const AXIS: i32 = 26;
const LEFT: i32 = 300;
const RIGHT: i32 = 225;

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

/// One group a unit, one row an estimate.
pub fn forest(view: &View) -> Result<Option<Figure>> {
    let groups = groups(view);
    if groups.is_empty() {
        return Ok(None);
    }
    let height = |rows: &[Row]| HEADLINE + ROW * rows.len() as i32 + AXIS;
    const TITLE: &str = "The claims, with intervals";
    let svg = house::picture(TITLE, groups.iter().map(|group| height(&group.1)).sum(), |area| {
        let mut top = 0;
        for (unit, rows) in &groups {
            let size = ((WIDTH * ZOOM) as u32, (height(rows) * ZOOM) as u32);
            group(&area.clone().shrink((0, top * ZOOM), size), unit, rows)?;
            top += height(rows);
        }
        Ok(())
    })?;
    let reading = "One row an estimate, with its 95 % interval: blue where it meets what the claim needs, orange where it \
                   fails it, grey where it does neither or is not judged. A filled dot is the claim's own reading, a hollow one \
                   its second reading. The shaded side is where the claim needs the estimate to be: an interval wholly \
                   within it speaks for the claim, one wholly outside against it. A diamond is the paper's number, of \
                   which the list under the claims says what it is a number of. Estimates of different units have axes of their own; one that is headed by a \
                   record's name is of a claim's further condition on that record."
        .into();
    Ok(Some(Figure { file: "claims.svg", title: TITLE, reading, svg }))
}

/// Rows by unit, in the order in which the units come.
fn groups(view: &View) -> Vec<(String, Vec<Row>)> {
    let mut groups: Vec<(String, Vec<Row>)> = Vec::new();
    for (unit, row) in view.claims().flat_map(|(claim, verdict)| rows(claim, verdict)) {
        match groups.iter_mut().find(|(known, _)| *known == unit) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((unit, vec![row])),
        }
    }
    groups
}

/// A claim's rows with their units; parts come reading by reading, and in each condition by condition. A condition on
/// another record has no unit of its own: the record's name stands for it.
fn rows(claim: &Claim, verdict: &Verdict) -> Vec<(String, Row)> {
    let conditions = 1 + claim.also.len();
    let row = |(index, part): (usize, &Part)| {
        let (reading, condition) = (index / conditions, index % conditions);
        let also = condition.checked_sub(1).map(|place| &claim.also[place]);
        let other_record = also.and_then(|also| also.metric.clone()).filter(|record| *record != claim.metric);
        let row = Row {
            label: label(verdict, part, reading, condition, other_record.is_some()),
            estimate: part.estimate.filter(|estimate| estimate.point.is_finite())?,
            outcome: part.outcome,
            criterion: also.map_or(claim.criterion, |also| Some(also.criterion)),
            paper: verdict.paper.as_ref().filter(|_| index == 0).map(|paper| paper.value),
            word: (index == 0).then(|| word(verdict)),
            second: reading > 0,
        };
        Some((other_record.unwrap_or_else(|| verdict.unit.clone()), row))
    };
    verdict.parts.iter().enumerate().filter_map(row).collect()
}

fn word(verdict: &Verdict) -> String {
    let exploratory = if verdict.exploratory { ", exploratory" } else { "" };
    format!("{}{exploratory}", verdict.word)
}

/// A row's name; with the claim's where it stands apart from the claim's first row.
fn label(verdict: &Verdict, part: &Part, reading: usize, condition: usize, apart: bool) -> String {
    let mut words = Vec::new();
    if apart {
        words.push(verdict.id.as_str());
    }
    if condition > 0 {
        words.push(part.statistic.as_str());
    }
    if reading > 0 {
        words.push("2nd reading");
    }
    if words.is_empty() { verdict.id.clone() } else { words.join(", ") }
}

fn group(area: &Area, unit: &str, rows: &[Row]) -> Result<()> {
    house::write(area, unit, (LEFT, HEADLINE / 2 + 3), house::ink(12), HPos::Left)?;
    let size = (((WIDTH - LEFT - RIGHT) * ZOOM) as u32, ((ROW * rows.len() as i32 + AXIS) * ZOOM) as u32);
    let plot = area.clone().shrink((LEFT * ZOOM, HEADLINE * ZOOM), size);
    let x = Axis { range: extent(rows), title: "", ticks: 7, log: false, room: AXIS - 6 };
    let y = Axis { range: (0.0, rows.len() as f64), title: "", ticks: 0, log: false, room: 0 };
    let mut chart = house::chart(&plot, "", &x, &y)?;
    for (index, row) in rows.iter().enumerate() {
        let y = rows.len() as f64 - index as f64 - 0.5;
        draw(&mut chart, row, y, x.range)?;
        let middle = HEADLINE + 6 + ROW * index as i32 + ROW / 2;
        let (indent, size) = if row.word.is_some() { (12, 13) } else { (28, 11) };
        house::write(area, &row.label, (indent, middle), house::ink(size), HPos::Left)?;
        if let Some(word) = &row.word {
            house::write(area, word, (WIDTH - RIGHT + 4, middle), house::ink(12), HPos::Left)?;
        }
    }
    Ok(())
}

/// What a group's axis must show.
fn extent(rows: &[Row]) -> (f64, f64) {
    let of = |row: &Row| {
        let (low, high) = row.estimate.ci95.unwrap_or((row.estimate.point, row.estimate.point));
        let (lower, upper) = row.criterion.map_or((None, None), Criterion::bounds);
        [Some(low), Some(high), Some(row.estimate.point), lower, upper, row.paper].into_iter().flatten()
    };
    house::range(rows.iter().flat_map(of), 0.08).unwrap_or((0.0, 1.0))
}

/// A row: what is needed, the interval, the point, the paper's number.
fn draw(chart: &mut Chart, row: &Row, y: f64, (low, high): (f64, f64)) -> Result<()> {
    let color = match row.outcome {
        Some(Outcome::Holds) => RGBColor(0, 114, 178),
        Some(Outcome::Fails) => RGBColor(213, 94, 0),
        Some(Outcome::Open) | None => RGBColor(70, 70, 70),
    };
    if let Some(criterion) = row.criterion {
        let (lower, upper) = criterion.bounds();
        let (from, to) = (lower.unwrap_or(low), upper.unwrap_or(high));
        chart.draw_series([Rectangle::new([(from, y - 0.42), (to, y + 0.42)], GREY.mix(0.25).filled())])?;
        for bound in [lower, upper].into_iter().flatten() {
            house::line(chart, &[(bound, y - 0.42), (bound, y + 0.42)], GREY.to_rgba(), 1.5, None)?;
        }
    }
    if let Some(paper) = row.paper {
        diamond(chart, paper, y)?;
    }
    if let Some((from, to)) = row.estimate.ci95 {
        house::line(chart, &[(from, y), (to, y)], color.to_rgba(), 2.0, None)?;
    }
    let inside = if row.second { WHITE.filled() } else { color.filled() };
    let place = (row.estimate.point, y);
    chart.draw_series([Circle::new(place, 4 * ZOOM, inside)])?;
    chart.draw_series([Circle::new(place, 4 * ZOOM, color.stroke_width(2 * ZOOM as u32))])?;
    Ok(())
}

fn diamond(chart: &mut Chart, x: f64, y: f64) -> Result<()> {
    let reach = 6 * ZOOM;
    let corners = vec![(-reach, 0), (0, -reach), (reach, 0), (0, reach), (-reach, 0)];
    let style = RGBColor(0, 0, 0).stroke_width(3);
    chart.draw_series([EmptyElement::at((x, y)) + PathElement::new(corners, style)])?;
    Ok(())
}
