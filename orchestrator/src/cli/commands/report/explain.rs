//! The provenance of a report's numbers: the trials of every cell, the attempts of every trial, and
//! their code, program, machine and logs. From the records alone, with paths within the run.

use experiments::protocol::number::Number;
use experiments::yaml::suggest::nearest;
use reports::records::Records;
use serde_json::{Map, Value, json};

use crate::cli::commands::error::Result;
use crate::cli::commands::provenance::RanWith;
use crate::platform::{clock, hash};
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::store::{Store, TrialRecord};

/// The report does not have the requested cell.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExplainError {
    /// No variant has a final value of that name.
    #[error("there is no `{cell}`\n\nhint: write VARIANT.METRIC{}", suggestion(suggested.as_ref()))]
    NoCell {
        /// As it was requested.
        cell: String,
        /// The cell that is spelled most like it.
        suggested: Option<String>,
    },
}

fn suggestion(suggested: Option<&String>) -> String {
    suggested.map_or(String::new(), |near| format!("; did you mean `{near}`?"))
}

/// The object of `provenance.json`: `cells` has the values of every `VARIANT.METRIC` with their
/// trials, `trials` is as [`trials()`] returns it.
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

/// The provenance of each trial that is not retired, by its id.
pub(crate) async fn trials(store: &mut Store, dir: &RunDir) -> Result<Map<String, Value>> {
    let mut trials = Map::new();
    for row in store.trials().await?.into_iter().filter(|row| !row.retired) {
        trials.insert(row.id.0.clone(), trial(store, dir, &row).await?);
    }
    Ok(trials)
}

async fn trial(store: &mut Store, dir: &RunDir, row: &TrialRecord) -> Result<Value> {
    let folder = dir.trial(&row.id);
    let within = format!("trials/{}", row.id);
    let mut attempts = Vec::new();
    let attempts_of = store.attempts_of(&row.id).await?;
    for detail in attempts_of.into_iter().filter(|detail| detail.number >= row.first_attempt) {
        // Only their user may read attempts; others get what the database has.
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

/// The part of `all` that one cell is made of.
pub(crate) fn one(all: &Value, cell: &str) -> Result<Value, ExplainError> {
    let Some(values) = all["cells"].get(cell) else {
        let known = all["cells"].as_object().into_iter().flat_map(Map::keys);
        let suggested = nearest(cell, known.map(String::as_str)).map(str::to_owned);
        return Err(ExplainError::NoCell { cell: cell.to_owned(), suggested });
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

/// The provenance of one cell as text.
pub(crate) fn text(one: &Value) -> String {
    let mut lines = vec![format!("{} of {}", plain(&one["cell"]), plain(&one["run"]))];
    for value in one["values"].as_array().into_iter().flatten() {
        let id = plain(&value["trial"]);
        let trial = &one["trials"][&id];
        lines.push(String::new());
        lines.push(format!("{} by {id} (seed {})", plain(&value["value"]), value["seed"]));
        lines.push(format!("  key      {}", plain(&trial["key"])));
        lines.push(format!("  data     {}", plain(&trial["data"])));
        for attempt in trial["attempts"].as_array().into_iter().flatten() {
            let ran_with = &attempt["ran_with"];
            let code = &ran_with["code"];
            let changed = if code["dirty"] == true { ", changed" } else { "" };
            lines.push(format!("  attempt {}, {}", attempt["number"], plain(&attempt["started"])));
            for (name, value) in [
                ("from step", plain(&attempt["resumed_from"])),
                ("device", plain(&attempt["device"])),
                ("build", plain(&attempt["build"])),
                ("host", plain(&ran_with["host"]["name"])),
                ("commit", plain(&code["commit"]) + changed),
                ("code", code_files(code)),
                ("program", plain(&ran_with["provenance"]["worker"]["sha256"])),
                ("GPUs", plain(&ran_with["provenance"]["gpus"])),
                ("imported", plain(&ran_with["provenance"]["imported"]["files"])),
                ("stdout", plain(&attempt["stdout"])),
                ("stderr", plain(&attempt["stderr"])),
            ] {
                if value != "–" {
                    lines.push(format!("    {name:<9}  {value}"));
                }
            }
        }
    }
    lines.join("\n") + "\n"
}

/// `train.py 743ab4f8`, for each file of the code; a dash if none is known.
fn code_files(code: &Value) -> String {
    let files = code["files"].as_object().into_iter().flatten();
    let files = files.map(|(path, hash)| format!("{path} {}", hash::short(&plain(hash), 8)));
    let files: Vec<_> = files.collect();
    if files.is_empty() { plain(&Value::Null) } else { files.join(", ") }
}

/// A value without quotes or braces; a dash for null and for an empty list.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => "–".to_owned(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(object) => object.values().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
