//! The rules of the file's design: its test, and the margins of its metrics.

use std::io;

use experiments::schema::design::Design;
use experiments::schema::report::{Column, Compare, Report};

use super::numbers::DifferenceUnit;
use super::sequence::SequenceRules;
use super::summary::DesignSummary;
use crate::statistics::SequentialTest;

/// A design and its test.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    pub(super) design: &'a Design,
    pub(super) test: SequentialTest,
}

impl<'a> Rules<'a> {
    pub(super) fn new(design: &'a Design) -> io::Result<Self> {
        let test = SequentialTest::new(design).ok_or_else(|| {
            let message = "`report.design` needs looks that rise from 3 seeds or more, and an `alpha` \
                           between 0 and 1";
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })?;
        Ok(Self { design, test })
    }

    /// The margin of differences of `metric`, on the scale of their comparison; None if there is none.
    pub(super) fn margin(&self, metric: &str, compare: Compare) -> Option<f64> {
        let margin = *self.design.margin.get(metric)?;
        Some(match compare {
            Compare::Difference => margin,
            Compare::Ratio => margin.ln_1p(),
        })
    }

    pub(super) fn with_margin(&self, margin: Option<f64>) -> SequenceRules<'_> {
        SequenceRules { test: &self.test, alpha: self.design.alpha, margin }
    }

    pub(super) fn summary(&self, report: &Report) -> DesignSummary {
        let Design { alpha, method, family, ref margin, .. } = *self.design;
        let nominal_level = self.test.nominal_level(alpha);
        let looks = self.design.looks();
        let margins = margin.iter().map(|(metric, margin)| {
            let mut columns = report.table.iter().flat_map(|table| &table.columns);
            margin_text(metric, *margin, columns.find(|column| column.metric == *metric))
        });
        DesignSummary {
            alpha,
            method,
            looks,
            nominal_level,
            family,
            margin: margin.clone(),
            margins: margins.collect(),
        }
    }
}

/// `0.5 % in accuracy`, in the unit of the table's column.
fn margin_text(metric: &str, margin: f64, column: Option<&Column>) -> String {
    if column.is_some_and(|column| column.compare == Compare::Ratio) {
        return format!("{} % in {metric}, by ratio", rounded(margin * 100.0));
    }
    let unit = DifferenceUnit::new(column);
    let name = unit.name.map_or(String::new(), |name| format!(" {name}"));
    format!("{}{name} in {metric}", rounded(margin * unit.scale))
}

/// Without what the multiplication has added to the digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.12e}").parse().unwrap_or(value)
}
