//! The file's `report` section: a table, figures and claims, which `reports` makes from the records
//! alone.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::claim::{Claim, Comparison, Relation};
use crate::schema::design::Design;
use crate::schema::file_name::FILE_NAME;

pub use crate::schema::better::Better;
pub use crate::schema::curve::{Band, Curve, Reference, Scale, X};
pub use crate::schema::figure::{Bars, Figure, Images, Scatter, Sequence, TablePicture};
pub use crate::schema::figure_size::{FigureSize, Limits, SvgText};
pub use crate::schema::latex_table::{LatexTable, LatexWidth};

/// The output of `orch report`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The table; its rows are the variants in the file's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
    /// The figures, drawn in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
    /// Text in their SVGs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub svg_text: SvgText,
    /// The paper's statements about its rows, checked against the records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// The design under which claims are judged again as seeds are added; without one, a test for a number
    /// of seeds that is decided beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub design: Option<Design>,
}

impl Report {
    /// The comparisons of the claims, with all else in the file that decides what they compare: what is to be
    /// stated before the first result.
    pub fn stated_claims(&self) -> Vec<String> {
        self.claims.iter().map(|claim| self.stated(&claim.compare)).collect()
    }

    fn stated(&self, compare: &Comparison) -> String {
        let columns = self.table.iter().flat_map(|table| &table.columns);
        let column = columns.clone().find(|column| column.metric == compare.subject.metric);
        let by_ratio = column.is_some_and(|column| column.compare == Compare::Ratio);
        let lowest = compare.relation == Relation::Best
            && column.is_some_and(|column| column.better == Some(Better::Lower));
        let words = compare.to_string();
        let mut text = words.split_whitespace().collect::<Vec<_>>().join(" ");
        text.push_str(if lowest { " (lowest)" } else { "" });
        text.push_str(if by_ratio { " (by ratio)" } else { "" });
        text
    }
}

/// A table of final values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// File name without extension, for example `table1`.
    #[schemars(regex(pattern = FILE_NAME))]
    pub name: String,
    /// First sentence of the caption. The profile's own caption follows it.
    #[serde(default)]
    pub title: String,
    /// The columns, left to right.
    pub columns: Vec<Column>,
    /// Average over a row's seeds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub center: Center,
    /// Spread of a row's seeds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub spread: Spread,
    /// The variant that all others are compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// The paper's value by variant and metric, in the metric's own unit (before
    /// `scale`); shown beside ours, without digits that the paper did not print.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub paper: IndexMap<String, BTreeMap<String, f64>>,
    /// Sentences below the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The table in a paper.
    #[serde(default, skip_serializing_if = "is_default")]
    pub latex: LatexTable,
}

/// An average of the values of several seeds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Center {
    /// Their arithmetic mean.
    #[default]
    Mean,
    /// Their interquartile mean.
    Iqm,
}

/// A measure of the spread of several seeds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Spread {
    /// Their sample standard deviation.
    #[default]
    Sd,
    /// A bootstrap interval of their average.
    Interval,
}

/// The way in which two rows' values of a metric are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// By their difference.
    #[default]
    Difference,
    /// By their ratio: the differences are those of logarithms. For positive values that are skewed, such
    /// as errors and times.
    Ratio,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One metric of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Name in the worker's `result`.
    pub metric: String,
    /// Heading; the metric's name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Unit, shown in the heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Direction in which it improves; the best value is bold. Absent for plain facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<Better>,
    /// Comparison of two rows.
    #[serde(default, skip_serializing_if = "is_default")]
    pub compare: Compare,
    /// Digits after the point; as many as the spread over the seeds allows if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<usize>,
    /// Values are multiplied by this before they are shown, for example 1e-6 for millions.
    #[serde(default = "one")]
    pub scale: f64,
}

impl Table {
    /// A table without columns; everything else is as if absent.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: String::new(),
            columns: Vec::new(),
            center: Center::default(),
            spread: Spread::default(),
            baseline: None,
            paper: IndexMap::new(),
            notes: Vec::new(),
            latex: LatexTable::default(),
        }
    }
}

impl Column {
    /// A column of `metric`; everything else is as if absent.
    pub fn new(metric: String) -> Self {
        Self {
            metric,
            label: None,
            unit: None,
            better: None,
            compare: Compare::default(),
            decimals: None,
            scale: one(),
        }
    }
}

fn one() -> f64 {
    1.0
}
