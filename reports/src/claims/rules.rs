//! The rules of the file's design: its test, and the margins of its metrics.

use std::io;

use experiments::schema::design::Design;
use experiments::schema::report::Compare;

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

    pub(super) fn summary(&self) -> DesignSummary {
        let Design { alpha, method, family, ref margin, .. } = *self.design;
        let nominal_level = self.test.nominal_level(alpha);
        let looks = self.design.looks();
        DesignSummary { alpha, method, looks, nominal_level, family, margin: margin.clone() }
    }
}
