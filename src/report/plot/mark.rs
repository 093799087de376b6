//! What a panel can show: lines, areas and signs.

use anyhow::Result;
use plotters::prelude::*;

use super::look::{Dash, ZOOM};
use super::panel::Chart;
use super::series::Curve;

#[derive(Clone)]
/// A line, an area, or signs at points.
pub struct Mark {
    points: Curve,
    shape: Shape,
    color: RGBAColor,
}

/// How the points of a mark are drawn.
#[derive(Clone, Copy)]
pub enum Shape {
    /// A line of `width` pixels through them.
    Line { width: f64, dash: Option<Dash> },
    /// The area inside them.
    Area,
    /// A filled circle of this radius at each.
    Dot(i32),
    /// A circle of this radius at each.
    Ring(i32),
    /// A cross that reaches so far at each.
    Cross(i32),
    /// A diamond that reaches so far at each.
    Diamond(i32),
}

impl Mark {
    /// A solid line of `width` pixels.
    pub fn line(points: Curve, color: RGBColor, width: f64) -> Self {
        Self::new(points, Shape::Line { width, dash: None }, color)
    }

    /// The points drawn as `shape`.
    pub fn new(points: Curve, shape: Shape, color: RGBColor) -> Self {
        Self { points, shape, color: color.to_rgba() }
    }

    /// The same, through which the ground is seen.
    pub fn faded(self, opacity: f64) -> Self {
        Self { color: self.color.mix(opacity), ..self }
    }

    /// The same line with these dashes.
    pub fn dashed(mut self, dashes: Option<Dash>) -> Self {
        if let Shape::Line { dash, .. } = &mut self.shape {
            *dash = dashes;
        }
        self
    }

    /// Draws it.
    pub fn draw(&self, chart: &mut Chart) -> Result<()> {
        let points = self.points.iter().copied();
        let stroke = self.color.stroke_width(2 * ZOOM as u32);
        match self.shape {
            Shape::Line { width, dash } => {
                let style = self.color.stroke_width((width * f64::from(ZOOM)).round() as u32);
                match dash {
                    None => chart.draw_series(LineSeries::new(points, style))?,
                    Some((dash, gap)) => {
                        chart.draw_series(DashedLineSeries::new(points, dash * ZOOM, gap * ZOOM, style))?
                    }
                };
            }
            Shape::Area => drop(chart.draw_series([Polygon::new(self.points.clone(), self.color.filled())])?),
            Shape::Dot(radius) => {
                chart.draw_series(points.map(|point| Circle::new(point, radius * ZOOM, self.color.filled())))?;
            }
            Shape::Ring(radius) => {
                chart.draw_series(points.map(|point| Circle::new(point, radius * ZOOM, stroke)))?;
            }
            Shape::Cross(reach) => {
                chart.draw_series(points.map(|point| Cross::new(point, reach * ZOOM, stroke)))?;
            }
            Shape::Diamond(reach) => {
                let reach = reach * ZOOM;
                let corners = [(-reach, 0), (0, -reach), (reach, 0), (0, reach), (-reach, 0)];
                let diamond = |point| EmptyElement::at(point) + PathElement::new(corners, stroke);
                chart.draw_series(points.map(diamond))?;
            }
        }
        Ok(())
    }
}
