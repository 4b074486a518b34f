//! The key of a trial: equal keys mean the same computation.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// SHA-256 over the canonical JSON of what makes a trial: its config, seed and command.
pub(super) fn key(command: &[String], config: &Map<String, Value>, seed: u64) -> String {
    let mut hasher = Sha256::new();
    hasher.update(canonical(&serde_json::json!([command, config, seed])));
    base16ct::lower::encode_string(&hasher.finalize())
}

/// JSON with sorted keys and without white space.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<_> = object.keys().collect();
            keys.sort();
            let entry =
                |k: &String| format!("{}:{}", Value::from(k.as_str()), canonical(&object[k]));
            format!("{{{}}}", keys.into_iter().map(entry).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}
