//! A table as LaTeX's floats, none of them higher than a page.

use super::blocks::GAP;
use super::escape::{escape, label};
use super::width;

/// Most lines of one float, so that caption and notes fit beside them.
const MAX_LINES: usize = 28;

/// A table of a paper.
pub(super) struct Float<'a> {
    pub(super) environment: &'a str,
    pub(super) name: &'a str,
    /// In TeX.
    pub(super) caption: &'a str,
    /// Before the first and after the last part of every float, and between two of them.
    pub(super) before: &'a str,
    pub(super) between: &'a str,
    pub(super) after: &'a str,
    pub(super) parts: &'a [Part],
    /// Sentences below it.
    pub(super) notes: &'a [String],
}

/// A part that no float divides.
pub(super) struct Part {
    pub(super) body: String,
    pub(super) lines: usize,
}

/// The table, continued in further floats where it is higher than a page.
pub(super) fn floats(float: &Float) -> String {
    let mut pages: Vec<Vec<&str>> = Vec::new();
    let mut left = 0;
    for part in float.parts {
        match pages.last_mut() {
            Some(page) if part.lines <= left => {
                page.push(&part.body);
                left -= part.lines;
            }
            _ => {
                pages.push(vec![&part.body]);
                left = MAX_LINES.saturating_sub(part.lines);
            }
        }
    }
    let floats = pages.iter().enumerate().map(|(index, page)| {
        let (name, caption) = if index == 0 {
            (float.name.to_owned(), float.caption.to_owned())
        } else {
            let of = format!("Continued from table~\\ref{{tab:{}}}.", label(float.name));
            (format!("{}-{}", float.name, index + 1), of)
        };
        let notes = if index + 1 == pages.len() { float.notes } else { &[] };
        let body = [float.before, &page.join(float.between), float.after].concat();
        one(float.environment, &name, &caption, &body, notes)
    });
    floats.collect::<Vec<_>>().join("\n")
}

fn one(environment: &str, name: &str, caption: &str, body: &str, notes: &[String]) -> String {
    let (size, line, gap) = (width::SIZE, width::LINE, GAP / 2.0);
    let notes: Vec<String> = notes.iter().map(|note| escape(note)).collect();
    let notes = match &notes[..] {
        [] => String::new(),
        notes => format!(
            "  \\par\\smallskip\n  \\begin{{minipage}}{{\\linewidth}}\\raggedright\n    {}\n  \
             \\end{{minipage}}\n",
            notes.join("\\\\\n    ")
        ),
    };
    format!(
        "% Needs \\usepackage{{booktabs}}.\n\\begin{{{environment}}}[t]\n  \\centering\\sloppy\n  \
         \\caption{{{caption}}}\n  \\label{{tab:{}}}\n  \\par\\smallskip\n  \\fontsize{{{size}}}{{{line}}}\\selectfont\n  \
         \\setlength{{\\tabcolsep}}{{{gap}pt}}\n{body}{notes}\\end{{{environment}}}\n",
        label(name)
    )
}
