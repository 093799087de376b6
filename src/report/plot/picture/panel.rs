//! A panel: axes with a headline, the marks in them, and labels at their sides.

use super::axis::Axis;
use super::look::{GREY, Look};
use super::mark::Mark;
use super::svg::{Anchor, Paint, Pixel, Rgb, Svg};

/// The colour of text.
pub const INK: Rgb = Rgb(32, 32, 32);
const MESH: Rgb = Rgb(225, 225, 225);

/// Pixels of a headline above its chart, and of the margins around a chart.
pub const HEADLINE: f64 = 18.0;
pub const TOP: f64 = 6.0;
const LEFT: f64 = 4.0;
const RIGHT: f64 = 18.0;

/// Pixels between labels at the right, and from the top to the first.
const LABEL_GAP: f64 = 15.0;
const FIRST_LABEL: f64 = 9.0;

/// A part of a picture, in pixels.
#[derive(Clone, Copy)]
pub struct Area {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

/// A chart and the texts around it.
pub struct Panel {
    /// The text above; may be empty.
    pub headline: String,
    pub x: Axis,
    pub y: Axis,
    /// The lines, areas and signs that it shows, from the back to the front.
    pub marks: Vec<Mark>,
    /// Labels at the left, and pixels for them.
    pub left: (Vec<Label>, f64),
    /// Labels at the right, and pixels for them.
    pub right: (Vec<Label>, f64),
}

/// A name at the left of a chart.
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
        let marks = marks.into_iter().filter(|mark| !mark.is_empty()).collect();
        Self { headline: headline.into(), x, y, marks, left: (Vec::new(), 0.0), right: (Vec::new(), 0.0) }
    }

    /// Draws it in `area`, with the title of the y axis or without.
    pub fn draw(&self, svg: &mut Svg, area: Area, has_y_title: bool) {
        let headline = if self.headline.is_empty() { 0.0 } else { HEADLINE };
        let chart = Area {
            left: area.left + LEFT + self.left.1 + self.y.room,
            top: area.top + headline + TOP,
            right: area.right - RIGHT - self.right.1,
            bottom: area.bottom - self.x.room,
        };
        let middle = ((chart.left + chart.right) / 2.0, (chart.top + chart.bottom) / 2.0);
        svg.text(&self.headline, (middle.0, area.top + 12.0), 13, INK, Anchor::Middle);
        self.draw_axes(svg, chart);
        svg.text(&self.x.title, (middle.0, area.bottom - 8.0), 12, INK, Anchor::Middle);
        if has_y_title {
            svg.text(&self.y.title, (area.left + 9.0, middle.1), 12, INK, Anchor::Upward);
        }
        self.marks.iter().for_each(|mark| mark.draw(svg, |point| self.pixel(chart, *point)));
        self.draw_labels(svg, area, chart);
    }

    /// Where a point lies; one outside the axes lies at their ends.
    fn pixel(&self, chart: Area, (x, y): (f64, f64)) -> Pixel {
        let (right, up) = (self.x.share(x), self.y.share(y));
        (chart.left + right * (chart.right - chart.left), chart.bottom - up * (chart.bottom - chart.top))
    }

    fn draw_axes(&self, svg: &mut Svg, chart: Area) {
        let (mesh, axis) = (Paint::stroke(MESH, 1.0), Paint::stroke(GREY, 1.0));
        for (value, label) in self.x.ticks() {
            let (x, _) = self.pixel(chart, (value, 0.0));
            svg.path(&[(x, chart.top), (x, chart.bottom + 3.0)], mesh);
            svg.text(&label, (x, chart.bottom + 11.0), 11, INK, Anchor::Middle);
        }
        for (value, label) in self.y.ticks() {
            let (_, y) = self.pixel(chart, (0.0, value));
            svg.path(&[(chart.left - 3.0, y), (chart.right, y)], mesh);
            svg.text(&label, (chart.left - 6.0, y), 11, INK, Anchor::End);
        }
        let corner = (chart.left, chart.bottom);
        svg.path(&[corner, (chart.right, chart.bottom)], axis);
        if self.y.room > 0.0 {
            svg.path(&[corner, (chart.left, chart.top)], axis);
        }
    }

    /// Labels at the left with their indents; at the right with samples of the lines that they name, moved apart where
    /// they would touch.
    fn draw_labels(&self, svg: &mut Svg, area: Area, chart: Area) {
        let height = |label: &Label| self.pixel(chart, (0.0, label.height)).1;
        for label in &self.left.0 {
            let (indent, size) = if label.is_minor { (28.0, 11) } else { (12.0, 13) };
            svg.text(&label.text, (area.left + indent, height(label)), size, INK, Anchor::Start);
        }
        let mut labels: Vec<(f64, &Label)> = self.right.0.iter().map(|label| (height(label), label)).collect();
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let heights = spread(labels.iter().map(|label| label.0).collect(), LABEL_GAP, area.top + FIRST_LABEL);
        for (y, (_, label)) in heights.into_iter().zip(labels) {
            let (x, color) = (chart.right + 6.0, label.look.map_or(INK, |look| look.color.darker()));
            if let Some(look) = label.look {
                look.sample(svg, (x, y), 22.0);
            }
            svg.text(&label.text, (x + 28.0, y), 12, color, Anchor::Start);
        }
    }
}

/// Sorted heights, moved apart to at least `gap`, groups around their middle, none above `least`.
fn spread(heights: Vec<f64>, gap: f64, least: f64) -> Vec<f64> {
    // Groups of heights that are `gap` apart: the sum of their members' wishes for the first one, and their count.
    let mut groups: Vec<(f64, f64)> = Vec::new();
    let first = |&(wishes, count): &(f64, f64)| f64::max(wishes / count, least);
    for height in heights {
        groups.push((height, 1.0));
        while let [.., before, last] = &groups[..]
            && first(last) < first(before) + gap * before.1
        {
            let joined = (before.0 + last.0 - last.1 * gap * before.1, before.1 + last.1);
            groups.truncate(groups.len() - 2);
            groups.push(joined);
        }
    }
    let of_group = |group: &(f64, f64)| (0..group.1 as usize).map(|index| first(group) + gap * index as f64).collect();
    groups.iter().flat_map(|group| -> Vec<f64> { of_group(group) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_moved_apart_and_stay_in_the_picture() {
        for (heights, expected) in [
            (vec![50.0, 100.0], vec![50.0, 100.0]),
            (vec![100.0, 100.0], vec![92.5, 107.5]),
            (vec![2.0, 4.0, 200.0], vec![9.0, 24.0, 200.0]),
        ] {
            assert_eq!(spread(heights, 15.0, 9.0), expected);
        }
        let many = spread(vec![5.0; 8], 15.0, 9.0);
        assert!(many[0] >= 9.0 && many.windows(2).all(|pair| pair[1] - pair[0] >= 15.0), "{many:?}");
    }
}
