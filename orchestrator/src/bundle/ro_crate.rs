//! `ro-crate-metadata.json`: the bundle as an RO-Crate of the Process Run profile, so that archives and
//! their readers know what it holds and how it was made. It is made of the records alone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::REPORT;
use crate::platform::clock;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::{Exit, Outcome};
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::{Store, StoreError};

const CONTEXT: &str = "https://w3id.org/ro/crate/1.1/context";
const SPECIFICATION: &str = "https://w3id.org/ro/crate/1.1";
const PROFILE: &str = "https://w3id.org/ro/wfrun/process/0.5";

/// The run's own files, and a sentence about each.
const FILES: [(&str, &str, &str); 3] = [
    ("experiment.yaml", "application/yaml", "The experiment as its authors wrote it"),
    ("resolved.yaml", "application/yaml", "The experiment with every setting and every trial"),
    ("journal.jsonl", "application/jsonl", "The decisions of the run, chained by checksums"),
];

/// The description of `run`, whose records are in `store` and whose bundle has `files`.
pub(crate) async fn describe(
    run: &RunDir,
    store: &mut Store,
    snapshot: &RunSnapshot,
    files: &BTreeMap<String, PathBuf>,
) -> Result<Value, StoreError> {
    let mut crate_ = Crate::default();
    for (name, format, text) in FILES.iter().filter(|(name, ..)| files.contains_key(*name)) {
        crate_.add_part(json!({
            "@id": name, "@type": "File", "name": name, "encodingFormat": format, "description": text,
        }));
    }
    for name in files.keys().filter(|name| name.starts_with(&format!("{REPORT}/"))) {
        let format = format_of(name);
        crate_.add_part(json!({
            "@id": encoded(name), "@type": "File", "name": name, "encodingFormat": format,
        }));
    }
    for trial in store.trials_without_origins().await? {
        let folder = format!("trials/{}/", trial.id);
        let mut below = files.range(folder.clone()..);
        if below.next().is_none_or(|(name, _)| !name.starts_with(&folder)) {
            continue;
        }
        let state = trial.state.name();
        crate_.add_part(json!({
            "@id": encoded(&folder),
            "@type": "Dataset",
            "name": trial.id,
            "description": format!("Row {}, seed {}: {state}", trial.variant, trial.seed),
        }));
        for detail in store.attempts_of(&trial.id).await? {
            let exit = run.attempt(&trial.id, detail.number).read_exit().ok().flatten();
            let name = format!("{}, attempt {}", trial.id, detail.number);
            let id = format!("#{}attempt-{}", encoded(&folder), detail.number);
            crate_.add_action(&id, &name, &encoded(&folder), detail.started_ms, exit.as_ref());
        }
    }
    Ok(crate_.into_json(snapshot))
}

/// The entities so far.
#[derive(Default)]
struct Crate {
    parts: Vec<Value>,
    actions: Vec<Value>,
    /// When the last attempt ended, in milliseconds since the Unix epoch.
    ended_ms: i64,
}

impl Crate {
    fn add_part(&mut self, entity: Value) {
        self.parts.push(entity);
    }

    /// Adds an attempt, whose files are in `folder`.
    fn add_action(
        &mut self,
        id: &str,
        name: &str,
        folder: &str,
        started_ms: i64,
        exit: Option<&Exit>,
    ) {
        let is_success =
            exit.is_some_and(|exit| matches!(exit.outcome, Outcome::Exited { code: 0 }));
        let status = if is_success { "CompletedActionStatus" } else { "FailedActionStatus" };
        let mut action = json!({
            "@id": id,
            "@type": "CreateAction",
            "name": name,
            "description": exit.map_or("Its end was not recorded".to_owned(), Exit::to_string),
            "instrument": {"@id": "#worker"},
            "object": {"@id": "resolved.yaml"},
            "result": {"@id": folder},
            "startTime": time(started_ms),
            "actionStatus": format!("http://schema.org/{status}"),
        });
        if let Some(exit) = exit {
            action["endTime"] = time(exit.ended_ms).into();
        }
        self.ended_ms = self.ended_ms.max(exit.map_or(started_ms, |exit| exit.ended_ms));
        self.actions.push(action);
    }

    fn into_json(self, snapshot: &RunSnapshot) -> Value {
        let ids = |entities: &[Value]| -> Vec<Value> {
            entities.iter().map(|entity| json!({"@id": entity["@id"]})).collect()
        };
        let experiment = &snapshot.run.experiment;
        let profile = snapshot.run.profile.as_ref();
        let profile = profile.map_or(String::new(), |name| format!(", profile {name}"));
        let program = snapshot.run.worker.command.join(" ");
        let program = if program.is_empty() { "imported".to_owned() } else { program };
        let mut graph = vec![
            json!({
                "@id": "ro-crate-metadata.json",
                "@type": "CreativeWork",
                "conformsTo": {"@id": SPECIFICATION},
                "about": {"@id": "./"},
            }),
            json!({
                "@id": "./",
                "@type": "Dataset",
                "name": format!("Experiment {experiment}{profile}"),
                "description": format!(
                    "Records and report of a machine-learning experiment, run by orch. `orch verify` \
                     checks them. {}",
                    snapshot.with_set(&snapshot.run.caption)
                ).trim(),
                "datePublished": time(self.ended_ms),
                "license": "The records state no license: ask the authors.",
                "conformsTo": {"@id": PROFILE},
                "hasPart": ids(&self.parts),
                "mentions": ids(&self.actions),
            }),
            json!({
                "@id": PROFILE,
                "@type": "CreativeWork",
                "name": "Process Run Crate",
                "version": "0.5",
            }),
            json!({"@id": "#worker", "@type": "SoftwareApplication", "name": program}),
        ];
        graph.extend(self.parts);
        graph.extend(self.actions);
        json!({"@context": CONTEXT, "@graph": graph})
    }
}

/// A time with its offset, as the profile asks for it.
fn time(time_ms: i64) -> String {
    clock::to_rfc3339(time_ms).replace('Z', "+00:00")
}

/// The format of a report's file, by the ending of its name.
fn format_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "csv" => "text/csv",
        "html" => "text/html",
        "json" => "application/json",
        "md" => "text/markdown",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "tex" => "application/x-tex",
        _ => "application/octet-stream",
    }
}

/// A name as a relative reference: every byte that cannot be in one is written by its number.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let parts = name.bytes().map(|byte| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    });
    parts.collect()
}
