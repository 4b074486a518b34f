//! A segment as it was recorded, and as it was trained again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::replay::Replay;
use super::segment::{PointName, Recorded, Segment};
use super::tensors;
use crate::bundle::Unpacked;
use crate::platform::host;

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

/// Compares everything that the segment left; `Err` with the reason if a checkpoint cannot be read.
pub(super) fn compare(
    segment: &Segment,
    recorded: &Recorded,
    replay: &Replay,
    bundle: &Unpacked,
) -> Result<Comparison, String> {
    let mut comparison =
        Comparison { other_place: other_place(segment, replay, bundle), ..Comparison::default() };
    let is_timed = |metric: &str| replay.times.iter().any(|timed| timed == metric);
    let points = |of: &BTreeMap<PointName, f64>| -> BTreeMap<_, _> {
        let kept = of.iter().filter(|(point, _)| !is_timed(&point.metric));
        kept.map(|(point, value)| (point.clone(), *value)).collect()
    };
    comparison.values("points", &points(&recorded.points), &points(&replay.points));
    let results = |of: &BTreeMap<String, f64>| -> BTreeMap<_, _> {
        let kept = of.iter().filter(|(metric, _)| !is_timed(metric));
        kept.map(|(metric, value)| (metric.clone(), *value)).collect()
    };
    comparison.values("final values", &results(&recorded.results), &results(&replay.results));
    if let Some(to) = &segment.to {
        let there = bundle.run().trial(&segment.trial).join(&to.path);
        let here = replay.folder.join(&to.path);
        tensors::compare(&there, &here, &mut comparison)
            .map_err(|error| format!("its checkpoint cannot be compared: {error}"))?;
    }
    Ok(comparison)
}

/// The build, the device or the processor that is another one here.
fn other_place(segment: &Segment, replay: &Replay, bundle: &Unpacked) -> Option<String> {
    let attempt = bundle.run().attempt(&segment.trial, segment.attempt);
    let environment = attempt.read_env().ok().flatten();
    let processor = environment.and_then(|environment| environment.cpu_model);
    let pairs = [
        ("build", segment.build.clone(), replay.build.clone()),
        ("device", segment.device.clone(), replay.device.clone()),
        ("processor", processor, host::cpu_model()),
    ];
    let others = pairs.into_iter().filter(|(_, then, now)| then != now).map(|(what, then, now)| {
        let [then, now] = [then, now].map(|name| name.unwrap_or_else(|| "unknown".to_owned()));
        format!("the {what} was `{then}` and is `{now}`")
    });
    let others: Vec<_> = others.collect();
    (!others.is_empty()).then(|| others.join(", "))
}
