//! Claims under a design: judged after each number of seeds that it looks at, with one error rate over all.
//!
//! A comparison has three p-values at every look, all read from one sequence of intervals: that the claimed
//! sign holds, that the opposite does, and that the difference lies within the margin. The least so far
//! counts, so that a verdict that was reached stays. "Best" is supported by the largest p-value of its
//! comparisons (the intersection-union principle) and refuted by the smallest times their number. The claims
//! are corrected together by Holm's method, which for 1 over e-values is e-Holm (Vovk and Wang, E-values:
//! Calibration, Combination and Applications, 2021).

use std::collections::BTreeSet;
use std::io;

use experiments::schema::design::Family;
use experiments::schema::report::Report;

use super::compared::ComparedClaim;
use super::cost::RowCosts;
use super::course::Course;
use super::judged::JudgedClaim;
use super::need::needs;
use super::rules::Rules;
use super::summary::DesignSummary;
use super::verdict::Verdict;
use crate::comparison::estimate;
use crate::figures::ClaimCourse;
use crate::records::Records;
use crate::statistics::{Interval, holm};

/// The p-values of the three verdicts on a claim after some number of seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct PValues {
    supported: f64,
    refuted: f64,
    equivalent: f64,
}

impl Rules<'_> {
    /// Judges every claim of the file.
    pub(super) fn judge(&self, report: &Report, records: &Records) -> io::Result<Vec<JudgedClaim>> {
        let claims = report.claims.iter();
        let compared = claims.map(|claim| ComparedClaim::new(claim, report, records, Some(self)));
        let compared: Vec<ComparedClaim> = compared.collect::<io::Result<_>>()?;
        // Every claim that has a test or may get one counts: the data do not choose the family.
        let p_values: Vec<Option<f64>> =
            compared.iter().map(ComparedClaim::p_under_design).collect();
        let tested: Vec<f64> = p_values.iter().copied().flatten().collect();
        let adjusted = match self.design.family {
            Family::Claims => holm(&tested),
            Family::Each => tested,
        };
        let open = adjusted.iter().filter(|p| **p > self.design.alpha).count().max(1);
        // Holm's method tests the least p-value of those that are left at alpha over their number.
        let level = match self.design.family {
            Family::Claims => self.design.alpha / open as f64,
            Family::Each => self.design.alpha,
        };
        let (mut adjusted, costs) = (adjusted.into_iter(), RowCosts::new(records));
        let summary = self.summary(report);
        let judged = compared.into_iter().zip(p_values).map(|(claim, p)| {
            let p = p.map(|p| (p, adjusted.next().expect("one for each that is tested")));
            self.judged(claim, p, level, (&costs, &summary))
        });
        Ok(judged.collect())
    }

    /// `p` is the claim's p-value and the same adjusted, None if it has no test.
    fn judged(
        &self,
        claim: ComparedClaim,
        p: Option<(f64, f64)>,
        level: f64,
        (costs, summary): (&RowCosts, &DesignSummary),
    ) -> JudgedClaim {
        let (p, p_holm) = p.unzip();
        let is_resolved = p_holm.is_none_or(|p| p <= self.design.alpha);
        let (verdict, stopped_at) = if claim.is_of_deterministic_rows() {
            (claim.verdict(claim.evidence().holds.filter(|_| is_resolved)), None)
        } else if claim.comparisons.is_empty() {
            (Verdict::NotMeasured, None)
        } else if is_resolved {
            // With the same correction as that of its last p-value.
            let ratio =
                p.zip(p_holm).map_or(0.0, |(p, p_holm)| if p > 0.0 { p / p_holm } else { 0.0 });
            claim.stop(self.design.alpha * ratio)
        } else {
            (Verdict::Open, None)
        };
        let needs = if verdict == Verdict::Open {
            needs(&claim, &self.test, level, costs)
        } else {
            Vec::new()
        };
        JudgedClaim {
            verdict,
            claim: claim.claim.clone(),
            p,
            p_holm,
            comparisons: claim.comparisons,
            unit: claim.unit,
            notes: claim.notes,
            course: Some(Course {
                design: summary.clone(),
                margin: claim.margin,
                sequences: claim.sequences,
                stopped_at,
                needs,
            }),
        }
    }
}

