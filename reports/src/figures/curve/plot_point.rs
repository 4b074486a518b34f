//! A point of a curve as it is drawn.

/// The mean over the seeds at one step, in data coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PlotPoint {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Lower and upper edge of the band; None for a single seed, or if the figure has no band.
    pub(super) band: Option<(f64, f64)>,
}
