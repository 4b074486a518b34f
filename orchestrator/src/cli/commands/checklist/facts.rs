//! The facts of a run that checklists ask for, in sentences.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reports::claims;
use serde_json::Value;

use super::statistics;
use crate::cli::commands::error::Result;
use crate::cli::commands::report::{self, Mixed, ReportRequest};
use crate::cli::commands::show::{dotted, in_yaml};
use crate::display::text::{duration, named};
use crate::run_dir::RunDir;
use crate::run_dir::ownership::{AttemptStatus, attempt_status};
use crate::run_dir::snapshot::RunSnapshot;
use crate::scheduler::State;
use crate::store::{Store, TrialRecord};

/// Sentences by topic.
pub(super) struct Facts {
    pub(super) run: String,
    pub(super) claims: Vec<String>,
    pub(super) command: Vec<String>,
    pub(super) code: Vec<String>,
    pub(super) data: Vec<String>,
    pub(super) trials: Vec<String>,
    pub(super) settings: Vec<String>,
    pub(super) statistics: Vec<String>,
    pub(super) compute: Vec<String>,
}

impl Facts {
    /// The facts of the run in `dir`, whose records are in `store`.
    pub(super) async fn read(dir: &RunDir, store: &mut Store) -> Result<Self> {
        let snapshot = RunSnapshot::read(&dir.resolved())?;
        let mut request = ReportRequest::of_run(dir.clone())?;
        let spool_folder = tempfile::tempdir()?;
        let (records, provenance) =
            report::collect(&mut request, store, Mixed::Noted, spool_folder.path()).await?;
        let judged = claims::judge(&request.report, &records)?;
        let claims = judged
            .iter()
            .map(|claim| {
                format!("{}: {} [{}]", claim.verdict.words(), claim.text(), claim.comparison())
            })
            .chain(records.claim_notes.iter().cloned());
        let mut claims: Vec<_> = claims.collect();
        if claims.is_empty() {
            claims.push("the file makes no claims; those in `report.claims` are judged".to_owned());
        }
        let trials = store.trials().await?;
        let statistics = statistics::sentences(&request.report, &records, judged.len());
        let machine = records.run.machine.clone();
        Ok(Self {
            run: dir.name(),
            claims,
            command: vec![format!(
                "`{}` runs the experiment and continues it",
                records.run.command
            )],
            code: code(&snapshot, &records.run.commit, &provenance),
            data: data(&trials),
            trials: seeds(&snapshot, &trials),
            settings: settings(&snapshot),
            statistics,
            compute: compute(dir, store, &trials, &machine).await?,
        })
    }
}

/// The commit of the code, and the copies of it.
fn code(
    snapshot: &RunSnapshot,
    commit: &str,
    provenance: &serde_json::Map<String, Value>,
) -> Vec<String> {
    let attempts = || {
        let trials = provenance.values();
        trials.filter_map(|trial| trial["attempts"].as_array()).flatten()
    };
    let recorded = attempts().any(|attempt| attempt["ran_with"]["code"]["files"] != Value::Null);
    let mut lines = vec![if commit.is_empty() && recorded {
        "every attempt has the SHA-256 of each file of its code (`events.jsonl`); it was in no git commit"
            .to_owned()
    } else if commit.is_empty() {
        "the code was not recorded".to_owned()
    } else {
        format!("the code is that of git commit {commit}; what differs from it is in `code.diff`")
    }];
    if snapshot.run.worker.snapshot {
        lines.push("a copy of the code is kept with the run, and in its bundle".to_owned());
    }
    let interpreters: BTreeSet<&str> = attempts()
        .filter_map(|attempt| attempt["ran_with"]["code"]["interpreter"]["path"].as_str())
        .collect();
    if !interpreters.is_empty() {
        lines.push(format!("it ran under {}", named(interpreters.into_iter())));
    }
    lines
}

fn data(trials: &[TrialRecord]) -> Vec<String> {
    let data: BTreeSet<&str> =
        trials.iter().flat_map(|trial| &trial.origins.data).map(String::as_str).collect();
    vec![if data.is_empty() {
        "the worker reports no fingerprint of its data".to_owned()
    } else {
        format!("fingerprints of the data, by the worker: {}", named(data.into_iter()))
    }]
}

