//! A file's value as a type, with every unknown key reported at once.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::pointer::{escape, pointer_of};
use super::source::{FileError, Finding, Source};
use super::suggest::nearest;
use super::unknown_variant::reworded;

/// Unknown keys that are looked for; whoever has more reads the first ones first.
const MAX_UNKNOWN: usize = 20;

/// A key that the type does not have, or a variant that its enum does not have.
struct Unknown {
    /// The pointer to the mapping with the key, or to the value that is the variant.
    at: String,
    word: String,
    known: Option<String>,
}

/// The first mistake in a value.
struct Mistake {
    finding: Finding,
    /// None if it is another than an unknown key or variant.
    unknown: Option<Unknown>,
}

/// Pointers to a value after and before its key was corrected.
struct Correction {
    corrected: String,
    written: String,
}

impl Source {
    /// Reads the whole value as `T`; the error has the position of every unknown key, and of the first
    /// other mistake.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        let Mistake { finding, unknown: mut next } = match self.decode_value(&self.value, &[]) {
            Ok(decoded) => return Ok(decoded),
            Err(mistake) => *mistake,
        };
        let (mut value, mut corrections) = (self.value.clone(), Vec::new());
        let mut findings = vec![finding];
        // Each is corrected, so that the parser gets to the next.
        while let Some(unknown) = next.take()
            && findings.len() < MAX_UNKNOWN
            && let Some(correction) = unknown.correct(&mut value)
        {
            corrections.push(correction);
            if let Err(mistake) = self.decode_value::<T>(&value, &corrections) {
                findings.push(mistake.finding);
                next = mistake.unknown;
            }
        }
        Err(FileError { findings })
    }

    /// Reads `value`, which is the file's with some keys corrected.
    fn decode_value<T: DeserializeOwned>(
        &self,
        value: &Value,
        corrections: &[Correction],
    ) -> Result<T, Box<Mistake>> {
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
            let known = unknown.as_ref().and_then(|unknown| unknown.known.as_ref());
            let braces = message.starts_with("invalid type: map, expected a string");
            let quotes = braces.then(|| "a word in braces needs quotes: \"{args}\"".to_owned());
            let hint = known.map(|known| format!("did you mean `{known}`?")).or(quotes);
            let subject = unknown.as_ref().map_or(&pointer, |unknown| &unknown.at);
            let message = reworded(&message, subject).unwrap_or(message);
            let finding = self.finding(&as_written(pointer, corrections), message).hint(hint);
            Box::new(Mistake { finding, unknown })
        })
    }
}

impl Unknown {
    /// Replaces the word by the known one that was probably meant, or removes its key. None if neither
    /// is possible.
    fn correct(self, value: &mut Value) -> Option<Correction> {
        let Self { at, word, known } = self;
        let written = format!("{at}/{}", escape(&word));
        match (value.pointer_mut(&at)?, known) {
            (Value::Object(mapping), known) => {
                let place = mapping.keys().position(|key| *key == word)?;
                let below = mapping.shift_remove(&word)?;
                let known = known.filter(|known| !mapping.contains_key(known));
                let corrected = known.as_ref().map(|known| format!("{at}/{}", escape(known)));
                if let Some(known) = known {
                    mapping.shift_insert(place, known, below);
                }
                Some(Correction { corrected: corrected.unwrap_or(written.clone()), written })
            }
            (Value::String(text), Some(known)) if *text == word => {
                *text = known;
                Some(Correction { corrected: written.clone(), written })
            }
            _ => None,
        }
    }
}

/// The pointer as the file has it.
fn as_written(mut pointer: String, corrections: &[Correction]) -> String {
    for Correction { corrected, written } in corrections.iter().rev() {
        if let Some(below) = pointer.strip_prefix(corrected.as_str())
            && (below.is_empty() || below.starts_with('/'))
        {
            pointer = format!("{written}{below}");
        }
    }
    pointer
}

/// The word between `prefix` and the next backtick, if `message` starts with `prefix`.
fn quoted<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.split('`').next()
}
