//! The table for a paper: `booktabs` rules, ready for `\input`.

use std::fmt::Write as _;

use super::baseline::HEADINGS;
use super::{Cell, Column, Row, Table};

impl Table {
    /// A floating `table` with caption and `\label{tab:NAME}`; it needs `booktabs`.
    pub fn latex(&self) -> String {
        let specs = "l".to_owned() + &"r".repeat(self.latex_width() - 1);
        let (caption, header) = (escape(unnumbered(&self.caption)), self.latex_header());
        let rows: Vec<String> = self.rows.iter().map(|r| self.latex_row(r)).collect();
        format!(
            "% Needs \\usepackage{{booktabs}}.\n\
             \\begin{{table}}[t]\n  \\centering\n  \\caption{{{caption}}}\n  \
             \\label{{tab:{}}}\n  \\begin{{tabular}}{{{specs}}}\n    \\toprule\n\
             {header}    \\midrule\n{}    \\bottomrule\n  \\end{{tabular}}\n{}{}\\end{{table}}\n",
            label(&self.name),
            rows.concat(),
            self.latex_comparisons(),
            self.latex_notes(),
        )
    }

    fn latex_width(&self) -> usize {
        let papers = self.columns.iter().filter(|c| c.has_paper).count();
        1 + usize::from(self.has_seeds_column()) + self.columns.len() + papers
    }

    /// One line of headings, and a second one (ours, paper) where the paper stands beside ours.
    fn latex_header(&self) -> String {
        let (mut first, mut second) = (vec![String::new()], vec![String::new()]);
        let mut rules = String::new();
        if self.has_seeds_column() {
            first.push("seeds".to_owned());
            second.push(String::new());
        }
        for column in &self.columns {
            let heading = escape(&column.heading());
            let at = second.len() + 1;
            if column.has_paper {
                first.push(format!("\\multicolumn{{2}}{{c}}{{{heading}}}"));
                second.extend(["ours".to_owned(), "paper".to_owned()]);
                let _ = write!(rules, " \\cmidrule(lr){{{at}-{}}}", at + 1);
            } else {
                first.push(heading);
                second.push(String::new());
            }
        }
        if rules.is_empty() {
            return line(&first);
        }
        format!("{}    {}\n{}", line(&first), rules.trim_start(), line(&second))
    }

    fn latex_row(&self, row: &Row) -> String {
        line(&self.fields(row, escape, value))
    }

    /// A second tabular below the first.
    fn latex_comparisons(&self) -> String {
        let Some(title) = self.comparison_title() else { return String::new() };
        let header = [vec![title], HEADINGS.map(str::to_owned).into()].concat();
        let lines: String = self.comparison_lines().iter().map(|l| escaped_line(l)).collect();
        format!(
            "\n  \\medskip\n  {{\\footnotesize\\setlength{{\\tabcolsep}}{{3pt}}\n  \\begin{{tabular}}{{llrrrrrl}}\n    \\toprule\n{}    \\midrule\n{}    \
             \\bottomrule\n  \\end{{tabular}}}}\n",
            escaped_line(&header),
            lines
        )
    }

    fn latex_notes(&self) -> String {
        let notes: Vec<String> = self.all_notes().map(|note| escape(&note)).collect();
        if notes.is_empty() {
            return String::new();
        }
        let notes = notes.join("\\\\\n    ");
        format!(
            "  \\par\\smallskip\n  \\begin{{minipage}}{{\\linewidth}}\\footnotesize\n    {notes}\n  \\end{{minipage}}\n"
        )
    }
}

fn value(column: &Column, cell: &Cell) -> String {
    let (Some(mean), spread) = column.value_text(cell.value) else { return "--".to_owned() };
    let mean = escape(&mean);
    let mean = if cell.best { format!("\\textbf{{{mean}}}") } else { mean };
    format!("{mean}{}{}", escape(&spread.unwrap_or_default()), escape(&cell.marks()))
}

fn line(fields: &[String]) -> String {
    format!("    {} \\\\\n", fields.join(" & "))
}

fn escaped_line(fields: &[String]) -> String {
    line(&fields.iter().map(|field| escape(field)).collect::<Vec<_>>())
}

/// The caption without a leading `Table 1:`: LaTeX numbers its tables itself.
fn unnumbered(caption: &str) -> &str {
    let numbered = caption.strip_prefix("Table ").and_then(|rest| rest.split_once([':', '.']));
    match numbered {
        Some((number, rest)) if number.parse::<u32>().is_ok() => rest.trim_start(),
        _ => caption,
    }
}

/// `\label` takes no special characters.
fn label(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-.:".contains(c) { c } else { '-' })
        .collect()
}

/// Text that TeX sets as it reads; `code` between backticks becomes `\texttt`.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_code = text.matches('`').count() % 2 == 1;
    for c in text.chars() {
        match c {
            '`' => {
                in_code = !in_code;
                out.push_str(if in_code { "\\texttt{" } else { "}" });
            }
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            _ => match command(c) {
                Some(command) => out.push_str(command),
                None => out.push(c),
            },
        }
    }
    out
}

/// The TeX command for a character that TeX would drop, misread or refuse.
fn command(c: char) -> Option<&'static str> {
    Some(match c {
        '\\' => "\\textbackslash{}",
        '~' => "\\textasciitilde{}",
        '^' => "\\textasciicircum{}",
        '<' => "$<$",
        '>' => "$>$",
        '|' => "$|$",
        '–' => "--",
        '—' => "---",
        '“' => "``",
        '”' => "''",
        '…' => "\\dots{}",
        '†' => "$^\\dagger$",
        '‡' => "$^\\ddagger$",
        '↑' => "$\\uparrow$",
        '↓' => "$\\downarrow$",
        '→' => "$\\to$",
        '×' => "$\\times$",
        '±' => "$\\pm$",
        '−' => "$-$",
        '≥' => "$\\geq$",
        '≤' => "$\\leq$",
        '≈' => "$\\approx$",
        '∞' => "$\\infty$",
        'µ' | 'μ' => "$\\mu$",
        'σ' => "$\\sigma$",
        'λ' => "$\\lambda$",
        _ => return None,
    })
}
