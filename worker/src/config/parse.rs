//! From a trial's mapping to a [`Config`] and back.

use std::fmt;
use std::path::PathBuf;

use experiments::protocol::check::Problem;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{Config, Source, rules};

impl Config {
    /// Reads `map`, fills in every default and checks the whole. The problems name their position by
    /// JSON pointer.
    pub fn parse(map: &Map<String, Value>) -> Result<Self, Vec<Problem>> {
        let mut value = Value::Object(map.clone());
        whole_numbers(&mut value);
        let mut config: Self =
            serde_path_to_error::deserialize(value).map_err(|error| vec![problem(&error)])?;
        if config.data.source == Source::Faces {
            config.data.train_count.get_or_insert(2048);
            config.data.validation_count.get_or_insert(64);
        }
        let problems = rules::problems(&config);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// The config as a mapping, every default written out.
    pub fn to_map(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            other => unreachable!("a config is a mapping, not {other:?}"),
        }
    }
}

/// Turns `1e4` and `10000.0` into `10000`: YAML readers make the former a float, and counts are
/// often written so. Fields that are floats take integers too, so nothing is lost.
fn whole_numbers(value: &mut Value) {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53: beyond it a float is not an exact count
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < EXACT) {
                *value = (float as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(map) => map.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

fn problem(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    use serde_path_to_error::Segment;
    use std::fmt::Write as _;

    let mut pointer = String::new();
    for segment in error.path() {
        let written = match segment {
            Segment::Map { key } => {
                write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1"))
            }
            Segment::Seq { index } => write!(pointer, "/{index}"),
            Segment::Enum { .. } | Segment::Unknown => Ok(()),
        };
        written.expect("a string can be written to");
    }
    Problem { pointer, message: error.inner().to_string() }
}

/// A path, a list of paths, or nothing.
pub(super) fn paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    deserializer.deserialize_any(PathsVisitor)
}

struct PathsVisitor;

impl<'de> Visitor<'de> for PathsVisitor {
    type Value = Vec<PathBuf>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a path, a list of paths, or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<Self::Value, E> {
        if path.is_empty() { Err(E::custom("the path is empty")) } else { Ok(vec![path.into()]) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut paths = Vec::new();
        while let Some(path) = seq.next_element::<String>()? {
            if path.is_empty() {
                return Err(A::Error::custom("the path is empty"));
            }
            paths.push(path.into());
        }
        Ok(paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Config, Vec<Problem>> {
        Config::parse(&serde_json::from_str(json).unwrap())
    }

    fn first_pointer(json: &str) -> String {
        parse(json).unwrap_err()[0].pointer.clone()
    }

    #[test]
    fn an_empty_config_is_the_papers_and_survives_a_round_trip() {
        let config = parse("{\"image\": {\"size\": 128, \"low\": 16}}").unwrap();
        assert!(config.deterministic);
        assert_eq!(config.training.iterations, 640_000);
        assert_eq!(config.data.validation_count, Some(64));
        let map = config.to_map();
        assert_eq!(map["data"]["train"], serde_json::json!([]));
        assert_eq!(Config::parse(&map).unwrap(), config);
    }

    #[test]
    fn counts_may_be_written_with_an_exponent() {
        let config = parse(r#"{"training": {"iterations": 1e3, "learning_rate": 1.0}}"#).unwrap();
        assert_eq!(config.training.iterations, 1000);
        assert!((config.training.learning_rate - 1.0).abs() < f64::EPSILON);
        assert_eq!(first_pointer(r#"{"training": {"iterations": 1.5}}"#), "/training/iterations");
    }

    #[test]
    fn a_path_a_list_and_null_are_lists() {
        let config =
            parse(r#"{"data": {"source": "folder", "train": "a", "validation": ["b", "c"]}}"#)
                .unwrap();
        assert_eq!(config.data.train, [PathBuf::from("a")]);
        assert_eq!(config.data.validation, [PathBuf::from("b"), PathBuf::from("c")]);
        assert_eq!(config.data.train_count, None);
        assert_eq!(first_pointer(r#"{"data": {"train": 3}}"#), "/data/train");
    }

    #[test]
    fn what_cannot_be_read_is_pointed_at() {
        assert_eq!(first_pointer(r#"{"diffusion": {"stepz": 5}}"#), "/diffusion/stepz");
        assert_eq!(
            first_pointer(r#"{"diffusion": {"schedule": "Linear"}}"#),
            "/diffusion/schedule"
        );
        assert_eq!(first_pointer(r#"{"training": {"warmup": -1}}"#), "/training/warmup");
        assert_eq!(
            first_pointer(r#"{"model": {"multipliers": [1, "x"]}}"#),
            "/model/multipliers/1"
        );
    }
}
