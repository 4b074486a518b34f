//! `orch diff A B [RUN [RUN]]`: what is different between two trials, and what came of each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use experiments::protocol::exit;
use experiments::protocol::trial::ENV_OF_ATTEMPTS;
use serde_json::{Map, Value, json};

use super::one_trial::OneTrial;
use super::show::{Page, in_yaml};
use super::{print, print_json};
use crate::cli::args::{self, Chosen, Global};
use crate::display::text::{columns, duration};

/// One of the two trials.
struct OtherRun {
    run: String,
    id: String,
    config: BTreeMap<String, String>,
    /// What it was made with and how long it took.
    facts: BTreeMap<&'static str, String>,
    environment: BTreeMap<String, String>,
    results: BTreeMap<String, f64>,
}

/// Runs the verb.
pub async fn run(arguments: &args::Diff, global: &Global) -> anyhow::Result<u8> {
    let other_run = arguments.other_run.as_ref().or(arguments.run.as_ref());
    let a = Chosen { trial: arguments.a.clone(), run: arguments.run.clone() };
    let b = Chosen { trial: arguments.b.clone(), run: other_run.cloned() };
    let (a, b) = (OtherRun::find(&a, global).await?, OtherRun::find(&b, global).await?);
    if arguments.json {
        print_json(&to_json(&a, &b))?;
    } else {
        print(&to_text(&a, &b))?;
    }
    Ok(exit::OK)
}

impl OtherRun {
    async fn find(chosen: &Chosen, global: &Global) -> anyhow::Result<Self> {
        let page = Page::collect(OneTrial::find(chosen, global).await?).await?;
        let trial = &page.one.shown.trial;
        let last = page.attempts.last().map(|attempt| page.one.attempt(attempt.detail.number));
        let environment = last.map(|attempt| attempt.read_env()).transpose()?.flatten();
        let mut environment = environment.map(|env| env.variables).unwrap_or_default();
        environment.retain(|name, _| !ENV_OF_ATTEMPTS.contains(&name.as_str()));
        let joined =
            |words: &BTreeSet<String>| words.iter().cloned().collect::<Vec<_>>().join(", ");
        let of_attempts = |fact: fn(&super::show::Attempt) -> Option<String>| {
            joined(&page.attempts.iter().filter_map(fact).collect())
        };
        let took: Duration = page.attempts.iter().filter_map(|attempt| attempt.took).sum();
        let facts = BTreeMap::from([
            ("state", page.one.shown.state().to_owned()),
            ("build", joined(&trial.origins.builds)),
            ("data", joined(&trial.origins.data)),
            ("host", of_attempts(|attempt| attempt.ran_with.host().map(str::to_owned))),
            ("device", of_attempts(|attempt| attempt.detail.device.clone())),
            ("attempts", page.attempts.len().to_string()),
            ("took", duration(took)),
        ]);
        Ok(Self {
            run: page.one.dir.name(),
            id: trial.id.0.clone(),
            config: page.config.iter().map(|(key, v)| (key.clone(), in_yaml(v))).collect(),
            facts,
            environment,
            results: page.results,
        })
    }
}

/// The keys of both with their two values.
fn pairs<'a, K: Ord, V>(
    a: &'a BTreeMap<K, V>,
    b: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, Option<&'a V>, Option<&'a V>)> {
    let keys: BTreeSet<&K> = a.keys().chain(b.keys()).collect();
    keys.into_iter().map(|key| (key, a.get(key), b.get(key)))
}

fn to_text(a: &OtherRun, b: &OtherRun) -> String {
    let text = |value: Option<&String>| value.map_or("–".to_owned(), String::clone);
    let differing = |a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| {
        let pairs = pairs(a, b).filter(|(_, a, b)| a != b);
        pairs.map(|(key, a, b)| [format!("  {key}"), text(a), text(b), String::new()]).collect()
    };
    let said = |value: Option<&String>| value.is_some_and(|value| !value.is_empty());
    let facts = pairs(&a.facts, &b.facts).filter(|(_, a, b)| said(*a) || said(*b));
    let facts = facts.map(|(key, a, b)| [format!("  {key}"), text(a), text(b), String::new()]);
    let number = |value: Option<&f64>| value.map_or("–".to_owned(), f64::to_string);
    let results = pairs(&a.results, &b.results).map(|(metric, a, b)| {
        let difference = a.zip(b).map_or(String::new(), |(a, b)| format!("{:+}", b - a));
        [format!("  {metric}"), number(a), number(b), difference]
    });
    let name = |side: &OtherRun| {
        if a.run == b.run { side.id.clone() } else { format!("{} of {}", side.id, side.run) }
    };
    let mut rows = vec![[String::new(), name(a), name(b), String::new()]];
    for (title, section) in [
        ("config, where it differs", differing(&a.config, &b.config)),
        ("made with", facts.collect::<Vec<_>>()),
        ("environment, where it differs", differing(&a.environment, &b.environment)),
        ("final values, and by how much the second is more", results.collect()),
    ] {
        if !section.is_empty() {
            rows.push(Default::default());
            rows.push([title.to_owned(), String::new(), String::new(), String::new()]);
            rows.extend(section);
        }
    }
    columns(&rows).join("\n") + "\n"
}

fn to_json(a: &OtherRun, b: &OtherRun) -> Value {
    let differing = |a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| {
        let pairs = pairs(a, b).filter(|(_, a, b)| a != b);
        pairs.map(|(key, a, b)| (key.clone(), json!([a, b]))).collect::<Map<_, _>>()
    };
    let facts = pairs(&a.facts, &b.facts).map(|(key, a, b)| ((*key).to_owned(), json!([a, b])));
    let results = pairs(&a.results, &b.results).map(|(key, a, b)| (key.clone(), json!([a, b])));
    let trials = [a, b].map(|side| json!({"run": side.run, "id": side.id}));
    json!({
        "schema": 1,
        "trials": trials,
        "config": differing(&a.config, &b.config),
        "provenance": facts.collect::<Map<_, _>>(),
        "environment": differing(&a.environment, &b.environment),
        "results": results.collect::<Map<_, _>>(),
    })
}
