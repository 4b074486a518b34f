//! `orch status [RUN]`: prints the state of every trial.

use std::collections::BTreeMap;

use experiments::protocol::exit;
use experiments::protocol::trial_id::TrialId;
use reports::metric_gaps::MetricGaps;
use serde_json::{Value, json};

use super::damage::open_records;
use super::error::Result;
use super::metric_gaps::metric_gaps;
use super::output::{print, print_json};
use super::skipped_lines::skipped_lines_text;
use super::summary::failures;
use crate::cli::args::{self, Global};
use crate::display::text::{columns, counts};
use crate::display::trial_status::{self, TrialStatus};
use crate::platform::clock;
use crate::run_dir::snapshot::{self, RunSnapshot};
use crate::run_dir::{RunDir, Supervisor};
use crate::scheduler::{State, StopRequest};
use crate::store::Store;

/// With more trials than this, some are only counted, unless `--all` is given.
const MANY: usize = 40;

/// Runs the verb.
pub(super) async fn run(arguments: &args::Status, global: &Global) -> Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    // First: once there is no supervisor, nothing is recorded any more.
    let supervisor = dir.supervisor();
    let mut store = open_records(&dir).await?;
    let resolved = RunSnapshot::read_settings(&dir.resolved())?;
    let headline = snapshot::headline(&resolved.run.report);
    let skipped_lines = store.skipped_lines().await?;
    let mut trials =
        if arguments.json { store.trials().await? } else { store.trials_without_origins().await? };
    let gaps = metric_gaps(&mut store, &resolved.run.report, &trials).await?;
    let same_failure = same_failure(&mut store, &dir, supervisor.as_ref()).await?;
    trials.retain(|trial| arguments.all || !trial.retired);
    let statuses = trial_status::all(trials, &dir)?;
    if arguments.json {
        let latest = latest(&mut store, headline, &statuses).await?;
        let trials: Vec<_> = statuses.iter().map(|t| to_json(t, headline, &latest)).collect();
        print_json(&json!({
            "schema": 1,
            "run": dir.name(),
            "folder": dir.path(),
            "supervisor": supervisor,
            "same_failure": same_failure,
            "trials": trials,
            "metric_gaps": gaps,
        }))?;
    } else {
        let counts = counts(statuses.iter().map(TrialStatus::state));
        let supervision = match supervisor.as_ref() {
            Some(supervisor) => format!("run by {supervisor}\n"),
            None => end_of_run(&statuses, same_failure.as_deref(), &resolved),
        };
        let head = format!("{}: {counts}\n{supervision}\n", dir.name());
        let (listed, only_counted) = if arguments.all || statuses.len() <= MANY {
            (statuses, Vec::new())
        } else {
            statuses.into_iter().partition(is_of_interest)
        };
        let latest = latest(&mut store, headline, &listed).await?;
        let (supervised, same_failure) = (supervisor.is_some(), same_failure.is_some());
        let table = table(&listed, &resolved, supervised, same_failure, &latest, &gaps);
        print(&(head + &table))?;
        if !only_counted.is_empty() {
            print(&format!("and {} more; `--all` lists them\n", only_counted.len()))?;
        }
        print(&skipped_lines_text(&skipped_lines).map_or(String::new(), |text| text + "\n"))?;
        for problem in gaps.problems() {
            print(&format!("warning: {problem}\n"))?;
        }
    }
    Ok(exit::OK)
}

/// The newest value of the metric `headline` by trial, if any are `listed`.
async fn latest(
    store: &mut Store,
    headline: Option<&str>,
    listed: &[TrialStatus],
) -> Result<BTreeMap<TrialId, f64>> {
    match headline.filter(|_| !listed.is_empty()) {
        Some(metric) => Ok(store.latest(metric).await?),
        None => Ok(BTreeMap::new()),
    }
}

/// False for trials that wait or are done, which are only counted where there are many.
fn is_of_interest(status: &TrialStatus) -> bool {
    !matches!(status.trial.state, State::Queued { .. } | State::Succeeded { .. })
}

