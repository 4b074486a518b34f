//! What the variants of a grid are called: by the values that they set.

use std::collections::BTreeSet;

use serde_json::Value;

use super::combinations::Point;
use crate::schema::grid::Grid;

/// Knows all keys that a grid sets.
pub(super) struct Names<'a> {
    keys: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn new(grid: &'a Grid) -> Self {
        let axes = grid.product.keys().chain(grid.zip.iter().flat_map(|group| group.keys()));
        let added = grid.include.iter().flat_map(|settings| settings.keys());
        Self { keys: axes.chain(added).map(String::as_str).collect() }
    }

    /// `width-16-rate-0_001`: a name makes a folder.
    pub(super) fn name(&self, point: &Point) -> String {
        let part = |key: &str, value: &Value| {
            format!("{}-{}", plain(self.short(key)), plain(&shown(value)))
        };
        point.iter().map(|choice| part(choice.key, choice.value)).collect::<Vec<_>>().join("-")
    }

    /// `width 16, rate 0.001`.
    pub(super) fn label(&self, point: &Point) -> String {
        let part = |key: &str, value: &Value| format!("{} {}", self.short(key), shown(value));
        point.iter().map(|choice| part(choice.key, choice.value)).collect::<Vec<_>>().join(", ")
    }

    /// The last part of a dotted path, where no other ends in it.
    fn short<'k>(&self, key: &'k str) -> &'k str {
        let last = |key: &'k str| key.rsplit('.').next().unwrap_or(key);
        let is_alone = self
            .keys
            .iter()
            .all(|other| *other == key || other.rsplit('.').next() != Some(last(key)));
        if is_alone { last(key) } else { key }
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// With `_` for every run of what names cannot have.
fn plain(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words = text.split(|c| !allowed(c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}
