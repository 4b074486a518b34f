//! What stands behind the numbers of a report: for every cell its trials, for every trial its
//! attempts, with code, program, machine and logs. From the records alone, paths within the run.

use experiments::protocol::number::Number;
use experiments::yaml::suggest::nearest;
use reports::records::Records;
use serde_json::{Map, Value, json};

use crate::cli::commands::provenance::RanWith;
use crate::platform::clock;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::store::{Store, TrialRecord};

/// A cell that the report does not have.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExplainError {
    /// No variant has a final value of that name.
    #[error("there is no `{0}`\n\nhint: write VARIANT.METRIC{1}")]
    NoCell(String, String),
}

/// All cells and trials: `cells` says by `VARIANT.METRIC` which trials gave which values, `trials`
/// what each was made with.
pub(crate) fn provenance(dir: &RunDir, records: &Records, trials: &Map<String, Value>) -> Value {
    let mut cells = Map::new();
    for variant in &records.variants {
        for trial in variant.trials.iter().filter(|trial| trial.is_finished()) {
            for (metric, value) in &trial.results {
                let cell = cells.entry(format!("{}.{metric}", variant.name));
                let values = cell.or_insert_with(|| json!([]));
                let value = json!({"trial": trial.id, "seed": trial.seed, "value": Number(*value)});
                values.as_array_mut().expect("made as one").push(value);
            }
        }
    }
    json!({"schema": 1, "run": dir.name(), "cells": cells, "trials": trials})
}

/// What each of the run's trials was made with, by its id.
pub(crate) async fn trials(store: &mut Store, dir: &RunDir) -> anyhow::Result<Map<String, Value>> {
    let mut trials = Map::new();
    for row in store.trials().await?.into_iter().filter(|row| !row.retired) {
        trials.insert(row.id.0.clone(), trial(store, dir, &row).await?);
    }
    Ok(trials)
}

async fn trial(store: &mut Store, dir: &RunDir, row: &TrialRecord) -> anyhow::Result<Value> {
    let folder = dir.trial(&row.id);
    let within = format!("trials/{}", row.id);
    let mut attempts = Vec::new();
    for detail in store.attempts_of(&row.id).await? {
        // Attempts are their user's alone; others see what the database has.
        let ran_with = RanWith::read(&AttemptDir::new(&folder, detail.number)).ok();
        let files = format!("{within}/attempt-{}", detail.number);
        attempts.push(json!({
            "number": detail.number,
            "started": clock::to_rfc3339(detail.started_ms),
            "resumed_from": detail.resumed_from,
            "device": detail.device,
            "build": detail.build,
            "ran_with": ran_with.map(|ran_with| ran_with.to_json()),
            "stdout": format!("{files}/stdout.log"),
            "stderr": format!("{files}/stderr.log"),
            "events": format!("{files}/events.jsonl"),
        }));
    }
    Ok(json!({
        "variant": row.variant,
        "seed": row.seed,
        "state": row.state.name(),
        "key": row.key,
        "builds": row.origins.builds,
        "data": row.origins.data,
        "folder": within,
        "attempts": attempts,
    }))
}

/// Of all that only what stands behind one cell.
pub(crate) fn one(all: &Value, cell: &str) -> Result<Value, ExplainError> {
    let Some(values) = all["cells"].get(cell) else {
        let known = all["cells"].as_object().into_iter().flat_map(Map::keys);
        let near = nearest(cell, known.map(String::as_str));
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        return Err(ExplainError::NoCell(cell.to_owned(), near));
    };
    let ids = values.as_array().into_iter().flatten().filter_map(|value| value["trial"].as_str());
    let trials: Map<_, _> = ids.map(|id| (id.to_owned(), all["trials"][id].clone())).collect();
    Ok(json!({
        "schema": 1,
        "run": all["run"],
        "cell": cell,
        "values": values,
        "trials": trials,
    }))
}

/// What stands behind one cell, for people.
pub(crate) fn text(one: &Value) -> String {
    let mut lines = vec![format!("{} of {}", words(&one["cell"]), words(&one["run"]))];
    for value in one["values"].as_array().into_iter().flatten() {
        let id = words(&value["trial"]);
        let trial = &one["trials"][&id];
        lines.push(String::new());
        lines.push(format!("{} by {id} (seed {})", words(&value["value"]), value["seed"]));
        lines.push(format!("  key      {}", words(&trial["key"])));
        lines.push(format!("  data     {}", words(&trial["data"])));
        for attempt in trial["attempts"].as_array().into_iter().flatten() {
            let ran_with = &attempt["ran_with"];
            let git = &ran_with["provenance"]["git"];
            let changed = if git["dirty"] == true { ", changed" } else { "" };
            lines.push(format!("  attempt {}, {}", attempt["number"], words(&attempt["started"])));
            for (name, value) in [
                ("from step", words(&attempt["resumed_from"])),
                ("device", words(&attempt["device"])),
                ("build", words(&attempt["build"])),
                ("host", words(&ran_with["host"]["name"])),
                ("commit", words(&git["commit"]) + changed),
                ("worker", words(&ran_with["provenance"]["worker"]["sha256"])),
                ("GPUs", words(&ran_with["provenance"]["gpus"])),
                ("imported", words(&ran_with["provenance"]["imported"]["files"])),
                ("stdout", words(&attempt["stdout"])),
                ("stderr", words(&attempt["stderr"])),
            ] {
                if value != "–" {
                    lines.push(format!("    {name:<9}  {value}"));
                }
            }
        }
    }
    lines.join("\n") + "\n"
}

/// A value without quotes, a dash where there is none.
fn words(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => "–".to_owned(),
        Value::Array(list) => list.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Object(object) => object.values().map(words).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
