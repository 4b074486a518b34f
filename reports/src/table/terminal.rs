//! The table for a terminal: aligned by spaces, two lines of headings, wrapped text around it.

use super::cell::Standing;
use super::{ABSENT, Cell, Column, TIED, Table};

/// Widest line, in characters; a wider table is set as several below each other.
const WIDTH: usize = 100;
const GAP: &str = "  ";
const PAPER: &str = "paper";
/// The mark of the best values.
const BEST: &str = "*";

impl Table {
    /// Lines of text without colour, at most 100 characters wide unless a single cell is wider:
    /// the best values carry `*`, those that a test cannot tell from them `≈`.
    pub fn terminal(&self) -> String {
        let lines = self.terminal_lines();
        let widths = column_widths(&lines);
        let mut text = wrap(&self.caption);
        for block in blocks(&lines[1], &widths) {
            let rule = "─".repeat(total_width(&block, &widths));
            let mut aligned = lines.iter().map(|line| align(line, &block, &widths));
            text.push(String::new());
            text.extend(aligned.by_ref().take(2).filter(|heading| !heading.is_empty()));
            text.push(rule.clone());
            text.extend(aligned);
            text.push(rule);
        }
        text.extend(self.marks(BEST, TIED).iter().flat_map(|meaning| wrap(meaning)));
        text.extend(self.terminal_comparisons());
        let notes = self.comparison_notes.iter().chain(&self.notes);
        text.extend(notes.flat_map(|note| wrap(note)));
        text.join("\n") + "\n"
    }

    /// The comparisons with the baseline, a line each; the effect size is left to the files.
    fn terminal_comparisons(&self) -> Vec<String> {
        let Some(title) = self.comparison_title() else { return Vec::new() };
        let mut lines =
            vec![[&title, "", "difference [95 %]", "p", "n", ""].map(str::to_owned).to_vec()];
        let mut last = String::new();
        for line in self.comparison_lines() {
            let [row, metric, difference, interval, p, _, n, verdict] = &line[..] else {
                unreachable!("a row's label and what the headings say")
            };
            // A row's name stands on its first line only.
            let label = if *row == last { "" } else { row };
            let difference = format!("{difference} {interval}");
            lines.push([label, metric, &difference, p, n, verdict].map(str::to_owned).to_vec());
            last.clone_from(row);
        }
        let columns: Vec<usize> = (0..lines[0].len()).collect();
        let widths = column_widths(&lines);
        let rule = "─".repeat(total_width(&columns, &widths));
        let mut text: Vec<_> = lines.iter().map(|line| align(line, &columns, &widths)).collect();
        text.insert(0, String::new());
        text.insert(2, rule.clone());
        text.push(rule);
        text
    }

    /// Two lines of headings, then the rows; all of the same length.
    fn terminal_lines(&self) -> Vec<Vec<String>> {
        let (mut labels, mut units) = (vec![String::new()], vec![String::new()]);
        if self.has_seeds_column() {
            labels.push("seeds".to_owned());
            units.push(String::new());
        }
        for column in &self.columns {
            // The mark of a value hangs over to the right.
            labels.push(column.label_with_arrow() + " ");
            units.push(column.unit.clone().unwrap_or_default() + " ");
            if column.has_paper {
                labels.push(String::new());
                units.push(PAPER.to_owned());
            }
        }
        let rows = self.rows.iter().map(|row| self.fields(row, str::to_owned, value));
        [labels, units].into_iter().chain(rows).collect()
    }
}

fn value(column: &Column, cell: &Cell) -> String {
    let (Some(mean), spread) = column.value_text(cell.value) else { return format!("{ABSENT} ") };
    let mark = match cell.standing {
        Standing::Best => BEST.to_owned(),
        Standing::Tied => TIED.to_owned(),
        Standing::Other => cell.marks(),
    };
    format!("{mean}{}{mark:1}", spread.unwrap_or_default())
}

/// The columns of each block: the labels, then as many metrics as fit, the paper's values always
/// beside ours.
fn blocks(units: &[String], widths: &[usize]) -> Vec<Vec<usize>> {
    let mut blocks = vec![vec![0]];
    let columns: Vec<usize> = (1..units.len()).collect();
    for group in columns.chunk_by(|_, next| units[*next] == PAPER) {
        let block = blocks.last_mut().expect("there is always a block");
        let wider = [&block[..], group].concat();
        if block.len() == 1 || total_width(&wider, widths) <= WIDTH {
            *block = wider;
        } else {
            blocks.push([&[0], group].concat());
        }
    }
    blocks
}

fn column_widths(lines: &[Vec<String>]) -> Vec<usize> {
    (0..lines[0].len())
        .map(|i| lines.iter().map(|line| width(&line[i])).max().unwrap_or(0))
        .collect()
}

fn total_width(columns: &[usize], widths: &[usize]) -> usize {
    columns.iter().map(|i| widths[*i]).sum::<usize>() + GAP.len() * (columns.len() - 1)
}

/// The labels to the left, the others to the right.
fn align(fields: &[String], columns: &[usize], widths: &[usize]) -> String {
    let padded = columns.iter().map(|&i| {
        let (field, width) = (&fields[i], widths[i]);
        if i == 0 { format!("{field:<width$}") } else { format!("{field:>width$}") }
    });
    padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + 1 + width(word) <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
