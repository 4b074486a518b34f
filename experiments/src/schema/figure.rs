//! The figures of a report.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::better::Better;
use crate::schema::curve::{Curve, Scale};
use crate::schema::figure_size::{FigureSize, Limits};
use crate::schema::file_name::FILE_NAME;
use crate::schema::step::StepSelector;

/// One figure, written as `curve: {…}`, `images: {…}` and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// A metric against the step, or what grows with it: one line per variant.
    Curve(Curve),
    /// A sheet of pictures: one row of pictures per variant, one column per item.
    Images(Images),
    /// A final metric, one bar per variant.
    Bars(Bars),
    /// One final metric against another, one point per variant.
    Scatter(Scatter),
    /// The report's table, drawn.
    Table(TablePicture),
    /// A claim under the report's design, look by look.
    Sequence(Sequence),
}

impl Figure {
    /// File name without extension.
    pub fn name(&self) -> &str {
        match self {
            Self::Curve(curve) => &curve.name,
            Self::Images(images) => &images.name,
            Self::Bars(bars) => &bars.name,
            Self::Scatter(scatter) => &scatter.name,
            Self::Table(table) => &table.name,
            Self::Sequence(sequence) => &sequence.name,
        }
    }

    /// The title, or the name if there is none.
    pub fn title(&self) -> &str {
        let title = match self {
            Self::Curve(curve) => &curve.title,
            Self::Images(images) => &images.title,
            Self::Bars(bars) => &bars.title,
            Self::Scatter(scatter) => &scatter.title,
            Self::Table(table) => &table.title,
            Self::Sequence(sequence) => &sequence.title,
        };
        if title.is_empty() { self.name() } else { title }
    }

    /// The key that it is written under.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Curve(_) => "curve",
            Self::Images(_) => "images",
            Self::Bars(_) => "bars",
            Self::Scatter(_) => "scatter",
            Self::Table(_) => "table",
            Self::Sequence(_) => "sequence",
        }
    }

    /// The variants to draw; all that have the values if empty.
    pub fn variants(&self) -> &[String] {
        match self {
            Self::Curve(curve) => &curve.variants,
            Self::Images(images) => &images.variants,
            Self::Bars(bars) => &bars.variants,
            Self::Scatter(scatter) => &scatter.variants,
            Self::Table(_) | Self::Sequence(_) => &[],
        }
    }
}

/// A sheet of image artifacts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// File name without extension.
    #[schemars(regex(pattern = FILE_NAME))]
    pub name: String,
    /// Title above the sheet.
    #[serde(default)]
    pub title: String,
    /// Artifact name shown once per variant.
    pub artifact: String,
    /// Artifacts shown once, above the variants (inputs): artifact name to row label.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub above: IndexMap<String, String>,
    /// Artifacts shown once, below the variants (truth): artifact name to row label.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub below: IndexMap<String, String>,
    /// Variants to show; all that have the artifact if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<String>,
    /// Training steps, each a row of every variant; the last one that was recorded if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepSelector>,
    /// Items (columns) at most.
    #[serde(default = "eight")]
    pub items: usize,
    /// Size on paper; in the proportions of the images, and the natural size if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<FigureSize>,
}

/// A final metric, one bar per variant, with the paper's value where the table has it. The table's
/// column of the same metric gives label, unit, digits and scale.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bars {
    /// File name without extension.
    #[schemars(regex(pattern = FILE_NAME))]
    pub name: String,
    /// Title above the bars.
    #[serde(default)]
    pub title: String,
    /// Name in the worker's `result`.
    pub metric: String,
    /// Variants to draw; all that have the metric if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<String>,
    /// Size on paper; a column's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<FigureSize>,
}

/// One final metric against another, for example quality against cost, with the variants that no
/// other one beats in both. The table's columns of the same metrics give labels, units and scales.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scatter {
    /// File name without extension.
    #[schemars(regex(pattern = FILE_NAME))]
    pub name: String,
    /// Title above the plot.
    #[serde(default)]
    pub title: String,
    /// Metric of the horizontal axis.
    pub x: String,
    /// Metric of the vertical axis.
    pub y: String,
    /// Direction in which the horizontal axis improves; that of the table's column if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_better: Option<Better>,
    /// Direction in which the vertical axis improves; that of the table's column if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_better: Option<Better>,
    /// Scale of the horizontal axis.
    #[serde(default)]
    pub x_scale: Scale,
    /// Scale of the vertical axis.
    #[serde(default)]
    pub y_scale: Scale,
    /// Variants to draw; all that have both metrics if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<String>,
    /// Ends of the horizontal axis.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub x_limits: Limits,
    /// Ends of the vertical axis.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub y_limits: Limits,
    /// Size on paper; a column's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<FigureSize>,
}

/// The report's table as a picture.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TablePicture {
    /// File name without extension.
    #[schemars(regex(pattern = FILE_NAME))]
    pub name: String,
    /// Title above the table's caption.
    #[serde(default)]
    pub title: String,
    /// Metrics whose columns are drawn; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Size on paper; in the proportions of the table, and the natural size if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<FigureSize>,
}

/// Estimate and interval of a claim's comparisons against the number of seeds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// File name without extension.
    #[schemars(regex(pattern = FILE_NAME))]
    pub name: String,
    /// Title above the plot.
    #[serde(default)]
    pub title: String,
    /// The claim's comparison, as its `compare` is written.
    pub claim: String,
    /// Size on paper; a column's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<FigureSize>,
}

fn eight() -> usize {
    8
}
