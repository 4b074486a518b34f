//! The input of every figure.

use experiments::schema::report::{Column, Figure, Report};

use super::canvas::picture::FigureFile;
use crate::records::Records;
use crate::table::escape_latex;

/// The file's report section and the records of one run.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) report: &'a Report,
    pub(super) records: &'a Records,
}

impl<'a> Source<'a> {
    /// The files of a figure, with its title, notes and the profile's caption as its caption.
    pub(super) fn figure(self, name: &'a str, title: &str, notes: &str) -> FigureFile<'a> {
        let notes = notes.replace(" · ", "; ");
        let sentences = [title, &notes, &self.records.caption].map(str::trim);
        let sentences = sentences.into_iter().filter(|sentence| !sentence.is_empty());
        let sentences = sentences.map(|sentence| match sentence {
            ended if ended.ends_with(['.', '!', '?', ':']) => ended.to_owned(),
            sentence => format!("{sentence}."),
        });
        let caption = escape_latex(&sentences.collect::<Vec<_>>().join(" "));
        FigureFile { name, caption, svg_text: self.report.svg_text }
    }

    /// The table's column of a metric; None if it has none.
    pub(super) fn column(self, metric: &str) -> Option<&'a Column> {
        self.report.table.iter().flat_map(|table| &table.columns).find(|c| c.metric == metric)
    }

    /// The label that a metric has in the table, or else its name.
    pub(super) fn label(self, metric: &'a str) -> &'a str {
        self.column(metric).and_then(|column| column.label.as_deref()).unwrap_or(metric)
    }

    /// The index of a variant's colour and marker, the same in every figure: its position in the
    /// file, with the variants that are some curve's reference after the others.
    pub(super) fn style_index(self, variant: &str) -> usize {
        let is_reference = |name: &str| {
            self.report.figures.iter().any(|figure| {
                matches!(figure, Figure::Curve(curve)
                    if curve.reference.as_ref().is_some_and(|r| r.variant == name))
            })
        };
        let names = || self.records.variants.iter().map(|v| v.name.as_str());
        let order = names().filter(|n| !is_reference(n)).chain(names().filter(|n| is_reference(n)));
        order.into_iter().position(|name| name == variant).unwrap_or_default()
    }
}
