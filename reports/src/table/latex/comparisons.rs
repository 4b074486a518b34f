//! The comparisons with the baseline for a paper's appendix.

use super::super::Table;
use super::blocks::{Field, GAP};
use super::escape::escape;
use super::float::{Float, Part, floats};
use super::{PAGE, line};

/// Headings of the columns; the row that is compared stands above its lines.
const HEADINGS: [&str; 7] =
    ["metric", "difference", "95 % interval", "p (Holm)", "d_z", "n", "verdict"];
/// Widths of the metrics and of the verdicts at most, in points; longer ones are broken.
const MAX_METRIC: f64 = 80.0;
const MIN_VERDICT: f64 = 45.0;

/// A row's label with its comparisons, one per metric.
struct Group {
    label: String,
    /// A field for each of [`HEADINGS`].
    lines: Vec<Vec<Field>>,
}

impl Table {
    /// Floating tables over the page's width, with a line for each row and metric that was compared with the
    /// baseline; they need `booktabs`. None without a baseline.
    pub fn comparisons_latex(&self) -> Option<String> {
        let caption = self.comparisons_caption()?;
        let groups = self.comparison_groups();
        let columns = Columns::new(&groups);
        let parts = groups.iter().map(|group| columns.part(group));
        let header = line(&HEADINGS.map(escape));
        Some(floats(&Float {
            environment: "table*",
            name: &format!("{}-against", self.name),
            caption: &caption,
            before: &format!(
                "  \\begin{{tabular}}{{{}}}\n    \\toprule\n{header}    \\midrule\n",
                columns.tex()
            ),
            parts: &parts.collect::<Vec<_>>(),
            between: "    \\addlinespace\n",
            after: "    \\bottomrule\n  \\end{tabular}\n",
            notes: &self.comparison_notes,
        }))
    }

    /// Their caption in TeX.
    pub(crate) fn comparisons_caption(&self) -> Option<String> {
        let title = self.comparison_title()?;
        let title = format!("{title}: every row's difference; n counts seeds × items.");
        let notes = self.claim_notes.iter().cloned();
        Some(escape(&[title].into_iter().chain(notes).collect::<Vec<_>>().join(" ")))
    }

    fn comparison_groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for fields in self.comparison_lines() {
            let Some((label, fields)) = fields.split_first() else { continue };
            let fields = fields.iter().map(|field| Field::text(field)).collect();
            match groups.last_mut() {
                Some(group) if group.label == *label => group.lines.push(fields),
                _ => groups.push(Group { label: label.clone(), lines: vec![fields] }),
            }
        }
        groups
    }
}

/// The columns of words, which are broken in what the numbers leave; in points.
struct Columns {
    metric: f64,
    verdict: f64,
}

impl Columns {
    fn new(groups: &[Group]) -> Self {
        let lines = || groups.iter().flat_map(|group| &group.lines);
        let width = |column: usize| {
            let fields = lines().map(|fields| fields[column].width);
            fields.fold(Field::text(HEADINGS[column]).width, f64::max)
        };
        let last = HEADINGS.len() - 1;
        let numbers: f64 = (1..last).map(|column| GAP + width(column)).sum();
        let metric = width(0).min(MAX_METRIC);
        let verdict = (PAGE - metric - numbers - GAP).max(MIN_VERDICT).min(width(last));
        Self { metric, verdict }
    }

    fn tex(&self) -> String {
        format!("@{{}}p{{{:.1}pt}}rrrrrp{{{:.1}pt}}@{{}}", self.metric, self.verdict)
    }

    /// The row's label above a line for each of its comparisons.
    fn part(&self, Group { label, lines }: &Group) -> Part {
        let (count, label) = (HEADINGS.len(), escape(label));
        let label =
            format!("    \\multicolumn{{{count}}}{{@{{}}l@{{}}}}{{\\emph{{{label}}}}} \\\\\n");
        let (metric, verdict) = (0, HEADINGS.len() - 1);
        let lines_of = |fields: &[Field]| {
            fields[metric].lines(self.metric).max(fields[verdict].lines(self.verdict))
        };
        let body = lines.iter().map(|fields| {
            let fields = fields.iter().enumerate().map(|(column, field)| match column {
                // Words are broken without being stretched.
                _ if column == metric || column == verdict => {
                    format!("{{\\raggedright {}\\par}}", field.tex)
                }
                _ => field.tex.clone(),
            });
            line(&fields.collect::<Vec<_>>())
        });
        Part {
            body: label + &body.collect::<String>(),
            lines: 1 + lines.iter().map(|fields| lines_of(fields)).sum::<usize>(),
        }
    }
}
