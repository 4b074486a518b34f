//! The file's `report.design`: the numbers of seeds after which the claims are judged, fixed before the
//! first result, and the error rate over all of these looks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The fewest seeds that a claim is judged after: two trainings are too little evidence that a third would
/// agree.
pub const FIRST_LOOK: usize = 3;

/// The most seeds that a claim is judged after; the level of looks is simulated.
pub const LAST_LOOK: usize = 200;

/// Looks between the first and the last number of seeds, both included.
const LOOKS_OF_SPAN: u32 = 5;

/// A design under which claims are judged again as seeds are added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Design {
    /// The chance of a false verdict, over all looks.
    #[serde(default = "five_percent")]
    pub alpha: f64,
    /// The kind of test.
    #[serde(default)]
    pub method: Method,
    /// The numbers of seeds after which a group-sequential design looks, rising.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<usize>,
    /// The first and the last of them, in place of [`Design::looks`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<SeedSpan>,
    /// The tests that share [`Design::alpha`].
    #[serde(default)]
    pub family: Family,
    /// By metric, in its own unit, the difference that is too small to matter; of a metric that is
    /// compared by ratio, the relative one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub margin: BTreeMap<String, f64>,
}

/// A way to keep the error rate over several looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A stated list of looks with one nominal level.
    #[default]
    GroupSequential,
    /// An e-process: looks after every seed, without a last one.
    Anytime,
}

/// The first and the last number of seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeedSpan {
    /// Seeds of every row before the first look.
    pub first: usize,
    /// Seeds of a row at most.
    pub most: usize,
}

/// The tests that share one error rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// All claims of the file, by Holm's method.
    #[default]
    Claims,
    /// Each claim by itself.
    Each,
}

impl Design {
    /// The numbers of seeds of a group-sequential design's looks, rising; empty for an anytime-valid one. Of
    /// a span, five in equal ratios, rounded: 3, 5, 8, 12 and 20 for 3 to 20.
    pub fn looks(&self) -> Vec<usize> {
        let Some(SeedSpan { first, most }) = self.seeds else { return self.looks.clone() };
        let ratio = most as f64 / first as f64;
        let share = |look: u32| f64::from(look) / f64::from(LOOKS_OF_SPAN - 1);
        let look = |look| (first as f64 * ratio.powf(share(look))).round() as usize;
        let mut looks: Vec<usize> = (0..LOOKS_OF_SPAN).map(look).collect();
        looks.dedup();
        looks
    }
}

fn five_percent() -> f64 {
    0.05
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(first: usize, most: usize) -> Vec<usize> {
        let seeds = serde_json::json!({"seeds": {"first": first, "most": most}});
        serde_json::from_value::<Design>(seeds).unwrap().looks()
    }

    #[test]
    fn a_span_has_five_looks_or_as_many_as_fit() {
        assert_eq!(looks(3, 20), [3, 5, 8, 12, 20]);
        assert_eq!(looks(5, 100), [5, 11, 22, 47, 100]);
        assert_eq!(looks(3, 5), [3, 4, 5]);
        assert_eq!(looks(8, 8), [8]);
    }

    #[test]
    fn what_is_not_written_has_its_default() {
        let design: Design = serde_json::from_str(r#"{"looks": [3, 6]}"#).unwrap();
        assert_eq!((design.alpha, design.method), (0.05, Method::GroupSequential));
        assert_eq!((design.family, design.looks()), (Family::Claims, vec![3, 6]));
        let written = serde_json::to_string(&design).unwrap();
        assert_eq!(serde_json::from_str::<Design>(&written).unwrap(), design);
    }
}
