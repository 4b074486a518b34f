//! Names and labels of a grid's variants: the values that they set.

use std::collections::BTreeSet;

use serde_json::Value;

use super::combinations::Point;
use crate::schema::grid::Grid;

/// Names variants; needs every key that the grid sets, to shorten them without ambiguity.
pub(super) struct Naming<'a> {
    keys: BTreeSet<&'a str>,
}

impl<'a> Naming<'a> {
    pub(super) fn new(grid: &'a Grid) -> Self {
        let axes = grid.product.keys().chain(grid.zip.iter().flat_map(|group| group.keys()));
        let added = grid.include.iter().flat_map(|settings| settings.keys());
        Self { keys: axes.chain(added).map(String::as_str).collect() }
    }

    /// `width-16-rate-0_001`, a file name unless it is too long.
    pub(super) fn name(&self, point: &Point) -> String {
        let mut parts = Vec::new();
        for choice in point {
            parts.push(sanitized(self.short(choice.key)));
            parts.push(sanitized(&text_of(choice.value)));
        }
        parts.join("-")
    }

    /// `width 16, rate 0.001`.
    pub(super) fn label(&self, point: &Point) -> String {
        let mut parts = Vec::new();
        for choice in point {
            parts.push(format!("{} {}", self.short(choice.key), text_of(choice.value)));
        }
        parts.join(", ")
    }

    /// The last part of a dotted path; the whole path if another one ends in the same part.
    fn short<'k>(&self, key: &'k str) -> &'k str {
        let is_unique =
            self.keys.iter().all(|other| *other == key || last_part(other) != last_part(key));
        if is_unique { last_part(key) } else { key }
    }
}

fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// A string without its quotes; anything else as JSON.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Each run of characters that a file name cannot have becomes one `_`.
fn sanitized(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}
