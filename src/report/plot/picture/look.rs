//! The house style: lines that differ in colour and in dashes, so that they are told apart without colour.

use super::svg::{Dash, Paint, Pixel, Rgb, Svg};

/// The grey of what is drawn for comparison.
pub const GREY: Rgb = Rgb(150, 150, 150);

/// The radius of a dot that is a mean, in pixels.
pub const DOT: f64 = 3.0;

/// How an arm is drawn, everywhere.
#[derive(Clone, Copy)]
pub struct Look {
    /// Its colour, of Okabe and Ito's palette for all kinds of colour vision.
    pub color: Rgb,
    /// Its dashes; none for a solid line.
    pub dash: Option<Dash>,
    /// Whether it is a dot instead of a line.
    pub is_dot: bool,
}

/// The colours, each with the number of its first dashes.
const COLORS: [(Rgb, usize); 7] = [
    (Rgb(0, 0, 0), 0),
    (Rgb(0, 114, 178), 1),
    (Rgb(213, 94, 0), 0),
    (Rgb(204, 121, 167), 2),
    (Rgb(0, 158, 115), 3),
    (Rgb(230, 159, 0), 2),
    (Rgb(86, 180, 233), 1),
];

const DASHES: [Option<Dash>; 4] = [None, Some((11, 4)), Some((2, 3)), Some((5, 3))];

impl Look {
    /// The look of the arm or reading of this number. After the last colour they come again with other dashes.
    pub fn of(number: usize) -> Self {
        let (color, first) = COLORS[number % COLORS.len()];
        let dash = DASHES[(first + number / COLORS.len()) % DASHES.len()];
        Self { color, dash, is_dot: false }
    }

    /// A sample of it, `length` pixels to the right of a place.
    pub fn sample(self, svg: &mut Svg, (x, y): Pixel, length: f64) {
        match self.is_dot {
            true => svg.circle((x + length / 2.0, y), DOT, Paint::fill(self.color)),
            false => svg.path(&[(x, y), (x + length, y)], Paint { dash: self.dash, ..Paint::stroke(self.color, 2.0) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_arms_look_different() {
        let sample = |number| {
            let mut svg = Svg::default();
            Look::of(number).sample(&mut svg, (0.0, 0.0), 30.0);
            svg.finish("", (1.0, 1.0))
        };
        let samples: std::collections::BTreeSet<String> = (0..28).map(sample).collect();
        assert_eq!(samples.len(), 28);
    }
}
