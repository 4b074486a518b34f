//! The values of single items of two rows, paired by name.

use std::collections::{BTreeMap, BTreeSet};

use experiments::schema::report::Compare;

use super::scale::Scale;
use crate::records::ItemValues;

/// Names that a sentence lists.
const LISTED: usize = 8;

/// Items that a comparison does not use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LeftOutItems {
    /// Sorted.
    pub(crate) names: Vec<String>,
    /// The count of all items that some seed of either row has.
    pub(crate) of: usize,
    /// The rest of a sentence.
    pub(crate) reason: &'static str,
}

/// Differences by seed and item, and the items that are left out.
#[derive(Debug, Default)]
pub(super) struct PairedItems {
    /// A row for each seed, all with two items or more; empty if items cannot be paired.
    pub(super) differences: Vec<Vec<f64>>,
    pub(super) left_out: Option<LeftOutItems>,
}

impl PairedItems {
    /// The items of which every seed of both rows has a value on the scale, if the values to compare are their means. A pair
    /// has None for a seed without items.
    pub(super) fn new(pairs: &[[Option<ItemValues>; 2]], scale: Scale) -> Self {
        let known: Vec<ItemValues> = pairs.as_flattened().iter().copied().flatten().collect();
        let all: BTreeSet<&String> = known.iter().flat_map(|items| items.values.keys()).collect();
        // A single item is no set to vary over.
        if all.len() < 2 {
            return Self::default();
        }
        let of = all.len();
        let is_shared = |item: &String| {
            known.iter().all(|items| items.values.get(item).is_some_and(|v| scale.has(*v)))
        };
        let (shared, others): (Vec<&String>, Vec<&String>) =
            all.into_iter().partition(|item| is_shared(item));
        let reason = if known.iter().any(|items| !items.mean_is_result) {
            "their mean is not the result"
        } else if known.len() < 2 * pairs.len() {
            "not every seed has items"
        } else if shared.len() < 2 {
            "the seeds share less than two of them"
        } else {
            let reason = match scale.0 {
                Compare::Difference => "not every seed of both rows has a finite value of them",
                Compare::Ratio => "not every seed of both rows has a positive value of them",
            };
            let left_out =
                (!others.is_empty()).then(|| LeftOutItems { names: cloned(&others), of, reason });
            let values = known.iter().map(|items| of_items(items.values, &shared, scale));
            let values: Vec<Vec<f64>> = values.collect();
            let differences = values.chunks(2).map(|pair| differences(&pair[0], &pair[1]));
            return Self { differences: differences.collect(), left_out };
        };
        let mut names = cloned(&[shared, others].concat());
        names.sort();
        let left_out = LeftOutItems { names, of, reason };
        Self { differences: Vec::new(), left_out: Some(left_out) }
    }
}

fn of_items(values: &BTreeMap<String, f64>, items: &[&String], scale: Scale) -> Vec<f64> {
    items.iter().map(|item| scale.of(values[*item])).collect()
}

fn differences(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(a, b)| a - b).collect()
}

fn cloned(names: &[&String]) -> Vec<String> {
    names.iter().map(|name| (*name).clone()).collect()
}

impl LeftOutItems {
    /// `2 of 540 items left out (0017, 0301): not every seed of both rows has a finite value of them`.
    pub(crate) fn text(&self) -> String {
        let Self { names, of, reason } = self;
        let listed = if names.len() == *of { String::new() } else { format!(" ({})", list(names)) };
        format!("{} of {of} items left out{listed}: {reason}", names.len())
    }
}

/// The first names, and the count of the others.
fn list(names: &[String]) -> String {
    let shown = names.len().min(LISTED);
    let more = names.len() - shown;
    let shown = names[..shown].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
