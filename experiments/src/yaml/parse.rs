//! YAML text to plain values. The only file that names `serde_yaml`, which is archived upstream,
//! so that it can be replaced in an afternoon.

use serde_json::{Map, Value};

use super::pointer::escape;

/// The text is not YAML, or not YAML that has a JSON equivalent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// What is wrong.
    pub message: String,
    /// Line and column, from 1, where known.
    pub place: Option<(usize, usize)>,
    /// Where not: JSON pointer to the value.
    pub pointer: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl YamlError {
    /// Something is wrong at a line and column.
    pub(crate) fn at(place: (usize, usize), message: &str) -> Self {
        Self { place: Some(place), ..unplaced(message.to_owned()) }
    }

    /// Adds advice.
    pub(crate) fn with_hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }

    /// The same, of a value that stands under `key`.
    fn below(mut self, key: &str) -> Self {
        self.pointer = format!("/{}{}", escape(key), self.pointer);
        self
    }
}

/// Reads one document. Duplicate keys, keys that are not strings, and tags are errors.
pub fn parse(text: &str) -> Result<Value, YamlError> {
    let mut yaml: serde_yaml::Value = serde_yaml::from_str(text).map_err(|e| from_serde(&e))?;
    yaml.apply_merge().map_err(|e| from_serde(&e))?;
    to_json(yaml)
}

/// Writes a value as a YAML document that [`parse`] reads. By way of JSON, so that an enum is a
/// mapping and not a tag.
pub fn to_string(value: &impl serde::Serialize) -> String {
    let plain = serde_json::to_value(value).expect("plain values have a JSON form");
    serde_yaml::to_string(&plain).expect("plain values have a YAML form")
}

fn from_serde(error: &serde_yaml::Error) -> YamlError {
    let place = error.location().map(|at| (at.line(), at.column()));
    let mut message = error.to_string();
    if let Some((line, column)) = place {
        message = message.replacen(&format!(" at line {line} column {column}"), "", 1);
    }
    YamlError { place, ..unplaced(message) }
}

fn to_json(yaml: serde_yaml::Value) -> Result<Value, YamlError> {
    use serde_yaml::Value as Yaml;
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => Value::Bool(b),
        Yaml::String(s) => Value::String(s),
        Yaml::Number(n) => number(&n)?,
        Yaml::Sequence(items) => {
            let item = |(i, item): (usize, _)| to_json(item).map_err(|e| e.below(&i.to_string()));
            Value::Array(items.into_iter().enumerate().map(item).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let Yaml::String(key) = key else {
                    return Err(unplaced(format!("key `{}` is not a string", show(&key))));
                };
                let value = to_json(value).map_err(|e| e.below(&key))?;
                object.insert(key, value);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            return Err(unplaced(format!("tag `{}` is not understood here", tagged.tag)));
        }
    })
}

fn number(n: &serde_yaml::Number) -> Result<Value, YamlError> {
    if let Some(n) = n.as_u64() {
        return Ok(n.into());
    }
    if let Some(n) = n.as_i64() {
        return Ok(n.into());
    }
    n.as_f64()
        .and_then(serde_json::Number::from_f64)
        .map(Value::Number)
        .ok_or_else(|| unplaced(format!("`{n}` is not a finite number")))
}

fn show(yaml: &serde_yaml::Value) -> String {
    serde_yaml::to_string(yaml).unwrap_or_default().trim().to_owned()
}

fn unplaced(message: String) -> YamlError {
    YamlError { message, place: None, pointer: String::new(), hint: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_follow_yaml_1_2() {
        let value = parse("{a: 1e-4, b: 1e4, c: yes, d: 0x10, e: ~, f: '1', g: -3}").unwrap();
        assert_eq!(
            value,
            json!({"a": 1e-4, "b": 1e4, "c": "yes", "d": 16, "e": null, "f": "1", "g": -3})
        );
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        assert!(parse("a: 1\na: 2").unwrap_err().message.contains("duplicate"));
        assert!(parse("1: a").unwrap_err().message.contains("not a string"));
        assert!(parse("a: .inf").unwrap_err().message.contains("not a finite number"));
        assert!(parse("a: !b c").unwrap_err().message.contains("tag"));
        assert_eq!(parse("a: [1").unwrap_err().place.map(|p| p.0), Some(2));
    }

    #[test]
    fn merge_keys_and_anchors_work() {
        let value = parse("base: &b {x: 1}\nmore: {<<: *b, y: 2}").unwrap();
        assert_eq!(value["more"], json!({"x": 1, "y": 2}));
    }
}
