//! The size of a figure on paper, and the ends of its axes.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The size of a figure on paper: that of a venue's column or page, or a width of one's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum FigureSize {
    /// A column of a page with two: 84 mm.
    #[default]
    Column,
    /// The page: 174 mm.
    Page,
    /// In millimeters.
    Custom {
        /// Its width.
        width: f64,
        /// Its height; the width decides if absent.
        height: Option<f64>,
    },
}

/// A size that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text} is not a size: write `column`, `page` or `{{width: 84mm}}`, with `height` if it matters; in mm, \
     cm, in or pt, from 20 to 1000 mm"
)]
pub struct FigureSizeError {
    text: String,
}

impl FigureSize {
    /// In millimeters.
    pub fn width(self) -> f64 {
        match self {
            Self::Column => 84.0,
            Self::Page => 174.0,
            Self::Custom { width, .. } => width,
        }
    }

    /// In millimeters; None if the file gives none.
    pub fn height(self) -> Option<f64> {
        if let Self::Custom { height, .. } = self { height } else { None }
    }
}

impl TryFrom<Value> for FigureSize {
    type Error = FigureSizeError;

    fn try_from(value: Value) -> Result<Self, FigureSizeError> {
        let size = match &value {
            Value::String(name) if name == "column" => Some(Self::Column),
            Value::String(name) if name == "page" => Some(Self::Page),
            Value::Object(keys) => {
                let known = keys.keys().all(|key| matches!(key.as_str(), "width" | "height"));
                let width = keys.get("width").and_then(millimeters).filter(|_| known);
                match keys.get("height").map(millimeters) {
                    Some(None) => None,
                    height => width.map(|width| Self::Custom { width, height: height.flatten() }),
                }
            }
            _ => None,
        };
        size.ok_or_else(|| FigureSizeError { text: value.to_string() })
    }
}

impl From<FigureSize> for Value {
    fn from(size: FigureSize) -> Self {
        let text = |millimeters: f64| format!("{millimeters}mm");
        match size {
            FigureSize::Column => "column".into(),
            FigureSize::Page => "page".into(),
            FigureSize::Custom { width, height: None } => {
                serde_json::json!({"width": text(width)})
            }
            FigureSize::Custom { width, height: Some(height) } => {
                serde_json::json!({"width": text(width), "height": text(height)})
            }
        }
    }
}

impl JsonSchema for FigureSize {
    fn schema_name() -> Cow<'static, str> {
        "FigureSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let length = json_schema!({
            "type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*(mm|cm|in|pt)\s*$"
        });
        json_schema!({
            "description": "The size of a figure on paper.",
            "anyOf": [
                {"enum": ["column", "page"]},
                {
                    "type": "object", "required": ["width"], "additionalProperties": false,
                    "properties": {"width": length, "height": length}
                }
            ]
        })
    }
}

/// A length such as `84mm`; None if it is none, or is unreasonable.
fn millimeters(value: &Value) -> Option<f64> {
    let units = [("mm", 1.0), ("cm", 10.0), ("in", 25.4), ("pt", 25.4 / 72.27)];
    let text = value.as_str()?.trim();
    let length = units.iter().find_map(|(unit, factor)| {
        Some(text.strip_suffix(unit)?.trim().parse::<f64>().ok()? * factor)
    });
    length.filter(|length| (20.0..=1000.0).contains(length))
}

/// The ends of an axis, written `[18, 24]`; an end that is `null` follows the data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Limits(pub [Option<f64>; 2]);

impl Limits {
    /// True if both ends follow the data.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// True if the axis goes from a lower to a higher value, and on a logarithmic one from above zero.
    pub fn are_valid(&self, is_log: bool) -> bool {
        let [low, high] = self.0;
        let is_on_axis = |end: f64| end.is_finite() && (!is_log || end > 0.0);
        low.into_iter().chain(high).all(is_on_axis)
            && low.zip(high).is_none_or(|(low, high)| low < high)
    }
}

/// Text in an SVG.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SvgText {
    /// Outlines, which look the same everywhere.
    #[default]
    Outlines,
    /// Text, which can be edited and searched, and needs the font Inter.
    Text,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_venue_s_or_one_s_own_and_survives_a_round_trip() {
        for (text, width, height) in [
            (r#""column""#, 84.0, None),
            (r#""page""#, 174.0, None),
            (r#"{"width": "3.25in"}"#, 82.55, None),
            (r#"{"width": "241pt", "height": "6 cm"}"#, 84.70, Some(60.0)),
        ] {
            let size: FigureSize = serde_json::from_str(text).unwrap();
            assert!((size.width() - width).abs() < 0.01, "{size:?}");
            assert_eq!(size.height(), height);
            let written = serde_json::to_string(&size).unwrap();
            assert_eq!(serde_json::from_str::<FigureSize>(&written).unwrap(), size, "{written}");
        }
        for text in [
            r#""wide""#,
            "84",
            r#"{"width": "84"}"#,
            r#"{"width": "5mm"}"#,
            r#"{"width": "NaNmm"}"#,
            r#"{"height": "60mm"}"#,
            r#"{"width": "84mm", "depth": "60mm"}"#,
            r#"{"width": "84mm", "height": "tall"}"#,
        ] {
            let error = serde_json::from_str::<FigureSize>(text).unwrap_err().to_string();
            assert!(error.contains("write `column`, `page` or `{width: 84mm}`"), "{error}");
        }
    }

    #[test]
    fn limits_rise() {
        let valid =
            |text: &str, is_log| serde_json::from_str::<Limits>(text).unwrap().are_valid(is_log);
        assert!(valid("[18, 24]", true) && valid("[null, 24]", true) && valid("[-1, null]", false));
        assert!(!valid("[24, 18]", false) && !valid("[1, 1]", false) && !valid("[0, 1]", true));
    }
}
