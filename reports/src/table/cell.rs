//! A cell of the table: centre and spread over the finished seeds, and its marks.

use experiments::schema::report::{self, Center, Spread};

use crate::records::Variant;
use crate::statistics::{Interval, Summary, interquartile_mean, mean, percentile_interval};

/// The value of one metric of one variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Over the finished seeds.
    pub value: Value,
    /// The paper's value, in the metric's own unit.
    pub(crate) paper: Option<f64>,
    pub(crate) standing: Standing,
    /// True if a finished trial has no finite value; a note below names it.
    pub(crate) flagged: bool,
    /// True if the value is that of some of the row's trials only.
    pub(crate) partial: bool,
}

/// A cell's place in its column, among complete rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The best, or one that looks the same.
    Best,
    /// Not the best, but a test cannot tell it from the best.
    Tied,
    /// Worse, or without better and worse.
    Other,
}

/// The value of a cell, unscaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// No finished trial has the metric.
    Absent,
    /// No finished trial has a finite value; this is the first seed's.
    NonFinite(f64),
    /// Centre and spread of the finite values.
    Finite(Estimate),
}

/// Centre and spread of the finite values of a row's seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub(crate) summary: Summary,
    /// The mean or the interquartile mean, as the file asks.
    pub(crate) centre: f64,
    /// The bootstrap interval of `centre`; None for a single value, or if the file asks for the
    /// standard deviation.
    pub(crate) interval: Option<Interval>,
}

impl Cell {
    pub(super) fn new(variant: &Variant, metric: &str, spec: &report::Table) -> Self {
        let values: Vec<f64> =
            variant.finished().filter_map(|t| t.results.get(metric).copied()).collect();
        let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        let value = match (Estimate::of(&finite, spec), values.first()) {
            (Some(estimate), _) => Value::Finite(estimate),
            (None, Some(first)) => Value::NonFinite(*first),
            (None, None) => Value::Absent,
        };
        let flagged = !values.is_empty() && finite.len() < variant.finished().count();
        let partial = !values.is_empty() && !variant.is_complete();
        let paper = spec.paper.get(&variant.name).and_then(|row| row.get(metric).copied());
        Self { value, paper, standing: Standing::Other, flagged, partial }
    }

    /// True for the best of its column among complete rows, and for those that look the same.
    pub fn is_best(&self) -> bool {
        self.standing == Standing::Best
    }

    /// True if it is not the best, and a test cannot tell it from the best.
    pub fn is_tied(&self) -> bool {
        self.standing == Standing::Tied
    }

    /// The footnote marks after the value.
    pub(super) fn marks(&self) -> String {
        let partial = if self.partial { "†" } else { "" };
        let flagged = if self.flagged { "‡" } else { "" };
        format!("{partial}{flagged}")
    }
}

impl Value {
    /// None unless some finished trial has a finite value.
    pub(super) fn estimate(self) -> Option<Estimate> {
        if let Self::Finite(estimate) = self { Some(estimate) } else { None }
    }

    /// One number of the estimate, or else the value that is not finite.
    pub(super) fn number(self, of: impl Fn(Estimate) -> f64) -> Option<f64> {
        match self {
            Self::Absent => None,
            Self::NonFinite(value) => Some(value),
            Self::Finite(estimate) => Some(of(estimate)),
        }
    }
}

impl Estimate {
    /// The standard deviation, or half the interval; None for a single value.
    pub(super) fn spread(self) -> Option<f64> {
        self.interval.map(|i| (i.high - i.low) / 2.0).or(self.summary.sd)
    }

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
