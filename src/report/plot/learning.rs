//! How well each arm has learnt at every step, accuracy or loss: all arms together, and each by itself.

use anyhow::Result;
use plotters::prelude::*;

use super::curves::Curve;
use super::house::{self, Axis, Chart, GREY, Look, WIDTH, ZOOM};
use super::traces::steps_axis;
use crate::report::view::View;
use crate::study::claim::{Paper, curves};

/// An arm's curves.
pub struct Line {
    pub arm: String,
    pub label: String,
    pub look: Look,
    pub seeds: Vec<Curve>,
    /// Where seeds diverged.
    pub crosses: Vec<(f64, f64)>,
    pub mean: Curve,
}

/// The picture of all `lines`, labelled at their ends, with the `references` (by arm) under them.
pub fn together(view: &View, title: &str, lines: &[Line], references: &[(String, Curve)], y: &Axis) -> Result<String> {
    let room = 40 + 7 * lines.iter().map(|line| line.label.len()).max().unwrap_or(0) as i32;
    house::picture(title, 430, |area| {
        let (left, _) = area.split_horizontally((WIDTH - room) * ZOOM);
        let mut chart = house::chart(&left, "", &steps_axis(view, 8), y)?;
        for (arm, curve) in references {
            let ours = lines.iter().find(|line| line.arm == *arm).map_or(GREY, |line| line.look.color);
            house::line(&mut chart, curve, ours.mix(0.3), 6.0, None)?;
        }
        lines.iter().try_for_each(|line| draw_seeds(&mut chart, line))?;
        for line in lines {
            house::line(&mut chart, &line.mean, line.look.color.to_rgba(), 2.5, line.look.dash)?;
        }
        let ends = lines.iter().filter_map(|line| Some((line.mean.last()?.1, line.label.clone(), line.look)));
        house::end_labels(area, &chart, &ends.collect::<Vec<_>>())
    })
}

/// The picture of one panel an arm, with the means of the others in grey; `y` makes the axis with its title.
pub fn one_by_one<'t>(
    view: &View,
    title: &str,
    lines: &[Line],
    (y_title, y): (&'t str, impl Fn(&'t str) -> Axis<'t>),
) -> Result<String> {
    let (columns, rows) = (3.min(lines.len()), lines.len().div_ceil(3));
    house::picture(title, 215 * rows as i32, |area| {
        for (index, (panel, line)) in area.split_evenly((rows, columns)).iter().zip(lines).enumerate() {
            let y = y(if index % columns == 0 { y_title } else { "" });
            let mut chart = house::chart(panel, &line.label, &steps_axis(view, 4), &y)?;
            for other in lines.iter().filter(|other| other.label != line.label) {
                house::line(&mut chart, &other.mean, GREY.mix(0.7), 1.0, None)?;
            }
            draw_seeds(&mut chart, line)?;
            house::line(&mut chart, &line.mean, line.look.color.to_rgba(), 2.0, None)?;
        }
        Ok(())
    })
}

fn draw_seeds(chart: &mut Chart, line: &Line) -> Result<()> {
    for seed in &line.seeds {
        house::line(chart, seed, line.look.color.mix(0.35), 0.8, None)?;
    }
    let style = line.look.color.stroke_width(2 * ZOOM as u32);
    chart.draw_series(line.crosses.iter().map(|&place| Cross::new(place, 5 * ZOOM, style)))?;
    Ok(())
}

/// The paper's points of the record `name`, by our arms' names, from the claims that are about it.
pub fn points_of_the_paper(view: &View, name: &str) -> Vec<(String, Vec<(usize, f64)>)> {
    let claims = view.plan.study.claim.iter().filter(|claim| claim.metric == name);
    let mut found: Vec<(String, Vec<(usize, f64)>)> = Vec::new();
    for paper in claims.filter_map(|claim| claim.paper.as_ref()) {
        let Paper::Curves { curves: file, columns, .. } = paper else { continue };
        for (arm, column) in columns {
            let Ok(points) = curves::curve(file, column) else { continue };
            if found.iter().all(|(known, _)| known != arm) {
                found.push((arm.clone(), points));
            }
        }
    }
    found
}
