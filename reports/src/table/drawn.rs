//! The table's words cell by cell, for a drawing.

use super::{ABSENT, Table};

/// The table as it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drawn {
    /// Heading and unit of each column; the first one has neither.
    pub(crate) header: Vec<[String; 2]>,
    /// A cell for each column.
    pub(crate) rows: Vec<Vec<Words>>,
    /// What must be said below.
    pub(crate) notes: Vec<String>,
}

/// What stands in a cell.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Words {
    /// Its beginning, if it is among the best.
    pub(crate) bold: String,
    /// The rest.
    pub(crate) plain: String,
}

impl From<String> for Words {
    fn from(plain: String) -> Self {
        Self { bold: String::new(), plain }
    }
}

impl Table {
    /// The table to be drawn, without comparisons.
    pub(crate) fn drawn(&self) -> Drawn {
        let mut header = vec![[String::new(), String::new()]];
        let heading = |text: &str| [text.to_owned(), String::new()];
        header.extend(self.has_seeds_column().then(|| heading("seeds")));
        for column in &self.columns {
            header.push([column.label_with_arrow(), column.unit.clone().unwrap_or_default()]);
            header.extend(column.has_paper.then(|| heading("paper")));
        }
        let mut rows = Vec::new();
        for row in &self.rows {
            let mut cells = vec![row.label().into()];
            cells.extend(self.has_seeds_column().then(|| row.seeds().into()));
            for (column, cell) in self.columns.iter().zip(&row.cells) {
                let (centre, spread) = column.value_text(cell.value);
                let centre = centre.unwrap_or_else(|| ABSENT.to_owned());
                let rest = spread.unwrap_or_default() + &cell.marks();
                cells.push(if cell.best {
                    Words { bold: centre, plain: rest }
                } else {
                    (centre + &rest).into()
                });
                cells.extend(column.has_paper.then(|| column.paper_text(cell).into()));
            }
            rows.push(cells);
        }
        let bold = self.bold.iter().map(|meaning| format!("Bold: {meaning}."));
        Drawn { header, rows, notes: bold.chain(self.notes.iter().cloned()).collect() }
    }
}
