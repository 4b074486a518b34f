//! Claims: each comparison of the file with the verdict of the records. They are one family of tests.

use std::io;

use experiments::schema::claim::{Claim, Measure, Quantity, Relation};
use experiments::schema::report::{Better, Compare, Report};

use crate::comparison::{ClaimedDifference, Comparison, Family, Finding};
use crate::records::Records;
use crate::statistics::{CONFIDENCE, holm};

mod course;
mod design;
mod evidence;
mod latex;
mod measure;
mod need;
mod sequence;
#[cfg(test)]
mod simulation;
mod write;

use design::Design;
use evidence::{Evidence, Outcome, Test, evidence};
use measure::MeasuredQuantity;
use sequence::Sequence;

pub(crate) use course::courses;
pub use design::{Course, open_claims, rows_to_extend};
pub(crate) use latex::latex;
pub use need::RowNeed;
pub use sequence::Look;
pub(crate) use write::{details, json, markdown, method, terminal};

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
    /// Sentences for readers: missing values, seeds left out, levels not reached.
    pub notes: Vec<String>,
    /// None without a design.
    pub course: Option<Course>,
}

/// The verdict of the records on a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, at 95 % or the design's error rate.
    Supported,
    /// The opposite holds, likewise.
    Refuted,
    /// The difference lies within its margin, or for the best, no row is better by more; under a design.
    Equivalent,
    /// No look has shown it yet, nor the opposite; under a design.
    Open,
    /// There are too few seeds or items to tell.
    NotResolved,
    /// There is one checkpoint of each row, and it holds for these two.
    TrueOfCheckpoints,
    /// There is one checkpoint of each row, and the opposite holds for these two.
    FalseOfCheckpoints,
    /// There is one checkpoint of each row, and not even these two can be told apart.
    NotResolvedOfCheckpoints,
    /// A row that it names has no such value.
    NotMeasured,
}

impl Verdict {
    /// The verdict in words, for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Refuted => "refuted",
            Self::Equivalent => "equivalent",
            Self::Open => "open",
            Self::NotResolved => "not resolved at this n",
            Self::TrueOfCheckpoints => "these checkpoints only: it is so",
            Self::FalseOfCheckpoints => "these checkpoints only: it is not so",
            Self::NotResolvedOfCheckpoints => "these checkpoints only: not resolved",
            Self::NotMeasured => "not measured",
        }
    }
}

/// Judges every claim of the file. Their p-values are adjusted together by Holm's method, so that the chance
/// of even one false verdict is below 5 %. Fails if points that were spilled to disk cannot be read back, or
/// if the file's design is not valid.
pub fn judge(report: &Report, records: &Records) -> io::Result<Vec<JudgedClaim>> {
    if let Some(design) = &report.design {
        return Design::new(design)?.judge(report, records);
    }
    let compared = report.claims.iter().map(|claim| {
        let compared = ComparedClaim::new(claim, report, records, None)?;
        Ok((compared.evidence(), compared))
    });
    let compared: Vec<(Evidence, ComparedClaim)> = compared.collect::<io::Result<_>>()?;
    let p_values: Vec<f64> = compared.iter().filter_map(|(evidence, _)| evidence.p).collect();
    let mut adjusted = holm(&p_values).into_iter();
    let judged = compared.into_iter().map(|(evidence, claim)| {
        let p_holm = evidence.p.and_then(|_| adjusted.next());
        let holds = evidence.holds.filter(|_| p_holm.is_none_or(|p| p < 1.0 - CONFIDENCE));
        JudgedClaim {
            verdict: claim.verdict(holds),
            claim: claim.claim.clone(),
            p: evidence.p,
            p_holm,
            comparisons: claim.comparisons,
            notes: claim.notes,
            course: None,
        }
    });
    Ok(judged.collect())
}

/// The family of tests that the claims are; without any, each column of a table is one.
pub fn family(claims: &[JudgedClaim]) -> Family {
    if claims.is_empty() {
        return Family::Columns;
    }
    Family::Claims(claims.iter().filter_map(JudgedClaim::difference).collect())
}

