//! Keys of configs that look like misspelt ones. The config is in the worker's vocabulary, so that only
//! a likeness shows: a key that one place alone sets, one letter away from one that was there before.

use std::collections::{BTreeMap, BTreeSet};

use super::config::{Origin, Setting};
use crate::yaml::suggest::is_typo;

/// Keys beside each other; more were made by a program, and would take long to compare.
const MOST_SIBLINGS: usize = 1_000;

/// A place that sets keys: the shared config, a variant, the grid, a part of a profile, a `--set`.
pub(super) type Layer = Vec<Setting>;

/// A key that looks like another.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typo {
    /// The setting that has it.
    pub(super) origin: Origin,
    /// The number of keys of the setting's path that are below it.
    pub(super) below: usize,
    pub(super) key: String,
    pub(super) known: String,
}

struct Mentions<'a> {
    layers: BTreeSet<usize>,
    /// The first setting with the key, and its number among all.
    first: (usize, &'a Setting),
}

/// The typos in `layers`, in their order; nothing is compared with keys of later ones.
pub(super) fn typos(layers: &[Layer]) -> Vec<Typo> {
    let mut siblings: BTreeMap<&[String], BTreeMap<&str, Mentions>> = BTreeMap::new();
    let numbered = layers.iter().enumerate();
    let settings = numbered.flat_map(|(layer, of)| of.iter().map(move |setting| (layer, setting)));
    for (number, (layer, setting)) in settings.enumerate() {
        for (depth, key) in setting.path.iter().enumerate() {
            let keys = siblings.entry(&setting.path[..depth]).or_default();
            let mentions = Mentions { layers: BTreeSet::new(), first: (number, setting) };
            keys.entry(key).or_insert(mentions).layers.insert(layer);
        }
    }
    let mut typos = Vec::new();
    for (above, keys) in siblings.iter().filter(|(_, keys)| keys.len() <= MOST_SIBLINGS) {
        for (key, Mentions { layers, first: (number, setting) }) in keys {
            let known = keys.iter().filter(|(known, other)| {
                other.layers.first() < layers.first() && is_typo(key, known)
            });
            let known = known.min_by_key(|(_, other)| other.first.0);
            if let (1, Some((known, _))) = (layers.len(), known) {
                let (key, known) = ((*key).to_owned(), (*known).to_owned());
                let below = setting.path.len() - above.len() - 1;
                typos.push((*number, Typo { origin: setting.origin.clone(), below, key, known }));
            }
        }
    }
    typos.sort_by_key(|(number, _)| *number);
    typos.into_iter().map(|(_, typo)| typo).collect()
}
