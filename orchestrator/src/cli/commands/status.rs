//! `orch status [RUN]`: where every trial stands.

use std::collections::BTreeMap;

use experiments::protocol::exit;
use serde_json::{Value, json};

use super::skipped_lines::skipped_lines_text;
use super::{print, print_json};
use crate::cli::args::{self, Global};
use crate::display::text::{columns, counts};
use crate::display::trial_status::{self, TrialStatus};
use crate::platform::clock;
use crate::run_dir::snapshot::{self, RunSnapshot};
use crate::run_dir::{RunDir, Supervisor};
use crate::scheduler::State;
use crate::store::sync;
use experiments::protocol::trial_id::TrialId;

/// More trials than this are not all listed, unless that is asked for.
const MANY: usize = 40;

/// Runs the verb.
pub async fn run(arguments: &args::Status, global: &Global) -> anyhow::Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    // First: once there is no supervisor, nothing is recorded any more.
    let supervisor = dir.supervisor();
    let mut store = sync::for_reading(&dir).await?;
    let resolved = RunSnapshot::read(&dir.experiment())?;
    let headline = snapshot::headline(&resolved.run.report);
    let latest = match headline {
        Some(metric) => store.latest(metric).await?,
        None => BTreeMap::new(),
    };
    let skipped_lines = store.skipped_lines().await?;
    let mut trials = store.trials().await?;
    trials.retain(|trial| arguments.all || !trial.retired);
    let shown = trial_status::all(trials, &dir)?;
    if arguments.json {
        let trials: Vec<_> = shown.iter().map(|t| to_json(t, headline, &latest)).collect();
        print_json(&json!({
            "schema": 1,
            "run": dir.name(),
            "folder": dir.path(),
            "supervisor": supervisor,
            "trials": trials,
        }))?;
    } else {
        let counts = counts(shown.iter().map(TrialStatus::state));
        let carried_on = carried_on(supervisor.as_ref(), &shown, &resolved);
        let head = format!("{}: {counts}\n{carried_on}\n", dir.name());
        let (listed, only_counted) = if arguments.all || shown.len() <= MANY {
            (shown, Vec::new())
        } else {
            shown.into_iter().partition(is_of_interest)
        };
        print(&(head + &table(&listed, &resolved, &latest)))?;
        if !only_counted.is_empty() {
            print(&format!("and {} more; `--all` lists them\n", only_counted.len()))?;
        }
        print(&skipped_lines_text(&skipped_lines).map_or(String::new(), |text| text + "\n"))?;
    }
    Ok(exit::OK)
}

/// Of many trials, those that wait or are done are only counted.
fn is_of_interest(shown: &TrialStatus) -> bool {
    !matches!(shown.trial.state, State::Queued { .. } | State::Succeeded { .. })
}

/// Who carries the run on, or what does; nothing where nothing is left.
fn carried_on(
    supervisor: Option<&Supervisor>,
    shown: &[TrialStatus],
    resolved: &RunSnapshot,
) -> String {
    let left = |shown: &&TrialStatus| {
        !shown.trial.retired && !matches!(shown.trial.state, State::Succeeded { .. })
    };
    match (supervisor, shown.iter().filter(left).count()) {
        (Some(supervisor), _) => format!("run by {supervisor}\n"),
        (None, 0) => String::new(),
        (None, _) => format!("nobody runs it: `{}` goes on\n", resolved.command_line()),
    }
}

fn table(shown: &[TrialStatus], resolved: &RunSnapshot, latest: &BTreeMap<TrialId, f64>) -> String {
    let headline = snapshot::headline(&resolved.run.report);
    let mut rows = vec![
        ["trial", "state", "phase", "step", headline.unwrap_or_default(), "attempts", "reason"]
            .map(str::to_owned),
    ];
    for shown in shown {
        let trial = &shown.trial;
        let progress = trial.last_attempt.as_ref().and_then(|attempt| attempt.progress.as_ref());
        let active = progress.filter(|_| trial.state.active_attempt().is_some());
        rows.push([
            trial.id.0.clone(),
            shown.state().to_owned(),
            active.map_or(String::new(), |(phase, ..)| phase.clone()),
            active.map_or(String::new(), |(_, step, of)| format!("{step}/{of}")),
            latest.get(&trial.id).map_or(String::new(), |value| format!("{value:.2}")),
            trial.last_attempt.as_ref().map_or(String::new(), |a| a.number.to_string()),
            resolved.reason(shown).lines().next().unwrap_or_default().to_owned(),
        ]);
    }
    columns(&rows).join("\n") + "\n"
}

fn to_json(shown: &TrialStatus, headline: Option<&str>, latest: &BTreeMap<TrialId, f64>) -> Value {
    let trial = &shown.trial;
    let attempt = trial.last_attempt.as_ref();
    let progress = attempt.and_then(|a| a.progress.as_ref());
    json!({
        "id": trial.id,
        "variant": trial.variant,
        "seed": trial.seed,
        "retired": trial.retired,
        "state": shown.state(),
        "status": trial.state,
        "attempt_status": shown.attempt_status(),
        "job": shown.job.as_ref().and_then(|job| job.listed.as_ref()),
        "attempts": attempt.map_or(0, |a| a.number),
        "started": attempt.map(|a| clock::to_rfc3339(a.started_ms)),
        "device": attempt.and_then(|a| a.device.clone()),
        "progress": progress.map(|(phase, step, of)| json!({"phase": phase, "step": step, "of": of})),
        "stalled_since": shown.stalled_since_ms().map(clock::to_rfc3339),
        "skipped_lines": attempt.map_or(0, |a| a.skipped_lines),
        "latest": headline.map(|metric| json!({metric: latest.get(&trial.id)})),
        "builds": trial.origins.builds,
        "data": trial.origins.data,
    })
}
