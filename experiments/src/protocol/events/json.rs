//! JSON as workers write it: Python's `json`, C's `printf` and Go's `fmt` write NaN and the infinities
//! as bare words, which JSON does not have.

use serde_json::Value;

/// Parses a line; a bare `NaN`, `Infinity`, `-inf` and the like counts as the string by which
/// [`crate::protocol::number::Number`] is written. The error is the first mistake.
pub fn parse(line: &str) -> Result<Value, String> {
    // The number of the line is the reader's to say.
    let reason =
        |error: serde_json::Error| error.to_string().replace(" at line 1 column ", " at column ");
    match serde_json::from_str(line) {
        Ok(value) => Ok(value),
        Err(error) => match quote_bare_words(line) {
            Some(quoted) => serde_json::from_str(&quoted).map_err(|error| {
                // Its column is that of another text.
                let reason = reason(error);
                reason.split(" at column ").next().unwrap_or_default().to_owned()
            }),
            None => Err(reason(error)),
        },
    }
}

/// The line with bare words for NaN and the infinities as strings; `None` if it has none.
fn quote_bare_words(line: &str) -> Option<String> {
    let mut quoted = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < line.len() {
        let rest = &line.as_bytes()[at..];
        let length = match rest[0] {
            b'"' => string_length(rest),
            b'-' | b'+' | b'a'..=b'z' | b'A'..=b'Z' => {
                let letters = rest[1..].iter().take_while(|byte| byte.is_ascii_alphabetic());
                1 + letters.count()
            }
            _ => 1,
        };
        let is_key = || rest[length..].trim_ascii_start().starts_with(b":");
        if let Some(name) = non_finite(&rest[..length])
            && !is_key()
        {
            quoted.push_str(&line[copied..at]);
            quoted.push_str(name);
            copied = at + length;
        }
        at += length;
    }
    (copied > 0).then(|| quoted + &line[copied..])
}

/// Bytes of the string that `text` begins with, quotes included; all if it does not end.
fn string_length(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

/// The JSON string for a word in any case, with a sign or without; `None` if it means no number.
fn non_finite(word: &[u8]) -> Option<&'static str> {
    let is_negative = word.starts_with(b"-");
    let name = word.strip_prefix(b"-").or(word.strip_prefix(b"+")).unwrap_or(word);
    let is_any_of = |names: [&[u8]; 2]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    match is_negative {
        _ if name.eq_ignore_ascii_case(b"nan") => Some("\"NaN\""),
        true if is_any_of([b"inf", b"infinity"]) => Some("\"-Infinity\""),
        false if is_any_of([b"inf", b"infinity"]) => Some("\"Infinity\""),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_words_are_quoted_outside_of_strings_only() {
        for (line, quoted) in [
            (r#"{"a":NaN}"#, r#"{"a":"NaN"}"#),
            ("[-Infinity, inf,+Inf,-nan]", r#"["-Infinity", "Infinity","Infinity","NaN"]"#),
            (r#"{"NaN\"":NaN,"ü\\":nan}"#, r#"{"NaN\"":"NaN","ü\\":"NaN"}"#),
        ] {
            assert_eq!(quote_bare_words(line).as_deref(), Some(quoted));
        }
        for line in [r#"{"a":"NaN, NaN"}"#, "{NaN : 1}", "[info, nano]", r#"["\"NaN"#, "-"] {
            assert_eq!(quote_bare_words(line), None, "{line}");
        }
    }

    #[test]
    fn the_mistake_of_a_line_is_its_own_and_not_its_nan() {
        assert_eq!(parse("[1,]").unwrap_err(), "trailing comma at column 4");
        assert_eq!(parse("[NaN,]").unwrap_err(), "trailing comma");
    }
}
