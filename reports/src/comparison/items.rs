//! The values of single items of two rows, paired by name.

use std::collections::{BTreeMap, BTreeSet};

use crate::records::ItemValues;

/// Items that a comparison does not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LeftOutItems {
    pub(crate) count: usize,
    /// All items that some seed of either row has.
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
    /// The items that every seed of both rows has, if the values to compare are their means. A pair
    /// has None for a seed without items.
    pub(super) fn new(pairs: &[[Option<ItemValues>; 2]]) -> Self {
        let known: Vec<ItemValues> = pairs.as_flattened().iter().copied().flatten().collect();
        let all: BTreeSet<&String> = known.iter().flat_map(|items| items.values.keys()).collect();
        // A single item is no set to vary over.
        if all.len() < 2 {
            return Self::default();
        }
        let is_shared = |item: &&String| known.iter().all(|items| items.values.contains_key(*item));
        let shared: Vec<&String> = all.iter().copied().filter(is_shared).collect();
        let reason = if known.iter().any(|items| !items.mean_is_result) {
            "their mean is not the result"
        } else if known.len() < 2 * pairs.len() {
            "not every seed has items"
        } else if shared.len() < 2 {
            "the seeds share less than two of them"
        } else {
            let count = all.len() - shared.len();
            let reason = "not every seed of both rows has a value of them";
            let left_out = (count > 0).then_some(LeftOutItems { count, of: all.len(), reason });
            let values = known.iter().map(|items| of_items(items.values, &shared));
            let values: Vec<Vec<f64>> = values.collect();
            let differences = values.chunks(2).map(|pair| differences(&pair[0], &pair[1]));
            return Self { differences: differences.collect(), left_out };
        };
        let left_out = LeftOutItems { count: all.len(), of: all.len(), reason };
        Self { differences: Vec::new(), left_out: Some(left_out) }
    }
}

fn of_items(values: &BTreeMap<String, f64>, items: &[&String]) -> Vec<f64> {
    items.iter().map(|item| values[*item]).collect()
}

fn differences(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(a, b)| a - b).collect()
}

impl LeftOutItems {
    /// `100 of 540 items left out: their mean is not the result`.
    pub(crate) fn text(self) -> String {
        let Self { count, of, reason } = self;
        format!("{count} of {of} items left out: {reason}")
    }
}
