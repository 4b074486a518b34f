//! The metrics that a report needs and that succeeded trials do not report, from the database.

use std::collections::{BTreeMap, BTreeSet};

use experiments::schema::metric_use::Values;
use experiments::schema::report::Report;
use reports::metric_gaps::{MetricGaps, ReportedMetrics};

use super::output::print_message;
use crate::scheduler::State;
use crate::store::{Store, StoreError, TrialRecord};

/// The gaps of `report` by the succeeded ones of `trials`.
pub(super) async fn metric_gaps(
    store: &mut Store,
    report: &Report,
    trials: &[TrialRecord],
) -> Result<MetricGaps, StoreError> {
    let uses = report.metric_uses();
    if uses.is_empty() {
        return Ok(MetricGaps::default());
    }
    let mut results = store.results().await?;
    let mut with_points = BTreeMap::new();
    for metric in uses.iter().filter(|used| used.values == Values::ByStep).map(|used| used.metric) {
        with_points.insert(metric, store.trials_with_points(metric).await?);
    }
    let succeeded =
        trials.iter().filter(|t| !t.retired && matches!(t.state, State::Succeeded { .. }));
    let reported = succeeded.map(|trial| {
        let points = with_points.iter().filter(|(_, trials)| trials.contains(&trial.id));
        let finals: BTreeSet<_> =
            results.remove(&trial.id).unwrap_or_default().into_keys().collect();
        ReportedMetrics {
            trial: trial.id.0.clone(),
            variant: trial.variant.clone(),
            finals,
            by_step: points.map(|(metric, _)| (*metric).to_owned()).collect(),
        }
    });
    let reported: Vec<_> = reported.collect();
    Ok(MetricGaps::new(report, &reported, &store.metrics_with_points().await?))
}

/// Prints a warning for each gap by which the records are incomplete.
pub(super) fn print_problems(gaps: &MetricGaps) {
    for problem in gaps.problems() {
        print_message(&format!("warning: {problem}"));
    }
}

/// Prints a line for each gap: a warning where the records are incomplete by it.
pub(super) fn print_metric_gaps(gaps: &MetricGaps) {
    print_problems(gaps);
    for note in gaps.notes() {
        print_message(&format!("note: {note}"));
    }
}
