//! The next seeds under a design: the rows of the claims that are open, up to each claim's next look.

use std::collections::BTreeMap;

use super::cost::RowCosts;
use super::judged::JudgedClaim;
use super::verdict::Verdict;
use crate::records::Records;

/// The seeds that take an open claim to its next look.
#[derive(Debug, Clone, PartialEq)]
pub struct Extension {
    /// The claim's position in the file.
    pub claim: usize,
    /// Seeds in all by the names of the rows that it needs them of.
    pub rows: BTreeMap<String, usize>,
    /// Seconds of training until the claim will be resolved, by the present estimate of its needs; infinite
    /// where no trial has told how long it takes.
    pub seconds_to_resolve: f64,
}

/// The extensions of the open claims that more seeds can resolve; first the ones that will be resolved at
/// the least cost.
pub fn extensions(judged: &[JudgedClaim], records: &Records) -> Vec<Extension> {
    let costs = RowCosts::new(records);
    let open = judged.iter().enumerate().filter(|(_, claim)| claim.verdict == Verdict::Open);
    let extensions = open.filter_map(|(claim, judged)| {
        let needs = &judged.course.as_ref()?.needs;
        let (mut rows, mut in_all) = (BTreeMap::new(), BTreeMap::new());
        for need in needs {
            let look = need.next_look?;
            for (name, _) in &need.rows {
                largest(&mut rows, name, look);
                largest(&mut in_all, name, need.seeds().unwrap_or(look).max(look));
            }
        }
        let in_all = in_all.iter().map(|(name, seeds)| (name.as_str(), *seeds));
        let seconds_to_resolve = costs.seconds(in_all).unwrap_or(f64::INFINITY);
        (!rows.is_empty()).then_some(Extension { claim, rows, seconds_to_resolve })
    });
    let mut extensions: Vec<_> = extensions.collect();
    extensions.sort_by(|a, b| a.seconds_to_resolve.total_cmp(&b.seconds_to_resolve));
    extensions
}

/// Seconds of training until each of `rows` has so many seeds; `None` if no trial has told how long it takes.
pub fn seconds_until(rows: &BTreeMap<String, usize>, records: &Records) -> Option<f64> {
    RowCosts::new(records).seconds(rows.iter().map(|(name, seeds)| (name.as_str(), *seeds)))
}

fn largest(rows: &mut BTreeMap<String, usize>, name: &str, seeds: usize) {
    let most = rows.entry(name.to_owned()).or_insert(seeds);
    *most = seeds.max(*most);
}
