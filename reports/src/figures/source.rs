//! The records that every figure is drawn from.

use experiments::schema::report::{Figure, Report};

use crate::records::Records;

/// What every figure is drawn from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) report: &'a Report,
    pub(super) records: &'a Records,
}

impl Source<'_> {
    /// Which colour and marker a variant has in every figure: by its place in the file, with those
    /// that some curve has as its reference behind the others.
    pub(super) fn index(self, variant: &str) -> usize {
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
