//! The report's table in a paper.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The part of the table that a paper shows, and its width there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatexTable {
    /// Metrics whose columns it shows, in the table's order; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The width that it fits in; a column if absent and it fits in one as a whole, else the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<LatexWidth>,
}

/// The width of a float in LaTeX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LatexWidth {
    /// The page: `table*`, which is `table` where there is one column.
    Page,
    /// A column of a page with two.
    Column,
}
