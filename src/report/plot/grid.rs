//! A picture: grids of panels, each under its legend.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::look::{Area, Look, WIDTH, ZOOM, ink, write};
use super::panel::Panel;

/// Pixels of a row of a legend, and of a line above a column.
const LEGEND_ROW: i32 = 22;
const NAME_ROW: i32 = 15;

/// Panels in rows and columns. An axis's title at the left of a row is written once.
pub struct Grid {
    /// Pixels of a row.
    pub row_height: i32,
    /// The panels; a row may have fewer than others.
    pub rows: Vec<Vec<Panel>>,
    /// Samples of lines with their names; may be empty.
    pub legend: Vec<(String, Look)>,
    /// The columns of the legend.
    pub legend_columns: usize,
    /// A name above each column; may be empty.
    pub column_names: Vec<String>,
}

impl Grid {
    /// Panels in rows, without a legend.
    pub fn new(row_height: i32, rows: Vec<Vec<Panel>>) -> Self {
        Self { row_height, rows, legend: Vec::new(), legend_columns: 3, column_names: Vec::new() }
    }

    /// Panels in rows of at most `columns`, without a legend.
    pub fn folded(row_height: i32, columns: usize, panels: Vec<Panel>) -> Self {
        let mut rows: Vec<Vec<Panel>> = Vec::new();
        for panel in panels {
            match rows.last_mut() {
                Some(row) if row.len() < columns => row.push(panel),
                _ => rows.push(vec![panel]),
            }
        }
        Self::new(row_height, rows)
    }

    /// The same under a legend of three columns.
    pub fn under(self, legend: Vec<(String, Look)>) -> Self {
        Self { legend, ..self }
    }

    /// Pixels of the legend.
    fn legend_height(&self) -> i32 {
        let rows = self.legend.len().div_ceil(self.legend_columns) as i32;
        if rows == 0 { 0 } else { 8 + LEGEND_ROW * rows }
    }

    /// Pixels of the columns' names.
    fn names_height(&self) -> i32 {
        let rows = self.column_names.iter().map(|name| folded(name).len()).max().unwrap_or(0) as i32;
        if rows == 0 { 0 } else { 12 + NAME_ROW * rows }
    }

    fn height(&self) -> i32 {
        self.legend_height() + self.names_height() + self.row_height * self.rows.len() as i32
    }

    fn draw(&self, area: &Area) -> Result<()> {
        let (legend, below) = area.split_vertically(self.legend_height() * ZOOM);
        let (names, below) = below.split_vertically(self.names_height() * ZOOM);
        self.draw_legend(&legend)?;
        self.draw_column_names(&names)?;
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let areas = below.split_evenly((self.rows.len(), columns));
        for (row, areas) in self.rows.iter().zip(areas.chunks(columns)) {
            for (column, (panel, area)) in row.iter().zip(areas).enumerate() {
                panel.draw(area, column == 0)?;
            }
        }
        Ok(())
    }

    fn draw_legend(&self, area: &Area) -> Result<()> {
        for (index, (name, look)) in self.legend.iter().enumerate() {
            let (row, column) = ((index / self.legend_columns) as i32, (index % self.legend_columns) as i32);
            let (x, y) = (20 + column * (WIDTH / self.legend_columns as i32), 14 + LEGEND_ROW * row);
            look.sample(area, (x, y), 30)?;
            write(area, name, (x + 36, y), look.font(12), HPos::Left)?;
        }
        Ok(())
    }

    fn draw_column_names(&self, area: &Area) -> Result<()> {
        let width = WIDTH / self.column_names.len().max(1) as i32;
        for (column, name) in self.column_names.iter().enumerate() {
            for (index, line) in folded(name).iter().enumerate() {
                let middle = column as i32 * width + width / 2 + 18;
                write(area, line, (middle, 14 + NAME_ROW * index as i32), ink(12), HPos::Center)?;
            }
        }
        Ok(())
    }
}

/// A name in lines short enough for a column.
fn folded(name: &str) -> Vec<String> {
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
///
/// # Errors
/// A picture that cannot be drawn.
pub fn svg(title: &str, grids: &[Grid]) -> Result<String> {
    let height: i32 = grids.iter().map(Grid::height).sum();
    let mut svg = String::new();
    {
        let size = ((WIDTH * ZOOM) as u32, (height * ZOOM) as u32);
        let mut area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE)?;
        for grid in grids {
            let (own, below) = area.split_vertically(grid.height() * ZOOM);
            grid.draw(&own)?;
            area = below;
        }
        area.present()?;
    }
    let drawn = format!("<svg width=\"{}\" height=\"{}\"", WIDTH * ZOOM, height * ZOOM);
    let shown = format!("<svg role=\"img\" aria-label=\"{title}\" width=\"{WIDTH}\" height=\"{height}\"");
    Ok(svg.replacen(&drawn, &shown, 1))
}
