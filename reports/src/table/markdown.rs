//! The table for a README, an issue or a notebook.

use super::baseline::HEADINGS;
use super::{ABSENT, Cell, Column, TIED, Table};

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

        let mut paragraphs = vec![escape(&self.caption), lines.join("\n")];
        paragraphs.extend(self.marks("Bold:", TIED).iter().map(|meaning| escape(meaning)));
        paragraphs.extend(self.markdown_comparisons());
        let notes = self.comparison_notes.iter().chain(&self.notes);
        paragraphs.extend(notes.map(|note| escape(note)));
        paragraphs.join("\n\n") + "\n"
    }

    fn markdown_comparisons(&self) -> Option<String> {
        let title = escape(&self.comparison_title()?);
        let header = [vec![title], HEADINGS.map(str::to_owned).into()].concat();
        let rule = [":--"; 2].into_iter().chain(["--:"; 5]).chain([":--"]).map(str::to_owned);
        let lines = self.comparison_lines().into_iter();
        let lines = lines.map(|fields| fields.iter().map(|field| escape(field)).collect());
        let lines = [header, rule.collect()].into_iter().chain(lines).map(|l: Vec<_>| line(&l));
        Some(lines.collect::<Vec<_>>().join("\n"))
    }
}

fn value(column: &Column, cell: &Cell) -> String {
    let (Some(mean), spread) = column.value_text(cell.value) else { return ABSENT.to_owned() };
    let mean = if cell.is_best() { format!("**{mean}**") } else { mean };
    let tied = if cell.is_tied() { TIED } else { "" };
    format!("{mean}{}{tied}{}", spread.unwrap_or_default(), cell.marks())
}

fn line(fields: &[String]) -> String {
    format!("| {} |", fields.join(" | "))
}

/// Text that Markdown shows as it is, in a paragraph or in a cell of a table.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' | '|' | '`' | '*' => out.extend(['\\', c]),
            // Of a link; other brackets are those of intervals.
            ']' if matches!(rest.peek(), Some('(' | '[' | ':')) => out.push_str("\\]"),
            '<' => out.push_str("&lt;"),
            '\n' | '\r' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}
