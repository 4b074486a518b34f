//! YAML text to plain values. The only file that names `serde_yaml`, which is archived upstream,
//! so that it can be replaced in an afternoon.

use serde_json::{Map, Value};

use super::error::{Position, YamlError};

/// Reads one document. Duplicate keys, keys that are not strings, and tags are errors.
pub(crate) fn parse(text: &str) -> Result<Value, YamlError> {
    let mut yaml: serde_yaml::Value = serde_yaml::from_str(text).map_err(|e| from_serde(&e))?;
    yaml.apply_merge().map_err(|e| from_serde(&e))?;
    to_json(yaml)
}

/// Writes a value as a YAML document that `parse` reads. By way of JSON, so that an enum is a
/// mapping and not a tag.
pub fn to_string(value: &impl serde::Serialize) -> String {
    let plain = serde_json::to_value(value).expect("plain values have a JSON form");
    serde_yaml::to_string(&plain).expect("plain values have a YAML form")
}

/// True if a plain scalar is text, and not a number, a boolean or null.
pub(super) fn is_text(scalar: &str) -> bool {
    matches!(serde_yaml::from_str(scalar), Ok(serde_yaml::Value::String(_)))
}

fn from_serde(error: &serde_yaml::Error) -> YamlError {
    let mut message = error.to_string();
    let Some(location) = error.location() else { return YamlError::new(message) };
    let position = Position { line: location.line(), column: location.column() };
    let suffix = format!(" at line {} column {}", position.line, position.column);
    message = message.replacen(&suffix, "", 1);
    YamlError::at(position, message)
}

fn to_json(yaml: serde_yaml::Value) -> Result<Value, YamlError> {
    use serde_yaml::Value as Yaml;
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => Value::Bool(b),
        Yaml::String(s) => Value::String(s),
        Yaml::Number(n) => number(&n)?,
        Yaml::Sequence(items) => {
            let mut array = Vec::new();
            for (i, item) in items.into_iter().enumerate() {
                array.push(to_json(item).map_err(|error| error.below(&i.to_string()))?);
            }
            Value::Array(array)
        }
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let Yaml::String(key) = key else {
                    let text = serde_yaml::to_string(&key).unwrap_or_default();
                    let message = format!("key `{}` is not a string", text.trim());
                    return Err(YamlError::new(message).hint("put quotes around it"));
                };
                let value = to_json(value).map_err(|error| error.below(&key))?;
                object.insert(key, value);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            return Err(YamlError::new(format!("tag `{}` is not supported", tagged.tag)));
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
        .ok_or_else(|| YamlError::new(format!("`{n}` is not a finite number")))
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
    fn values_without_an_equivalent_in_json_are_refused() {
        assert!(parse("a: 1\na: 2").unwrap_err().message.contains("duplicate"));
        assert!(parse("1: a").unwrap_err().message.contains("not a string"));
        assert!(parse("a: .inf").unwrap_err().message.contains("not a finite number"));
        assert!(parse("a: !b c").unwrap_err().message.contains("tag"));
        assert_eq!(parse("a: [1").unwrap_err().position.map(|p| p.line), Some(2));
    }

    #[test]
    fn merge_keys_and_anchors_work() {
        let value = parse("base: &b {x: 1}\nmore: {<<: *b, y: 2}").unwrap();
        assert_eq!(value["more"], json!({"x": 1, "y": 2}));
    }
}
