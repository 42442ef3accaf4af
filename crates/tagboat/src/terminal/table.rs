//! Columns. In: rows of cells. Out: lines whose cells stand below each other.

use super::printable;

/// A table for people: a head, rows, two spaces between columns, nothing at a line's end.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head.
    pub(crate) fn new(head: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut table = Self::default();
        table.row(head);
        table
    }

    /// Adds a row. Cells may come from anywhere: they are made printable.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell.into())).collect());
    }

    /// Adds a row whose cells have several lines, one below the other.
    pub(crate) fn tall_row(&mut self, cells: &[Vec<String>]) {
        let lines = cells.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..lines {
            self.row(cells.iter().map(|cell| cell.get(line).cloned().unwrap_or_default()));
        }
    }

    /// The lines, without a newline at the end.
    pub(crate) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Whether no line is wider than so many columns.
pub(crate) fn fits(text: &str, width: Option<usize>) -> bool {
    width.is_none_or(|width| text.lines().all(|line| line.chars().count() <= width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tall_row_is_as_tall_as_its_tallest_cell_and_its_columns_stand_below_each_other() {
        let cell = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        let mut table = Table::new(["A", "B", "C"]);
        table.tall_row(&[cell(&["api"]), cell(&["v1", "deprecated"]), cell(&["v2", "held"])]);
        table.tall_row(&[cell(&["web"]), cell(&[]), cell(&["-"])]);
        let text = table.text();
        assert_eq!(
            text,
            "A    B           C\napi  v1          v2\n     deprecated  held\nweb              -"
        );
        assert!(fits(&text, Some(21)) && !fits(&text, Some(20)) && fits(&text, None));
    }
}
