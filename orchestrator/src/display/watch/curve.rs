//! The curve of one metric, in braille.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Paragraph};

use super::Scale;
use super::colours::{Colours, FAINT};
use super::model::Focus;
use crate::display::text::values;

/// Draws the points of `focus`.
pub(super) fn draw(
    focus: Option<&Focus>,
    scale: Scale,
    colours: Colours,
    area: Rect,
    frame: &mut Frame,
) {
    let Some(focus) = focus else {
        return frame.render_widget(Block::bordered().title("curve"), area);
    };
    let block = Block::bordered().title(title(focus));
    let (Some(first), Some(last)) = (focus.points.first(), focus.points.last()) else {
        let note = if focus.metric.is_some() { "no points yet" } else { "" };
        return frame.render_widget(Paragraph::new(note).block(block), area);
    };
    let block = block.title_top(Line::from(format!("now {}", value(last.1))).right_aligned());
    let values = focus.points.iter().map(|point| point.1);
    let (low, high) =
        (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max));
    let is_logarithmic = scale == Scale::Logarithmic && low > 0.0;
    let drawn = |value: f64| if is_logarithmic { value.log10() } else { value };
    let points: Vec<_> = focus.points.iter().map(|(step, value)| (*step, drawn(*value))).collect();
    // A constant is drawn in the middle.
    let margin = if high > low { 0.0 } else { drawn(low).abs().max(1.0) / 2.0 };
    let labels = if high > low { vec![value(low), value(high)] } else { vec![value(low)] };
    let dataset = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .style(colours.curve())
        .data(&points);
    let x_axis = Axis::default()
        .bounds([first.0, last.0.max(first.0 + 1.0)])
        .labels([first.0.to_string(), last.0.to_string()])
        .style(FAINT);
    let y_axis = Axis::default()
        .bounds([drawn(low) - margin, drawn(high) + margin])
        .labels(labels)
        .style(FAINT);
    let chart = Chart::new(vec![dataset]).block(block).legend_position(None);
    frame.render_widget(chart.x_axis(x_axis).y_axis(y_axis), area);
}

fn title(focus: &Focus) -> String {
    match (&focus.metric, focus.metrics.len()) {
        (None, _) => "no metric yet".to_owned(),
        (Some(metric), 0..=1) => metric.clone(),
        (Some(metric), several) => format!("{metric} (Tab: {several} metrics)"),
    }
}

fn value(value: f64) -> String {
    values(&[value], None).remove(0)
}
