//! Differences of values, or of their logarithms.

use experiments::schema::report::Compare;

/// The scale on which differences are taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale(pub(super) Compare);

impl Scale {
    pub(super) fn of(self, value: f64) -> f64 {
        match self.0 {
            Compare::Difference => value,
            Compare::Ratio => value.ln(),
        }
    }

    /// True if the value is finite on the scale.
    pub(super) fn has(self, value: f64) -> bool {
        self.of(value).is_finite()
    }
}