impl JudgedClaim {
    /// The difference of final values of one metric that it is about, if it is.
    fn difference(&self) -> Option<ClaimedDifference> {
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

/// Name and label of the two rows of a comparison; None for a deterministic row.
type Pair = [Option<(String, String)>; 2];

/// A claim and the comparisons that it is about.
struct ComparedClaim<'a> {
    claim: &'a Claim,
    /// True if it says that the subject is the lower.
    below: bool,
    compare: Compare,
    comparisons: Vec<(String, Comparison)>,
    design: Option<&'a Design<'a>>,
    /// The design's margin, on the scale of the differences.
    margin: Option<f64>,
    /// Under a design, one for each of `comparisons`.
    sequences: Vec<Sequence>,
    /// The rows of each of `comparisons`.
    rows: Vec<Pair>,
    /// True if it is about a comparison that could not be made.
    is_open: bool,
    notes: Vec<String>,
}

impl<'a> ComparedClaim<'a> {
    fn new(
        claim: &'a Claim,
        report: &Report,
        records: &Records,
        design: Option<&'a Design<'a>>,
    ) -> io::Result<Self> {
        let subject = &claim.compare.subject;
        let mut columns = report.table.iter().flat_map(|table| &table.columns);
        let column = columns.find(|column| column.metric == subject.metric);
        let below = match &claim.compare.relation {
            Relation::Below(_) => true,
            Relation::Above(_) => false,
            Relation::Best => column.and_then(|column| column.better) == Some(Better::Lower),
        };
        // The column is about values of the metric, not about steps or seconds.
        let is_of_column = claim.compare.quantities().all(|quantity| {
            let is_value = !matches!(quantity.measure, Measure::Steps(_) | Measure::Seconds(_));
            is_value && quantity.metric == subject.metric
        });
        let compare = column.filter(|_| is_of_column).map(|c| c.compare).unwrap_or_default();
        let ours = MeasuredQuantity::new(subject, records)?;
        let mut compared = Self {
            claim,
            below,
            compare,
            comparisons: Vec::new(),
            design,
            margin: design
                .filter(|_| is_of_column)
                .and_then(|d| d.margin(&subject.metric, compare)),
            sequences: Vec::new(),
            rows: Vec::new(),
            is_open: false,
            notes: Vec::new(),
        };
        match &claim.compare.relation {
            Relation::Below(other) | Relation::Above(other) => {
                let theirs = MeasuredQuantity::new(other, records)?;
                let (ours, theirs, notes) = measure::resolve_censored(ours, theirs);
                compared.notes = notes;
                compared.add(&ours, &theirs);
                compared
                    .notes
                    .extend([&ours, &theirs].into_iter().filter_map(MeasuredQuantity::missing));
            }
            Relation::Best => compared.best(&ours, records)?,
        }
        Ok(compared)
    }

    /// Compares the subject with every other row of the run that has a value, or may yet have one.
    fn best(&mut self, ours: &MeasuredQuantity, records: &Records) -> io::Result<()> {
        let subject = &self.claim.compare.subject;
        self.notes.extend(ours.missing());
        let own = records.variants.iter().filter(|v| v.run.is_none());
        for other in own.filter(|v| v.name != subject.variant) {
            let theirs = MeasuredQuantity::of(other, subject)?;
            self.notes.extend(theirs.missing());
            let is_compared = self.add(ours, &theirs);
            if !is_compared && (!other.is_complete() || theirs.has_values()) && ours.has_values() {
                self.is_open = true;
                let label = &other.label;
                self.notes.push(format!(
                    "{label}: there is no finite value to compare with, so that the claim stays open."
                ));
            }
        }
        // A verdict over several seeds needs them of every row.
        let is_single = |comparison: &Comparison| comparison.has_single_seed();
        if self.comparisons.iter().any(|(_, comparison)| !is_single(comparison)) {
            let single = self.comparisons.iter().filter(|(_, comparison)| is_single(comparison));
            let notes: Vec<String> = single.map(|(label, _)| single_seed_note(label)).collect();
            self.is_open |= !notes.is_empty();
            self.notes.extend(notes);
        }
        Ok(())
    }

    /// True if there is a pair of values.
    fn add(&mut self, ours: &MeasuredQuantity, theirs: &MeasuredQuantity) -> bool {
        let comparison =
            Comparison::new(&ours.observations(), &theirs.observations(), self.compare);
        let Some(comparison) = comparison else { return false };
        self.comparisons.push((theirs.label.clone(), comparison));
        self.rows.push(
            [ours, theirs]
                .map(|row| (!row.deterministic).then(|| (row.name.to_owned(), row.label.clone()))),
        );
        self.sequences
            .extend(self.design.map(|design| {
                Sequence::new(ours, theirs, self.compare, design.rules(self.margin))
            }));
        true
    }

    /// True if no row has more than one seed.
    fn is_of_checkpoints(&self) -> bool {
        self.comparisons.iter().all(|(_, comparison)| comparison.has_single_seed())
    }

    fn evidence(&self) -> Evidence {
        let of_checkpoints = self.is_of_checkpoints();
        let counts = |c: &&Comparison| of_checkpoints || !c.has_single_seed();
        let counted = self.comparisons.iter().map(|(_, comparison)| comparison).filter(counts);
        let outcomes: Vec<Outcome> = counted.map(|c| self.outcome(c)).collect();
        evidence(&outcomes, self.is_open || outcomes.is_empty())
    }

    fn outcome(&self, comparison: &Comparison) -> Outcome {
        let difference = comparison.paired.difference;
        let is_zero = difference.abs() <= f64::EPSILON;
        let test = match comparison.p() {
            Some(p) => Test::P(p),
            None if comparison.has_single_seed() => Test::Fact,
            None => Test::None,
        };
        Outcome { favours: (!is_zero).then_some((difference < 0.0) == self.below), test }
    }

    fn verdict(&self, holds: Option<bool>) -> Verdict {
        if self.comparisons.is_empty() {
            return Verdict::NotMeasured;
        }
        match (self.is_of_checkpoints(), holds) {
            (false, Some(true)) => Verdict::Supported,
            (false, Some(false)) => Verdict::Refuted,
            (false, None) => Verdict::NotResolved,
            (true, Some(true)) => Verdict::TrueOfCheckpoints,
            (true, Some(false)) => Verdict::FalseOfCheckpoints,
            (true, None) => Verdict::NotResolvedOfCheckpoints,
        }
    }
}

fn single_seed_note(label: &str) -> String {
    format!(
        "{label} has one seed in common, so that the claim stays open: run it with more, or write \
         `deterministic: true` if its results do not depend on the seed."
    )
}
