//! Curves of metrics, and the scale of an axis.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::figure_size::{FigureSize, Limits};
use crate::schema::file_name::FILE_NAME;

/// A metric against the training step, or what grows with it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// File name without extension.
    #[schemars(regex(pattern = FILE_NAME))]
    pub name: String,
    /// Title above the plot.
    #[serde(default)]
    pub title: String,
    /// Metric to draw.
    pub metric: String,
    /// Label of the vertical axis; the metric's label in the table, or its name, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_label: Option<String>,
    /// Quantity of the horizontal axis.
    #[serde(default)]
    pub x: X,
    /// Dotted path of the setting with the images per step; required by `x: images`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images_per_step: Option<String>,
    /// Label of the horizontal axis; the name of [`Curve::x`] if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_label: Option<String>,
    /// Scale of the horizontal axis.
    #[serde(default)]
    pub x_scale: Scale,
    /// Scale of the vertical axis.
    #[serde(default)]
    pub y_scale: Scale,
    /// Band around the mean of several seeds.
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

/// The quantity of a curve's horizontal axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// The scale of an axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By powers of ten; values of zero and below are not drawn.
    Log,
}

/// The band around a mean over seeds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// One sample standard deviation to either side.
    #[default]
    Sd,
    /// From the lowest seed to the highest.
    Range,
    /// No band.
    None,
}

/// A horizontal line at a variant's final value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The variant whose value it is.
    pub variant: String,
    /// Name in the worker's `result`.
    pub metric: String,
}
