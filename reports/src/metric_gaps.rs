//! Metrics that a report is made from and that succeeded trials do not report: a trial without its
//! numbers has succeeded in vain.

use std::collections::{BTreeMap, BTreeSet};

use experiments::schema::metric_use::{MetricUse, Rows, TABLE, Values};
use experiments::schema::report::Report;
use experiments::yaml::suggest::nearest;
use serde::Serialize;

use crate::records::Records;

/// Names that are listed; the others are counted.
const LISTED: usize = 8;

/// The metrics that a succeeded trial has reported.
#[derive(Debug, Clone, Default)]
pub struct ReportedMetrics {
    /// Its identifier.
    pub trial: String,
    /// Its variant's name.
    pub variant: String,
    /// Those with a final value, finite or not.
    pub finals: BTreeSet<String>,
    /// Those with points, of the ones that the report uses by step.
    pub by_step: BTreeSet<String>,
}

/// The metrics that a report lacks. Nothing is missing where no trial has succeeded.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MetricGaps {
    /// Metrics that no succeeded trial reports.
    pub unreported: Vec<UnreportedMetric>,
    /// Succeeded trials without a metric that others report.
    pub trials: Vec<TrialGap>,
}

/// A metric that no succeeded trial reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnreportedMetric {
    /// Its name in the file.
    pub metric: String,
    /// The table, claims and figures that use it.
    pub by: Vec<String>,
    /// The reported metric with the most similar name; None if none is similar.
    pub nearest: Option<String>,
    /// The rest of a sentence about it.
    #[serde(skip)]
    why: String,
}

/// A succeeded trial and what it does not report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrialGap {
    /// Its identifier.
    pub trial: String,
    /// True if it has no final values at all, and the report needs some of it.
    pub no_result: bool,
    /// The metrics that the report names for it and that it does not report.
    pub metrics: Vec<String>,
}

impl MetricGaps {
    /// The gaps of `report` by the metrics of the succeeded `trials`; `by_step` are all metrics with
    /// points.
    pub fn new(report: &Report, trials: &[ReportedMetrics], by_step: &BTreeSet<String>) -> Self {
        if trials.is_empty() {
            return Self::default();
        }
        let uses = report.metric_uses();
        let finals: BTreeSet<&str> =
            trials.iter().flat_map(|trial| trial.finals.iter().map(String::as_str)).collect();
        let by_step: BTreeSet<&str> = by_step.iter().map(String::as_str).collect();
        let mut unreported: Vec<UnreportedMetric> = Vec::new();
        let mut reported: Vec<&MetricUse> = Vec::new();
        for each in &uses {
            if trials.iter().any(|trial| trial.reports(each)) {
                reported.push(each);
                continue;
            }
            let why = why(each, &finals, &by_step);
            let earlier =
                unreported.iter_mut().find(|of| of.metric == each.metric && of.why == why);
            match earlier {
                Some(earlier) if !earlier.by.contains(&each.by) => earlier.by.push(each.by.clone()),
                Some(_) => {}
                None => {
                    let of_same = if each.values == Values::Final { &finals } else { &by_step };
                    let nearest = nearest(each.metric, of_same.iter().copied());
                    unreported.push(UnreportedMetric {
                        metric: each.metric.to_owned(),
                        by: vec![each.by.clone()],
                        nearest: nearest.map(str::to_owned),
                        why,
                    });
                }
            }
        }
        let trials = trials.iter().filter_map(|trial| TrialGap::new(trial, &uses, &reported));
        Self { unreported, trials: trials.collect() }
    }

    /// True if a metric has no value at all, or a trial no result.
    pub fn is_incomplete(&self) -> bool {
        !self.unreported.is_empty() || self.trials.iter().any(|trial| trial.no_result)
    }

    /// The gaps of `report` by its own records, without rows of other runs.
    pub(crate) fn of_records(report: &Report, records: &Records) -> Self {
        let own = records.variants.iter().filter(|variant| variant.run.is_none());
        let trials = own.flat_map(|variant| {
            variant.finished().map(|trial| ReportedMetrics {
                trial: trial.id.clone(),
                variant: variant.name.clone(),
                finals: trial.results.keys().cloned().collect(),
                by_step: trial.series.keys().cloned().collect(),
            })
        });
        Self::new(report, &trials.collect::<Vec<_>>(), &records.by_step)
    }

