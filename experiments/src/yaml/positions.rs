//! A first pass over a YAML text, event by event and in little memory: the position of every key and
//! list item, and the limits that the text must keep to. An alias counts as much as the value it
//! refers to, each time: a few lines of aliases of aliases can mean billions of values.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::error::{Position, YamlError};
use super::lookalike::{AmbiguousText, Lookalike};
use super::parse;
use super::pointer::escape;

/// Advice for a file that is too large.
pub(crate) const TOO_LARGE: &str =
    "is it the right file? large data belongs in files that the worker reads";

/// Keys, items, mappings and lists of a text, aliases expanded.
const MAX_VALUES: u64 = 100_000;
/// Bytes of its keys and scalars, aliases expanded.
const MAX_BYTES: u64 = 16 << 20;
/// Levels of mappings and lists.
const MAX_DEPTH: u64 = 64;

/// JSON pointer to the position of a key or list item.
pub(crate) type SourceMap = HashMap<String, Position>;

/// The result of the pass.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scan {
    pub(crate) positions: SourceMap,
    /// In the order of the text.
    pub(crate) ambiguous: Vec<AmbiguousText>,
}

fn position_of(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

/// The size of a value, aliases expanded.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    values: u64,
    bytes: u64,
    /// Levels of mappings and lists in it.
    height: u64,
}

/// A mapping or list whose end has not been read.
struct Open {
    pointer: String,
    anchor: usize,
    weight: Weight,
    kind: Kind,
}

enum Kind {
    Mapping { key: Option<String> },
    Sequence { next: usize },
}

/// The state of the pass.
#[derive(Default)]
struct Reader {
    scan: Scan,
    stack: Vec<Open>,
    /// Complete values by their anchor.
    anchors: HashMap<usize, Weight>,
    total: Weight,
}

/// The positions in `text`; an error if it is not YAML or exceeds a limit.
pub(crate) fn read(text: &str) -> Result<Scan, YamlError> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let position = position_of(error.marker());
            // More levels than the parser can count are too many.
            if error.info().contains("recursion limit") {
                return YamlError::at(position, too_deep()).hint(TOO_LARGE);
            }
            // The parser's words for a line of a mapping that has no colon.
            if error.info().contains("simple key") {
                let message = "a key without a value ends before here: a `:` is missing";
                return YamlError::at(position, message).hint(
                    "write `key: value`, with a space after the colon and deeper indentation in the \
                     lines of a long value",
                );
            }
            YamlError::at(position, error.info())
        })?;
        reader.handle(&event, span)?;
    }
    Ok(reader.scan)
}

fn too_deep() -> String {
    format!("mappings and lists are nested more than {MAX_DEPTH} deep")
}

/// True for a plain scalar that is a number too large for 64 bits.
fn is_too_large(word: &str) -> bool {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return word.parse::<i64>().is_err() && word.parse::<u64>().is_err();
    }
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && word.parse::<f64>().is_ok_and(f64::is_infinite)
}

/// A tag as a person writes it: `!!str`, `!mine`.
fn written(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() {
        format!("!!{}", tag.suffix)
    } else {
        format!("{}{}", tag.handle, tag.suffix)
    }
}

