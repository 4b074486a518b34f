//! The names in templates, checked for every trial before anything runs.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::template::{Piece, names, pieces};
use super::values::{ARGS, WORDS, at};
use crate::expand::findings::Findings;
use crate::expand::trial::ResolvedTrial;
use crate::schema::worker::Worker;
use crate::yaml::pointer::escape;
use crate::yaml::source::{FileError, Source};
use crate::yaml::suggest::nearest;

/// An error unless every name in the worker's templates has a value in every one of `trials`.
pub(in crate::expand) fn check_templates(
    source: &Source,
    worker: &Worker,
    trials: &[ResolvedTrial],
) -> Result<(), FileError> {
    let mut findings = Findings::new(source);
    for (pointer, text) in templates(worker) {
        let in_command = pointer.starts_with("/worker/command/");
        let mut found = BTreeSet::new();
        for name in names(text) {
            if name == ARGS && !(in_command && pieces(text) == [Piece::Name(ARGS)]) {
                let hint = "write it as a word of `command` of its own; `{{args}}` is the text";
                findings.advise(&pointer, "`{args}` stands for several words", hint);
                continue;
            }
            for trial in trials {
                if let Some((message, hint)) = problem(name, &trial.config)
                    && found.insert(name)
                {
                    let message = format!("{message} (variant `{}`)", trial.variant);
                    findings.advise(&pointer, message, hint);
                }
            }
        }
    }
    findings.into_result()
}

/// True if one of the worker's templates has `name`.
pub fn uses(worker: &Worker, name: &str) -> bool {
    templates(worker).iter().any(|(_, text)| names(text).any(|other| other == name))
}

/// True if one of the worker's templates stands for the trial's config, a part of it, or its variant.
pub(in crate::expand) fn uses_trial(worker: &Worker) -> bool {
    let is_of_trial = |name| [ARGS, "config", "variant"].contains(&name) || !WORDS.contains(&name);
    templates(worker).iter().any(|(_, text)| names(text).any(is_of_trial))
}

/// Message and advice if `name` has no value, or two.
fn problem(name: &str, config: &Map<String, Value>) -> Option<(String, String)> {
    let is_word = WORDS.contains(&name);
    let is_key = at(config, name).is_some();
    if is_word && is_key && name != ARGS {
        let message = format!("`{{{name}}}` could be the key `{name}` of the config, too");
        return Some((message, "give the key another name".to_owned()));
    }
    if is_word || is_key {
        return None;
    }
    let keys = keys(config, "");
    let known = WORDS.into_iter().chain(keys.iter().map(String::as_str));
    let hint = match nearest(name, known) {
        Some(known) => format!("did you mean `{{{known}}}`? `{{{{{name}}}}}` is the text"),
        None => format!(
            "names are keys of the config and {}; `{{{{{name}}}}}` is the text",
            WORDS.map(|word| format!("`{word}`")).join(", ")
        ),
    };
    Some((format!("`{{{name}}}` has no value"), hint))
}

/// Every path of the config, also those of mappings.
fn keys(config: &Map<String, Value>, above: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in config {
        let path = format!("{above}{key}");
        if let Value::Object(inner) = value {
            found.extend(keys(inner, &format!("{path}.")));
        }
        found.push(path);
    }
    found
}

/// The worker's templates, each with the pointer to it.
fn templates(worker: &Worker) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    for (i, word) in worker.command.iter().enumerate() {
        found.push((format!("/worker/command/{i}"), word.as_str()));
    }
    for (name, value) in &worker.env {
        found.push((format!("/worker/env/{}", escape(name)), value));
    }
    let directory = worker.directory.as_deref();
    found.extend(directory.map(|directory| ("/worker/directory".to_owned(), directory)));
    for (i, source) in worker.metrics.iter().enumerate().filter(|(_, source)| source.is_path()) {
        found.push((format!("/worker/metrics/{i}/{}", source.kind.key()), &source.text));
    }
    found
}
