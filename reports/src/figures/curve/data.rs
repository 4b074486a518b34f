//! A curve figure as plain data.

use experiments::schema::report::{Band, FigureSize, Limits, Scale, X};

use super::line::Line;

/// Everything that a plot shows.
#[derive(Debug)]
pub(super) struct Curves<'a> {
    pub(super) title: String,
    /// Facts about the seeds and about how they are drawn.
    pub(super) subtitle: String,
    pub(super) x_label: String,
    pub(super) y_label: String,
    pub(super) x_scale: Scale,
    pub(super) y_scale: Scale,
    /// In the axis's unit.
    pub(super) x_limits: Limits,
    pub(super) y_limits: Limits,
    pub(super) size: FigureSize,
    /// Divisor of horizontal positions, for example 60 of seconds on an axis in minutes.
    pub(super) x_unit: f64,
    pub(super) band: Band,
    pub(super) smooth: Option<usize>,
    /// The largest horizontal position of any line that is drawn, in the axis's unit.
    pub(super) end: f64,
    /// All lines with data, whether or not they are drawn.
    pub(super) lines: Vec<Line<'a>>,
    pub(super) reference: Option<ReferenceLine>,
    pub(super) x: X,
}

impl<'a> Curves<'a> {
    /// The lines that are drawn.
    pub(super) fn drawn(&self) -> impl Iterator<Item = &Line<'a>> {
        self.lines.iter().filter(|line| line.is_drawn)
    }
}

/// A dashed horizontal line at a variant's final value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ReferenceLine {
    pub(super) variant: String,
    pub(super) label: String,
    pub(super) value: f64,
}
