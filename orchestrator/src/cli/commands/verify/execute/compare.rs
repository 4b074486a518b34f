//! A segment as it was recorded, and as it was trained again.

use std::collections::BTreeMap;

use super::comparison::Comparison;
use super::replay::Replay;
use super::segment::{PointName, Recorded, Segment};
use super::tensors;
use crate::bundle::Unpacked;
use crate::platform::host;

/// Compares everything that the segment left; `Err` with the reason if a checkpoint cannot be read.
pub(super) fn compare(
    segment: &Segment,
    recorded: &Recorded,
    replay: &Replay,
    bundle: &Unpacked,
) -> Result<Comparison, String> {
    let mut comparison = Comparison::new(other_place(segment, replay, bundle));
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
