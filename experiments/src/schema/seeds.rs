//! Seeds as written: a list of numbers, or the first and the last of a range, `0-19`.

use std::fmt;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, SeqAccess, Visitor};

/// The most seeds that a range may have; a list of more is too long for any experiment.
const LONGEST: u64 = 100_000;

/// Reads a list or a range.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    deserializer.deserialize_any(SeedsVisitor)
}

/// Reads the same where it may be left out.
pub(super) fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<u64>>, D::Error> {
    deserializer.deserialize_any(SeedsVisitor).map(Some)
}

/// The schema of both.
pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            {
                "type": "array", "items": {"type": "integer", "minimum": 0},
                "minItems": 1, "uniqueItems": true
            },
            {"type": "string", "pattern": r"^\s*[0-9]+\s*-\s*[0-9]+\s*$"}
        ]
    })
}

struct SeedsVisitor;

impl<'de> Visitor<'de> for SeedsVisitor {
    type Value = Vec<u64>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of seeds such as [0, 1, 2], or a range such as 0-19")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<u64>, E> {
        let ends = text.split_once('-').and_then(|(first, last)| {
            Some((first.trim().parse::<u64>().ok()?, last.trim().parse::<u64>().ok()?))
        });
        match ends {
            Some((first, last)) if first > last => {
                Err(E::custom(format!("the range of seeds {text} ends before it begins")))
            }
            Some((first, last)) if last - first >= LONGEST => {
                Err(E::custom(format!("the range {text} has more than {LONGEST} seeds")))
            }
            Some((first, last)) => Ok((first..=last).collect()),
            None => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seeds: A) -> Result<Vec<u64>, A::Error> {
        let mut list = Vec::new();
        while let Some(seed) = seeds.next_element()? {
            list.push(seed);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(json: &str) -> Result<Vec<u64>, serde_json::Error> {
        list(&mut serde_json::Deserializer::from_str(json))
    }

    #[test]
    fn a_list_or_a_range() {
        assert_eq!(seeds("[3, 1]").unwrap(), [3, 1]);
        assert_eq!(seeds("\"0-3\"").unwrap(), [0, 1, 2, 3]);
        assert_eq!(seeds("\"7 - 7\"").unwrap(), [7]);
    }

    #[test]
    fn anything_else_is_an_error_that_names_both() {
        for wrong in ["\"0..3\"", "\"-1\"", "\"3\"", "3", "\"5-1\"", "\"0-99999999999\"", "[-1]"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
        let error = seeds("\"three\"").unwrap_err().to_string();
        assert!(error.contains("[0, 1, 2]") && error.contains("0-19"), "{error}");
    }
}
