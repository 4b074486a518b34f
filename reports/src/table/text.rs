//! The text of every cell, for a table that is drawn as a picture.

use super::{ABSENT, TIED, Table};

/// A table as the text to draw, without its comparisons.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableText {
    /// Label and unit of each column; both are empty for the first.
    pub(crate) header: Vec<[String; 2]>,
    /// One cell per column.
    pub(crate) rows: Vec<Vec<CellText>>,
    /// Sentences below the table.
    pub(crate) notes: Vec<String>,
}

/// The text of a cell, its bold part first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CellText {
    /// Empty unless the value is among the best of its column.
    pub(crate) bold: String,
    pub(crate) regular: String,
}

impl From<String> for CellText {
    fn from(regular: String) -> Self {
        Self { bold: String::new(), regular }
    }
}

impl Table {
    pub(crate) fn text(&self) -> TableText {
        let without_unit = |label: &str| [label.to_owned(), String::new()];
        let mut header = vec![without_unit("")];
        header.extend(self.has_seeds_column().then(|| without_unit("seeds")));
        for column in &self.columns {
            header.push([column.label_with_arrow(), column.unit.clone().unwrap_or_default()]);
            header.extend(column.has_paper.then(|| without_unit("paper")));
        }
        let mut rows = Vec::new();
        for row in &self.rows {
            let mut cells = vec![row.variant.marked_label().into()];
            cells.extend(self.has_seeds_column().then(|| row.seeds().into()));
            for (column, cell) in self.columns.iter().zip(&row.cells) {
                let (centre, spread) = column.value_text(cell.value);
                let centre = centre.unwrap_or_else(|| ABSENT.to_owned());
                let tied = if cell.is_tied() { TIED } else { "" };
                let rest = spread.unwrap_or_default() + tied + &cell.marks();
                cells.push(if cell.is_best() {
                    CellText { bold: centre, regular: rest }
                } else {
                    (centre + &rest).into()
                });
                cells.extend(column.has_paper.then(|| column.paper_text(cell).into()));
            }
            rows.push(cells);
        }
        TableText { header, rows, notes: self.all_notes("Bold:", TIED).collect() }
    }
}
