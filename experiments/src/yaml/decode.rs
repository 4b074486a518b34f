//! A file's value as a type, with every mistake reported at once.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::pointer::{escape, pointer_of, segments};
use super::source::{FileError, Finding, Source};
use super::suggest::nearest;
use super::{expected_type, unknown_variant};

/// Mistakes that are looked for; whoever has more reads the first ones first.
const MAX_MISTAKES: usize = 20;

/// A file's value as a type, and every mistake in it.
pub(crate) struct Decoded<T> {
    /// `None` if more is wrong than unknown words, which are corrected or left out of it.
    pub(crate) value: Option<T>,
    pub(crate) findings: Vec<Finding>,
}

/// The first mistake in a value.
struct Mistake {
    finding: Finding,
    /// The pointer to the value that is wrong or missing, or to the unknown key.
    at: String,
    unknown: Option<Unknown>,
}

/// A key that the type does not have, or a variant that its enum does not have.
struct Unknown {
    /// The pointer to the mapping with the key, or to the value that is the variant.
    at: String,
    word: String,
    known: Option<String>,
}

impl Source {
    /// Reads the whole value as `T`; the error has the position of every mistake.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        self.decode_value(&self.value)
            .map_err(|_| FileError { findings: self.clone().decode_all::<T>().findings })
    }

    /// Reads the whole value as `T` with every mistake: each is corrected, so that the parser gets to the
    /// next.
    pub(crate) fn decode_all<T: DeserializeOwned>(&mut self) -> Decoded<T> {
        let mut value = self.value.clone();
        let (mut findings, mut is_sound, mut wrong) = (Vec::new(), true, BTreeSet::new());
        let (mut decoded, mut rounds) = (self.decode_value(&value), 1);
        loop {
            let Mistake { finding, at, unknown } = match decoded {
                Ok(value) => return Decoded { value: is_sound.then_some(value), findings },
                Err(mistake) => *mistake,
            };
            // A value that was wrong may have been taken out, and is not missing.
            if wrong.insert(at.clone()) {
                findings.push(finding);
            }
            is_sound &= unknown.is_some();
            let corrected = match unknown {
                _ if rounds == MAX_MISTAKES => None,
                Some(unknown) => {
                    self.correct(unknown, &mut value).map(|()| self.decode_value(&value))
                }
                None => self.substitute(&at, &mut value),
            };
            match corrected {
                Some(next) => decoded = next,
                None => return Decoded { value: None, findings },
            }
            rounds += 1;
        }
    }

    /// Puts something else at the pointer `at`, so that the parser finds no mistake there. None if nothing
    /// will do.
    fn substitute<T: DeserializeOwned>(
        &self,
        at: &str,
        value: &mut Value,
    ) -> Option<Result<T, Box<Mistake>>> {
        // Without the key its default is taken, if it has one.
        let samples =
            [json!([]), json!({}), json!("1s"), json!(1), json!(false), json!("a.m < b.m")];
        std::iter::once(None).chain(samples.map(Some)).find_map(|sample| {
            replace(value, at, sample)?;
            let decoded = self.decode_value(value);
            let is_elsewhere = decoded
                .as_ref()
                .err()
                .is_none_or(|mistake| !is_within(&mistake.at, at) && !is_within(at, &mistake.at));
            is_elsewhere.then_some(decoded)
        })
    }

    /// Replaces an unknown word by the known one that was probably meant, or removes its key. None if
    /// neither is possible.
    fn correct(&mut self, unknown: Unknown, value: &mut Value) -> Option<()> {
        let Unknown { at, word, known } = unknown;
        match (value.pointer_mut(&at)?, known) {
            (Value::Object(mapping), known) => {
                let place = mapping.keys().position(|key| *key == word)?;
                let below = mapping.shift_remove(&word)?;
                if let Some(known) = known.filter(|known| !mapping.contains_key(known)) {
                    self.alias_all(
                        &format!("{at}/{}", escape(&word)),
                        &format!("{at}/{}", escape(&known)),
                    );
                    mapping.shift_insert(place, known, below);
                }
                Some(())
            }
            (Value::String(text), Some(known)) if *text == word => {
                *text = known;
                Some(())
            }
            _ => None,
        }
    }

    /// Reads `value`, which is the file's with some mistakes corrected.
    fn decode_value<T: DeserializeOwned>(&self, value: &Value) -> Result<T, Box<Mistake>> {
        serde_path_to_error::deserialize(value).map_err(|e| {
            let message = e.inner().to_string();
            let mut pointer = pointer_of(e.path());
            let field = quoted(&message, "unknown field `");
            let word = field.or(quoted(&message, "unknown variant `"));
            let unknown = word.map(|word| {
                let end = format!("/{}", escape(word));
                let above = pointer.strip_suffix(&end).unwrap_or(&pointer).to_owned();
                let written = above.clone() + &end;
                if field.is_some() || value.pointer(&written).is_some() {
                    pointer = written;
                }
                let known = nearest(word, message.split('`').skip(3).step_by(2));
                Unknown { at: above, word: word.to_owned(), known: known.map(str::to_owned) }
            });
            let missing = quoted(&message, "missing field `").map(escape);
            let at = missing.map_or(pointer.clone(), |key| format!("{pointer}/{key}"));
            let known = unknown.as_ref().and_then(|unknown| unknown.known.as_ref());
            let of_type = || hint_of_type(&pointer, &message).map(str::to_owned);
            let hint = known.map(|known| format!("did you mean `{known}`?")).or_else(of_type);
            let subject = unknown.as_ref().map_or(&pointer, |unknown| &unknown.at);
            let message = unknown_variant::reworded(&message, subject)
                .or_else(|| expected_type::reworded(&message))
                .unwrap_or(message);
            Box::new(Mistake { finding: self.finding(&pointer, message).hint(hint), at, unknown })
        })
    }
}

/// An example in place of a value of the wrong type, where many are written wrong at first.
fn hint_of_type(pointer: &str, message: &str) -> Option<&'static str> {
    if pointer.starts_with("/report/claims") {
        return Some("write {claim: Ours is better., compare: ours.accuracy > baseline.accuracy}");
    }
    if !pointer.starts_with("/worker/") {
        return None;
    }
    if message.starts_with("invalid type: map, expected a string") {
        Some("a word in braces needs quotes: \"{args}\"")
    } else if message.starts_with("invalid type: string") && message.contains("a sequence") {
        Some("write a list of words: [python3, train.py, \"{args}\"]")
    } else {
        None
    }
}

/// Puts `sample` at a pointer below the root, or removes what is there. None if there is no such place.
fn replace(value: &mut Value, pointer: &str, sample: Option<Value>) -> Option<()> {
    let (above, key) = pointer.rsplit_once('/')?;
    match (value.pointer_mut(above)?, sample) {
        (Value::Object(mapping), sample) => {
            let key = segments(pointer).last()?;
            match sample {
                Some(sample) => mapping.insert(key, sample),
                None => mapping.shift_remove(&key),
            };
            Some(())
        }
        (Value::Array(items), Some(sample)) => {
            *items.get_mut(key.parse::<usize>().ok()?)? = sample;
            Some(())
        }
        _ => None,
    }
}

/// True if the value at `pointer` is the one at `outer`, or a part of it.
fn is_within(pointer: &str, outer: &str) -> bool {
    pointer.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The word between `prefix` and the next backtick, if `message` starts with `prefix`.
fn quoted<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.split('`').next()
}
