//! The labels to the right of the lines, each with a sample of its line.

use super::data::Curves;
use super::plot_point::PlotPoint;
use crate::figures::canvas::font;
use crate::figures::canvas::frame::{Frame, Pixel};
use crate::figures::canvas::labels::separate;
use crate::figures::canvas::picture::PictureError;
use crate::figures::canvas::style::{self, px};

/// Distance from the right edge of the axes to the end of a leader line, where a sample begins.
const LEADER_LENGTH: f64 = 16.0;
/// Width of a sample, a marker; and where lines are dashed, with some of the line to either side.
const MARKER_SAMPLE: f64 = 12.0;
const LINE_SAMPLE: f64 = 34.0;
/// Distance from a sample to its label.
const GAP: f64 = 2.0;

/// The labels of one plot.
pub(super) struct Legend<'a> {
    curves: &'a Curves<'a>,
    sample: f64,
}

impl<'a> Legend<'a> {
    pub(super) fn new(curves: &'a Curves<'a>) -> Self {
        let is_dashed = curves.drawn().any(|line| style::dashes(line.style_index).is_some());
        Self { curves, sample: if is_dashed { LINE_SAMPLE } else { MARKER_SAMPLE } }
    }

    /// Width to the right of the axes.
    pub(super) fn width(&self) -> f64 {
        self.label_offset() + font::widest(self.labels(), style::LABEL_SIZE) + style::MARGIN
    }

    /// Height of all labels without overlap.
    pub(super) fn height(&self) -> f64 {
        style::LABEL_LINE * self.labels().count() as f64
    }

    fn labels(&self) -> impl Iterator<Item = &str> {
        let lines = self.curves.drawn().map(|line| line.label.as_str());
        lines.chain(self.curves.reference.iter().map(|reference| reference.label.as_str()))
    }

    fn label_offset(&self) -> f64 {
        LEADER_LENGTH + self.sample + GAP
    }

    /// Draws the labels, given the last visible point of each line, with leaders from there. A line that
    /// ends early has no leader, which would look like more of the line.
    pub(super) fn draw(
        &self,
        frame: &Frame,
        ends: impl Iterator<Item = Option<PlotPoint>>,
    ) -> Result<(), PictureError> {
        let right = frame.width().1;
        let mut labels = Vec::new();
        for (line, end) in self.curves.drawn().zip(ends) {
            if let Some(PlotPoint { x, y, .. }) = end {
                labels.push((line.label.as_str(), Some(line.style_index), frame.pixel(x, y)));
            }
        }
        if let Some(reference) = &self.curves.reference {
            let y = frame.pixel(self.curves.end, reference.value).1;
            labels.push((reference.label.as_str(), None, (right, y)));
        }
        let wanted: Vec<f64> = labels.iter().map(|(_, _, (_, y))| f64::from(*y)).collect();
        let (top, bottom) = frame.height();
        let range = f64::from(top)..=f64::from(bottom);
        let heights = separate(&wanted, f64::from(px(style::LABEL_LINE)), range);
        for ((label, style_index, end), height) in labels.into_iter().zip(heights) {
            let height = height.round() as i32;
            if (right - end.0).abs() <= px(1.0) {
                let leader = vec![(right + px(5.0), end.1), (right + px(LEADER_LENGTH), height)];
                let colour = style_index.map_or(style::FAINT_INK, style::colour);
                frame.path(leader, style::stroke(colour, 0.8))?;
            }
            self.draw_sample(frame, style_index, (right + px(LEADER_LENGTH), height))?;
            frame.text(label, (right + px(self.label_offset()), height), style::INK)?;
        }
        Ok(())
    }

    /// A sample of the line with that style, or of the reference without one, from its left edge.
    fn draw_sample(
        &self,
        frame: &Frame,
        style_index: Option<usize>,
        (left, y): Pixel,
    ) -> Result<(), PictureError> {
        let line = vec![(left + px(0.5), y), (left + px(self.sample - 0.5), y)];
        let Some(index) = style_index else { return frame.dashes(line) };
        if self.sample > MARKER_SAMPLE {
            frame.line(index, line)?;
        }
        frame.marker(index, (left + px(self.sample / 2.0), y))
    }
}
