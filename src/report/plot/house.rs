//! The house style: white ground, a sparse grid, lines that differ in colour and in dashes, labels at the lines.
//!
//! A picture is drawn at [`ZOOM`] times its size and shown at its size, because the backend knows whole pixels only.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Pixels drawn for a pixel shown.
pub const ZOOM: i32 = 2;

/// The width of every picture, in pixels: GitHub's column.
pub const WIDTH: i32 = 880;

/// A part of a picture.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A part with axes.
pub type Chart<'a> = ChartContext<
    'a,
    SVGBackend<'a>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

/// The grey of what stands behind.
pub const GREY: RGBColor = RGBColor(150, 150, 150);
const GRID: RGBColor = RGBColor(225, 225, 225);
const INK: RGBColor = RGBColor(40, 40, 40);

/// How an arm is drawn, everywhere.
#[derive(Clone, Copy)]
pub struct Look {
    /// Its colour, of Okabe and Ito's palette for all kinds of colour vision.
    pub color: RGBColor,
    /// Lengths of a dash and of a gap, in pixels; none for a solid line.
    pub dash: Option<(i32, i32)>,
    /// Whether it is a dot instead of a line.
    pub is_dot: bool,
}

impl Look {
    /// The same colour as a dot.
    pub fn as_dot(self) -> Look {
        Look { is_dot: true, ..self }
    }
}

const fn line_of(color: RGBColor, dash: Option<(i32, i32)>) -> Look {
    Look { color, dash, is_dot: false }
}

const LOOKS: [Look; 7] = [
    line_of(RGBColor(0, 0, 0), None),
    line_of(RGBColor(0, 114, 178), Some((11, 4))),
    line_of(RGBColor(213, 94, 0), None),
    line_of(RGBColor(204, 121, 167), Some((2, 3))),
    line_of(RGBColor(0, 158, 115), Some((5, 3))),
    line_of(RGBColor(230, 159, 0), Some((2, 3))),
    line_of(RGBColor(86, 180, 233), Some((11, 4))),
];

/// The look of the arm or line of this number.
pub fn look(number: usize) -> Look {
    LOOKS[number % LOOKS.len()]
}

/// A picture of `height` pixels with `title` for screen readers.
pub fn picture(title: &str, height: i32, draw: impl FnOnce(&Area) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let size = ((WIDTH * ZOOM) as u32, (height * ZOOM) as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE)?;
        draw(&area)?;
        area.present()?;
    }
    let drawn = format!("<svg width=\"{}\" height=\"{}\"", WIDTH * ZOOM, height * ZOOM);
    let shown = format!("<svg role=\"img\" aria-label=\"{title}\" width=\"{WIDTH}\" height=\"{height}\"");
    Ok(svg.replacen(&drawn, &shown, 1))
}

/// Text of `size` pixels, a little darker than a line of the same colour so that it reads on white.
pub fn font(size: i32, color: RGBColor) -> TextStyle<'static> {
    let darker = |part: u8| (f64::from(part) * 0.8) as u8;
    let color = RGBColor(darker(color.0), darker(color.1), darker(color.2));
    // The backend divides by 1.24.
    ("sans-serif", f64::from(size * ZOOM) * 1.24).into_font().color(&color)
}

/// Writes at a place of `area`, in pixels.
pub fn write(area: &Area, text: &str, (x, y): (i32, i32), style: TextStyle<'static>, anchor: HPos) -> Result<()> {
    let style = style.pos(Pos::new(anchor, VPos::Center));
    area.draw(&Text::new(text.to_string(), (x * ZOOM, y * ZOOM), style))?;
    Ok(())
}

/// Ink for text.
pub fn ink(size: i32) -> TextStyle<'static> {
    font(size, INK)
}

/// An axis: its range, what it is, and how its ticks are written.
pub struct Axis<'a> {
    /// From and to; powers of ten where `log`.
    pub range: (f64, f64),
    /// What it is, with the unit; may be empty.
    pub title: &'a str,
    /// About how many ticks.
    pub ticks: usize,
    /// Whether values are logarithms to base 10.
    pub log: bool,
    /// Pixels for its labels.
    pub room: i32,
}

