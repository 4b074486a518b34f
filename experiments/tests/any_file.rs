//! Any bytes, and good files with something changed: each is read, expanded and resolved, or refused
//! with a position; nothing panics.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::fs;
use std::path::Path;

use experiments::expand::Experiment;
use experiments::yaml::source::FileError;
use proptest::prelude::*;
use proptest::sample::Index;

const TABLE1: &str = include_str!("../table1.yaml");
const SMALL: &str = "\
orch: 1
name: small
worker: {command: [train, --fast], check: [train, check], grace: 30s}
resources: {gpus: 1, share: 1/4, memory: 2GiB, time: 12h}
retry: {attempts: 2, backoff: 1m}
stall: {after: 30m, then: retry}
system: 1m
keep: {checkpoints: {last: 1, every: 100, best: {metric: loss, better: lower}}}
config: &all {steps: 20, model.width: 8, list: [1, 2.5, ~, text]}
variants:
  a: {label: First, set: {model: {depth: 2}}, priority: 1}
  b: {<<: {cost: 2}, set: {steps: 1e2}, seeds: [7]}
grid: {product: {steps: [1, 2]}, zip: [{x: [a, b]}], exclude: [{steps: 1, x: b}], include: [{x: c}]}
seeds: [0, 1]
profiles:
  demo: {caption: Small., config: {model.width: 4}, variants: {a: {set: {steps: 5}}}}
  full: {seeds: [0]}
report:
  table: {name: t, columns: [{metric: loss, better: lower, decimals: 3}], baseline: a}
  claims: [{claim: B is better., compare: b.loss < a.loss}]
  figures: [curve: {name: c, metric: loss, x: images, images_per_step: steps}]
";

/// YAML's indicators, and unusual values.
const WORDS: [&str; 24] = [
    "&a ",
    "*a",
    "*all",
    "<<: ",
    "? ",
    "- ",
    "!!binary ",
    "!t ",
    "|\n",
    "{",
    "}",
    "[",
    "]",
    ": ",
    ",",
    "---\n",
    "...\n",
    "\t",
    "\u{feff}",
    "1e999",
    "-1",
    "18446744073709551616",
    "~",
    "../x",
];

/// One change of a text.
#[derive(Debug, Clone)]
enum Edit {
    Byte(Index, u8),
    Remove(Index),
    Word(Index, &'static str),
    RemoveLine(Index),
    CopyLine(Index, Index),
    CopyToken(Index, Index),
    SwapTokens(Index, Index),
    Cut(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Byte(at, byte)),
        at().prop_map(Edit::Remove),
        (at(), prop::sample::select(&WORDS[..])).prop_map(|(at, word)| Edit::Word(at, word)),
        at().prop_map(Edit::RemoveLine),
        (at(), at()).prop_map(|(from, to)| Edit::CopyLine(from, to)),
        (at(), at()).prop_map(|(from, to)| Edit::CopyToken(from, to)),
        (at(), at()).prop_map(|(a, b)| Edit::SwapTokens(a, b)),
        at().prop_map(Edit::Cut),
    ]
}

/// Runs of characters of names and numbers, and every other byte by itself.
fn tokens(text: &[u8]) -> Vec<Vec<u8>> {
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./-".contains(byte);
    text.chunk_by(|a, b| in_word(a) && in_word(b)).map(<[u8]>::to_vec).collect()
}

fn apply(text: Vec<u8>, edit: &Edit) -> Vec<u8> {
    if text.is_empty() {
        return text;
    }
    let mut parts: Vec<Vec<u8>> = match edit {
        Edit::RemoveLine(_) | Edit::CopyLine(..) => {
            text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
        }
        Edit::CopyToken(..) | Edit::SwapTokens(..) => tokens(&text),
        _ => text.iter().map(|byte| vec![*byte]).collect(),
    };
    let n = parts.len();
    match edit {
        Edit::Byte(at, byte) => parts[at.index(n)] = vec![*byte],
        Edit::Remove(at) | Edit::RemoveLine(at) => drop(parts.remove(at.index(n))),
        Edit::Word(at, word) => parts.insert(at.index(n), word.as_bytes().to_vec()),
        Edit::CopyLine(from, to) => parts.insert(to.index(n), parts[from.index(n)].clone()),
        Edit::CopyToken(from, to) => {
            let token = parts[from.index(n)].clone();
            parts[to.index(n)] = token;
        }
        Edit::SwapTokens(a, b) => parts.swap(a.index(n), b.index(n)),
        Edit::Cut(at) => parts.truncate(at.index(n)),
    }
    parts.concat()
}

/// A good file with up to seven typos.
fn edited(text: &'static str) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(edit(), 0..8)
        .prop_map(|edits| edits.iter().fold(text.as_bytes().to_vec(), apply))
}

/// Bytes, YAML's indicators and words of a good file, in any order.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        prop::sample::select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec()),
        any::<Index>().prop_map(|at| {
            let tokens = tokens(SMALL.as_bytes());
            tokens[at.index(tokens.len())].clone()
        }),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// The ids of all trials of every profile.
fn trials(path: &Path) -> Result<Vec<String>, FileError> {
    let experiment = Experiment::load(path)?;
    let mut ids = Vec::new();
    let profiles = experiment.file.profiles.keys().map(|name| Some(name.as_str()));
    for profile in [None].into_iter().chain(profiles) {
        let run = experiment.expand(profile, &[])?;
        ids.extend(run.resolve(run.unchecked())?.iter().map(|trial| trial.id.0.clone()));
    }
    Ok(ids)
}

/// Asserts the invariant of every file.
fn is_read_or_refused(text: &[u8]) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yaml");
    fs::write(&path, text).unwrap();
    let lines = text.split(|byte| *byte == b'\n' || *byte == b'\r').count();
    match trials(&path) {
        Ok(ids) => {
            let plain = |id: &String| Path::new(id).file_name().is_some_and(|name| name == &id[..]);
            prop_assert!(!ids.is_empty() && ids.iter().all(plain), "{ids:?}");
        }
        Err(error) => {
            prop_assert!(!error.findings.is_empty());
            for finding in &error.findings {
                let position = finding.position.strip_prefix(path.to_str().unwrap());
                let position = position.expect("the file is named");
                let line = position.split(':').nth(1).map(|line| line.parse::<usize>().unwrap());
                prop_assert!(
                    line.is_none_or(|line| (1..=lines + 1).contains(&line)),
                    "{finding:?}"
                );
                prop_assert!(!finding.message.is_empty(), "{finding:?}");
            }
            let error = error.to_string();
            prop_assert!(!error.chars().any(|c| c.is_control() && c != '\n'), "{error:?}");
        }
    }
    Ok(())
}

#[test]
fn the_files_that_are_changed_are_good_ones() {
    for text in [TABLE1, SMALL] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.yaml");
        fs::write(&path, text).unwrap();
        trials(&path).unwrap();
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(text in garbage()) {
        is_read_or_refused(&text)?;
    }

    #[test]
    fn a_small_file_with_typos_is_read_or_refused(text in edited(SMALL)) {
        is_read_or_refused(&text)?;
    }

    #[test]
    fn a_large_file_with_typos_is_read_or_refused(text in edited(TABLE1)) {
        is_read_or_refused(&text)?;
    }
}
