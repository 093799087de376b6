//! A panel: axes with a headline, the marks in them, and labels at their sides.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::axis::Axis;
use super::look::{Area, GREY, Look, ZOOM, ink, write};
use super::mark::Mark;

/// A part of a picture with axes.
pub type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;

const MESH: RGBColor = RGBColor(225, 225, 225);

/// Pixels of a headline above its chart, clear of the topmost tick, and of the margins around a chart.
pub const HEADLINE: i32 = 18;
pub const TOP: i32 = 6;
const LEFT: i32 = 4;
const RIGHT: i32 = 18;

/// A chart and what is written around it.
pub struct Panel {
    /// What is written above; may be empty.
    pub headline: String,
    pub x: Axis,
    pub y: Axis,
    /// What it shows, from the back to the front.
    pub marks: Vec<Mark>,
    /// Labels at the left, and pixels for them.
    pub left: (Vec<Label>, i32),
    /// Labels at the right, and pixels for them.
    pub right: (Vec<Label>, i32),
}

/// A name beside a chart.
pub struct Label {
    /// Where it is, as a value on the y axis.
    pub height: f64,
    pub text: String,
    /// The look of the line that it names, if it names one.
    pub look: Option<Look>,
    /// Whether it belongs under the one before.
    pub is_minor: bool,
}

impl Panel {
    /// A panel without labels at its sides.
    pub fn new(headline: impl Into<String>, x: Axis, y: Axis, marks: Vec<Mark>) -> Self {
        Self { headline: headline.into(), x, y, marks, left: (Vec::new(), 0), right: (Vec::new(), 0) }
    }

    /// Draws it in `area`, with the title of the y axis or without.
    pub fn draw(&self, area: &Area, has_y_title: bool) -> Result<()> {
        let mut chart = self.axes(area, if has_y_title { &self.y.title } else { "" })?;
        self.marks.iter().try_for_each(|mark| mark.draw(&mut chart))?;
        self.labels(area, &chart)
    }

    fn axes<'a>(&self, area: &Area<'a>, y_title: &str) -> Result<Chart<'a>> {
        let strip = if self.headline.is_empty() { 0 } else { HEADLINE };
        let (top, below) = area.split_vertically(strip * ZOOM);
        let (left, right) = (LEFT + self.left.1, RIGHT + self.right.1);
        if !self.headline.is_empty() {
            let (from, to) = (left + self.y.room, area.dim_in_pixel().0 as i32 / ZOOM - right);
            write(&top, &self.headline, ((from + to) / 2, HEADLINE / 2 + 3), ink(13), HPos::Center)?;
        }
        let mut builder = ChartBuilder::on(&below);
        builder.margin_top(TOP * ZOOM).margin_right(right * ZOOM).margin_left(left * ZOOM);
        builder.x_label_area_size(self.x.room * ZOOM).y_label_area_size(self.y.room * ZOOM);
        let mut chart = builder.build_cartesian_2d(self.x.clone(), self.y.clone())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(MESH.stroke_width(ZOOM as u32))
            .axis_style(GREY.stroke_width(ZOOM as u32))
            .x_label_style(ink(11))
            .y_label_style(ink(11))
            .axis_desc_style(ink(12))
            .x_desc(&self.x.title)
            .y_desc(y_title)
            .draw()?;
        Ok(chart)
    }

    /// Labels at the left with their indents; at the right with samples of the lines that they name, moved apart where
    /// they would touch.
    fn labels(&self, area: &Area, chart: &Chart) -> Result<()> {
        let origin = area.get_base_pixel();
        let height = |label: &Label| (chart.backend_coord(&(0.0, label.height)).1 - origin.1) / ZOOM;
        for label in &self.left.0 {
            let (indent, size) = if label.is_minor { (28, 11) } else { (12, 13) };
            write(area, &label.text, (indent, height(label)), ink(size), HPos::Left)?;
        }
        let x = (chart.plotting_area().get_pixel_range().0.end - origin.0) / ZOOM + 6;
        let mut labels: Vec<&Label> = self.right.0.iter().collect();
        labels.sort_by_key(|label| height(label));
        let mut heights: Vec<i32> = labels.iter().map(|label| height(label)).collect();
        spread(&mut heights, 15, 9);
        for (y, label) in heights.into_iter().zip(labels) {
            if let Some(look) = label.look {
                look.sample(area, (x, y), 22)?;
            }
            let style = label.look.map_or(ink(12), |look| look.font(12));
            write(area, &label.text, (x + 28, y), style, HPos::Left)?;
        }
        Ok(())
    }
}

/// Moves sorted heights apart to at least `gap`, groups around their middle, none above `least`.
fn spread(heights: &mut [i32], gap: i32, least: i32) {
    // Each pass moves by a pixel or more, and no height has farther to go than all gaps together.
    for _ in 0..heights.len() * heights.len() * gap as usize {
        let mut moved = false;
        for index in 0..heights.len() {
            let over = if index == 0 { least - heights[0] } else { gap - (heights[index] - heights[index - 1]) };
            if over <= 0 {
                continue;
            }
            moved = true;
            if index == 0 {
                heights[0] = least;
            } else {
                heights[index - 1] -= over / 2;
                heights[index] += over - over / 2;
            }
        }
        if !moved {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_moved_apart_and_stay_in_the_picture() {
        for (mut heights, expected) in
            [(vec![50, 100], vec![50, 100]), (vec![100, 100], vec![93, 108]), (vec![2, 4, 200], vec![9, 24, 200])]
        {
            spread(&mut heights, 15, 9);
            assert_eq!(heights, expected);
        }
        let mut many = vec![5; 8];
        spread(&mut many, 15, 9);
        assert!(many[0] >= 9 && many.windows(2).all(|pair| pair[1] - pair[0] >= 15), "{many:?}");
    }
}