impl Axis<'_> {
    fn label(&self, value: f64) -> String {
        if self.log {
            return power_of_ten(value);
        }
        let span = self.range.1 - self.range.0;
        let decimals = (1.0 - span.log10().floor()).clamp(0.0, 4.0) as usize;
        let text = format!("{value:.decimals$}");
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        if text == "-0" { "0".into() } else { text.replace('-', "−") }
    }
}

/// 10 to a whole `exponent`, as a number; nothing between.
fn power_of_ten(exponent: f64) -> String {
    if (exponent - exponent.round()).abs() > 1e-6 {
        return String::new();
    }
    match exponent.round() as i32 {
        exponent @ -4..=4 => format!("{}", 10f64.powi(exponent)),
        exponent => format!("1e{exponent}").replace('-', "−"),
    }
}

/// Pixels of a headline above its chart, clear of the topmost tick, and of the margins beside it.
const HEADLINE: i32 = 18;
const LEFT: i32 = 4;
const RIGHT: i32 = 18;

/// Axes in `area` with a headline.
pub fn chart<'a>(area: &Area<'a>, headline: &str, x: &Axis, y: &Axis) -> Result<Chart<'a>> {
    let strip = if headline.is_empty() { 0 } else { HEADLINE };
    let (top, below) = area.split_vertically(strip * ZOOM);
    if !headline.is_empty() {
        let (left, right) = (LEFT + y.room, area.dim_in_pixel().0 as i32 / ZOOM - RIGHT);
        write(&top, headline, ((left + right) / 2, HEADLINE / 2 + 3), ink(13), HPos::Center)?;
    }
    let mut builder = ChartBuilder::on(&below);
    builder.margin_top(6 * ZOOM).margin_right(RIGHT * ZOOM).margin_left(LEFT * ZOOM);
    builder.x_label_area_size(x.room * ZOOM).y_label_area_size(y.room * ZOOM);
    let mut chart = builder.build_cartesian_2d(x.range.0..x.range.1, y.range.0..y.range.1)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(ZOOM as u32))
        .axis_style(GREY.stroke_width(ZOOM as u32))
        .x_labels(x.ticks)
        .y_labels(y.ticks)
        .x_label_style(ink(11))
        .y_label_style(ink(11))
        .axis_desc_style(ink(12))
        .x_label_formatter(&|value| x.label(*value))
        .y_label_formatter(&|value| y.label(*value))
        .x_desc(x.title)
        .y_desc(y.title)
        .draw()?;
    Ok(chart)
}

/// A line of `width` pixels, dashed as `dash` says.
pub fn line(
    chart: &mut Chart,
    points: &[(f64, f64)],
    color: RGBAColor,
    width: f64,
    dash: Option<(i32, i32)>,
) -> Result<()> {
    let style = ShapeStyle { color, filled: false, stroke_width: (width * f64::from(ZOOM)).round() as u32 };
    match dash {
        None => chart.draw_series(LineSeries::new(points.iter().copied(), style))?,
        Some((dash, gap)) => {
            chart.draw_series(DashedLineSeries::new(points.iter().copied(), dash * ZOOM, gap * ZOOM, style))?
        }
    };
    Ok(())
}

/// The radius of a dot that stands for a mean, in pixels.
pub const DOT: i32 = 3;

/// Dots of `radius` pixels.
pub fn dots(chart: &mut Chart, points: &[(f64, f64)], color: RGBAColor, radius: i32) -> Result<()> {
    let dot = |&point: &(f64, f64)| Circle::new(point, radius * ZOOM, color.filled());
    chart.draw_series(points.iter().map(dot))?;
    Ok(())
}

/// Samples and names of lines at their ends, right of the chart, moved apart where they would touch. `ends` are values
/// on the y axis with name and look.
pub fn end_labels(area: &Area, chart: &Chart, ends: &[(f64, String, Look)]) -> Result<()> {
    let plotting = chart.plotting_area();
    let right = plotting.get_pixel_range().0.end - area.get_base_pixel().0;
    let top = area.get_base_pixel().1;
    let place = |value: f64| (plotting.map_coordinate(&(0.0, value)).1 - top) / ZOOM;
    let mut labels: Vec<(i32, &String, Look)> =
        ends.iter().map(|(value, name, look)| (place(*value), name, *look)).collect();
    labels.sort_by_key(|label| label.0);
    let mut heights: Vec<i32> = labels.iter().map(|label| label.0).collect();
    spread(&mut heights, 15, 9);
    for (y, (_, name, look)) in heights.into_iter().zip(labels) {
        let x = right / ZOOM + 6;
        sample(area, (x, y), 22, look)?;
        write(area, name, (x + 28, y), font(12, look.color), HPos::Left)?;
    }
    Ok(())
}

