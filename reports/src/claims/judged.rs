//! A claim with its verdict and the evidence for it.

use experiments::schema::claim::{Claim, Measure, Quantity, Relation};

use super::course::Course;
use super::need::RowNeed;
use super::numbers::DifferenceUnit;
use super::verdict::Verdict;
use crate::comparison::{ClaimedDifference, Comparison, Finding};

/// A claim with its verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedClaim {
    pub(crate) claim: Claim,
    /// Over all comparisons; [`Verdict::NotMeasured`] if there are none.
    pub verdict: Verdict,
    /// The p-value of the claim, or of its opposite where the data point there, 1 for a claim that stays
    /// open; None if nothing could be tested. Under a design over all looks, of the likeliest verdict.
    pub p: Option<f64>,
    /// The same adjusted by Holm over all claims that have one; unchanged under a design with `family: each`.
    pub p_holm: Option<f64>,
    /// The comparisons behind the verdict, each with the label of the other row.
    pub comparisons: Vec<(String, Comparison)>,
    pub(crate) unit: DifferenceUnit,
    /// Sentences for readers: missing values, seeds left out, levels not reached.
    pub notes: Vec<String>,
    /// None without a design.
    pub course: Option<Course>,
}

impl JudgedClaim {
    /// The claim as the file words it.
    pub fn text(&self) -> &str {
        &self.claim.claim
    }

    /// Its comparison, `sr4.psnr > sr3.psnr`.
    pub fn comparison(&self) -> String {
        self.claim.compare.to_string()
    }

    /// The needs of an open claim, in sentences; empty without any.
    pub fn needs_text(&self) -> String {
        let needs = self.course.iter().flat_map(|course| &course.needs);
        needs.map(RowNeed::text).collect::<Vec<_>>().join(" ")
    }

    /// The difference of final values of one metric that it is about, if it is.
    pub(super) fn difference(&self) -> Option<ClaimedDifference> {
        let compare = &self.claim.compare;
        let (Relation::Below(other) | Relation::Above(other)) = &compare.relation else {
            return None;
        };
        let subject = &compare.subject;
        let is_final = |quantity: &Quantity| quantity.measure == Measure::Final;
        let is_of_one = is_final(subject) && is_final(other) && subject.metric == other.metric;
        is_of_one.then(|| ClaimedDifference {
            variants: [subject.variant.clone(), other.variant.clone()],
            metric: subject.metric.clone(),
            p_holm: self.p_holm.unwrap_or(1.0),
            finding: self.course.as_ref().map(|_| self.finding()),
        })
    }

    /// The verdict as one on the subject's difference from the other row.
    fn finding(&self) -> Finding {
        let is_below = matches!(self.claim.compare.relation, Relation::Below(_));
        match self.verdict {
            Verdict::Supported if is_below => Finding::Lower,
            Verdict::Refuted if is_below => Finding::Higher,
            Verdict::Supported => Finding::Higher,
            Verdict::Refuted => Finding::Lower,
            Verdict::Equivalent => Finding::Equivalent,
            _ => Finding::NotResolved,
        }
    }
}
