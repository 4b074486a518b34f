//! `orch status [RUN]`: where every trial stands.

use std::collections::BTreeMap;

use experiments::exit;
use serde_json::{Value, json};

use super::chosen::Shown;
use super::{print, print_json};
use crate::catch_up;
use crate::cli::{self, Global};
use crate::clock;
use crate::core::TrialId;
use crate::display::text::columns;
use crate::resolved::{self, Resolved};
use crate::run_dir::RunDir;

/// Runs the verb.
pub async fn run(arguments: &cli::Status, global: &Global) -> anyhow::Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let mut store = catch_up::for_reading(&dir).await?;
    let resolved = Resolved::read(&dir.experiment())?;
    let headline = resolved::headline(&resolved.report);
    let latest = match headline {
        Some(metric) => store.latest(metric).await?,
        None => BTreeMap::new(),
    };
    let mut trials = store.trials().await?;
    trials.retain(|trial| arguments.all || !trial.retired);
    let shown =
        trials.into_iter().map(|trial| Shown::new(trial, &dir)).collect::<Result<Vec<_>, _>>()?;
    if arguments.json {
        let trials: Vec<_> = shown.iter().map(|t| to_json(t, headline, &latest)).collect();
        print_json(
            &json!({"schema": 1, "run": dir.name(), "folder": dir.path(), "trials": trials}),
        )?;
    } else {
        print(&table(&dir, &shown, headline, &latest))?;
    }
    Ok(exit::OK)
}

fn table(
    dir: &RunDir,
    shown: &[Shown],
    headline: Option<&str>,
    latest: &BTreeMap<TrialId, f64>,
) -> String {
    let mut rows = vec![
        ["trial", "state", "phase", "step", headline.unwrap_or_default(), "attempts", "reason"]
            .map(str::to_owned),
    ];
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for shown in shown {
        let trial = &shown.trial;
        *counts.entry(trial.state.name()).or_default() += 1;
        let progress = trial.last_attempt.as_ref().and_then(|attempt| attempt.progress.as_ref());
        let under_way = progress.filter(|_| trial.state.attempt_under_way().is_some());
        rows.push([
            trial.id.0.clone(),
            shown.state().to_owned(),
            under_way.map_or(String::new(), |(phase, ..)| phase.clone()),
            under_way.map_or(String::new(), |(_, step, of)| format!("{step}/{of}")),
            latest.get(&trial.id).map_or(String::new(), |value| format!("{value:.2}")),
            trial.last_attempt.as_ref().map_or(String::new(), |a| a.number.to_string()),
            shown.reason().lines().next().unwrap_or_default().to_owned(),
        ]);
    }
    let counts: Vec<_> = counts.iter().map(|(state, n)| format!("{n} {state}")).collect();
    let mut text = format!("{}: {}\n\n", dir.name(), counts.join(", "));
    for line in columns(&rows) {
        text += &line;
        text.push('\n');
    }
    text
}

fn to_json(shown: &Shown, headline: Option<&str>, latest: &BTreeMap<TrialId, f64>) -> Value {
    let trial = &shown.trial;
    let attempt = trial.last_attempt.as_ref();
    let progress = attempt.and_then(|a| a.progress.as_ref());
    json!({
        "id": trial.id,
        "variant": trial.variant,
        "seed": trial.seed,
        "retired": trial.retired,
        "status": trial.state,
        "standing": shown.standing(),
        "attempts": attempt.map_or(0, |a| a.number),
        "started": attempt.map(|a| clock::to_rfc3339(a.started_ms)),
        "device": attempt.and_then(|a| a.device.clone()),
        "progress": progress.map(|(phase, step, of)| json!({"phase": phase, "step": step, "of": of})),
        "unknown_lines": attempt.map_or(0, |a| a.unknown_lines),
        "latest": headline.map(|metric| json!({metric: latest.get(&trial.id)})),
        "build": trial.build,
        "data": trial.data,
    })
}