/// Moves sorted places apart to at least `gap`, groups around their middle, none above `least`.
fn spread(places: &mut [i32], gap: i32, least: i32) {
    // Each pass moves by a pixel or more, and no place has farther to go than all gaps together.
    for _ in 0..places.len() * places.len() * gap as usize {
        let mut moved = false;
        for index in 0..places.len() {
            let over = if index == 0 { least - places[0] } else { gap - (places[index] - places[index - 1]) };
            if over <= 0 {
                continue;
            }
            moved = true;
            if index == 0 {
                places[0] = least;
            } else {
                places[index - 1] -= over / 2;
                places[index] += over - over / 2;
            }
        }
        if !moved {
            return;
        }
    }
}

/// A sample of a line, `length` pixels to the right of a place.
fn sample(area: &Area, (x, y): (i32, i32), length: i32, look: Look) -> Result<()> {
    let style = look.color.stroke_width(2 * ZOOM as u32);
    let ends = [(x * ZOOM, y * ZOOM), ((x + length) * ZOOM, y * ZOOM)];
    if look.is_dot {
        let middle = ((x + length / 2) * ZOOM, y * ZOOM);
        area.draw(&Circle::new(middle, DOT * ZOOM, look.color.filled()))?;
        return Ok(());
    }
    match look.dash {
        None => area.draw(&PathElement::new(ends, style))?,
        Some((dash, gap)) => {
            area.draw(&plotters::element::DashedPathElement::new(ends, dash * ZOOM, gap * ZOOM, style))?
        }
    }
    Ok(())
}

/// Pixels of a row of a legend.
const LEGEND_ROW: i32 = 22;

/// The height of a legend of `entries` lines in `columns`, in pixels.
pub fn legend_height(entries: usize, columns: usize) -> i32 {
    8 + LEGEND_ROW * entries.div_ceil(columns) as i32
}

/// Samples of lines with their names, in `columns`.
pub fn legend(area: &Area, entries: &[(String, Look)], columns: usize) -> Result<()> {
    for (index, (name, look)) in entries.iter().enumerate() {
        let (row, column) = ((index / columns) as i32, (index % columns) as i32);
        let (x, y) = (20 + column * (WIDTH / columns as i32), 14 + LEGEND_ROW * row);
        sample(area, (x, y), 30, *look)?;
        write(area, name, (x + 36, y), font(12, look.color), HPos::Left)?;
    }
    Ok(())
}

/// The range of finite `values` with a margin of `share` on both sides; `None` without any.
pub fn range(values: impl Iterator<Item = f64>, share: f64) -> Option<(f64, f64)> {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return None;
    }
    let margin = if high > low { (high - low) * share } else { low.abs().max(1.0) * 0.1 };
    Some((low - margin, high + margin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_moved_apart_and_stay_in_the_picture() {
        for (mut places, expected) in
            [(vec![50, 100], vec![50, 100]), (vec![100, 100], vec![93, 108]), (vec![2, 4, 200], vec![9, 24, 200])]
        {
            spread(&mut places, 15, 9);
            assert_eq!(places, expected);
        }
        let mut many = vec![5; 8];
        spread(&mut many, 15, 9);
        assert!(many[0] >= 9 && many.windows(2).all(|pair| pair[1] - pair[0] >= 15), "{many:?}");
    }

    #[test]
    fn ticks_are_written_short() {
        let axis = |range, log| Axis { range, title: "", ticks: 5, log, room: 0 };
        let linear = axis((-2.0, 2.0), false);
        assert_eq!([-1.5, -0.0, 1.0].map(|value| linear.label(value)), ["−1.5", "0", "1"]);
        let log = axis((-6.0, 5.0), true);
        assert_eq!([-5.0, -2.0, 0.5, 4.0].map(|value| log.label(value)), ["1e−5", "0.01", "", "10000"]);
    }
}
