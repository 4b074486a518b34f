//! The differences between two trials, and the final values of both.

use std::collections::BTreeMap;
use std::time::Duration;

use experiments::protocol::exit;
use experiments::protocol::trial::ENV_OF_ATTEMPTS;
use serde_json::{Map, Value, json};

use super::text::{differing, differing_values, joined, pairs, row, sections, short};
use crate::cli::args::{Global, OneTrialArgs};
use crate::cli::commands::error::Result;
use crate::cli::commands::one_trial::OneTrial;
use crate::cli::commands::output::{print, print_json};
use crate::cli::commands::show::{Attempt, TrialDetails, in_yaml};
use crate::display::text::{difference, duration};
use crate::platform::shell::quoted;
use crate::run_dir::attempt::AttemptDir;

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

/// Prints the differences between the trials `a` and `b`.
pub(super) async fn compare(
    a: &OneTrialArgs,
    b: &OneTrialArgs,
    as_json: bool,
    global: &Global,
) -> Result<u8> {
    let (a, b) = (ComparedTrial::find(a, global).await?, ComparedTrial::find(b, global).await?);
    if as_json {
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
    sections(
        names,
        [
            ("config, where it differs", differing(&a.config, &b.config)),
            ("made with", facts.collect()),
            ("code, where it differs", differing(&short(&a.code), &short(&b.code))),
            ("environment, where it differs", differing(&a.environment, &b.environment)),
            ("final values, and the second minus the first", results.collect()),
        ],
    )
}

fn to_json(a: &ComparedTrial, b: &ComparedTrial) -> Value {
    let facts = pairs(&a.facts, &b.facts).map(|(key, a, b)| ((*key).to_owned(), json!([a, b])));
    let results = pairs(&a.results, &b.results).map(|(key, a, b)| (key.clone(), json!([a, b])));
    let trials = [a, b].map(|trial| json!({"run": trial.run, "id": trial.id}));
    json!({
        "schema": 1,
        "trials": trials,
        "config": differing_values(&a.config, &b.config),
        "provenance": facts.collect::<Map<_, _>>(),
        "code": differing_values(&a.code, &b.code),
        "environment": differing_values(&a.environment, &b.environment),
        "results": results.collect::<Map<_, _>>(),
    })
}
