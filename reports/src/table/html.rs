//! The table for a page: plain markup for any style sheet.

use std::borrow::Cow;

use super::baseline::HEADINGS;
use super::{ABSENT, Cell, Column, Table};

impl Table {
    /// A `table` with a caption, one of comparisons if there is a baseline, and the notes as
    /// paragraphs. Everything from the file is escaped; style comes from classes only.
    pub fn html(&self) -> String {
        let caption = format!("<caption>{}</caption>\n", escape(&self.caption));
        let rows: String =
            self.rows.iter().map(|row| html_row(&self.fields(row, escape, value))).collect();
        let notes: Vec<String> =
            self.all_notes().map(|note| format!("<p>{}</p>\n", escape(&note))).collect();
        format!(
            "<table class=\"results\">\n{caption}<thead>\n{}</thead>\n<tbody>\n{rows}</tbody>\n</table>\n\
             {}<div class=\"notes\">\n{}</div>\n",
            self.html_header(),
            self.html_comparisons(),
            notes.concat(),
        )
    }

    fn html_header(&self) -> String {
        let mut header = vec![String::new()];
        header.extend(self.has_seeds_column().then(|| "seeds".to_owned()));
        for column in &self.columns {
            // The arrow stays with the name; a unit may stand below.
            let heading = escape(&column.heading());
            header.push(heading.replace(" ↑", "&nbsp;↑").replace(" ↓", "&nbsp;↓"));
            header.extend(column.has_paper.then(|| "paper".to_owned()));
        }
        headings(&header)
    }

    fn html_comparisons(&self) -> String {
        let Some(title) = self.comparison_title() else { return String::new() };
        let header = headings(&[vec![escape(&title)], HEADINGS.map(str::to_owned).into()].concat());
        let rows: String = self
            .comparison_lines()
            .iter()
            .map(|fields| html_row(&fields.iter().map(|f| escape(f)).collect::<Vec<_>>()))
            .collect();
        format!(
            "<table class=\"against\">\n<thead>\n{header}</thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
        )
    }
}

fn headings(fields: &[String]) -> String {
    let cells = fields.iter().flat_map(|field| ["<th scope=\"col\">", field, "</th>"]);
    format!("<tr>{}</tr>\n", cells.collect::<String>())
}

/// A row whose first field is its heading.
fn html_row(fields: &[String]) -> String {
    let (first, rest) = fields.split_first().expect("a row has a label");
    let cells: String = rest.iter().flat_map(|field| ["<td>", field, "</td>"]).collect();
    format!("<tr><th scope=\"row\">{first}</th>{cells}</tr>\n")
}

fn value(column: &Column, cell: &Cell) -> String {
    let (Some(centre), spread) = column.value_text(cell.value) else { return ABSENT.to_owned() };
    let centre = if cell.best { format!("<strong>{centre}</strong>") } else { centre };
    format!("{centre}{}{}", spread.unwrap_or_default(), cell.marks())
}

/// Text that HTML shows as it is, in an element or in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Drawn in place of a character that no document may have.
const FORBIDDEN: char = '□';

/// A document in HTML or XML with a box for each character that XML forbids: labels of a file and names
/// of a worker may have them, and no escape makes them legal.
pub(crate) fn displayable(document: &str) -> Cow<'_, str> {
    let is_forbidden =
        |c: char| matches!(c, '\0'..'\t' | '\x0b' | '\x0c' | '\x0e'..' ' | '\u{fffe}' | '\u{ffff}');
    if document.contains(is_forbidden) {
        document.replace(is_forbidden, &FORBIDDEN.to_string()).into()
    } else {
        document.into()
    }
}
