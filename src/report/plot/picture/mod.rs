//! How any picture is drawn: grids of panels, each under its legend.

mod axis;
mod look;
mod mark;
mod panel;
mod svg;

pub use axis::{Axis, range};
pub use look::{DOT, GREY, Look};
pub use mark::{Curve, Mark};
pub use panel::{HEADLINE, Label, Panel, TOP};
pub use svg::Rgb;

use panel::{Area, INK};
use svg::{Anchor, Svg};

/// The width of every picture, in pixels: GitHub's column.
pub const WIDTH: f64 = 880.0;

/// Pixels of a row of a legend, and of a line above a column.
const LEGEND_ROW: f64 = 22.0;
const NAME_ROW: f64 = 15.0;

/// Names with their looks.
pub type Legend = Vec<(String, Look)>;

/// Panels in rows and columns. An axis's title at the left of a row is written once.
pub struct Grid {
    /// Pixels of a row.
    pub row_height: f64,
    /// The panels; a row may have fewer than others.
    pub rows: Vec<Vec<Panel>>,
    /// Samples of lines with their names; may be empty.
    pub legend: Legend,
    /// The columns of the legend.
    pub legend_columns: usize,
    /// A name above each column; may be empty.
    pub column_names: Vec<String>,
}

impl Grid {
    /// Panels in rows under a legend of three columns.
    pub fn new(row_height: f64, rows: Vec<Vec<Panel>>, legend: Legend) -> Self {
        Self { row_height, rows, legend, legend_columns: 3, column_names: Vec::new() }
    }

    /// Whether it shows nothing.
    pub fn is_empty(&self) -> bool {
        self.rows.iter().flatten().all(|panel| panel.marks.is_empty())
    }

    /// Pixels of the legend.
    fn legend_height(&self) -> f64 {
        let rows = self.legend.len().div_ceil(self.legend_columns);
        if rows == 0 { 0.0 } else { 8.0 + LEGEND_ROW * rows as f64 }
    }

    /// Pixels of the columns' names.
    fn names_height(&self) -> f64 {
        let lines = self.column_names.iter().map(|name| in_lines(name).len()).max().unwrap_or(0);
        if lines == 0 { 0.0 } else { 12.0 + NAME_ROW * lines as f64 }
    }

    fn height(&self) -> f64 {
        self.legend_height() + self.names_height() + self.row_height * self.rows.len() as f64
    }

    fn draw(&self, svg: &mut Svg, top: f64) {
        let legend_width = WIDTH / self.legend_columns as f64;
        for (index, (name, look)) in self.legend.iter().enumerate() {
            let (row, column) = (index / self.legend_columns, index % self.legend_columns);
            let (x, y) = (20.0 + legend_width * column as f64, top + 14.0 + LEGEND_ROW * row as f64);
            look.sample(svg, (x, y), 30.0);
            svg.text(name, (x + 36.0, y), 12, look.color.darker(), Anchor::Start);
        }
        let top = top + self.legend_height();
        let width = WIDTH / self.rows.iter().map(Vec::len).max().unwrap_or(1) as f64;
        for (column, name) in self.column_names.iter().enumerate() {
            for (index, line) in in_lines(name).iter().enumerate() {
                let (x, y) = (width * (column as f64 + 0.5) + 18.0, top + 14.0 + NAME_ROW * index as f64);
                svg.text(line, (x, y), 12, INK, Anchor::Middle);
            }
        }
        let top = top + self.names_height();
        for (row, panels) in self.rows.iter().enumerate() {
            for (column, panel) in panels.iter().enumerate() {
                let (left, top) = (width * column as f64, top + self.row_height * row as f64);
                let area = Area { left, top, right: left + width, bottom: top + self.row_height };
                panel.draw(svg, area, column == 0);
            }
        }
    }
}

/// Panels in rows of at most `columns`.
pub fn in_rows(panels: impl Iterator<Item = Panel>, columns: usize) -> Vec<Vec<Panel>> {
    let mut rows: Vec<Vec<Panel>> = Vec::new();
    for panel in panels {
        match rows.last_mut() {
            Some(row) if row.len() < columns => row.push(panel),
            _ => rows.push(vec![panel]),
        }
    }
    rows
}

/// A name in lines short enough for a column.
fn in_lines(name: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in name.split(['_', ' ']) {
        let last = lines.last_mut().expect("never empty");
        match last.len() {
            0 => *last = word.into(),
            length if length + word.len() < 13 => *last = format!("{last} {word}"),
            _ => lines.push(word.into()),
        }
    }
    lines
}

/// The SVG of `grids`, one under the other, with `title` for screen readers.
pub fn svg(title: &str, grids: &[Grid]) -> String {
    let (mut svg, mut top) = (Svg::default(), 0.0);
    for grid in grids {
        grid.draw(&mut svg, top);
        top += grid.height();
    }
    svg.finish(title, (WIDTH, top))
}
