//! The file's `grid` section: variants as combinations of values.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The values of each axis, by its key in the config, which may be a dotted path.
pub type Axes = IndexMap<String, Vec<Value>>;

/// Axes, and the combinations of their values that are variants.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Grid {
    /// Every value with every value; the last axis changes fastest.
    pub product: Axes,
    /// Groups of axes that change together: their first values, their second ones, and so on. A group
    /// is combined with everything before it, as one more axis.
    pub zip: Vec<Axes>,
    /// Removes all combinations that match one of these.
    pub exclude: Vec<Map<String, Value>>,
    /// Adds one variant for each of these, with exactly these settings.
    pub include: Vec<Map<String, Value>>,
}
