//! The differences between a segment as it was recorded and as it was trained again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// Differences that are named, of each kind.
const NAMED: usize = 3;

/// The differences of a segment.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Points and final values that were compared.
    pub(super) points: usize,
    /// Tensors, or files without any, that were compared.
    pub(super) tensors: usize,
    /// The largest difference of two values, relative to the larger one; infinite where one is missing.
    pub(super) largest: f64,
    /// Sentences about values that are not the same bit for bit.
    differences: Vec<String>,
    /// The build, device or processor that is another here; `None` if all are the same.
    other_place: Option<String>,
}

/// The result of a comparison.
pub(super) enum Agreement {
    /// Bit for bit.
    Identical,
    /// Within the tolerance, by another build or on another device.
    Near(String),
    /// Neither.
    Differs(Vec<String>),
}

impl Comparison {
    /// A comparison without values so far, of what another build, device or processor computed, or none.
    pub(super) fn new(other_place: Option<String>) -> Self {
        Self { other_place, ..Self::default() }
    }

    /// The result: another build, device or processor may compute otherwise, within `tolerance`.
    pub(super) fn agreement(&self, tolerance: f64) -> Agreement {
        match &self.other_place {
            _ if self.differences.is_empty() => Agreement::Identical,
            Some(place) if self.largest <= tolerance => Agreement::Near(place.clone()),
            place => {
                let mut reasons = self.differences.clone();
                let largest = self.largest;
                reasons.extend(place.as_ref().map(|place| {
                    format!(
                        "{place}, but the differences, up to {largest:.1e}, exceed the tolerance"
                    )
                }));
                Agreement::Differs(reasons)
            }
        }
    }

    /// Compares values by name.
    pub(super) fn values<K: Ord + Display>(
        &mut self,
        kind: &str,
        recorded: &BTreeMap<K, f64>,
        again: &BTreeMap<K, f64>,
    ) {
        let mut differences = Vec::new();
        for name in recorded.keys().chain(again.keys()).collect::<BTreeSet<_>>() {
            self.points += 1;
            match (recorded.get(name), again.get(name)) {
                (Some(a), Some(b)) if a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) => {}
                (Some(a), Some(b)) => {
                    self.largest = self.largest.max(relative(*a, *b));
                    differences.push(format!("{name} was {a} and is {b}"));
                }
                (a, _) => {
                    self.largest = f64::INFINITY;
                    let which = if a.is_some() { "was not reported again" } else { "is new" };
                    differences.push(format!("{name} {which}"));
                }
            }
        }
        self.add(kind, &differences);
    }

    /// Adds the differences of one kind, of which the first are named.
    pub(super) fn add(&mut self, kind: &str, differences: &[String]) {
        if differences.is_empty() {
            return;
        }
        let more = match differences.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = differences[..differences.len().min(NAMED)].join("; ");
        self.differences.push(format!("{kind}: {named}{more}"));
    }
}

/// The difference of two values, relative to the larger one.
pub(super) fn relative(a: f64, b: f64) -> f64 {
    if !(a.is_finite() && b.is_finite()) {
        return f64::INFINITY;
    }
    (a - b).abs() / a.abs().max(b.abs()).max(f64::MIN_POSITIVE)
}
