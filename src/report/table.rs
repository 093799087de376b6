//! Tables in Markdown.

use std::fmt;

/// A table; columns of numbers are aligned to the right.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Debug)]
struct Column {
    title: String,
    numbers: bool,
}

impl Table {
    /// A table with a column of text under each title.
    pub fn new<T: Into<String>>(titles: impl IntoIterator<Item = T>) -> Self {
        let columns = titles.into_iter().map(|title| Column { title: title.into(), numbers: false }).collect();
        Self { columns, rows: Vec::new() }
    }

    /// With further columns, of numbers; the unit is in the title.
    pub fn numbers<T: Into<String>>(mut self, titles: impl IntoIterator<Item = T>) -> Self {
        self.columns.extend(titles.into_iter().map(|title| Column { title: title.into(), numbers: true }));
        self
    }

    /// With further columns, of text.
    pub fn texts<T: Into<String>>(mut self, titles: impl IntoIterator<Item = T>) -> Self {
        self.columns.extend(titles.into_iter().map(|title| Column { title: title.into(), numbers: false }));
        self
    }

    /// Adds a row.
    ///
    /// # Panics
    /// A row that does not have one cell per column.
    pub fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.columns.len(), "a row has one cell per column: {cells:?}");
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |cells: Vec<&str>| format!("| {} |", cells.join(" | "));
        writeln!(f, "{}", line(self.columns.iter().map(|column| column.title.as_str()).collect()))?;
        let rule = self.columns.iter().map(|column| if column.numbers { "---:" } else { "---" });
        write!(f, "|{}|", rule.collect::<Vec<_>>().join("|"))?;
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', r"\|").replace('\n', " ")).collect();
            write!(f, "\n{}", line(cells.iter().map(String::as_str).collect()))?;
        }
        Ok(())
    }
}
