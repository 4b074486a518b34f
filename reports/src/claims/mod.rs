//! Claims: each comparison of the file with the verdict of the records.

use std::io;

use experiments::schema::claim::{Claim, Relation};
use experiments::schema::report::{Better, Report};

use crate::comparison::{Comparison, Finding, adjust_p_values};
use crate::records::Records;

mod measure;
mod write;

use measure::MeasuredQuantity;
pub(crate) use write::{METHOD, details, json, markdown, terminal};

/// A claim with its verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedClaim {
    pub(crate) claim: Claim,
    /// Over all comparisons; [`Verdict::NotMeasured`] if there are none.
    pub verdict: Verdict,
    /// The comparisons behind the verdict, each with the label of the other row.
    pub comparisons: Vec<(String, Comparison)>,
    /// Sentences for readers: missing values, seeds left out, levels not reached.
    pub notes: Vec<String>,
}

/// The verdict of the records on a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, at 95 %.
    Supported,
    /// The opposite holds, at 95 %.
    Refuted,
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
            Self::NotResolved => "not resolved at this n",
            Self::TrueOfCheckpoints => "these checkpoints only: it is so",
            Self::FalseOfCheckpoints => "these checkpoints only: it is not so",
            Self::NotResolvedOfCheckpoints => "these checkpoints only: not resolved",
            Self::NotMeasured => "not measured",
        }
    }
}

/// Judges every claim of the file. Fails if points that were spilled to disk cannot be read back.
pub fn judge(report: &Report, records: &Records) -> io::Result<Vec<JudgedClaim>> {
    report.claims.iter().map(|claim| JudgedClaim::new(claim, report, records)).collect()
}

impl JudgedClaim {
    fn new(claim: &Claim, report: &Report, records: &Records) -> io::Result<Self> {
        let subject = &claim.compare.subject;
        match &claim.compare.relation {
            Relation::Below(other) | Relation::Above(other) => {
                let below = matches!(claim.compare.relation, Relation::Below(_));
                let ours = MeasuredQuantity::new(subject, records)?;
                let theirs = MeasuredQuantity::new(other, records)?;
                let (ours, theirs, mut notes) = measure::resolve_censored(ours, theirs);
                let comparison = Comparison::new(&ours.observations(), &theirs.observations());
                notes.extend([&ours, &theirs].into_iter().filter_map(MeasuredQuantity::missing));
                let verdict = comparison
                    .as_ref()
                    .map_or(Verdict::NotMeasured, |c| verdict(c, holds(c, below)));
                let comparisons = comparison.map(|c| (theirs.label.clone(), c)).into_iter();
                let comparisons = comparisons.collect();
                Ok(Self { claim: claim.clone(), verdict, comparisons, notes })
            }
            Relation::Best => {
                let columns = report.table.iter().flat_map(|table| &table.columns);
                let column = columns.into_iter().find(|column| column.metric == subject.metric);
                let below = column.and_then(|column| column.better) == Some(Better::Lower);
                Self::best(claim, below, records)
            }
        }
    }

    /// Compares the subject with every other row of the run that has a value.
    fn best(claim: &Claim, below: bool, records: &Records) -> io::Result<Self> {
        let subject = &claim.compare.subject;
        let ours = MeasuredQuantity::new(subject, records)?;
        let own = records.variants.iter().filter(|v| v.run.is_none());
        let others = own.filter(|v| v.name != subject.variant);
        let mut comparisons: Vec<(String, Comparison)> = Vec::new();
        let mut notes: Vec<String> = ours.missing().into_iter().collect();
        for other in others {
            let theirs = MeasuredQuantity::of(other, subject)?;
            notes.extend(theirs.missing());
            let comparison = Comparison::new(&ours.observations(), &theirs.observations());
            comparisons.extend(comparison.map(|c| (theirs.label.clone(), c)));
        }
        adjust_p_values(comparisons.iter_mut().map(|(_, comparison)| comparison));
        let verdicts: Vec<Verdict> =
            comparisons.iter().map(|(_, c)| verdict(c, holds(c, below))).collect();
        Ok(Self { claim: claim.clone(), verdict: verdict_over_all(&verdicts), comparisons, notes })
    }
}

/// True if the difference has the claimed sign, false if the opposite; None if it is not resolved.
fn holds(comparison: &Comparison, below: bool) -> Option<bool> {
    let is_below = match comparison.finding() {
        Finding::Lower => true,
        Finding::Higher => false,
        Finding::NotResolved => return None,
        // Of two checkpoints the difference is a fact, even where there is nothing to test.
        Finding::TooFew | Finding::NoVariance => {
            let difference = comparison.paired.difference;
            if !comparison.has_single_seed() || difference.abs() <= f64::EPSILON {
                return None;
            }
            difference < 0.0
        }
    };
    Some(is_below == below)
}

fn verdict(comparison: &Comparison, holds: Option<bool>) -> Verdict {
    match (comparison.has_single_seed(), holds) {
        (false, Some(true)) => Verdict::Supported,
        (false, Some(false)) => Verdict::Refuted,
        (false, None) => Verdict::NotResolved,
        (true, Some(true)) => Verdict::TrueOfCheckpoints,
        (true, Some(false)) => Verdict::FalseOfCheckpoints,
        (true, None) => Verdict::NotResolvedOfCheckpoints,
    }
}

/// The verdict of a claim that must hold in every comparison.
fn verdict_over_all(verdicts: &[Verdict]) -> Verdict {
    use Verdict as V;
    let any = |verdict| verdicts.contains(&verdict);
    let is_tested = any(V::Supported) || any(V::Refuted) || any(V::NotResolved);
    if verdicts.is_empty() {
        V::NotMeasured
    } else if any(V::Refuted) {
        V::Refuted
    } else if is_tested {
        let unresolved = [V::NotResolved, V::FalseOfCheckpoints, V::NotResolvedOfCheckpoints];
        if unresolved.into_iter().any(any) { V::NotResolved } else { V::Supported }
    } else if any(V::FalseOfCheckpoints) {
        V::FalseOfCheckpoints
    } else if any(V::NotResolvedOfCheckpoints) {
        V::NotResolvedOfCheckpoints
    } else {
        V::TrueOfCheckpoints
    }
}
