//! `orch status [RUN]`: prints the state of every trial.

pub(super) mod watch;

use std::time::Duration;

use experiments::protocol::exit;
use reports::metric_gaps::MetricGaps;
use serde_json::{Value, json};

use super::causes;
use super::damage::open_records;
use super::error::Result;
use super::metric_gaps::metric_gaps;
use super::output::{print, print_json, print_styled, terminal_width};
use super::overview::{Overview, RunReader};
use super::skipped_lines::skipped_lines_text;
use crate::cli::args::{self, Global};
use crate::display::outlook;
use crate::display::progress::Progress;
use crate::display::style::{self, styled};
use crate::display::table::cut;
use crate::display::text::counts;
use crate::display::trial_status::{self, TrialStatus};
use crate::display::trial_table::{self, Bars};
use crate::platform::clock;
use crate::run_dir::snapshot::RunSnapshot;
use crate::run_dir::{RunDir, Supervisor};
use crate::scheduler::State;
use crate::store::SkippedLines;

/// With more trials than this, some are only counted, unless `--all` is given.
const MANY: usize = 40;

/// Runs the verb.
pub(super) async fn run(arguments: &args::Status, global: &Global) -> Result<u8> {
    if arguments.watch {
        return watch::run(arguments, global).await;
    }
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    // First: once there is no supervisor, nothing is recorded any more.
    let supervisor = dir.supervisor();
    let mut store = open_records(&dir).await?;
    let resolved = RunSnapshot::read_settings(&dir.resolved())?;
    let mut trials =
        if arguments.json { store.trials().await? } else { store.trials_without_origins().await? };
    let gaps = metric_gaps(&mut store, &resolved.run.report, &trials).await?;
    let same_failure = causes::same_failure(&mut store, &dir, supervisor.as_ref()).await?;
    trials.retain(|trial| arguments.all || !trial.retired);
    let lists_all = arguments.all || arguments.json || trials.len() <= MANY;
    let statuses = trial_status::all(trials, &dir)?;
    let is_listed = |state: &State| lists_all || is_of_interest(state);
    let mut reader = RunReader::new(dir, resolved, statuses.iter().map(|status| &status.trial))?;
    let overview = reader
        .read(&mut store, &statuses, supervisor.as_ref(), |trial| is_listed(&trial.state))
        .await?;
    let skipped_lines = store.skipped_lines().await?;
    let status = RunStatus { reader, supervisor, statuses, overview, same_failure, gaps };
    if arguments.json {
        print_json(&status.to_json())?;
    } else {
        status.print(is_listed, &skipped_lines)?;
    }
    Ok(exit::OK)
}

/// A run with everything that is said of it.
struct RunStatus {
    reader: RunReader,
    supervisor: Option<Supervisor>,
    statuses: Vec<TrialStatus>,
    overview: Overview,
    /// The cause for which the last `orch run` ended, if its first trials failed the same way.
    same_failure: Option<String>,
    gaps: MetricGaps,
}

impl RunStatus {
    fn print(&self, is_listed: impl Fn(&State) -> bool, skipped: &[SkippedLines]) -> Result<()> {
        let width = terminal_width();
        let Self { reader, statuses, overview, .. } = self;
        self.print_head(width)?;
        let listed: Vec<_> =
            statuses.iter().filter(|status| is_listed(&status.trial.state)).collect();
        let lines = listed.iter().map(|status| overview.line(status, self.reason(status)));
        let lines: Vec<_> = lines.collect();
        let table = trial_table::table(&lines, reader.headline.as_ref(), Bars::Omitted);
        print_styled(&(table.lines(width).join("\n") + "\n"))?;
        if listed.len() < statuses.len() {
            print(&format!("and {} more; `--all` lists them\n", statuses.len() - listed.len()))?;
        }
        print(&skipped_lines_text(skipped).map_or(String::new(), |text| text + "\n"))?;
        for problem in self.gaps.problems() {
            print(&format!("warning: {problem}\n"))?;
        }
        Ok(())
    }

    /// The run as a whole: how many trials are in which state, who runs them, and for how long.
    fn print_head(&self, width: Option<usize>) -> Result<()> {
        let counts = counts(self.statuses.iter().map(TrialStatus::state));
        let name = styled(&self.reader.dir.name(), style::HEADING);
        print_styled(&format!("{name}: {}\n", style::counted(&counts)))?;
        if let Some(supervisor) = &self.supervisor {
            let by = format!("run by {supervisor}");
            print(&(width.map_or(by.clone(), |width| cut(&by, width)) + "\n"))?;
            let time = outlook::in_words(self.overview.elapsed, self.overview.outlook.run);
            print(&(time + "\n"))?;
        } else {
            let same_failure = self.same_failure.as_deref();
            print(&end_of_run(&self.statuses, same_failure, &self.reader.resolved))?;
        }
        Ok(print("\n")?)
    }

    /// The first line of the reason for a trial's state; of one that succeeded what it does not report.
    fn reason(&self, status: &TrialStatus) -> String {
        match self.gaps.trials.iter().find(|gap| gap.trial == status.trial.id.0) {
            Some(gap) if gap.no_result => "reported no result".to_owned(),
            Some(gap) => format!("reported no {}", gap.metrics.join(", ")),
            // The failure by which the run ended, and not that it has ended.
            None if self.same_failure.is_some() && status.trial.counting_attempt().is_some() => {
                status.reason()
            }
            None => self.reader.resolved.reason(status, self.supervisor.is_some()),
        }
    }

    fn to_json(&self) -> Value {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        json!({
            "schema": 1,
            "run": self.reader.dir.name(),
            "folder": self.reader.dir.path(),
            "supervisor": self.supervisor,
            "elapsed_seconds": seconds(self.overview.elapsed),
            "eta_seconds": seconds(self.overview.outlook.run),
            "same_failure": self.same_failure,
            "trials": self.statuses.iter().map(|status| self.trial_to_json(status)).collect::<Vec<_>>(),
            "metric_gaps": self.gaps,
        })
    }

    fn trial_to_json(&self, status: &TrialStatus) -> Value {
        let (trial, overview) = (&status.trial, &self.overview);
        let id = &trial.id;
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
            "step": overview.progress.get(id).and_then(|progress| progress.step),
            "rate": overview.progress.get(id).and_then(Progress::rate),
            "elapsed_seconds": overview.spent.get(id).map(Duration::as_secs_f64),
            "eta_seconds": overview.outlook.trials.get(id).map(Duration::as_secs_f64),
            "stalled_since": status.stalled_since_ms().map(clock::to_rfc3339),
            "skipped_lines": attempt.map_or(0, |a| a.skipped_lines),
            "latest": self.reader.headline.as_ref().map(|headline| {
                json!({ headline.metric.as_str(): overview.latest.get(id) })
            }),
            "builds": trial.origins.builds,
            "data": trial.origins.data,
        })
    }
}

/// False for trials that wait or are done, which are only counted where there are many.
fn is_of_interest(state: &State) -> bool {
    !matches!(state, State::Queued { .. } | State::Succeeded { .. })
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