impl ComparedClaim<'_> {
    /// True if both rows are deterministic: there are no seeds to wait for, and the claim is judged as
    /// without a design.
    pub(super) fn is_of_deterministic_rows(&self) -> bool {
        !self.rows.is_empty()
            && self.rows.iter().all(|[ours, theirs]| ours.is_none() && theirs.is_none())
    }

    /// The p-value of the claim's likeliest verdict; None if it is a fact of deterministic rows.
    fn p_under_design(&self) -> Option<f64> {
        if self.is_of_deterministic_rows() {
            return self.evidence().p;
        }
        let PValues { supported, refuted, equivalent } = self.p_values_after(usize::MAX);
        Some(supported.min(refuted).min(equivalent))
    }

    fn p_values_after(&self, seeds: usize) -> PValues {
        let of_sequences: Vec<PValues> = self
            .sequences
            .iter()
            .map(|sequence| {
                let p = sequence.p_after(seeds);
                let [supported, refuted] =
                    if self.below { [p.lower, p.higher] } else { [p.higher, p.lower] };
                PValues { supported, refuted, equivalent: p.equivalent.min(supported) }
            })
            .collect();
        let of = |p: fn(&PValues) -> f64| of_sequences.iter().map(p);
        let is_open = self.is_open || of_sequences.is_empty();
        let all = |p| if is_open { 1.0 } else { of(p).fold(0.0, f64::max) };
        let least = of(|p| p.refuted).fold(1.0, f64::min);
        PValues {
            supported: all(|p| p.supported),
            refuted: (least * of_sequences.len().max(1) as f64).min(1.0),
            equivalent: all(|p| p.equivalent),
        }
    }

    /// The verdict of the first look with a p-value up to `level`.
    fn stop(&self, level: f64) -> (Verdict, Option<usize>) {
        // But for rounding, the last p-value is at the level or below.
        let reaches = |p: f64| p <= level * (1.0 + 1e-9);
        let looks = self.sequences.iter().flat_map(|sequence| &sequence.looks);
        let looks: BTreeSet<usize> = looks.map(|look| look.seeds).collect();
        for seeds in looks {
            let p = self.p_values_after(seeds);
            let verdict = if reaches(p.supported) {
                Verdict::Supported
            } else if reaches(p.refuted) {
                Verdict::Refuted
            } else if reaches(p.equivalent) {
                Verdict::Equivalent
            } else {
                continue;
            };
            return (verdict, Some(seeds));
        }
        (Verdict::Open, None)
    }
}

/// The courses of claims under a design, for figures.
pub(crate) fn courses(claims: &[JudgedClaim]) -> Vec<ClaimCourse> {
    let with = |judged: &JudgedClaim| {
        let course = judged.course.as_ref()?;
        let compare = course.sequences.first().map(|sequence| sequence.compare).unwrap_or_default();
        let unit = &judged.unit;
        let shown = |value: f64| estimate(compare, value, None).0 * unit.scale;
        let lines = judged.comparisons.iter().zip(&course.sequences);
        let lines = lines.map(|((label, _), sequence)| sequence.line(label, unit));
        Some(ClaimCourse {
            compare: judged.claim.compare.to_string(),
            metric: judged.claim.compare.subject.metric.clone(),
            unit: unit.name.clone(),
            verdict: judged.verdict.words(),
            stopped_at: course.stopped_at,
            confidence: 1.0 - course.design.alpha,
            equal: shown(0.0),
            margin: course.margin.map(|m| Interval { low: shown(-m), high: shown(m) }),
            lines: lines.collect(),
        })
    };
    claims.iter().filter_map(with).collect()
}
