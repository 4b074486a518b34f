//! The table for a README, an issue or a notebook.

use super::{ABSENT, Cell, Column, Table};

impl Table {
    /// A GitHub-flavoured Markdown table between its caption and its notes.
    pub fn markdown(&self) -> String {
        let mut header = vec![String::new()];
        header.extend(self.has_seeds_column().then(|| "seeds".to_owned()));
        for column in &self.columns {
            header.push(escape(&column.heading()));
            header.extend(column.has_paper.then(|| "paper".to_owned()));
        }
        let rule: Vec<String> = std::iter::once(":--".to_owned())
            .chain(header.iter().skip(1).map(|_| "--:".to_owned()))
            .collect();
        let rows = self.rows.iter().map(|row| self.fields(row, escape, value));
        let lines: Vec<String> = [header, rule].into_iter().chain(rows).map(|l| line(&l)).collect();

        let mut paragraphs = vec![self.caption.clone(), lines.join("\n")];
        if self.rows.iter().flat_map(|r| &r.cells).any(|c| c.best) {
            paragraphs
                .push("Bold: the best of the complete rows, at the precision shown.".to_owned());
        }
        paragraphs.extend(self.notes.iter().cloned());
        paragraphs.join("\n\n") + "\n"
    }
}

fn value(column: &Column, cell: &Cell) -> String {
    let (Some(mean), sd) = column.value_text(cell.value) else { return ABSENT.to_owned() };
    let mean = if cell.best { format!("**{mean}**") } else { mean };
    let sd = sd.map(|sd| format!(" ± {sd}")).unwrap_or_default();
    let flag = if cell.flagged { "‡" } else { "" };
    format!("{mean}{sd}{flag}")
}

fn line(fields: &[String]) -> String {
    format!("| {} |", fields.join(" | "))
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