impl Reader {
    fn handle(&mut self, event: &Event, span: Span) -> Result<(), YamlError> {
        let position = position_of(&span.start);
        if let Event::Scalar(.., Some(tag))
        | Event::MappingStart(_, Some(tag))
        | Event::SequenceStart(_, Some(tag)) = event
        {
            let message = format!("tag `{}` is not supported", written(tag));
            let hint = "leave it out; quotes around a value make it text";
            return Err(YamlError::at(position, message).hint(hint));
        }
        match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if is_too_large(text) => {
                let hint = "numbers have 64 bits; put quotes around it if it is text";
                Err(YamlError::at(position, "this number is too large").hint(hint))
            }
            Event::Scalar(text, style, anchor, _) => {
                let weight = Weight { values: 1, bytes: text.len() as u64, height: 0 };
                self.anchors.insert(*anchor, weight);
                self.count(weight, position)?;
                if let Some(pointer) = self.enter(Some(text), position)?
                    && *style == ScalarStyle::Plain
                    && let Some(looks_like) = Lookalike::of(text)
                    && parse::is_text(text)
                {
                    let word = text.to_string();
                    let ambiguous = AmbiguousText { pointer, position, word, looks_like };
                    self.scan.ambiguous.push(ambiguous);
                }
                Ok(())
            }
            Event::Alias(anchor) => {
                let Some(weight) = self.anchors.get(anchor).copied() else {
                    let message = "this alias is inside the value that it refers to";
                    return Err(YamlError::at(position, message));
                };
                self.count(weight, position)?;
                self.enter(None, position).map(drop)
            }
            Event::MappingStart(anchor, _) => {
                self.open(*anchor, Kind::Mapping { key: None }, position)
            }
            Event::SequenceStart(anchor, _) => {
                self.open(*anchor, Kind::Sequence { next: 0 }, position)
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.close();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, anchor: usize, kind: Kind, position: Position) -> Result<(), YamlError> {
        let weight = Weight { values: 1, bytes: 0, height: 1 };
        self.count(weight, position)?;
        let pointer = self.enter(None, position)?.unwrap_or_default();
        self.stack.push(Open { pointer, anchor, weight, kind });
        Ok(())
    }

    fn close(&mut self) {
        let Some(Open { anchor, weight, .. }) = self.stack.pop() else { return };
        self.anchors.insert(anchor, weight);
        if let Some(parent) = self.stack.last_mut() {
            // The total has it already; the parent's own weight is for the parent's anchor.
            parent.weight.height = parent.weight.height.max(weight.height + 1);
            parent.weight.values = parent.weight.values.saturating_add(weight.values - 1);
            parent.weight.bytes = parent.weight.bytes.saturating_add(weight.bytes);
        }
    }

    /// Adds a value to the parent's weight and to the total, which must stay within the limits.
    fn count(&mut self, weight: Weight, position: Position) -> Result<(), YamlError> {
        let parent = self.stack.last_mut().map(|open| &mut open.weight);
        for sum in parent.into_iter().chain([&mut self.total]) {
            sum.values = sum.values.saturating_add(weight.values);
            sum.bytes = sum.bytes.saturating_add(weight.bytes);
        }
        if let Some(open) = self.stack.last_mut() {
            open.weight.height = open.weight.height.max(weight.height + 1);
        }
        let message = if self.total.values > MAX_VALUES {
            format!("up to here there are more than {MAX_VALUES} values, aliases expanded")
        } else if self.total.bytes > MAX_BYTES {
            let mebibytes = MAX_BYTES >> 20;
            format!("up to here there are more than {mebibytes} MiB of text, aliases expanded")
        } else if self.stack.len() as u64 + weight.height > MAX_DEPTH {
            too_deep()
        } else {
            return Ok(());
        };
        Err(YamlError::at(position, message).hint(TOO_LARGE))
    }

    /// Records the position of a key or list item. Returns the pointer to a value, None for a key;
    /// `text` is that of a scalar.
    fn enter(
        &mut self,
        text: Option<&str>,
        position: Position,
    ) -> Result<Option<String>, YamlError> {
        let positions = &mut self.scan.positions;
        let Some(Open { pointer: parent, kind, .. }) = self.stack.last_mut() else {
            return Ok(Some(String::new()));
        };
        match kind {
            Kind::Sequence { next } => {
                let pointer = format!("{parent}/{next}");
                *next += 1;
                positions.insert(pointer.clone(), position);
                Ok(Some(pointer))
            }
            Kind::Mapping { key } => {
                if let Some(key) = key.take() {
                    return Ok(Some(format!("{parent}/{key}")));
                }
                let Some(text) = text else {
                    return Err(YamlError::at(position, "a key must be a plain string"));
                };
                let name = escape(text);
                let pointer = format!("{parent}/{name}");
                *key = Some(name);
                match positions.insert(pointer, position) {
                    Some(Position { line, .. }) => {
                        let message = format!("duplicate key `{text}`, first used in line {line}");
                        Err(YamlError::at(position, message).hint("remove one of them"))
                    }
                    None => Ok(None),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_errors_where_they_stand() {
        for (text, tag, at) in [
            ("a: !!str 1", "!!str", (1, 4)),
            ("a:\n  - !!int '1'", "!!int", (2, 5)),
            ("a: !mine {b: 1}", "!mine", (1, 4)),
            ("a: !<tag:x.org,2000:y> [1]", "tag:x.org,2000:y", (1, 4)),
            ("!!map {a: 1}", "!!map", (1, 1)),
            ("!!str a: 1", "!!str", (1, 1)),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message.contains(&format!("tag `{tag}`")), "{text}: {error}");
            assert_eq!(error.position.map(|p| (p.line, p.column)), Some(at), "{text}");
        }
    }

    #[test]
    fn a_line_without_a_colon_is_told_in_plain_words() {
        for text in ["a: 1\nb\nc: 2", "a:\n  b: 1\n  c\n  d: 2\n", "a: 1\nb"] {
            let error = read(text).unwrap_err();
            assert!(error.message.contains("a `:` is missing"), "{text:?}: {error:?}");
            assert!(error.hint.unwrap().contains("`key: value`"));
        }
    }

    #[test]
    fn positions_of_keys_and_items() {
        let text = "a:\n  b: {c: 1, d/e: 2}\nlist:\n  - x\n  - y: &z 1\n  - *z\n";
        let positions = read(text).unwrap().positions;
        let at = |pointer: &str| (positions[pointer].line, positions[pointer].column);
        assert_eq!(at("/a"), (1, 1));
        assert_eq!(at("/a/b"), (2, 3));
        assert_eq!(at("/a/b/c"), (2, 7));
        assert_eq!(at("/a/b/d~1e"), (2, 13));
        assert_eq!(at("/list/0"), (4, 5));
        assert_eq!(at("/list/1/y"), (5, 5));
        assert_eq!(at("/list/2"), (6, 5));
    }
}
