//! A config as arguments of a program.

use serde_json::{Map, Value};

use crate::schema::arguments::{ArgumentStyle, BooleanStyle};

/// The arguments for all of `config` but the paths in `named`, in its order. Nested keys are dotted.
pub(super) fn of(
    config: &Map<String, Value>,
    named: &[&str],
    style: ArgumentStyle,
    booleans: BooleanStyle,
) -> Vec<String> {
    let mut words = Vec::new();
    for (key, value) in leaves(config, "", named) {
        match style {
            ArgumentStyle::Hydra => words.push(format!("{key}={}", hydra(value))),
            style => words.extend(option(&key, value, style, booleans)),
        }
    }
    words
}

/// A value as text in one word: strings as they are, everything else as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Every value that is not a mapping with entries, by its dotted path.
fn leaves<'a>(
    config: &'a Map<String, Value>,
    above: &str,
    named: &[&str],
) -> Vec<(String, &'a Value)> {
    let mut found = Vec::new();
    for (key, value) in config {
        let path = format!("{above}{key}");
        match value {
            _ if named.contains(&path.as_str()) => {}
            Value::Object(inner) if !inner.is_empty() => {
                found.extend(leaves(inner, &format!("{path}."), named));
            }
            _ => found.push((path, value)),
        }
    }
    found
}

/// An option with two dashes; nothing for null.
fn option(key: &str, value: &Value, style: ArgumentStyle, booleans: BooleanStyle) -> Vec<String> {
    match (value, booleans) {
        (Value::Null, _) | (Value::Bool(false), BooleanStyle::KeyOrNothing) => Vec::new(),
        (Value::Bool(true), BooleanStyle::KeyOrNothing | BooleanStyle::KeyOrNoKey) => {
            vec![format!("--{key}")]
        }
        (Value::Bool(false), BooleanStyle::KeyOrNoKey) => vec![format!("--no-{key}")],
        (Value::Array(items), _) if style == ArgumentStyle::OneWord => {
            items.iter().map(|item| format!("--{key}={}", text(item))).collect()
        }
        (Value::Array(items), _) => {
            let items = items.iter().map(text);
            [format!("--{key}")].into_iter().chain(items).collect()
        }
        (value, _) if style == ArgumentStyle::OneWord => {
            vec![format!("--{key}={}", text(value))]
        }
        (value, _) => vec![format!("--{key}"), text(value)],
    }
}

/// A value in the grammar of Hydra's overrides.
fn hydra(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(hydra).collect::<Vec<_>>().join(","))
        }
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}:{}", hydra(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// True for a string that Hydra reads as itself without quotes.
fn is_plain(text: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b"_-./".contains(&b);
    let keywords = ["true", "false", "null", "nan", "inf", "infinity"];
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(is_word)
        && !keywords.contains(&text.to_lowercase().as_str())
}

/// In single quotes. Hydra's parser takes back only the backslashes before a quote, and its interpolation
/// those before a `${`.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    let mut backslashes = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let interpolates = c == '$' && chars.peek() == Some(&'{');
        if c == '\'' || interpolates {
            quoted.extend(std::iter::repeat_n('\\', backslashes + 1));
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        quoted.push(c);
    }
    quoted.extend(std::iter::repeat_n('\\', backslashes));
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn words(config: &Value, style: ArgumentStyle, booleans: BooleanStyle) -> Vec<String> {
        of(config.as_object().unwrap(), &["named", "model.named"], style, booleans)
    }

    #[test]
    fn every_style_writes_every_kind_of_value() {
        use ArgumentStyle::{Hydra, OneWord, TwoWords};
        use BooleanStyle::{KeyOrNoKey, KeyOrNothing, Value};
        let config = json!({
            "lr": 0.001, "named": 1, "model": {"named": 2, "width": 8}, "name": "a b", "on": true,
            "off": false, "none": null, "sizes": [1, 2], "empty": [], "learning_rate": 1,
        });
        let two_words = words(&config, TwoWords, KeyOrNothing).join("|");
        assert_eq!(
            two_words,
            "--lr|0.001|--model.width|8|--name|a b|--on|--sizes|1|2|--empty|--learning_rate|1"
        );
        let one_word = words(&config, OneWord, KeyOrNoKey).join("|");
        assert_eq!(
            one_word,
            "--lr=0.001|--model.width=8|--name=a b|--on|--no-off|--sizes=1|--sizes=2|--learning_rate=1"
        );
        let values = words(&json!({"on": true, "off": false}), TwoWords, Value).join("|");
        assert_eq!(values, "--on|true|--off|false");
        let hydra = words(&config, Hydra, KeyOrNothing).join("|");
        assert_eq!(
            hydra,
            "lr=0.001|model.width=8|name='a b'|on=true|off=false|none=null|sizes=[1,2]|empty=[]|\
             learning_rate=1"
        );
    }

    #[test]
    fn hydra_reads_a_string_as_a_string() {
        for (text, expected) in [
            ("resnet18", "resnet18"),
            ("data/x-1.pt", "data/x-1.pt"),
            ("", "''"),
            ("12", "'12'"),
            ("Null", "'Null'"),
            ("it's", r"'it\'s'"),
            (r"a\b", r"'a\b'"),
            (r"a\", r"'a\\'"),
            (r"a\'b", r"'a\\\'b'"),
            ("a,b", "'a,b'"),
            ("${x}", r"'\${x}'"),
        ] {
            assert_eq!(hydra(&json!(text)), expected);
        }
        assert_eq!(
            hydra(&json!(["a", "b c", 1, null, {"k": "x y"}])),
            "[a,'b c',1,null,{k:'x y'}]"
        );
    }

    /// The text that Hydra's `QUOTED_VALUE` means: a run of backslashes before the quote's end or a
    /// quote is halved, all others are themselves.
    fn unquoted(quoted: &str) -> Option<String> {
        let inside = quoted.strip_prefix('\'')?.strip_suffix('\'')?;
        let (mut text, mut backslashes) = (String::new(), 0);
        for c in inside.chars().map(Some).chain([None]) {
            match c {
                Some('\\') => {
                    backslashes += 1;
                    continue;
                }
                Some('\'') if backslashes % 2 == 0 => return None,
                None if backslashes % 2 == 1 => return None,
                Some('\'') | None => backslashes /= 2,
                Some(_) => {}
            }
            text.extend(std::iter::repeat_n('\\', backslashes));
            text.extend(c);
            backslashes = 0;
        }
        Some(text)
    }

    proptest! {
        #[test]
        fn a_quoted_string_is_the_string(text in r"[a\\' ,$]{0,8}") {
            prop_assert_eq!(unquoted(&quoted(&text)), Some(text));
        }
    }
}
