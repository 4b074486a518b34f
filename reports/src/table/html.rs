//! The table for a page: plain markup for any style sheet.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::baseline::HEADINGS;
use super::cell::Standing;
use super::{ABSENT, Cell, Column, Row, Table};

/// Most trials that a cell names.
const MAX_TRIALS: usize = 10;

impl Table {
    /// A `table` with a caption, one of comparisons if there is a baseline, and the notes as
    /// paragraphs. A value shows its trials, with their `origins` by identifier, on hover and in a popover.
    /// Everything from the file is escaped; style comes from classes only.
    pub fn html(&self, origins: &BTreeMap<String, String>) -> String {
        let caption = format!("<caption>{}</caption>\n", escape(&self.caption));
        let rows = self.rows.iter().enumerate();
        let rows: String =
            rows.map(|(index, row)| html_row(&self.html_fields(index, row, origins))).collect();
        let notes = self.all_notes("Bold:", "Underlined:");
        let notes: Vec<String> = notes.map(|note| format!("<p>{}</p>\n", escape(&note))).collect();
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

    fn html_fields(
        &self,
        index: usize,
        row: &Row,
        origins: &BTreeMap<String, String>,
    ) -> Vec<String> {
        let mut places = 0..;
        self.fields(row, escape, |column, cell| {
            let place = places.next().unwrap_or_default();
            let lines = column.provenance(row, origins);
            explained(&format!("cell-{index}-{place}"), value(column, cell), &lines)
        })
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

impl Column {
    /// A line for each trial of `row` that has the metric: its value, its identifier and its origin.
    fn provenance(&self, row: &Row, origins: &BTreeMap<String, String>) -> Vec<String> {
        let lines = row.variant.finished().filter_map(|trial| {
            let value = trial.results.get(&self.spec.metric)?;
            let origin = origins.get(&trial.id).map(|origin| format!(", {origin}"));
            let origin = origin.unwrap_or_default();
            Some(format!("seed {}: {value} by {}{origin}", trial.seed, trial.id))
        });
        let mut lines: Vec<String> = lines.collect();
        if lines.len() > MAX_TRIALS {
            let left_out = lines.split_off(MAX_TRIALS).len();
            lines.push(format!("and {left_out} more in provenance.json"));
        }
        lines
    }
}

/// A value that shows `lines`, if there are any, on hover, and in a popover where it is pressed: that needs no
/// script.
fn explained(id: &str, value: String, lines: &[String]) -> String {
    if lines.is_empty() {
        return value;
    }
    let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
    format!(
        "<button popovertarget=\"{id}\" title=\"{}\">{value}</button><div popover id=\"{id}\">\
         <p>{}</p></div>",
        lines.join("&#10;"),
        lines.join("</p><p>")
    )
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
    let centre = match cell.standing {
        Standing::Best => format!("<strong>{centre}</strong>"),
        Standing::Tied => format!("<u>{centre}</u>"),
        Standing::Other => centre,
    };
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
