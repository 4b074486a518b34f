//! The events of an attempt and of the trial's earlier ones, read from their files a few megabytes at a
//! time: where the metrics began, and the final values.

use std::collections::BTreeMap;

use experiments::protocol::events::{Event, MOST_METRICS};
use experiments::protocol::number::Number;
use experiments::schema::better::Better;
use experiments::schema::metrics::{BestStep, ResultRule};

use crate::platform::line_reader::ReadOffset;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::event_lines::read_events;

/// Calls `each` with every event of `attempt`. A file that cannot be read ends there.
fn for_each(attempt: &AttemptDir, mut each: impl FnMut(Event)) {
    let _ = read_events(&attempt.events(), &mut ReadOffset::default(), |line| each(line.event));
}

/// The first step of every metric in the attempts before `attempt`, and the last of all.
pub(super) fn earlier_steps(attempt: &AttemptDir) -> (BTreeMap<String, u64>, Option<u64>) {
    let (mut first, mut last) = (BTreeMap::<String, u64>::new(), None);
    for earlier in attempt.earlier() {
        for_each(&earlier, |event| {
            let Event::Metrics { step, item: None, values } = event else { return };
            last = last.max(Some(step));
            for metric in values.into_keys() {
                if first.len() < MOST_METRICS || first.contains_key(&metric) {
                    let known = first.entry(metric).or_insert(step);
                    *known = step.min(*known);
                }
            }
        });
    }
    (first, last)
}

/// The last step of every metric in `attempt`.
pub(super) fn last_steps(attempt: &AttemptDir) -> BTreeMap<String, u64> {
    let mut last = BTreeMap::<String, u64>::new();
    for_each(attempt, |event| {
        let Event::Metrics { step, item: None, values } = event else { return };
        for metric in values.into_keys() {
            let known = last.entry(metric).or_insert(step);
            *known = step.max(*known);
        }
    });
    last
}

/// True if the attempt's worker has reported final values itself.
pub(super) fn has_result(attempt: &AttemptDir) -> bool {
    let mut found = false;
    for_each(attempt, |event| found |= matches!(event, Event::Result { .. }));
    found
}

/// Number of times that a program has introduced itself.
pub(super) fn hellos(attempt: &AttemptDir) -> usize {
    let mut found = 0;
    for_each(attempt, |event| found += usize::from(matches!(event, Event::Hello { .. })));
    found
}

/// An attempt, and the last step up to which its points are the trial's: a later attempt may have resumed
/// from there.
type Part = (AttemptDir, u64);

/// The attempts whose points are the trial's, the newest first.
fn parts(attempt: &AttemptDir) -> Vec<Part> {
    let (mut parts, mut until) = (Vec::new(), u64::MAX);
    for part in [attempt.clone()].into_iter().chain(attempt.earlier()) {
        let (mut resumed_from, mut has_points) = (None, false);
        for_each(&part, |event| match event {
            Event::Hello { resumed_from: from, .. } => resumed_from = Some(from),
            Event::Metrics { .. } => has_points = true,
            _ => {}
        });
        parts.push((part, until));
        match resumed_from {
            Some(Some(step)) => until = until.min(step),
            // It has reported nothing, so it has not restarted.
            None if !has_points => {}
            Some(None) | None => break,
        }
    }
    parts
}

/// The final values by `rule`; empty if no metric has a value. The error says why there are none.
pub(super) fn result(
    attempt: &AttemptDir,
    rule: &ResultRule,
) -> Result<BTreeMap<String, Number>, String> {
    let parts = parts(attempt);
    match rule {
        ResultRule::Last => Ok(last_values(&parts, u64::MAX)),
        ResultRule::Best(best) => match best_step(&parts, best) {
            Some(step) => Ok(last_values(&parts, step)),
            None => Err(format!(
                "no result: `worker.result` names the metric `{}`, which has no value",
                best.metric
            )),
        },
    }
}

/// Calls `each` with the metrics of every step that counts.
fn for_each_step(parts: &[Part], mut each: impl FnMut(u64, BTreeMap<String, Number>)) {
    // The oldest first, so that of a repeated step the later value counts.
    for (attempt, until) in parts.iter().rev() {
        for_each(attempt, |event| {
            if let Event::Metrics { step, item: None, values } = event
                && step <= *until
            {
                each(step, values);
            }
        });
    }
}

/// Every metric's value at its last step up to `until`.
fn last_values(parts: &[Part], until: u64) -> BTreeMap<String, Number> {
    let mut last = BTreeMap::<String, (u64, Number)>::new();
    for_each_step(parts, |step, values| {
        for (metric, value) in values {
            let is_newer = last.get(&metric).is_none_or(|(newest, _)| step >= *newest);
            let has_room = last.len() < MOST_METRICS || last.contains_key(&metric);
            if step <= until && is_newer && has_room {
                last.insert(metric, (step, value));
            }
        }
    });
    last.into_iter().map(|(metric, (_, value))| (metric, value)).collect()
}

/// The first step at which the metric is best; `None` if it has no value but NaN.
fn best_step(parts: &[Part], best: &BestStep) -> Option<u64> {
    let mut found = None::<(u64, f64)>;
    for_each_step(parts, |step, values| {
        let Some(Number(value)) = values.get(&best.metric).copied() else { return };
        let is_better = found.is_none_or(|(at, than)| match best.better {
            Better::Higher => value > than || (value >= than && step < at),
            Better::Lower => value < than || (value <= than && step < at),
        });
        if is_better && !value.is_nan() {
            found = Some((step, value));
        }
    });
    found.map(|(step, _)| step)
}
