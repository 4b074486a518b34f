//! `orch diff A B [RUN [RUN]]`: shows how two trials differ, and the final values of both.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use experiments::protocol::exit;
use experiments::protocol::trial::ENV_OF_ATTEMPTS;
use serde_json::{Map, Value, json};
use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::error::Result;
use super::one_trial::OneTrial;
use super::output::{print, print_json};
use super::provenance::SHORT;
use super::show::{Attempt, TrialDetails, in_yaml};
use crate::cli::args::{self, Global, OneTrialArgs};
use crate::display::text::{columns, difference, duration};
use crate::platform::hash;
use crate::platform::shell::quoted;
use crate::run_dir::attempt::AttemptDir;

/// Most characters of a value that are shown; the JSON has all of them.
const LONGEST: usize = 60;

/// One of the two trials.
struct ComparedTrial {
    run: String,
    id: String,
    config: BTreeMap<String, String>,
    /// State, build, data, host, device and duration, as text.
    facts: BTreeMap<&'static str, String>,
    /// SHA-256 by path of the last attempt's code.
    code: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    results: BTreeMap<String, f64>,
}

/// Runs the verb.
pub(super) async fn run(arguments: &args::Diff, global: &Global) -> Result<u8> {
    let other_run = arguments.other_run.as_ref().or(arguments.run.as_ref());
    let a = OneTrialArgs { trial: arguments.a.clone(), run: arguments.run.clone() };
    let b = OneTrialArgs { trial: arguments.b.clone(), run: other_run.cloned() };
    let (a, b) = (ComparedTrial::find(&a, global).await?, ComparedTrial::find(&b, global).await?);
    if arguments.json {
        print_json(&to_json(&a, &b))?;
    } else {
        print(&to_text(&a, &b))?;
    }
    Ok(exit::OK)
}

impl ComparedTrial {
    async fn find(arguments: &OneTrialArgs, global: &Global) -> Result<Self> {
        let details = TrialDetails::collect(OneTrial::find(arguments, global).await?).await?;
        let trial = &details.one.status.trial;
        let last =
            details.attempts.last().map(|attempt| details.one.attempt(attempt.detail.number));
        let last = last.as_ref();
        let code = last.map(AttemptDir::read_code).transpose()?.flatten().unwrap_or_default();
        let command = last.map(AttemptDir::read_command).transpose()?.flatten();
        let command = command.map(|command| command.argv.iter().map(|word| quoted(word)).collect());
        let environment = last.map(AttemptDir::read_env).transpose()?.flatten();
        let mut environment = environment.map(|env| env.variables).unwrap_or_default();
        environment.retain(|name, _| !ENV_OF_ATTEMPTS.contains(&name.as_str()));
        let of_attempts = |fact: fn(&Attempt) -> Option<String>| {
            joined(&details.attempts.iter().filter_map(fact).collect())
        };
        let took: Duration = details.attempts.iter().filter_map(|attempt| attempt.took).sum();
        let facts = BTreeMap::from([
            ("state", details.one.status.state().to_owned()),
            ("build", joined(&trial.origins.builds)),
            ("data", joined(&trial.origins.data)),
            ("command", command.map_or(String::new(), |words: Vec<_>| words.join(" "))),
            ("interpreter", joined(&trial.origins.interpreters)),
            ("git commit", code.commit.clone().unwrap_or_default()),
            ("code", if code.dirty { "with changes (code.diff)" } else { "" }.to_owned()),
            ("host", of_attempts(|attempt| attempt.ran_with.host().map(str::to_owned))),
            ("device", of_attempts(|attempt| attempt.detail.device.clone())),
            ("attempts", details.attempts.len().to_string()),
            ("took", duration(took)),
        ]);
        Ok(Self {
            run: details.one.dir.name(),
            id: trial.id.0.clone(),
            config: details.config.iter().map(|(key, v)| (key.clone(), in_yaml(v))).collect(),
            facts,
            code: code.files,
            environment,
            results: details.results,
        })
    }
}

fn joined(words: &BTreeSet<String>) -> String {
    words.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The keys of both with their two values.
fn pairs<'a, K: Ord, V>(
    a: &'a BTreeMap<K, V>,
    b: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, Option<&'a V>, Option<&'a V>)> {
    let keys: BTreeSet<&K> = a.keys().chain(b.keys()).collect();
    keys.into_iter().map(|key| (key, a.get(key), b.get(key)))
}

/// A line of the page; a dash where a trial has no value.
fn row<V: ToString>(key: &str, a: Option<&V>, b: Option<&V>) -> [String; 4] {
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
fn differing(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Vec<[String; 4]> {
    pairs(a, b).filter(|(_, a, b)| a != b).map(|(key, a, b)| row(key, a, b)).collect()
}

fn to_text(a: &ComparedTrial, b: &ComparedTrial) -> String {
    let facts = pairs(&a.facts, &b.facts)
        .filter(|(_, a, b)| [a, b].iter().any(|fact| fact.is_some_and(|fact| !fact.is_empty())))
        .map(|(key, a, b)| row(key, a, b));
    let results = pairs(&a.results, &b.results).map(|(metric, a, b)| {
        let difference = a.zip(b).map_or(String::new(), |(a, b)| difference(*a, *b));
        let [key, a, b, _] = row(metric, a, b);
        [key, a, b, difference]
    });
    let names = [a, b].map(|trial| {
        if a.run == b.run { trial.id.clone() } else { format!("{} of {}", trial.id, trial.run) }
    });
    let [name_a, name_b] = names;
    let mut rows = vec![[String::new(), name_a, name_b, String::new()]];
    for (title, section) in [
        ("config, where it differs", differing(&a.config, &b.config)),
        ("made with", facts.collect::<Vec<_>>()),
        ("code, where it differs", differing(&short(&a.code), &short(&b.code))),
        ("environment, where it differs", differing(&a.environment, &b.environment)),
        ("final values, and the second minus the first", results.collect()),
    ] {
        if !section.is_empty() {
            rows.push(Default::default());
            rows.push([title.to_owned(), String::new(), String::new(), String::new()]);
            rows.extend(section);
        }
    }
    columns(&rows).join("\n") + "\n"
}

/// The hashes of files, shortened for people.
fn short(files: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    files.iter().map(|(path, hash)| (path.clone(), hash::short(hash, SHORT).to_owned())).collect()
}

fn to_json(a: &ComparedTrial, b: &ComparedTrial) -> Value {
    let differing = |a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| {
        let pairs = pairs(a, b).filter(|(_, a, b)| a != b);
        pairs.map(|(key, a, b)| (key.clone(), json!([a, b]))).collect::<Map<_, _>>()
    };
    let facts = pairs(&a.facts, &b.facts).map(|(key, a, b)| ((*key).to_owned(), json!([a, b])));
    let results = pairs(&a.results, &b.results).map(|(key, a, b)| (key.clone(), json!([a, b])));
    let trials = [a, b].map(|trial| json!({"run": trial.run, "id": trial.id}));
    json!({
        "schema": 1,
        "trials": trials,
        "config": differing(&a.config, &b.config),
        "provenance": facts.collect::<Map<_, _>>(),
        "code": differing(&a.code, &b.code),
        "environment": differing(&a.environment, &b.environment),
        "results": results.collect::<Map<_, _>>(),
    })
}