/// The cause for which the last `orch run` ended, where its first trials failed the same way; `None`
/// otherwise, and while a supervisor is running.
async fn same_failure(
    store: &mut Store,
    dir: &RunDir,
    supervisor: Option<&Supervisor>,
) -> Result<Option<String>> {
    if supervisor.is_some() || store.stopping().await? != Some(StopRequest::SameFailure) {
        return Ok(None);
    }
    let trials = store.trials().await?;
    let most = failures(dir, trials.iter().filter(|trial| !trial.retired), true).into_iter().next();
    Ok(most.map(|same| same.cause))
}

/// The end of a run without a supervisor, and the command that resumes it; empty if every trial is done.
fn end_of_run(
    statuses: &[TrialStatus],
    same_failure: Option<&str>,
    resolved: &RunSnapshot,
) -> String {
    let mut trials = statuses.iter().map(|status| &status.trial).filter(|trial| !trial.retired);
    if trials.all(|trial| matches!(trial.state, State::Succeeded { .. })) {
        return String::new();
    }
    let command = resolved.command_line();
    match same_failure {
        Some(cause) => format!(
            "the run ended because its first trials failed the same way: {cause}\n\
             once that is corrected, `{command}` resumes it\n"
        ),
        None => format!("no supervisor is running; `{command}` resumes the run\n"),
    }
}

fn table(
    statuses: &[TrialStatus],
    resolved: &RunSnapshot,
    supervised: bool,
    same_failure: bool,
    latest: &BTreeMap<TrialId, f64>,
    gaps: &MetricGaps,
) -> String {
    let headline = snapshot::headline(&resolved.run.report);
    let mut rows = vec![
        ["trial", "state", "phase", "step", headline.unwrap_or_default(), "attempts", "reason"]
            .map(str::to_owned),
    ];
    for status in statuses {
        let trial = &status.trial;
        let progress = trial.last_attempt.as_ref().and_then(|attempt| attempt.progress.as_ref());
        let active = progress.filter(|_| trial.state.active_attempt().is_some());
        rows.push([
            trial.id.0.clone(),
            status.state().to_owned(),
            active.map_or(String::new(), |(phase, ..)| phase.clone()),
            active.map_or(String::new(), |(_, step, of)| format!("{step}/{of}")),
            latest.get(&trial.id).map_or(String::new(), |value| format!("{value:.2}")),
            trial.last_attempt.as_ref().map_or(String::new(), |a| a.number.to_string()),
            reason(status, resolved, supervised, same_failure, gaps),
        ]);
    }
    columns(&rows).join("\n") + "\n"
}

/// The first line of the reason for a trial's state; of one that succeeded what it does not report.
fn reason(
    status: &TrialStatus,
    resolved: &RunSnapshot,
    supervised: bool,
    same_failure: bool,
    gaps: &MetricGaps,
) -> String {
    match gaps.trials.iter().find(|gap| gap.trial == status.trial.id.0) {
        Some(gap) if gap.no_result => "reported no result".to_owned(),
        Some(gap) => format!("reported no {}", gap.metrics.join(", ")),
        // The failure by which the run ended, and not that it has ended.
        None if same_failure && status.trial.last_attempt.is_some() => first_line(&status.reason()),
        None => first_line(&resolved.reason(status, supervised)),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn to_json(status: &TrialStatus, headline: Option<&str>, latest: &BTreeMap<TrialId, f64>) -> Value {
    let trial = &status.trial;
    let attempt = trial.last_attempt.as_ref();
    let progress = attempt.and_then(|a| a.progress.as_ref());
    json!({
        "id": trial.id,
        "variant": trial.variant,
        "seed": trial.seed,
        "retired": trial.retired,
        "state": status.state(),
        "status": trial.state,
        "attempt_status": status.attempt_status(),
        "job": status.job.as_ref().and_then(|job| job.listed.as_ref()),
        "attempts": attempt.map_or(0, |a| a.number),
        "started": attempt.map(|a| clock::to_rfc3339(a.started_ms)),
        "device": attempt.and_then(|a| a.device.clone()),
        "progress": progress.map(|(phase, step, of)| json!({"phase": phase, "step": step, "of": of})),
        "stalled_since": status.stalled_since_ms().map(clock::to_rfc3339),
        "skipped_lines": attempt.map_or(0, |a| a.skipped_lines),
        "latest": headline.map(|metric| json!({metric: latest.get(&trial.id)})),
        "builds": trial.origins.builds,
        "data": trial.origins.data,
    })
}
