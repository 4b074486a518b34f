//! One variant's value of one metric.

use experiments::schema::report::{self, Center, Spread};

use crate::records::{Trial, Variant};
use crate::statistics::{Interval, Summary, interquartile_mean, mean, percentile_interval};

/// One variant's value of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Over the finished seeds.
    pub value: Value,
    /// The paper's value, in the metric's own unit.
    pub paper: Option<f64>,
    /// Whether it is the best of its column among complete rows, or cannot be told from it.
    pub best: bool,
    /// Whether a finished trial has no finite value, so that a note below must explain.
    pub flagged: bool,
    /// Whether it is a value of some of the row's trials only.
    pub partial: bool,
}

/// What a cell shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// No finished trial has the metric.
    Absent,
    /// No finished trial has a finite value; this is the first seed's.
    NonFinite(f64),
    /// Centre and spread of the finite values.
    Finite(Estimate),
}

/// What stands for the finite values of a row's seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Their count, mean and standard deviation.
    pub summary: Summary,
    /// What is shown: the mean, or the interquartile mean.
    pub centre: f64,
    /// The bootstrap interval of what is shown, if that is the spread; none of a single value.
    pub interval: Option<Interval>,
}

impl Cell {
    pub(super) fn new(variant: &Variant, metric: &str, spec: &report::Table) -> Self {
        let result = |t: &Trial| t.results.get(metric).copied();
        let values: Vec<f64> = variant.finished().filter_map(result).collect();
        let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        let value = match (Estimate::of(&finite, spec), values.first()) {
            (Some(estimate), _) => Value::Finite(estimate),
            (None, Some(first)) => Value::NonFinite(*first),
            (None, None) => Value::Absent,
        };
        let flagged = !values.is_empty() && finite.len() < variant.finished().count();
        let partial = !values.is_empty() && !variant.is_complete();
        let paper = spec.paper.get(&variant.name).and_then(|row| row.get(metric).copied());
        Self { value, paper, best: false, flagged, partial }
    }

    /// The marks that lead to notes below the table.
    pub(super) fn marks(&self) -> String {
        let mark = |is: bool, mark| if is { mark } else { "" };
        mark(self.partial, "†").to_owned() + mark(self.flagged, "‡")
    }
}

impl Estimate {
    fn of(values: &[f64], spec: &report::Table) -> Option<Self> {
        let summary = Summary::of(values)?;
        let centre = match spec.center {
            Center::Mean => mean,
            Center::Iqm => interquartile_mean,
        };
        let interval = match spec.spread {
            Spread::Sd => None,
            Spread::Interval => percentile_interval(values, centre),
        };
        Some(Self { summary, centre: centre(values), interval })
    }
}
