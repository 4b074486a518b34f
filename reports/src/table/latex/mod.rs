//! The table for a paper: `booktabs` rules, ready for `\input`, and no wider than the page.

use std::fmt::Write as _;

use experiments::schema::report::LatexWidth;

use self::blocks::{Field, GAP, Group};
use self::escape::unnumbered;
use self::float::{Float, Part, floats};
use super::Table;

mod blocks;
mod comparisons;
mod escape;
mod float;
mod width;

pub(crate) use escape::escape;

/// Width of the narrowest page of the usual classes: `article` with one column.
const PAGE: f64 = 345.0;
/// Width of their narrowest column: `article` with two, on A4.
const COLUMN: f64 = 221.0;
/// Most of the width that row labels take in a table that does not fit otherwise; longer ones are broken.
const MAX_LABELS: f64 = 0.35;

impl Table {
    /// A floating table with caption and `\label{tab:NAME}`; it needs `booktabs`. Columns that do not fit
    /// beside each other are in several blocks, and blocks that do not fit a page in several tables.
    pub fn latex(&self) -> String {
        let labels: Vec<Field> =
            self.rows.iter().map(|row| Field::text(&row.variant.marked_label())).collect();
        let widest = labels.iter().map(|label| label.width).fold(0.0, f64::max);
        // In one block, with unbroken labels.
        let fits = |max_width: f64| match &self.blocks(widest, max_width)[..] {
            [block] => {
                let columns = block.iter().map(|group| GAP + group.width());
                widest + columns.sum::<f64>() <= max_width
            }
            _ => false,
        };
        let in_a_column = match self.latex.width {
            Some(width) => width == LatexWidth::Column,
            None => fits(COLUMN),
        };
        let (environment, max_width) =
            if in_a_column { ("table", COLUMN) } else { ("table*", PAGE) };
        let labels_width =
            if fits(max_width) { widest } else { widest.min(MAX_LABELS * max_width) };
        let is_broken = labels_width < widest;
        let labels_column =
            if is_broken { format!("p{{{labels_width:.1}pt}}") } else { "l".to_owned() };
        let blocks = self.blocks(labels_width, max_width);
        let parts = blocks.iter().map(|block| Part {
            body: tabular(&labels_column, &labels, block),
            lines: labels.iter().map(|label| label.lines(labels_width)).sum::<usize>() + 3,
        });
        floats(&Float {
            environment,
            name: &self.name,
            caption: &self.latex_caption(),
            before: "",
            parts: &parts.collect::<Vec<_>>(),
            between: "\n  \\medskip\n",
            after: "",
            notes: &self.latex_notes(),
        })
    }

    /// The caption in TeX.
    pub(crate) fn latex_caption(&self) -> String {
        escape(unnumbered(&self.caption))
    }

    /// Those of the comparisons are below the comparisons, if there is a table of them.
    fn latex_notes(&self) -> Vec<String> {
        let comparisons = self.comparison_notes.iter().filter(|_| self.baseline.is_none());
        let marks = self.marks("Bold:", "Underlined:");
        marks.into_iter().chain(comparisons.chain(&self.notes).cloned()).collect()
    }
}

/// The rows of one block, with two lines of headings.
fn tabular(labels_column: &str, labels: &[Field], block: &[Group]) -> String {
    let (mut first, mut second) = (vec![String::new()], vec![String::new()]);
    let mut rules = String::new();
    for Group { heading, below, .. } in block {
        let (from, count) = (second.len() + 1, below.len());
        if count > 1 {
            first.push(format!("\\multicolumn{{{count}}}{{c}}{{{}}}", heading.tex));
            let _ = write!(rules, "\\cmidrule(lr){{{from}-{}}} ", second.len() + count);
        } else {
            first.push(heading.tex.clone());
        }
        second.extend(below.iter().map(|field| field.tex.clone()));
    }
    let columns = "r".repeat(second.len() - 1);
    let mut header = line(&first);
    if !rules.is_empty() {
        let _ = writeln!(header, "    {}", rules.trim_end());
    }
    if second.iter().any(|field| !field.is_empty()) {
        header += &line(&second);
    }
    let rows = labels.iter().enumerate().map(|(index, label)| {
        let fields = block.iter().flat_map(|group| &group.rows[index]);
        line(&std::iter::once(label).chain(fields).map(|f| f.tex.clone()).collect::<Vec<_>>())
    });
    let rows: String = rows.collect();
    format!(
        "  \\begin{{tabular}}{{@{{}}{labels_column}{columns}@{{}}}}\n    \\toprule\n{header}    \
         \\midrule\n{rows}    \\bottomrule\n  \\end{{tabular}}\n"
    )
}

fn line(fields: &[String]) -> String {
    format!("    {} \\\\\n", fields.join(" & "))
}
