//! A segment as it was recorded, and as it was trained again.

use std::collections::{BTreeMap, BTreeSet};

use super::comparison::Comparison;
use super::replay::{Replay, is_time};
use super::segment::{PointName, Recorded, Segment};
use super::tensors;
use crate::bundle::Unpacked;
use crate::platform::host;
use crate::run_dir::snapshot::RunSnapshot;

/// Compares everything that the segment left; `Err` with the reason if a checkpoint cannot be read.
pub(super) fn compare(
    segment: &Segment,
    recorded: &Recorded,
    replay: &Replay,
    bundle: &Unpacked,
) -> Result<Comparison, String> {
    let mut comparison = Comparison::new(other_place(segment, replay, bundle));
    let timed = timed_metrics(replay, bundle);
    let is_timed = |metric: &str| timed.contains(metric);
    let points = |of: &BTreeMap<PointName, f64>, other: &BTreeMap<PointName, f64>| {
        let counts = |point: &PointName| {
            let is_sure = segment.is_inside(point.step) || other.contains_key(point);
            is_sure && !is_timed(&point.metric)
        };
        let kept = of.iter().filter(|(point, _)| counts(point));
        kept.map(|(point, value)| (point.clone(), *value)).collect::<BTreeMap<_, _>>()
    };
    let [then, now] = [&recorded.points, &replay.points];
    comparison.values("points", &points(then, now), &points(now, then));
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

/// The metrics whose unit is one of time, by the worker or by the report's table.
fn timed_metrics(replay: &Replay, bundle: &Unpacked) -> BTreeSet<String> {
    let snapshot = RunSnapshot::read_settings(&bundle.run().resolved()).ok();
    let table = snapshot.and_then(|snapshot| snapshot.run.report.table);
    let columns = table.into_iter().flat_map(|table| table.columns);
    let timed = columns.filter(|column| is_time(column.unit.as_deref()));
    replay.times.iter().cloned().chain(timed.map(|column| column.metric)).collect()
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
