//! The origin of a run and of its trials in words, for the report's page: what `provenance.json` has in full.

use std::collections::{BTreeMap, BTreeSet};

use reports::records::RunFacts;
use serde_json::{Map, Value};

use crate::cli::commands::provenance::SHORT;
use crate::platform::hash;

/// Most commits, or machines, that are listed.
const MOST: usize = 3;

/// Fills in what the provenance of its trials says about a run.
pub(super) fn of_run(description: &str, command: String, trials: &Map<String, Value>) -> RunFacts {
    let attempts = || trials.values().filter_map(last_attempt);
    let started = || attempts().filter_map(|attempt| attempt["started"].as_str()).map(minute);
    let date = match (started().min(), started().max()) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (first, _) => first.unwrap_or_default(),
    };
    RunFacts {
        description: description.to_owned(),
        command,
        commit: list(attempts().filter_map(commit)),
        date,
        machine: list(attempts().filter_map(machine)),
    }
}

/// The origin of each trial's results, by its identifier.
pub(super) fn of_trials(trials: &Map<String, Value>) -> BTreeMap<String, String> {
    let origin = |(id, trial): (&String, &Value)| {
        let attempt = last_attempt(trial)?;
        let parts = [
            Some(format!("attempt {}", attempt["number"])),
            attempt["started"].as_str().map(minute),
            attempt["ran_with"]["host"]["name"].as_str().map(str::to_owned),
            commit(attempt).map(|commit| format!("commit {commit}")),
        ];
        Some((id.clone(), parts.into_iter().flatten().collect::<Vec<_>>().join(", ")))
    };
    trials.iter().filter_map(origin).collect()
}

fn last_attempt(trial: &Value) -> Option<&Value> {
    trial["attempts"].as_array()?.last()
}

/// `2026-11-29 20:07 UTC` of a time in RFC 3339.
fn minute(time: &str) -> String {
    match (time.get(..10), time.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
        _ => time.to_owned(),
    }
}

fn commit(attempt: &Value) -> Option<String> {
    let code = &attempt["ran_with"]["code"];
    let commit = hash::short(code["commit"].as_str()?, SHORT);
    let changed = if code["dirty"] == true { ", with changes" } else { "" };
    Some(format!("{commit}{changed}"))
}

/// The host, with its GPUs or else its CPU.
fn machine(attempt: &Value) -> Option<String> {
    let ran_with = &attempt["ran_with"];
    let host = ran_with["host"]["name"].as_str()?;
    let gpus = ran_with["provenance"]["gpus"].as_array().into_iter().flatten();
    let gpus: BTreeSet<&str> = gpus.filter_map(|gpu| gpu["name"].as_str()).collect();
    let with = match ran_with["cpu_model"].as_str() {
        Some(cpu) if gpus.is_empty() => cpu.to_owned(),
        _ => gpus.into_iter().collect::<Vec<_>>().join(", "),
    };
    Some(if with.is_empty() { host.to_owned() } else { format!("{host} ({with})") })
}

/// Each text once; only the first of very many.
fn list(texts: impl Iterator<Item = String>) -> String {
    let texts: BTreeSet<String> = texts.collect();
    let more = texts.len().saturating_sub(MOST);
    let mut shown: Vec<String> = texts.into_iter().take(MOST).collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_attempt_of_every_trial_counts() {
        let attempt = |number: u32, time: &str, host: &str, commit: &str, dirty: bool| {
            json!({
                "number": number,
                "started": time,
                "ran_with": {
                    "host": {"name": host},
                    "cpu_model": "Xeon",
                    "provenance": {"gpus": []},
                    "code": {"commit": commit, "dirty": dirty},
                },
            })
        };
        let first = attempt(1, "2026-11-29T20:07:40Z", "a", "0123456789abcdef", false);
        let second = attempt(2, "2026-11-29T21:00:00Z", "b", "fedcba9876543210", true);
        let trials = json!({
            "x": {"attempts": [first.clone(), second]},
            "y": {"attempts": [first]},
            "z": {"attempts": []},
        });
        let trials = trials.as_object().unwrap();
        let run = of_run("Why", "orch run x.yaml".to_owned(), trials);
        assert_eq!(run.date, "2026-11-29 20:07 UTC to 2026-11-29 21:00 UTC");
        assert_eq!(run.commit, "0123456789ab; fedcba987654, with changes");
        assert_eq!(run.machine, "a (Xeon); b (Xeon)");
        let origins = of_trials(trials);
        assert_eq!(origins.len(), 2);
        assert_eq!(
            origins["x"],
            "attempt 2, 2026-11-29 21:00 UTC, b, commit fedcba987654, with changes"
        );
        assert_eq!(
            list(["a", "b", "c", "d", "e"].map(str::to_owned).into_iter()),
            "a; b; c; and 2 more"
        );
    }
}
