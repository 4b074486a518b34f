//! Two columns of values side by side, as text and as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::cli::commands::provenance::SHORT;
use crate::display::text::columns;
use crate::platform::hash;

/// Most characters of a value that are shown; the JSON has all of them.
const LONGEST: usize = 60;

/// A line: the key, both values, and a remark.
pub(super) type Row = [String; 4];

/// Lines below titles, under the names of what is compared; sections without lines are left out.
pub(super) fn sections<const N: usize>(
    names: [String; 2],
    sections: [(&str, Vec<Row>); N],
) -> String {
    let [name_a, name_b] = names;
    let mut rows = vec![[String::new(), name_a, name_b, String::new()]];
    for (title, section) in sections {
        if !section.is_empty() {
            rows.push(Default::default());
            rows.push([title.to_owned(), String::new(), String::new(), String::new()]);
            rows.extend(section);
        }
    }
    columns(&rows).join("\n") + "\n"
}

pub(super) fn joined(words: &BTreeSet<String>) -> String {
    words.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The keys of both with their two values.
pub(super) fn pairs<'a, K: Ord, V>(
    a: &'a BTreeMap<K, V>,
    b: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, Option<&'a V>, Option<&'a V>)> {
    let keys: BTreeSet<&K> = a.keys().chain(b.keys()).collect();
    keys.into_iter().map(|key| (key, a.get(key), b.get(key)))
}

/// A line of the page; a dash where a trial has no value.
pub(super) fn row<V: ToString>(key: &str, a: Option<&V>, b: Option<&V>) -> Row {
    let [a, b] = [a, b].map(|value| value.map_or("–".to_owned(), V::to_string));
    let [a, b] = if a == b { [cut(&a), cut(&b)] } else { differing_words(&a, &b) };
    [format!("  {key}"), a, b, String::new()]
}

/// Both values; where one is long, only the words in which they differ, with dots for the others.
fn differing_words(a: &str, b: &str) -> [String; 2] {
    if [a, b].iter().all(|value| value.chars().count() <= LONGEST) {
        return [a.to_owned(), b.to_owned()];
    }
    let words = |value| str::split_inclusive(value, [' ', ':', ',']).collect::<Vec<_>>();
    let words = [words(a), words(b)];
    let mut texts = [String::new(), String::new()];
    for operation in capture_diff_slices(Algorithm::Myers, &words[0], &words[1]) {
        let ranges = [operation.old_range(), operation.new_range()];
        for ((text, words), range) in texts.iter_mut().zip(&words).zip(ranges) {
            if operation.tag() == DiffTag::Equal {
                text.push_str(" … ");
            } else {
                text.push_str(&words[range].concat());
            }
        }
    }
    texts.map(|text| cut(&text.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// At most the first [`LONGEST`] characters.
fn cut(value: &str) -> String {
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// A line for every key with different values.
pub(super) fn differing(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Vec<Row> {
    pairs(a, b).filter(|(_, a, b)| a != b).map(|(key, a, b)| row(key, a, b)).collect()
}

/// The hashes of files, shortened for people.
pub(super) fn short(files: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    files.iter().map(|(path, hash)| (path.clone(), hash::short(hash, SHORT).to_owned())).collect()
}

/// Both values of every key with different ones.
pub(super) fn differing_values(
    a: &BTreeMap<String, String>,
    b: &BTreeMap<String, String>,
) -> Map<String, Value> {
    let pairs = pairs(a, b).filter(|(_, a, b)| a != b);
    pairs.map(|(key, a, b)| (key.clone(), json!([a, b]))).collect()
}
