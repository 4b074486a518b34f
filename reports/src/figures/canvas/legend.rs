//! The legend of a plot: beside the axes, at the heights of what it names, or in rows below them where the labels
//! would take more than a third of the picture.

use super::font;
use super::style;

/// Width of a sample, a marker; and where lines are dashed, with some of the line to either side.
const MARKER_SAMPLE: f64 = 12.0;
const LINE_SAMPLE: f64 = 34.0;
/// Distance from a sample to its label, and from there to the next sample.
const GAP: f64 = 2.0;
const NEXT: f64 = 14.0;
/// Space above the rows.
const ABOVE: f64 = 6.0;

/// The entries of a legend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Legend {
    entries: Vec<LegendEntry>,
    sample: f64,
}

/// A label with its style.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LegendEntry {
    pub(crate) label: String,
    /// None for a reference, a thin dashed line.
    pub(crate) style_index: Option<usize>,
}

impl Legend {
    /// `has_lines` is true if the samples of dashed lines show some of the line.
    pub(crate) fn new(entries: Vec<LegendEntry>, has_lines: bool) -> Self {
        let indices = entries.iter().filter_map(|entry| entry.style_index);
        let is_dashed = has_lines && indices.into_iter().any(|i| style::dashes(i).is_some());
        Self { entries, sample: if is_dashed { LINE_SAMPLE } else { MARKER_SAMPLE } }
    }

    /// From the left edge of a sample to the label.
    pub(crate) fn label_offset(&self) -> f64 {
        self.sample + GAP
    }

    /// Width of the widest entry.
    pub(crate) fn width(&self) -> f64 {
        let labels = self.entries.iter().map(|entry| &entry.label);
        self.label_offset() + font::widest(labels, style::LABEL_SIZE)
    }

    /// Height of all entries, one below the other.
    pub(crate) fn height(&self) -> f64 {
        style::LABEL_LINE * self.entries.len() as f64
    }

    /// Height of the rows below a picture of `width`.
    pub(crate) fn height_below(&self, width: f64) -> f64 {
        ABOVE + style::LABEL_LINE * self.entries.len().div_ceil(self.columns(width)) as f64
    }

    /// Columns below a picture of `width`: as many as fit, and no more than leave all rows full.
    fn columns(&self, width: f64) -> usize {
        let fit = ((width - 2.0 * style::MARGIN + NEXT) / (self.width() + NEXT)).floor();
        let rows = self.entries.len().div_ceil((fit as usize).max(1)).max(1);
        self.entries.len().div_ceil(rows).max(1)
    }

    /// Left edge and middle of every entry in the rows below a picture of `width`, column by column.
    pub(crate) fn places_below(
        &self,
        width: f64,
    ) -> impl Iterator<Item = (&LegendEntry, (f64, f64))> {
        let rows = self.entries.len().div_ceil(self.columns(width)).max(1);
        self.entries.iter().enumerate().map(move |(i, entry)| {
            let x = style::MARGIN + (i / rows) as f64 * (self.width() + NEXT);
            (entry, (x, ABOVE + style::LABEL_LINE * ((i % rows) as f64 + 0.5)))
        })
    }

    /// Width of a sample.
    pub(crate) fn sample(&self) -> f64 {
        self.sample
    }

    /// True if the samples show some of the line.
    pub(crate) fn shows_lines(&self) -> bool {
        self.sample > MARKER_SAMPLE
    }
}
