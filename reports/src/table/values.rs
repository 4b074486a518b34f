//! The table's cells by name for a paper's text, so that it quotes no number that is not in the table.

use super::latex::escape;
use super::{Cell, Column, Table};

/// Defines `\orchvalue`, unless another file of values has. A name that is not there stops LaTeX.
const LOOKUP: &str = r"\providecommand{\orchvalue}[2]{%
  \ifcsname orch@#1@#2\endcsname\csname orch@#1@#2\endcsname
  \else\errmessage{There is no value of `#2' for the row `#1' in the report}\fi}
";

impl Table {
    /// A file for `\input` that sets no text; then `\orchvalue{ROW}{METRIC}` is a cell, without bold and
    /// marks.
    pub fn latex_values(&self) -> String {
        let name = &self.name;
        let mut text = format!("% The cells of {name}: \\orchvalue{{ROW}}{{METRIC}}.\n{LOOKUP}");
        for row in &self.rows {
            for (column, cell) in self.columns.iter().zip(&row.cells) {
                let (row, metric) = (&row.variant.name, &column.spec.metric);
                if is_plain(row) && is_plain(metric) {
                    let value = value(column, cell);
                    text += "\\expandafter\\def\\csname orch@";
                    text.extend([row, "@", metric, "\\endcsname{", &value, "}\n"]);
                } else {
                    text.extend(["% Left out, since TeX cannot take its name: ", &one_line(row)]);
                    text.extend([", ", &one_line(metric), "\n"]);
                }
            }
        }
        text
    }
}

fn value(column: &Column, cell: &Cell) -> String {
    let (Some(mean), spread) = column.value_text(cell.value) else { return "--".to_owned() };
    escape(&mean) + &escape(&spread.unwrap_or_default()) + &escape(&cell.marks())
}

/// True if every character stands for itself in a name of TeX.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || " -_./:+@=<>()[],;|*!?".contains(c))
}

/// A name within a comment.
fn one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