/// The seeds of every row, and how many of its trials are done.
fn seeds(snapshot: &RunSnapshot, trials: &[TrialRecord]) -> Vec<String> {
    let kept = || trials.iter().filter(|trial| !trial.retired);
    let done = |trial: &&TrialRecord| matches!(trial.state, State::Succeeded { .. });
    let mut lines = vec![format!(
        "{} of {} trials have succeeded",
        kept().filter(done).count(),
        kept().count()
    )];
    let mut rows_by_seeds = BTreeMap::<Vec<u64>, Vec<&str>>::new();
    for row in &snapshot.run.rows {
        let of_row = kept().filter(done).filter(|trial| trial.variant == row.name);
        let seeds: BTreeSet<u64> = of_row.map(|trial| trial.seed).collect();
        rows_by_seeds.entry(seeds.into_iter().collect()).or_default().push(&row.name);
    }
    lines.extend(rows_by_seeds.into_iter().map(|(seeds, rows)| {
        let seeds: Vec<_> = seeds.iter().map(u64::to_string).collect();
        let seeds = if seeds.is_empty() { "none".to_owned() } else { seeds.join(", ") };
        format!("seeds of {}: {seeds}", rows.join(", "))
    }));
    lines
}

/// The settings that all rows share, and those of each row.
fn settings(snapshot: &RunSnapshot) -> Vec<String> {
    let mut values = BTreeMap::<String, BTreeMap<&str, String>>::new();
    for trial in &snapshot.trials {
        for (key, value) in dotted(trial.config.clone()) {
            values.entry(key).or_default().insert(&trial.variant, in_yaml(&value));
        }
    }
    let rows = snapshot.run.rows.len();
    let is_shared = |of: &BTreeMap<&str, String>| {
        of.len() == rows && of.values().collect::<BTreeSet<_>>().len() == 1
    };
    let (shared, others): (Vec<_>, Vec<_>) = values.into_iter().partition(|(_, of)| is_shared(of));
    let mut lines =
        vec!["every setting of every trial, defaults filled in, is in `resolved.yaml`".to_owned()];
    if !shared.is_empty() {
        let shared = shared.into_iter().filter_map(|(key, of)| {
            let value = of.into_values().next()?;
            Some(format!("{key} = {value}"))
        });
        lines.push(format!("of all rows: {}", shared.collect::<Vec<_>>().join("; ")));
    }
    for row in &snapshot.run.rows {
        let own = others.iter().filter_map(|(key, of)| {
            let value = of.get(row.name.as_str())?;
            Some(format!("{key} = {value}"))
        });
        let own: Vec<_> = own.collect();
        if !own.is_empty() {
            lines.push(format!("{}: {}", row.name, own.join("; ")));
        }
    }
    lines
}

/// The machines, and the hours of all attempts.
async fn compute(
    dir: &RunDir,
    store: &mut Store,
    trials: &[TrialRecord],
    machine: &str,
) -> Result<Vec<String>> {
    let (mut counted, mut others, mut attempts, mut unknown) = (0.0, 0.0, 0_usize, 0_usize);
    let mut rows = BTreeMap::<&str, Vec<f64>>::new();
    let mut devices = BTreeSet::new();
    for trial in trials {
        let counts = !trial.retired && matches!(trial.state, State::Succeeded { .. });
        let mut seconds = 0.0;
        for attempt in store.attempts_of(&trial.id).await? {
            attempts += 1;
            devices.extend(attempt.device);
            match attempt_status(&dir.attempt(&trial.id, attempt.number)) {
                Ok(AttemptStatus::Ended(exit)) => seconds += exit.seconds(),
                _ => unknown += 1,
            }
        }
        if counts {
            counted += seconds;
            rows.entry(&trial.variant).or_default().push(seconds);
        } else {
            others += seconds;
        }
    }
    let time = |seconds: f64| duration(Duration::from_secs_f64(seconds));
    let mut lines = vec![format!("machines: {machine}")];
    if !devices.is_empty() {
        lines.push(format!("devices: {}", named(devices.iter().map(String::as_str))));
    }
    lines.push(format!(
        "{attempts} attempts took {} in all: {} those of trials that count, {} those that failed, were \
         stopped or replaced",
        time(counted + others),
        time(counted),
        time(others)
    ));
    if unknown > 0 {
        lines.push(format!("the time of {unknown} attempts is not known, and not in these sums"));
    }
    for (row, seconds) in rows {
        let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
        let noun = if seconds.len() == 1 { "trial" } else { "trials" };
        lines.push(format!("{row}: {} a trial, mean of {} {noun}", time(mean), seconds.len()));
    }
    Ok(lines)
}
