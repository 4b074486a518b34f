//! A point as it is drawn.

/// A point as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) y: f64,
    /// The band's edges, if it has one.
    pub(super) band: Option<(f64, f64)>,
}
