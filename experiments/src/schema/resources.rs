//! The resources of one attempt, and the notations for them: `share: 1/4`, `memory: 20GiB`,
//! `time: 12h`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

/// Resources that an attempt holds while it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// Number of GPUs; 0 for a trial that runs on the CPU.
    pub gpus: u32,
    /// Share of each GPU.
    pub share: Share,
    /// Memory that must be free on each GPU before the attempt is started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Trials that may be on each GPU at once, this one counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_gpu: Option<u32>,
    /// CPU threads the worker may use.
    pub cpus: u32,
    /// The attempt is stopped after this long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Span>,
    /// Nothing is started while less is free on the file system of the run's folder.
    pub disk: Memory,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            gpus: 0,
            share: Share::WHOLE,
            memory: None,
            per_gpu: None,
            cpus: 1,
            time: None,
            disk: Memory(1 << 30),
        }
    }
}

/// A share of a GPU in twelfths, so that halves, thirds, quarters and sixths are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(u8);

impl Share {
    /// A whole GPU, not shared.
    pub const WHOLE: Self = Self(12);

    /// Twelfths, from 1 to 12.
    pub fn twelfths(self) -> u8 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let twelfths = if let Some((n, d)) = text.split_once('/') {
            let (n, d): (u32, u32) = (n.trim().parse().ok()?, d.trim().parse().ok()?);
            let twelfths = n.checked_mul(12)?;
            if d == 0 || twelfths % d != 0 {
                return None;
            }
            twelfths / d
        } else {
            let twelfths = text.trim().parse::<f64>().ok()? * 12.0;
            // Decimals such as 0.33 are not a third: only exact twelfths are accepted.
            if (twelfths - twelfths.round()).abs() > 1e-9 {
                return None;
            }
            twelfths.round() as u32
        };
        (1..=12).contains(&twelfths).then_some(Self(twelfths as u8))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let divisor =
            (1..=self.0).rev().find(|d| self.0.is_multiple_of(*d) && 12 % d == 0).unwrap_or(1);
        match (self.0 / divisor, 12 / divisor) {
            (n, 1) => write!(f, "{n}"),
            (n, d) => write!(f, "{n}/{d}"),
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = scalar(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format!(
                "`{text}` is not a share of a GPU: write twelfths such as `1/4`, `1/3`, `0.5`, `1`"
            ))
        })
    }
}

/// An amount of memory or disk space in bytes, written as `20GiB`, `512MiB`, `16GB` or `4096`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory(pub u64);

impl fmt::Display for Memory {
    /// For people: `20.0 GiB`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", ByteSize(self.0).display().iec())
    }
}

impl Serialize for Memory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = scalar(deserializer)?;
        text.parse::<ByteSize>().map(|size| Self(size.0)).map_err(|_| {
            de::Error::custom(format!(
                "`{text}` is not an amount of memory or disk: write `20GiB`, `512MiB`, `16GB`"
            ))
        })
    }
}

/// A duration, written as `30s`, `10m`, `1h 30m`, `2days`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = scalar(deserializer)?;
        humantime::parse_duration(&text).map(Self).map_err(|_| {
            de::Error::custom(format!("`{text}` is not a duration: write `30s`, `10m`, `12h`"))
        })
    }
}

/// The schema of a notation: texts of a pattern, and numbers of which `number` says more.
macro_rules! notation {
    ($type:ty, $name:literal, $description:literal, $pattern:literal, $number:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "description": $description,
                    "anyOf": [{"type": "string", "pattern": $pattern}, $number]
                })
            }
        }
    };
}

notation!(Share, "Share", "A share of a GPU in twelfths: `1/4`, `0.5`, `1`.", r"^ *\d+ */ *\d+ *$|^ *\d*\.?\d+ *$",
    {"type": "number", "exclusiveMinimum": 0, "maximum": 1});
notation!(Memory, "Memory", "An amount of memory or disk: `20GiB`, `512MiB`, `16GB`.", r"^\s*[\d.]+\s*[A-Za-z]*\s*$",
    {"type": "number", "minimum": 0});
notation!(Span, "Span", "A duration: `30s`, `10m`, `1h 30m`, `2days`.", r"^\s*(\d+\s*[a-zµ]+\s*)+$",
    {"const": 0});

/// A string or a number as text, for notations that are also written without quotes.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(text),
        other => Ok(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_twelfths() {
        for (text, twelfths, shown) in [
            ("1/4", 3, "1/4"),
            ("0.5", 6, "1/2"),
            ("1", 12, "1"),
            ("5/12", 5, "5/12"),
            ("2/3", 8, "2/3"),
        ] {
            let share = Share::parse(text).unwrap();
            assert_eq!((share.twelfths(), share.to_string().as_str()), (twelfths, shown));
        }
        for text in ["0", "1/5", "0.33", "13/12", "1/0", "x", "-1/4", "5000000000/1"] {
            assert_eq!(Share::parse(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_of_memory_are_exact_and_come_back() {
        for (text, bytes, shown) in [
            ("20GiB", 20 << 30, "20.0 GiB"),
            ("1.5 GiB", 3 << 29, "1.5 GiB"),
            ("16GB", 16_000_000_000, "14.9 GiB"),
            ("4096", 4096, "4.0 KiB"),
        ] {
            let memory: Memory = serde_json::from_value(text.into()).unwrap();
            assert_eq!((memory.0, memory.to_string().as_str()), (bytes, shown));
            let written = serde_json::to_value(memory).unwrap();
            assert_eq!(serde_json::from_value::<Memory>(written).unwrap(), memory);
        }
        for text in ["", "much", "-1GiB", "20 parsecs"] {
            let error = serde_json::from_value::<Memory>(text.into()).unwrap_err();
            assert!(error.to_string().contains("is not an amount of memory"), "{error}");
        }
    }

    #[test]
    fn resources_are_read_with_their_notations() {
        let text = r#"{"gpus": 1, "share": 0.25, "time": "1h 30m"}"#;
        let resources: Resources = serde_json::from_str(text).unwrap();
        assert_eq!(resources.share.twelfths(), 3);
        assert_eq!(resources.time, Some(Span(Duration::from_mins(90))));
        assert_eq!(resources.cpus, 1);
        let error = serde_json::from_str::<Resources>(r#"{"time": 12}"#).unwrap_err();
        assert!(error.to_string().contains("`12` is not a duration"), "{error}");
    }
}
