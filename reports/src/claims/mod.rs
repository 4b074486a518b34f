//! Claims: each comparison of the file with what the records say of it.

use std::io;

use experiments::schema::claim::{Claim, Relation};
use experiments::schema::report::{Better, Report};

use crate::comparison::{Comparison, Finding, correct};
use crate::records::{Records, Variant};

mod measure;
mod write;

use measure::Measured;
pub(crate) use write::{METHOD, details, json, markdown, terminal};

/// A claim and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The claim.
    pub claim: Claim,
    /// What the records say.
    pub verdict: Verdict,
    /// What the verdict rests on, by the label of the other row.
    pub comparisons: Vec<(String, Comparison)>,
    /// What a reader must know beside.
    pub notes: Vec<String>,
}

/// What the records say of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is so, at 95 %.
    Supported,
    /// The opposite is so, at 95 %.
    Refuted,
    /// There are too few seeds or items to tell.
    NotResolved,
    /// There is one checkpoint of each row, and of these two it is so.
    TrueOfCheckpoints,
    /// Of the two checkpoints the opposite is so.
    FalseOfCheckpoints,
    /// Not even these two can be told apart.
    NotResolvedOfCheckpoints,
    /// A row that it names has no such value.
    NotMeasured,
}

impl Verdict {
    /// In words, for people.
    pub fn words(self) -> &'static str {
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

/// Judges every claim of the file. An error is of points that were put aside and are lost.
pub fn judge(report: &Report, records: &Records) -> io::Result<Vec<Judged>> {
    report.claims.iter().map(|claim| Judged::new(claim, report, records)).collect()
}

impl Judged {
    fn new(claim: &Claim, report: &Report, records: &Records) -> io::Result<Self> {
        let subject = &claim.compare.subject;
        match &claim.compare.relation {
            Relation::Below(other) | Relation::Above(other) => {
                let below = matches!(claim.compare.relation, Relation::Below(_));
                let ours = Measured::new(subject, records)?;
                let theirs = Measured::new(other, records)?;
                let (ours, theirs, mut notes) = measure::settle(ours, theirs);
                let comparison = Comparison::new(&ours.values(), &theirs.values());
                notes.extend([&ours, &theirs].into_iter().filter_map(Measured::missing));
                let verdict = comparison
                    .as_ref()
                    .map_or(Verdict::NotMeasured, |c| one(c, wanted(c.finding(), c, below)));
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

    /// Whether the subject is better than every other row of the run that has a value.
    fn best(claim: &Claim, below: bool, records: &Records) -> io::Result<Self> {
        let subject = &claim.compare.subject;
        let ours = Measured::new(subject, records)?;
        let own = records.variants.iter().filter(|v| v.run.is_none());
        let others = own.filter(|v| v.name != subject.variant);
        let mut comparisons: Vec<(String, Comparison)> = Vec::new();
        let mut notes: Vec<String> = ours.missing().into_iter().collect();
        for other in others {
            let theirs = Measured::of(other, subject)?;
            notes.extend(theirs.missing());
            let comparison = Comparison::new(&ours.values(), &theirs.values());
            comparisons.extend(comparison.map(|c| (theirs.label.clone(), c)));
        }
        correct(comparisons.iter_mut().map(|(_, comparison)| comparison));
        let verdicts: Vec<Verdict> =
            comparisons.iter().map(|(_, c)| one(c, wanted(c.finding(), c, below))).collect();
        Ok(Self { claim: claim.clone(), verdict: all(&verdicts), comparisons, notes })
    }
}

/// Whether a difference is on the side that the claim says; none if it cannot be told.
fn wanted(finding: Finding, comparison: &Comparison, below: bool) -> Option<bool> {
    let is_below = match finding {
        Finding::Lower => true,
        Finding::Higher => false,
        Finding::NotResolved => return None,
        // Two checkpoints are what they are, even where there is nothing to test.
        Finding::TooFew | Finding::NoVariance => {
            let difference = comparison.paired.difference;
            if !comparison.of_checkpoints_only() || difference.abs() <= f64::EPSILON {
                return None;
            }
            difference < 0.0
        }
    };
    Some(is_below == below)
}

fn one(comparison: &Comparison, holds: Option<bool>) -> Verdict {
    match (comparison.of_checkpoints_only(), holds) {
        (false, Some(true)) => Verdict::Supported,
        (false, Some(false)) => Verdict::Refuted,
        (false, None) => Verdict::NotResolved,
        (true, Some(true)) => Verdict::TrueOfCheckpoints,
        (true, Some(false)) => Verdict::FalseOfCheckpoints,
        (true, None) => Verdict::NotResolvedOfCheckpoints,
    }
}

/// The verdict over comparisons that must all hold.
fn all(verdicts: &[Verdict]) -> Verdict {
    use Verdict as V;
    let any = |verdict| verdicts.contains(&verdict);
    let seeds = any(V::Supported) || any(V::Refuted) || any(V::NotResolved);
    if verdicts.is_empty() {
        V::NotMeasured
    } else if any(V::Refuted) {
        V::Refuted
    } else if seeds {
        let open = [V::NotResolved, V::FalseOfCheckpoints, V::NotResolvedOfCheckpoints];
        if open.into_iter().any(any) { V::NotResolved } else { V::Supported }
    } else if any(V::FalseOfCheckpoints) {
        V::FalseOfCheckpoints
    } else if any(V::NotResolvedOfCheckpoints) {
        V::NotResolvedOfCheckpoints
    } else {
        V::TrueOfCheckpoints
    }
}

/// The variant of that name.
fn variant<'a>(records: &'a Records, name: &str) -> Option<&'a Variant> {
    records.variants.iter().find(|variant| variant.name == name)
}
