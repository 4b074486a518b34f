//! A first reading of a YAML text, event by event and in little memory: where every key and list item
//! stands, and whether the text is one that can be read at all. An alias counts as what it stands
//! for, as often as it stands there: a few lines of aliases of aliases can mean billions of values.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::parse::YamlError;
use super::pointer::escape;

/// What to do about a file that is too large.
pub(crate) const TOO_LARGE: &str =
    "is it the right file? what is large belongs in files that the worker reads";

/// A text has at most so many values, aliases written out: keys, items, mappings and lists.
const MAX_VALUES: u64 = 100_000;
/// Their keys and plain values have so many bytes at most.
const MAX_BYTES: u64 = 16 << 20;
/// So many mappings and lists stand within each other at most.
const MAX_DEPTH: u64 = 64;

/// JSON pointer to line and column, both from 1.
pub(crate) type Places = HashMap<String, (usize, usize)>;

/// What a value comes to.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    values: u64,
    bytes: u64,
    /// Of the deepest mapping or list in it.
    height: u64,
}

/// A mapping or list whose end has not been read.
struct Open {
    at: String,
    anchor: usize,
    weight: Weight,
    inside: Inside,
}

enum Inside {
    Mapping { key: Option<String> },
    Sequence { next: usize },
}

/// What has been read so far.
struct Reader {
    places: Places,
    stack: Vec<Open>,
    /// What anchors stand for, once they have been read to their end.
    anchors: HashMap<usize, Weight>,
    total: Weight,
}

/// Where everything stands in `text`, or why it is not read any further.
pub(crate) fn read(text: &str) -> Result<Places, YamlError> {
    let mut reader = Reader {
        places: HashMap::new(),
        stack: Vec::new(),
        anchors: HashMap::new(),
        total: Weight::default(),
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let place = (error.marker().line(), error.marker().col() + 1);
            // What the reader cannot count is more than is allowed here.
            if error.info().contains("recursion limit") {
                return too_large(place, &too_deep());
            }
            YamlError::at(place, error.info())
        })?;
        reader.take(&event, span)?;
    }
    Ok(reader.places)
}

fn too_deep() -> String {
    format!("more than {MAX_DEPTH} mappings and lists stand within each other")
}

fn too_large(place: (usize, usize), message: &str) -> YamlError {
    YamlError::at(place, message).with_hint(TOO_LARGE)
}

/// Whether a plain word is a number that would come out as another one, or as a word.
fn is_beyond_numbers(word: &str) -> bool {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return word.parse::<i64>().is_err() && word.parse::<u64>().is_err();
    }
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && word.parse::<f64>().is_ok_and(f64::is_infinite)
}

impl Reader {
    fn take(&mut self, event: &Event, span: Span) -> Result<(), YamlError> {
        let place = (span.start.line(), span.start.col() + 1);
        let wrong = |message: &str| YamlError::at(place, message);
        match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if is_beyond_numbers(text) => {
                let hint = "a computer cannot hold it; put quotes around it if it is no number";
                Err(wrong("this number is too large").with_hint(hint))
            }
            Event::Scalar(text, _, anchor, _) => {
                let weight = Weight { values: 1, bytes: text.len() as u64, height: 0 };
                self.anchors.insert(*anchor, weight);
                self.add(weight, place)?;
                self.enter(Some(text), place).map(drop)
            }
            Event::Alias(anchor) => {
                let Some(weight) = self.anchors.get(anchor).copied() else {
                    return Err(wrong("this alias stands in what it stands for"));
                };
                self.add(weight, place)?;
                self.enter(None, place).map(drop)
            }
            Event::MappingStart(anchor, _) => {
                self.open(*anchor, Inside::Mapping { key: None }, place)
            }
            Event::SequenceStart(anchor, _) => {
                self.open(*anchor, Inside::Sequence { next: 0 }, place)
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.close();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn open(
        &mut self,
        anchor: usize,
        inside: Inside,
        place: (usize, usize),
    ) -> Result<(), YamlError> {
        let weight = Weight { values: 1, bytes: 0, height: 1 };
        self.add(weight, place)?;
        let at = self.enter(None, place)?;
        self.stack.push(Open { at, anchor, weight, inside });
        Ok(())
    }

    fn close(&mut self) {
        let Some(Open { anchor, weight, .. }) = self.stack.pop() else { return };
        self.anchors.insert(anchor, weight);
        if let Some(above) = self.stack.last_mut() {
            // What lies in it was counted when it was read; here it is counted for anchors around.
            above.weight.height = above.weight.height.max(weight.height + 1);
            above.weight.values = above.weight.values.saturating_add(weight.values - 1);
            above.weight.bytes = above.weight.bytes.saturating_add(weight.bytes);
        }
    }

    /// Counts a value that starts at `place`.
    fn add(&mut self, weight: Weight, place: (usize, usize)) -> Result<(), YamlError> {
        let sums = self.stack.last_mut().map(|open| &mut open.weight).into_iter();
        for sum in sums.chain([&mut self.total]) {
            sum.values = sum.values.saturating_add(weight.values);
            sum.bytes = sum.bytes.saturating_add(weight.bytes);
        }
        if let Some(open) = self.stack.last_mut() {
            open.weight.height = open.weight.height.max(weight.height + 1);
        }
        let wrong = if self.total.values > MAX_VALUES {
            format!("up to here there are more than {MAX_VALUES} values, aliases written out")
        } else if self.total.bytes > MAX_BYTES {
            format!(
                "up to here there are more than {} MiB of text, aliases written out",
                MAX_BYTES >> 20
            )
        } else if self.stack.len() as u64 + weight.height > MAX_DEPTH {
            too_deep()
        } else {
            return Ok(());
        };
        Err(too_large(place, &wrong))
    }

    /// The pointer to a value that starts at `place`, whose text is given if it has one; as a key it
    /// has none.
    fn enter(&mut self, text: Option<&str>, place: (usize, usize)) -> Result<String, YamlError> {
        let Some(Open { at, inside, .. }) = self.stack.last_mut() else { return Ok(String::new()) };
        match inside {
            Inside::Sequence { next } => {
                let pointer = format!("{at}/{next}");
                *next += 1;
                self.places.insert(pointer.clone(), place);
                Ok(pointer)
            }
            Inside::Mapping { key } => {
                if let Some(key) = key.take() {
                    return Ok(format!("{at}/{key}"));
                }
                let Some(text) = text else {
                    return Err(YamlError::at(place, "a key must be a plain word"));
                };
                let name = escape(text);
                let pointer = format!("{at}/{name}");
                *key = Some(name);
                match self.places.insert(pointer, place) {
                    Some((line, _)) => {
                        let message = format!("key `{text}` is a duplicate of that in line {line}");
                        Err(YamlError::at(place, &message).with_hint("remove one of them"))
                    }
                    None => Ok(String::new()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_keys_and_items() {
        let text = "a:\n  b: {c: 1, d/e: 2}\nlist:\n  - x\n  - y: &z 1\n  - *z\n";
        let places = read(text).unwrap();
        assert_eq!(places["/a"], (1, 1));
        assert_eq!(places["/a/b"], (2, 3));
        assert_eq!(places["/a/b/c"], (2, 7));
        assert_eq!(places["/a/b/d~1e"], (2, 13));
        assert_eq!(places["/list/0"], (4, 5));
        assert_eq!(places["/list/1/y"], (5, 5));
        assert_eq!(places["/list/2"], (6, 5));
    }
}
