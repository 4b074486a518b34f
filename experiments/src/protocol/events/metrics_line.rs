//! The lines that make up nearly all of a long run, metrics without anything unusual, parsed without a copy
//! of their names. Every other line goes the general way, by which these come to the same.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::{Event, limits};
use crate::protocol::number::Number;

/// A `metrics` event with its known fields and no others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsLine<'a> {
    #[serde(rename = "event")]
    _event: Kind,
    /// Training step, counted in optimiser steps done.
    pub step: u64,
    #[serde(borrow)]
    item: Option<Text<'a>>,
    values: Values<'a>,
    /// Seconds since the Unix epoch, by the writer's clock; absent if the writer has none.
    pub time: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Metrics,
}

/// Borrowed from the line, unless it has escapes.
#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// In the line's order; of one name, the last value counts.
#[derive(Debug)]
struct Values<'a>(Vec<(Text<'a>, Number)>);

impl<'a> MetricsLine<'a> {
    /// The event in a line; `None` unless it is one of metrics, whole and within all limits.
    pub fn parse(line: &'a str) -> Option<Self> {
        // An array would be taken for the fields in order.
        if !line.starts_with('{') {
            return None;
        }
        let mut metrics: Self = serde_json::from_str(line).ok()?;
        let names = metrics.values().map(|(name, _)| name);
        limits::enforce_on_metrics(metrics.step, metrics.item(), names).ok()?;
        metrics.time = metrics.time.and_then(limits::time);
        Some(metrics)
    }

    /// Name of the item that the values belong to.
    pub fn item(&self) -> Option<&str> {
        self.item.as_ref().map(|item| &*item.0)
    }

    /// The event, with names of its own, and its time.
    pub(super) fn into_event(self) -> (Event, Option<f64>) {
        let values = self.values.0.into_iter().map(|(name, value)| (name.0.into_owned(), value));
        let values = values.collect();
        let item = self.item.map(|item| item.0.into_owned());
        (Event::Metrics { step: self.step, item, values }, self.time)
    }

    /// Metrics and values in the line's order. Of a metric that is there twice, the last value counts.
    pub fn values(&self) -> impl ExactSizeIterator<Item = (&str, Number)> {
        self.values.0.iter().map(|(name, value)| (&*name.0, *value))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Values<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ValuesVisitor)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Values<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("values by metric")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(entry) = map.next_entry()? {
            values.push(entry);
        }
        Ok(Values(values))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::events::Line;

    /// Numbers as JSON has them, and what comes close.
    fn number() -> impl Strategy<Value = String> {
        let special = [
            "0",
            "-0",
            "-0.0",
            "1e999",
            "-1e-999",
            "1E5",
            "18446744073709551616",
            "01",
            "1.",
            ".5",
            "NaN",
            "-Infinity",
            "\"NaN\"",
            "\"Infinity\"",
            "\"nan\"",
            "null",
            "true",
            "[1]",
            "{}",
            "\"0.5\"",
            "9223372036854775808",
            "0.1e-7",
            "123456789012345678901234567890.5",
        ];
        prop_oneof![
            any::<f64>().prop_map(|number| format!("{number:?}")),
            any::<i64>().prop_map(|number| number.to_string()),
            "-?[0-9]{1,25}(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?",
            prop::sample::select(special.to_vec()).prop_map(str::to_owned),
        ]
    }

    /// A string of JSON, in one form of several.
    fn string() -> impl Strategy<Value = String> {
        let special = [
            "\"\\u00fc\"",
            "\"\\ud800\"",
            "\"\\u001b\"",
            "\"\u{9b}\"",
            "\"a\\/b\"",
            "\"\"",
            "1",
            "null",
        ];
        prop_oneof![
            2 => prop::sample::select(&["\"loss\"", "\"psnr\""][..]).prop_map(str::to_owned),
            1 => ".{0,4}".prop_map(|text| serde_json::Value::from(text).to_string()),
            1 => prop::sample::select(special.to_vec()).prop_map(str::to_owned),
        ]
    }

    fn values() -> impl Strategy<Value = String> {
        let entries = prop::collection::vec((string(), number()), 0..4);
        let map = entries.prop_map(|entries| {
            let entries: Vec<_> =
                entries.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            format!("{{{}}}", entries.join(", "))
        });
        prop_oneof![9 => map, 1 => number()]
    }

    /// A line of metrics: fields in any order, some of them missing, repeated, or of another kind.
    fn line() -> impl Strategy<Value = String> {
        let field = prop_oneof![
            4 => Just("\"event\":\"metrics\"".to_owned()),
            4 => any::<u64>().prop_map(|step| format!("\"step\":{step}")),
            1 => number().prop_map(|step| format!("\"step\":{step}")),
            5 => values().prop_map(|values| format!("\"values\" : {values}")),
            1 => string().prop_map(|item| format!("\"item\":{item}")),
            2 => number().prop_map(|time| format!("\"time\":{time}")),
            1 => (string(), number()).prop_map(|(name, value)| format!("{name}:{value}")),
        ];
        let any_fields = prop::collection::vec(field, 0..6).prop_map(|fields| fields.join(","));
        let usual = (0..u64::MAX / 2, values(), number(), prop::option::of(string())).prop_map(
            |(step, values, time, item)| {
                let item = item.map_or(String::new(), |item| format!("\"item\":{item},"));
                format!("\"event\":\"metrics\",\"step\":{step},{item}\"values\":{values},\"time\":{time}")
            },
        );
        let fields = prop_oneof![3 => usual, 2 => any_fields];
        let ends = prop::sample::select(
            &[("{", "}"), (" {", "} "), ("[", "]"), ("{", ""), ("{", "}x")][..],
        );
        let whole = Just(("{", "}"));
        (fields, prop_oneof![4 => whole, 1 => ends])
            .prop_map(|(fields, (start, end))| format!("{start}{fields}{end}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn any_line_comes_to_the_same_as_the_general_way(line in line()) {
            if let Some(metrics) = MetricsLine::parse(&line) {
                let general = Line::parse_any(&line).unwrap();
                // As text, in which NaN equals itself and -0 is not 0.
                prop_assert_eq!(format!("{:?}", (Line::from(metrics), Vec::<String>::new())), format!("{general:?}"));
            }
        }
    }

    #[test]
    fn the_usual_line_is_parsed_here() {
        for line in [
            r#"{"event":"metrics","step":250,"values":{"val/psnr":18.25,"train/loss":0.11}}"#,
            r#"{"event": "metrics", "step": 1, "item": "003", "values": {"m": -1e-7}, "time": 1767225600.5}"#,
            r#"{"time":1,"values":{"m":"NaN","n":null},"step":9,"event":"metrics"}"#,
        ] {
            assert!(MetricsLine::parse(line).is_some(), "{line}");
        }
    }
}