    /// A sentence for each gap by which the records are incomplete.
    pub fn problems(&self) -> Vec<String> {
        let unreported = self.unreported.iter();
        let mut problems: Vec<String> =
            unreported.map(|metric| format!("{}: {metric}", metric.by.join(", "))).collect();
        let without: Vec<&str> =
            self.trials.iter().filter(|t| t.no_result).map(|t| t.trial.as_str()).collect();
        if !without.is_empty() {
            let trials = trials_have(without.len());
            problems.push(format!("{trials} succeeded and reported no result: {}", list(&without)));
        }
        problems
    }

    /// A sentence for each column of the table without any value.
    pub(crate) fn notes_of_table(&self) -> impl Iterator<Item = String> {
        let columns =
            self.unreported.iter().filter(|metric| metric.by.iter().any(|by| by == TABLE));
        columns.map(|metric| {
            let text = metric.to_string();
            if text.ends_with('?') { text } else { text + "." }
        })
    }

    /// A sentence for each metric that some trials do not report, and others do.
    pub fn notes(&self) -> Vec<String> {
        let mut trials: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for gap in self.trials.iter().filter(|gap| !gap.no_result) {
            for metric in &gap.metrics {
                trials.entry(metric).or_default().push(&gap.trial);
            }
        }
        let notes = trials.into_iter().map(|(metric, without)| {
            let trials = trials_have(without.len());
            format!("`{metric}`: {trials} succeeded without it: {}", list(&without))
        });
        notes.collect()
    }
}

/// `` `acuracy`: no trial reports it; reported are `accuracy`, `loss`. Did you mean `accuracy`? ``
impl std::fmt::Display for UnreportedMetric {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "`{}`: no trial reports it{}", self.metric, self.why)?;
        self.nearest.as_ref().map_or(Ok(()), |name| write!(f, ". Did you mean `{name}`?"))
    }
}

impl ReportedMetrics {
    fn reports(&self, used: &MetricUse) -> bool {
        let reported = match used.values {
            Values::Final => &self.finals,
            Values::ByStep => &self.by_step,
        };
        reported.contains(used.metric)
    }
}

impl TrialGap {
    /// None if the trial reports all that the file names for it of what any trial reports.
    fn new(trial: &ReportedMetrics, uses: &[MetricUse], reported: &[&MetricUse]) -> Option<Self> {
        let is_of_row = |rows: &Rows| rows.include(&trial.variant);
        let needs_result =
            uses.iter().any(|used| used.values == Values::Final && is_of_row(&used.rows));
        let without = reported.iter().filter(|used| is_of_row(&used.rows) && !trial.reports(used));
        let metrics: BTreeSet<&str> = without.map(|used| used.metric).collect();
        let gap = Self {
            trial: trial.trial.clone(),
            no_result: needs_result && trial.finals.is_empty(),
            metrics: metrics.into_iter().map(str::to_owned).collect(),
        };
        (gap.no_result || !gap.metrics.is_empty()).then_some(gap)
    }
}

/// The metrics that are reported in place of one that is not, as the rest of a sentence.
fn why(used: &MetricUse, finals: &BTreeSet<&str>, by_step: &BTreeSet<&str>) -> String {
    let (reported, event) = match used.values {
        Values::Final if by_step.contains(used.metric) => {
            return " in its `result`, only by step, in `metrics`".to_owned();
        }
        Values::ByStep if finals.contains(used.metric) => {
            return " by step, in `metrics`, only in its `result`".to_owned();
        }
        Values::Final => (finals, "result"),
        Values::ByStep => (by_step, "metrics"),
    };
    if reported.is_empty() {
        return format!(", nor any other in `{event}`");
    }
    let names: Vec<String> = reported.iter().map(|name| format!("`{name}`")).collect();
    let are = if names.len() == 1 { "is" } else { "are" };
    format!("; reported {are} {}", list(&names.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn trials_have(count: usize) -> String {
    if count == 1 { "1 trial has".to_owned() } else { format!("{count} trials have") }
}

fn list(names: &[&str]) -> String {
    let more = names.len().saturating_sub(LISTED);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
