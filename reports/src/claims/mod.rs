//! Claims: each comparison of the file with the verdict of the records. They are one family of tests.

use std::{io, iter};

use experiments::schema::report::Report;

use crate::comparison::Family;
use crate::records::Records;
use crate::statistics::{CONFIDENCE, holm};

mod badge;
mod compared;
mod cost;
mod course;
mod design;
mod evidence;
mod expected;
mod extension;
mod judged;
mod latex;
mod measure;
mod need;
mod numbers;
mod power;
mod rules;
mod sequence;
#[cfg(test)]
mod simulation;
mod summary;
mod verdict;
mod write;

use compared::ComparedClaim;
use evidence::Evidence;
use rules::Rules;

pub use badge::badge;
pub use course::Course;
pub(crate) use design::courses;
pub use expected::{ClaimVerdict, verdicts};
pub use extension::{Extension, extensions, seconds_until};
pub use judged::JudgedClaim;
pub(crate) use latex::latex;
pub use need::RowNeed;
pub use power::{ClaimPower, POWERS, PairPower, PowerPlan, power};
pub use sequence::{Look, Sequence};
pub use verdict::Verdict;
pub use write::{details, method_of};
pub(crate) use write::{json, markdown, method, terminal};

/// Judges every claim of the file. Their p-values are adjusted together by Holm's method, so that the chance
/// of even one false verdict is below 5 %. Fails if points that were spilled to disk cannot be read back, or
/// if the file's design is not valid.
pub fn judge(report: &Report, records: &Records) -> io::Result<Vec<JudgedClaim>> {
    if let Some(design) = &report.design {
        return Rules::new(design)?.judge(report, records);
    }
    let compared = report.claims.iter().map(|claim| {
        let compared = ComparedClaim::new(claim, report, records, None)?;
        Ok((compared.evidence(), compared))
    });
    let compared: Vec<(Evidence, ComparedClaim)> = compared.collect::<io::Result<_>>()?;
    // One that has no test yet, and may get one, counts as well: the data do not choose the family.
    let pending = compared
        .iter()
        .filter(|(evidence, claim)| evidence.p.is_none() && !claim.is_of_deterministic_rows());
    let pending = iter::repeat_n(1.0, pending.count());
    let tested = compared.iter().filter_map(|(evidence, _)| evidence.p);
    let mut adjusted = holm(&tested.chain(pending).collect::<Vec<_>>()).into_iter();
    let judged = compared.into_iter().map(|(evidence, claim)| {
        let p_holm = evidence.p.and_then(|_| adjusted.next());
        let holds = evidence.holds.filter(|_| p_holm.is_none_or(|p| p < 1.0 - CONFIDENCE));
        JudgedClaim {
            verdict: claim.verdict(holds),
            claim: claim.claim.clone(),
            p: evidence.p,
            p_holm,
            comparisons: claim.comparisons,
            unit: claim.unit,
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
