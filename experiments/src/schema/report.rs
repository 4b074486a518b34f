//! The file's `report` section: which table and figures come out. Read by `reports`, drawn from
//! the records alone.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::schema::claim::Claim;
use crate::schema::step::StepSelector;

/// What `orch report` makes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The table; its rows are the variants in the file's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
    /// The figures, drawn in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
    /// What the paper says of its rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
}

/// A table of final values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// File name without extension, for example `table1`.
    pub name: String,
    /// First sentence of the caption. The profile's own caption follows it.
    #[serde(default)]
    pub title: String,
    /// The columns, left to right.
    pub columns: Vec<Column>,
    /// What stands for a row's seeds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub center: Center,
    /// What says how far they lie apart.
    #[serde(default, skip_serializing_if = "is_default")]
    pub spread: Spread,
    /// The variant that all others are compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// The paper's value by variant and metric, in the metric's own unit (before
    /// [`Column::scale`]); shown beside ours, without digits that the paper did not print.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub paper: IndexMap<String, BTreeMap<String, f64>>,
    /// Sentences below the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What stands for the values of several seeds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Center {
    /// Their arithmetic mean.
    #[default]
    Mean,
    /// Their interquartile mean.
    Iqm,
}

/// How far the values of several seeds lie apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spread {
    /// Their sample standard deviation.
    #[default]
    Sd,
    /// A bootstrap interval of what stands for them.
    Interval,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One metric of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Which way is better; the best value is bold. Absent for plain facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<Better>,
    /// Digits after the point.
    #[serde(default = "two")]
    pub decimals: usize,
    /// Values are multiplied by this before they are shown, for example 1e-6 for millions.
    #[serde(default = "one")]
    pub scale: f64,
}

fn two() -> usize {
    2
}

fn one() -> f64 {
    1.0
}

/// Which way a metric improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Larger is better.
    Higher,
    /// Smaller is better.
    Lower,
}

/// One figure, written as `curve: {…}`, `images: {…}` and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
}

impl Figure {
    /// Its file name without extension.
    pub fn name(&self) -> &str {
        match self {
            Self::Curve(curve) => &curve.name,
            Self::Images(images) => &images.name,
            Self::Bars(bars) => &bars.name,
            Self::Scatter(scatter) => &scatter.name,
            Self::Table(table) => &table.name,
        }
    }

    /// Its title; its name where it has none.
    pub fn title(&self) -> &str {
        let title = match self {
            Self::Curve(curve) => &curve.title,
            Self::Images(images) => &images.title,
            Self::Bars(bars) => &bars.title,
            Self::Scatter(scatter) => &scatter.title,
            Self::Table(table) => &table.title,
        };
        if title.is_empty() { self.name() } else { title }
    }

    /// The variants that it names.
    pub fn variants(&self) -> &[String] {
        match self {
            Self::Curve(curve) => &curve.variants,
            Self::Images(images) => &images.variants,
            Self::Bars(bars) => &bars.variants,
            Self::Scatter(scatter) => &scatter.variants,
            Self::Table(_) => &[],
        }
    }
}

/// A metric against the training step, or what grows with it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// File name without extension.
    pub name: String,
    /// Title above the plot.
    #[serde(default)]
    pub title: String,
    /// Metric to draw.
    pub metric: String,
    /// Label of the vertical axis; the metric's name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_label: Option<String>,
    /// What the horizontal axis counts.
    #[serde(default)]
    pub x: X,
    /// Where the config says how many images one step sees, as a dotted path; with [`X::Images`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images_per_step: Option<String>,
    /// Label of the horizontal axis; what [`Curve::x`] says if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_label: Option<String>,
    /// How the horizontal axis is divided.
    #[serde(default)]
    pub x_scale: Scale,
    /// How the vertical axis is divided.
    #[serde(default)]
    pub y_scale: Scale,
    /// What the band around the mean of several seeds shows.
    #[serde(default)]
    pub band: Band,
    /// Length of a centred moving mean, an odd number of points; the line itself if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smooth: Option<usize>,
    /// Variants to draw; all that have the metric if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<String>,
    /// Variant drawn as a dashed line at one of its final values, for example an
    /// untrained baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
}

/// What a curve's horizontal axis counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum X {
    /// Steps.
    #[default]
    Step,
    /// Steps as a share of the line's last one.
    Share,
    /// Images seen: steps times [`Curve::images_per_step`].
    Images,
    /// Seconds of work.
    Seconds,
}

/// How an axis is divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By powers of ten; what is not above zero has no place on it.
    Log,
}

/// What the band around a mean over seeds shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// One sample standard deviation to either side.
    #[default]
    Sd,
    /// From the lowest seed to the highest.
    Range,
    /// There is none.
    None,
}

/// A horizontal line at a variant's final value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The variant.
    pub variant: String,
    /// Its final metric.
    pub metric: String,
}

/// A sheet of image artifacts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// File name without extension.
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
    /// How many items (columns) at most.
    #[serde(default = "eight")]
    pub items: usize,
}

/// A final metric, one bar per variant, with the paper's value where the table has it. The table's
/// column of the same metric gives label, unit, digits and scale.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bars {
    /// File name without extension.
    pub name: String,
    /// Title above the bars.
    #[serde(default)]
    pub title: String,
    /// Name in the worker's `result`.
    pub metric: String,
    /// Variants to draw; all that have the metric if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<String>,
}

/// One final metric against another, for example quality against cost, with the variants that no
/// other one beats in both. The table's columns of the same metrics give labels, units and scales.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scatter {
    /// File name without extension.
    pub name: String,
    /// Title above the plot.
    #[serde(default)]
    pub title: String,
    /// Metric of the horizontal axis.
    pub x: String,
    /// Metric of the vertical axis.
    pub y: String,
    /// Which way the horizontal axis improves; what the table's column says if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_better: Option<Better>,
    /// Which way the vertical axis improves; what the table's column says if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_better: Option<Better>,
    /// How the horizontal axis is divided.
    #[serde(default)]
    pub x_scale: Scale,
    /// How the vertical axis is divided.
    #[serde(default)]
    pub y_scale: Scale,
    /// Variants to draw; all that have both metrics if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<String>,
}

/// The report's table as a picture.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TablePicture {
    /// File name without extension.
    pub name: String,
    /// Title above the table's caption.
    #[serde(default)]
    pub title: String,
    /// Metrics whose columns are drawn; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

fn eight() -> usize {
    8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_step_or_a_share_and_comes_back_as_it_was() {
        for (text, place) in [
            ("2000", StepSelector::Step(2000)),
            ("\"2000\"", StepSelector::Step(2000)),
            ("\"10%\"", StepSelector::Share(0.1)),
            ("\"68.75%\"", StepSelector::Share(0.6875)),
        ] {
            let read: StepSelector = serde_json::from_str(text).unwrap();
            assert_eq!(read, place);
            let written = serde_json::to_string(&read).unwrap();
            assert_eq!(serde_json::from_str::<StepSelector>(&written).unwrap(), place, "{written}");
        }
        for text in ["-1", "1.5", "\"101%\"", "\"ten\"", "null"] {
            let error = serde_json::from_str::<StepSelector>(text).unwrap_err();
            assert!(error.to_string().contains("is no training step"), "{error}");
        }
    }
}
