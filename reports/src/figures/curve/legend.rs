//! The labels to the right of the lines, each with a sample of its line and a leader from its end.

use super::data::Curves;
use super::plot_point::PlotPoint;
use crate::figures::canvas::frame::Frame;
use crate::figures::canvas::labels::separate;
use crate::figures::canvas::legend::{Legend, LegendEntry};
use crate::figures::canvas::picture::PictureError;
use crate::figures::canvas::style::{self, px};

/// Distance from the right edge of the axes to the end of a leader line, where a sample begins.
pub(super) const LEADER_LENGTH: f64 = 16.0;

/// The labels of all lines that are drawn, then that of the reference.
pub(super) fn legend(curves: &Curves) -> Legend {
    let lines = curves
        .drawn()
        .map(|line| LegendEntry { label: line.label.clone(), style_index: Some(line.style_index) });
    let reference = curves
        .reference
        .iter()
        .map(|reference| LegendEntry { label: reference.label.clone(), style_index: None });
    Legend::new(lines.chain(reference).collect(), true)
}

/// Draws the labels beside the axes, given the last visible point of each line, with leaders from there. A line
/// that ends early has no leader, which would look like more of the line.
pub(super) fn draw_beside(
    legend: &Legend,
    curves: &Curves,
    frame: &Frame,
    ends: impl Iterator<Item = Option<PlotPoint>>,
) -> Result<(), PictureError> {
    let right = frame.width().1;
    let (top, bottom) = frame.height();
    let mut labels = Vec::new();
    for (line, end) in curves.drawn().zip(ends) {
        if let Some(PlotPoint { x, y, .. }) = end {
            let style_index = Some(line.style_index);
            let (x, y) = frame.pixel(x, y);
            labels.push((
                LegendEntry { label: line.label.clone(), style_index },
                (x, y.clamp(top, bottom)),
            ));
        }
    }
    if let Some(reference) = &curves.reference {
        let y = frame.pixel(curves.end, reference.value).1.clamp(top, bottom);
        let label = reference.label.clone();
        labels.push((LegendEntry { label, style_index: None }, (right, y)));
    }
    let wanted: Vec<f64> = labels.iter().map(|(_, (_, y))| f64::from(*y)).collect();
    let range = f64::from(top)..=f64::from(bottom);
    let heights = separate(&wanted, f64::from(px(style::LABEL_LINE)), range);
    for ((entry, end), height) in labels.into_iter().zip(heights) {
        let height = height.round() as i32;
        if (right - end.0).abs() <= px(1.0) {
            let leader = vec![(right + px(5.0), end.1), (right + px(LEADER_LENGTH), height)];
            let colour = entry.style_index.map_or(style::FAINT_INK, style::colour);
            frame.unclipped().path(leader, style::stroke(colour, 0.8))?;
        }
        frame.legend_entry(legend, &entry, (right + px(LEADER_LENGTH), height))?;
    }
    Ok(())
}
