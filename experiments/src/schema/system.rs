//! How often the use of CPU, memory and GPUs is sampled: `system: 30s`, `system: off`.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use crate::schema::resources::Span;

/// The word in place of an interval.
const OFF: &str = "off";

/// Shortest interval.
const SHORTEST: Duration = Duration::from_secs(1);

/// The interval between samples of an attempt's use of CPU, memory and GPUs; `None` if none are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct System(pub Option<Duration>);

impl Default for System {
    fn default() -> Self {
        Self(Some(Duration::from_secs(30)))
    }
}

impl Serialize for System {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(interval) => Span(interval).serialize(serializer),
            None => serializer.serialize_str(OFF),
        }
    }
}

impl<'de> Deserialize<'de> for System {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value == OFF {
            return Ok(Self(None));
        }
        match serde_json::from_value(value.clone()) {
            Ok(Span(interval)) if interval >= SHORTEST => Ok(Self(Some(interval))),
            _ => Err(de::Error::custom(format!(
                "{value} is neither an interval of a second or more, such as `30s`, nor `off`"
            ))),
        }
    }
}

impl JsonSchema for System {
    fn schema_name() -> Cow<'static, str> {
        "System".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An interval of a second or more: `30s`, `2m`; or `off`.",
            "type": "string",
            "pattern": r"^off$|^\s*(\d+\s*[a-zµ]+\s*)+$"
        })
    }
}
