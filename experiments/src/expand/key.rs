//! The key of a trial: equal keys mean the same computation.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::interpreter::computation;
use crate::schema::worker::Worker;

/// SHA-256, in hexadecimal, of a trial's command with what belongs to it, config and seed as JSON with sorted keys. The way in
/// which the command calls an interpreter is not part of it ([`computation`]).
///
/// Not RFC 8785, which writes every number as a 64-bit float: seeds beyond 2^53 would collide, and
/// so would `1` and `1.0`, which a worker may tell apart.
pub fn key(worker: &Worker, config: &Map<String, Value>, seed: u64) -> String {
    let Worker { command, args, booleans, env, metrics, result, .. } = worker;
    let mut trial = json!([computation(command), config, seed]);
    let style = command.iter().any(|word| word == "{args}").then_some((args, booleans));
    if style.is_some() || !env.is_empty() || !metrics.is_empty() || result.is_some() {
        let more = json!([style, env, metrics, result]);
        trial.as_array_mut().expect("made as one").push(more);
    }
    trial.sort_all_objects();
    base16ct::lower::encode_string(&Sha256::digest(trial.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &str, seed: u64) -> String {
        let worker = Worker { command: vec!["worker".to_owned()], ..Worker::default() };
        key(&worker, &serde_json::from_str(config).unwrap(), seed)
    }

    #[test]
    fn the_order_of_entries_does_not_matter() {
        assert_eq!(
            of(r#"{"a": {"x": 1, "y": [2]}, "b": 3}"#, 0),
            of(r#"{"b":3,"a":{"y":[2],"x":1}}"#, 0)
        );
        assert_ne!(of(r#"{"a": [1, 2]}"#, 0), of(r#"{"a": [2, 1]}"#, 0));
        // Calculated with Python: json.dumps([...], sort_keys=True, separators=(",", ":")).
        assert_eq!(
            of(r#"{"b": 0.001, "a": {"d": null, "c": "ü"}}"#, 7),
            "ff443e5c770e4c8fc6275aec14f7ee61f837a7a8245c0656b81825abddcfcf88"
        );
    }

    #[test]
    fn numbers_that_differ_have_different_keys() {
        const BEYOND: u64 = 1 << 53;
        assert_ne!(of("{}", BEYOND), of("{}", BEYOND + 1));
        assert_ne!(of(r#"{"a": 9007199254740992}"#, 0), of(r#"{"a": 9007199254740993}"#, 0));
        assert_ne!(of(r#"{"a": 1}"#, 0), of(r#"{"a": 1.0}"#, 0));
        assert_ne!(of(r#"{"a": 0.1}"#, 0), of(r#"{"a": 0.10000000000000002}"#, 0));
    }
}
