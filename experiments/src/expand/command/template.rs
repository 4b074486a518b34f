//! Text with names in braces. `{name}` is a name; `{{name}}` is the text `{name}`; `${name}` is left
//! to a shell. Braces around anything else, such as JSON, are text.

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// As it is.
    Text(&'a str),
    /// To be replaced, without its braces.
    Name(&'a str),
}

/// The parts of `text`, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find('{') {
        let (before, braces) = rest.split_at(open);
        let escaped = braces
            .strip_prefix("{{")
            .and_then(name)
            .filter(|name| braces[name.len() + 3..].starts_with('}'));
        let plain = name(&braces[1..]).filter(|_| !before.ends_with('$'));
        let used = match (escaped, plain) {
            (Some(name), _) => {
                pieces.extend([Piece::Text(before), Piece::Text(&braces[1..name.len() + 3])]);
                open + name.len() + 4
            }
            (None, Some(name)) => {
                pieces.extend([Piece::Text(before), Piece::Name(name)]);
                open + name.len() + 2
            }
            (None, None) => {
                pieces.push(Piece::Text(&rest[..=open]));
                open + 1
            }
        };
        rest = &rest[used..];
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

/// True if a name in `text` is to be replaced.
pub fn has_names(text: &str) -> bool {
    names(text).next().is_some()
}

/// The names in `text`.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Text(_) => None,
    })
}

/// The name at the start of `text`, if a brace ends it.
fn name(text: &str) -> Option<&str> {
    let name = &text[..text.find('}')?];
    let starts = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    (starts && name.chars().all(is_name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_names_in_single_braces_are_replaced() {
        use Piece::{Name, Text};
        for (text, expected) in [
            ("{lr}", vec![Name("lr")]),
            (
                "--lr={lr},{model.width}",
                vec![Text("--lr="), Name("lr"), Text(","), Name("model.width")],
            ),
            ("{{lr}}", vec![Text("{lr}")]),
            ("${HOME}/{seed}", vec![Text("${"), Text("HOME}/"), Name("seed")]),
            (r#"{"a":{"b":20}}"#, vec![Text("{"), Text(r#""a":{"#), Text(r#""b":20}}"#)]),
            (
                "{} {0} {a b} {a:b} {",
                vec![Text("{"), Text("} {"), Text("0} {"), Text("a b} {"), Text("a:b} {")],
            ),
            ("", vec![]),
        ] {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_its_pieces(text in r#"[{}$a."]{0,12}"#) {
            let written: String = pieces(&text)
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.to_owned(),
                    Piece::Name(name) => format!("{{{name}}}"),
                })
                .collect();
            // Nothing is lost but the outer braces around an escaped name.
            let escaped = regex::Regex::new(r"\{(\{[a][a.]*\})\}").unwrap();
            prop_assert_eq!(escaped.replace_all(&text, "$1").into_owned(), written);
        }
    }
}
