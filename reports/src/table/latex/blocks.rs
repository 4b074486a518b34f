//! The columns of the table in blocks that fit the page, one below the other.

use super::super::cell::Standing;
use super::super::{Cell, Column, Row, Table};
use super::escape::escape;
use super::width;

/// Space between two columns, in points.
pub(super) const GAP: f64 = 6.0;

/// Text in TeX, with its width in points.
#[derive(Debug, Clone, Default)]
pub(super) struct Field {
    pub(super) tex: String,
    pub(super) width: f64,
}

/// Columns that stay together: a metric, with the paper's values beside ours, or the count of seeds.
#[derive(Debug)]
pub(super) struct Group {
    /// First line of the heading, across its columns.
    pub(super) heading: Field,
    /// Second line, one field per column; rows are alike.
    pub(super) below: Vec<Field>,
    pub(super) rows: Vec<Vec<Field>>,
}

impl Field {
    pub(super) fn text(text: &str) -> Self {
        Self { tex: escape(text), width: width::regular(text) }
    }

    /// The lines that it takes in a column of `width` points.
    pub(super) fn lines(&self, width: f64) -> usize {
        // A line that ends before a long word is shorter.
        if self.width <= width { 1 } else { (1.3 * self.width / width).ceil() as usize }
    }

    fn value(column: &Column, cell: &Cell) -> Self {
        let (Some(centre), spread) = column.value_text(cell.value) else {
            return Self::text("–");
        };
        let rest = Self::text(&(spread.unwrap_or_default() + &cell.marks()));
        let (tex, width) = match (escape(&centre), cell.standing) {
            (tex, Standing::Best) => (format!("\\textbf{{{tex}}}"), width::bold(&centre)),
            (tex, Standing::Tied) => (format!("\\underline{{{tex}}}"), width::regular(&centre)),
            (tex, Standing::Other) => (tex, width::regular(&centre)),
        };
        Self { tex: tex + &rest.tex, width: width + rest.width }
    }
}

impl Group {
    fn seeds(rows: &[Row]) -> Self {
        let rows = rows.iter().map(|row| vec![Field::text(&row.seeds())]);
        Self { heading: Field::text("seeds"), below: vec![Field::default()], rows: rows.collect() }
    }

    fn metric(column: &Column, index: usize, rows: &[Row]) -> Self {
        let cells = rows.iter().map(|row| &row.cells[index]);
        let fields = cells.map(|cell| {
            let paper = column.has_paper.then(|| Field::text(&column.paper_text(cell)));
            std::iter::once(Field::value(column, cell)).chain(paper).collect()
        });
        let (heading, below) = if column.has_paper {
            (column.heading(), ["ours", "paper"].map(Field::text).into())
        } else {
            let unit = column.unit.as_ref().map(|unit| format!("({unit})"));
            (column.label_with_arrow(), vec![Field::text(&unit.unwrap_or_default())])
        };
        Self { heading: Field::text(&heading), below, rows: fields.collect() }
    }

    pub(super) fn width(&self) -> f64 {
        let column = |index: usize| {
            let fields = self.rows.iter().map(|row| &row[index]).chain([&self.below[index]]);
            fields.map(|field| field.width).fold(0.0, f64::max)
        };
        let columns: f64 = (0..self.below.len()).map(column).sum();
        (columns + GAP * (self.below.len() - 1) as f64).max(self.heading.width)
    }
}

impl Table {
    /// The columns that the paper shows, in blocks that fit `max_width` beside row labels of `labels` points.
    pub(super) fn blocks(&self, labels: f64, max_width: f64) -> Vec<Vec<Group>> {
        let shown = |column: &Column| {
            let wanted = &self.latex.columns;
            wanted.is_empty() || wanted.contains(&column.spec.metric)
        };
        let metrics = self.columns.iter().enumerate().filter(|(_, column)| shown(column));
        let metrics = metrics.map(|(index, column)| Group::metric(column, index, &self.rows));
        let seeds = self.has_seeds_column().then(|| Group::seeds(&self.rows));
        let mut blocks: Vec<Vec<Group>> = Vec::new();
        let mut left = 0.0;
        for group in seeds.into_iter().chain(metrics) {
            let width = GAP + group.width();
            match blocks.last_mut() {
                Some(block) if width <= left => {
                    block.push(group);
                    left -= width;
                }
                _ => {
                    blocks.push(vec![group]);
                    left = max_width - labels - width;
                }
            }
        }
        blocks
    }
}
