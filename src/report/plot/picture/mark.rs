//! The marks in a panel: lines, areas and signs.

use super::svg::{Dash, Paint, Pixel, Rgb, Svg};

/// (x, y) pairs, in the order of x.
pub type Curve = Vec<(f64, f64)>;

/// A line, an area, or signs at points.
#[derive(Clone)]
pub struct Mark {
    points: Curve,
    shape: Shape,
    paint: Paint,
}

/// How the points of a mark are drawn.
#[derive(Clone, Copy)]
enum Shape {
    Path,
    Circles(f64),
    Crosses(f64),
    Diamonds(f64),
}

impl Mark {
    /// A solid line of `width` pixels.
    pub fn line(points: Curve, color: Rgb, width: f64) -> Self {
        Self { points, shape: Shape::Path, paint: Paint::stroke(color, width) }
    }

    /// The area inside an outline.
    pub fn area(points: Curve, color: Rgb) -> Self {
        Self { points, shape: Shape::Path, paint: Paint::fill(color) }
    }

    /// Filled circles of this radius.
    pub fn dots(points: Curve, radius: f64, color: Rgb) -> Self {
        Self { points, shape: Shape::Circles(radius), paint: Paint::fill(color) }
    }

    /// Circles of this radius.
    pub fn rings(points: Curve, radius: f64, color: Rgb) -> Self {
        Self { points, shape: Shape::Circles(radius), paint: Paint::stroke(color, 2.0) }
    }

    /// Crosses that reach so far.
    pub fn crosses(points: Curve, reach: f64, color: Rgb) -> Self {
        Self { points, shape: Shape::Crosses(reach), paint: Paint::stroke(color, 2.0) }
    }

    /// Diamonds that reach so far.
    pub fn diamonds(points: Curve, reach: f64, color: Rgb) -> Self {
        Self { points, shape: Shape::Diamonds(reach), paint: Paint::stroke(color, 1.5) }
    }

    /// The same, through which the ground is seen.
    pub fn faded(mut self, opacity: f64) -> Self {
        self.paint.opacity = opacity;
        self
    }

    /// The same with these dashes.
    pub fn dashed(mut self, dash: Option<Dash>) -> Self {
        self.paint.dash = dash;
        self
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Draws it with its points where `at` puts them.
    pub fn draw(&self, svg: &mut Svg, at: impl Fn(&(f64, f64)) -> Pixel) {
        let pixels = self.points.iter().map(at);
        match self.shape {
            Shape::Path => svg.path(&pixels.collect::<Vec<_>>(), self.paint),
            Shape::Circles(radius) => pixels.for_each(|pixel| svg.circle(pixel, radius, self.paint)),
            Shape::Crosses(r) => pixels.for_each(|(x, y)| {
                svg.path(&[(x - r, y - r), (x + r, y + r)], self.paint);
                svg.path(&[(x - r, y + r), (x + r, y - r)], self.paint);
            }),
            Shape::Diamonds(r) => pixels.for_each(|(x, y)| {
                svg.path(&[(x - r, y), (x, y - r), (x + r, y), (x, y + r), (x - r, y)], self.paint);
            }),
        }
    }
}
