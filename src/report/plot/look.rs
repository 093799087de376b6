//! The house style: white ground, a sparse grid, lines that differ in colour and in dashes, labels at the lines.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Pixels drawn for a pixel shown, because the backend knows whole pixels only.
pub const ZOOM: i32 = 2;

/// The width of every picture, in pixels: GitHub's column.
pub const WIDTH: i32 = 880;

/// A part of a picture.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The grey of what is drawn for comparison.
pub const GREY: RGBColor = RGBColor(150, 150, 150);
const INK: RGBColor = RGBColor(40, 40, 40);

/// Lengths of a dash and of a gap, in pixels.
pub type Dash = (i32, i32);

/// The radius of a dot that is a mean, in pixels.
pub const DOT: i32 = 3;

/// How an arm is drawn, everywhere.
#[derive(Clone, Copy)]
pub struct Look {
    /// Its colour, of Okabe and Ito's palette for all kinds of colour vision.
    pub color: RGBColor,
    /// Its dashes; none for a solid line.
    pub dash: Option<Dash>,
    /// Whether it is a dot instead of a line.
    pub is_dot: bool,
}

const fn line_of(color: RGBColor, dash: Option<Dash>) -> Look {
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

/// The look of the arm or reading of this number.
pub fn look(number: usize) -> Look {
    LOOKS[number % LOOKS.len()]
}

impl Look {
    /// A sample of it, `length` pixels to the right of a place in pixels.
    pub fn sample(self, area: &Area, (x, y): (i32, i32), length: i32) -> Result<()> {
        let style = self.color.stroke_width(2 * ZOOM as u32);
        let ends = [(x * ZOOM, y * ZOOM), ((x + length) * ZOOM, y * ZOOM)];
        match self.dash {
            _ if self.is_dot => {
                let middle = ((x + length / 2) * ZOOM, y * ZOOM);
                area.draw(&Circle::new(middle, DOT * ZOOM, self.color.filled()))?;
            }
            None => area.draw(&PathElement::new(ends, style))?,
            Some((dash, gap)) => area.draw(&DashedPathElement::new(ends, dash * ZOOM, gap * ZOOM, style))?,
        }
        Ok(())
    }

    /// Text of its colour.
    pub fn font(self, size: i32) -> TextStyle<'static> {
        font(size, self.color)
    }
}

/// Text of `size` pixels, a little darker than a line of the same colour so that it reads on white.
fn font(size: i32, color: RGBColor) -> TextStyle<'static> {
    let darker = |part: u8| (f64::from(part) * 0.8) as u8;
    let color = RGBColor(darker(color.0), darker(color.1), darker(color.2));
    // The backend divides by 1.24.
    ("sans-serif", f64::from(size * ZOOM) * 1.24).into_font().color(&color)
}

/// Ink for text of `size` pixels.
pub fn ink(size: i32) -> TextStyle<'static> {
    font(size, INK)
}

/// Writes at a place of `area`, in pixels.
pub fn write(area: &Area, text: &str, (x, y): (i32, i32), style: TextStyle<'static>, anchor: HPos) -> Result<()> {
    let style = style.pos(Pos::new(anchor, VPos::Center));
    area.draw(&Text::new(text.to_string(), (x * ZOOM, y * ZOOM), style))?;
    Ok(())
}
