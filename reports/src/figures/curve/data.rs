//! A curve figure as plain data.

use experiments::schema::report::{Band, Scale, X};

use super::line::Line;

/// What a plot shows.
#[derive(Debug)]
pub(super) struct Curves<'a> {
    pub(super) title: String,
    /// What a reader must know about the seeds and about how they are drawn.
    pub(super) subtitle: String,
    pub(super) x_label: String,
    pub(super) y_label: String,
    pub(super) x_scale: Scale,
    pub(super) y_scale: Scale,
    /// The horizontal axis's unit, for example 60 where it shows minutes.
    pub(super) x_unit: f64,
    pub(super) band: Band,
    pub(super) smooth: Option<usize>,
    /// The last place of any line, in the axis's unit.
    pub(super) end: f64,
    pub(super) lines: Vec<Line<'a>>,
    pub(super) reference: Option<Level>,
    pub(super) x: X,
}

/// A dashed horizontal line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    pub(super) variant: String,
    pub(super) label: String,
    pub(super) value: f64,
}
