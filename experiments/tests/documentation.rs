//! `docs/experiment.md` lists every key that the parser knows, and no other.

use std::collections::BTreeSet;
use std::path::Path;

use experiments::schema::file::File;
use serde_json::{Value, json};

/// A key or variant that does not exist.
const UNKNOWN: &str = "?";

/// The parser's error for a file with nothing but this.
fn verdict(value: Value) -> String {
    serde_json::from_value::<File>(value).expect_err("too much is missing").to_string()
}

/// The words that the parser expects in place of `UNKNOWN`; `None` if it lists none.
fn expected(verdict: &str) -> Option<Vec<String>> {
    let unknown = ["unknown field `?`, ", "unknown variant `?`, "];
    let words = unknown.iter().find_map(|start| verdict.strip_prefix(start))?;
    Some(words.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

/// Adds every key below `path`; `file` makes a file with nothing but a value there.
fn keys(path: &str, file: &dyn Fn(Value) -> Value, found: &mut BTreeSet<String>) {
    let below = |suffix: &str| format!("{path}{suffix}");
    let in_map = verdict(file(json!({UNKNOWN: 0})));
    let choices = expected(&in_map).filter(|words| {
        // A mere word such as `higher` is a value, not a key.
        in_map.starts_with("unknown field") || verdict(file(json!(words[0]))).contains("newtype")
    });
    if let Some(words) = choices {
        for word in words {
            let dot = if path.is_empty() { "" } else { "." };
            let file = |value: Value| file(json!({word.as_str(): value}));
            keys(&below(&format!("{dot}{word}")), &file, found);
        }
    } else if in_map.contains("expected struct") {
        keys(&below(".*"), &|value| file(json!({"name": value})), found);
    } else if expected(&verdict(file(json!([{UNKNOWN: 0}])))).is_some() {
        keys(&below("[]"), &|value| file(json!([value])), found);
    } else {
        found.insert(path.to_owned());
    }
}

#[test]
fn the_documentation_lists_every_key() {
    let mut known = BTreeSet::new();
    keys("", &|value| value, &mut known);
    // A profile's sections replace the file's; their keys are not listed twice.
    for section in ["profiles.*.resources", "profiles.*.slurm"] {
        known.retain(|key| !key.starts_with(&format!("{section}.")));
        known.insert(section.to_owned());
    }

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/experiment.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    // A template such as `{seed}` is no key.
    let rows = rows.filter(|row| !row.starts_with('{'));
    let documented = rows.map(|row| row.split('`').next().unwrap().to_owned()).collect();
    assert_eq!(known, documented);
}
