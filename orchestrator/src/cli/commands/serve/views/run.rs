//! A run: its state, and that of every trial that its file names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use experiments::expand::Row;
use experiments::protocol::trial_id::TrialId;

use super::super::cache::{Kept, Source};
use super::super::problem::Problem;
use super::super::stamp::Stamp;
use crate::cli::commands::error::Result as VerbResult;
use crate::cli::commands::overview::{Overview, RunReader};
use crate::cli::commands::provenance::RanWith;
use crate::cli::commands::runtime::block_on;
use crate::display::trial_status::TrialStatus;
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::{self, RunSnapshot};
use crate::scheduler::State;
use crate::store::{Store, sync};

/// A run.
#[derive(Debug, Clone)]
pub(crate) struct RunView {
    pub(crate) dir: RunDir,
    /// In a word: `running`, `done`, `failed`, `stopped`, `unsupervised`, `damaged`.
    pub(crate) state: &'static str,
    /// The process that runs it; `None` if there is none.
    pub(crate) supervisor: Option<String>,
    /// The file's description.
    pub(crate) description: String,
    /// The command that continues it.
    pub(crate) command: String,
    /// The first start of an attempt and the last decision, in milliseconds since the Unix epoch.
    pub(crate) started_ms: Option<i64>,
    pub(crate) changed_ms: Option<i64>,
    /// Until every trial that is to run has ended, as far as that can be told.
    pub(crate) left: Option<Duration>,
    /// The rows of its table, in order.
    pub(crate) rows: Vec<Row>,
    pub(crate) trials: Vec<TrialView>,
    /// The metric that is shown beside a trial's progress.
    pub(crate) headline: Option<String>,
    /// A sentence for each damaged record.
    pub(crate) damage: Vec<String>,
    /// Bytes that were written and are not in the database yet.
    pub(crate) ingest_lag: u64,
}

/// A run with its records, or the reason why they cannot be read.
pub(crate) type Listed = (RunDir, Result<Arc<Kept<RunView>>, Problem>);

/// A trial in a list.
#[derive(Debug, Clone)]
pub(crate) struct TrialView {
    pub(crate) id: TrialId,
    pub(crate) variant: String,
    pub(crate) seed: u64,
    /// In a word, as `orch status` has it.
    pub(crate) state: &'static str,
    /// The first line of the reason for it; empty where the state is enough.
    pub(crate) reason: String,
    pub(crate) stalled: bool,
    /// Attempts that have been started.
    pub(crate) attempts: u32,
    /// The newest value of the headline metric.
    pub(crate) latest: Option<f64>,
    /// Of one that is starting or running.
    pub(crate) active: Option<ActiveView>,
}

/// An attempt that goes on.
#[derive(Debug, Clone)]
pub(crate) struct ActiveView {
    pub(crate) started_ms: i64,
    /// Phase, units done, units in all.
    pub(crate) progress: Option<(String, u64, u64)>,
    /// The newest step of a metric, of a worker that reports no progress.
    pub(crate) step: Option<u64>,
    /// Until it ends, as far as that can be told.
    pub(crate) left: Option<Duration>,
    pub(crate) host: Option<String>,
    /// The device in its worker's words.
    pub(crate) device: Option<String>,
    /// The GPUs that it was given.
    pub(crate) gpus: Vec<String>,
}

/// A run, as something to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RunSource(pub(crate) RunDir);

impl Source for RunSource {
    type Value = RunView;

    fn stamp(&self) -> Stamp {
        Stamp::of_run(&self.0)
    }

    fn read(&self) -> Result<RunView, Problem> {
        Ok(block_on(RunView::read(&self.0)).map_err(|_| Problem::Internal)??)
    }

    fn changes_by_itself(view: &RunView) -> bool {
        // Its supervisor or a holder may be killed, and writes nothing then.
        view.supervisor.is_some() || view.trials.iter().any(|trial| trial.active.is_some())
    }
}

impl RunView {
    async fn read(dir: &RunDir) -> VerbResult<Self> {
        // First: once there is no supervisor, nothing is recorded any more.
        let supervisor = dir.supervisor();
        let mut store = sync::for_reading(dir).await?;
        let snapshot = RunSnapshot::read_settings(&dir.resolved())?;
        let records = store.trials_without_origins().await?;
        let started_ms =
            records.iter().filter_map(|t| t.last_attempt.as_ref()).map(|a| a.started_ms);
        let started_ms = started_ms.min();
        let mut statuses = Vec::new();
        for record in records.into_iter().filter(|record| !record.retired) {
            // Without a question to a cluster, which would be asked again and again.
            statuses.push(TrialStatus::new(record, dir)?);
        }
        let headline = snapshot::headline(&snapshot.run.report).map(str::to_owned);
        let latest = latest(&mut store, headline.as_deref()).await?;
        let supervised = supervisor.is_some();
        let trials = statuses.iter().map(|status| &status.trial);
        let mut reader = RunReader::new(dir.clone(), snapshot, trials)?;
        let overview = reader.read(&mut store, &statuses, supervisor.as_ref(), |_| false).await?;
        let snapshot = reader.resolved;
        let trials = statuses.iter().map(|status| {
            let reason = snapshot.reason(status, supervised);
            TrialView::new(dir, status, &reason, &latest, &overview)
        });
        let trials: Vec<_> = trials.collect();
        let changed = dir.journal().metadata().and_then(|journal| journal.modified()).ok();
        let changed = changed.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        Ok(Self {
            dir: dir.clone(),
            state: state(&trials, supervised, !store.damage.is_empty()),
            supervisor: supervisor.map(|supervisor| supervisor.to_string()),
            command: snapshot.command_line(),
            description: snapshot.run.description,
            started_ms,
            changed_ms: changed.map(|time| time.as_millis() as i64),
            left: overview.outlook.run,
            rows: snapshot.run.rows,
            trials,
            headline,
            damage: store.damage.iter().map(ToString::to_string).collect(),
            ingest_lag: store.ingest_lag(dir).await?,
        })
    }

    /// The number of trials in this state.
    pub(crate) fn count(&self, state: &str) -> usize {
        self.trials.iter().filter(|trial| trial.state == state).count()
    }

    /// The states that trials are in, with their number, in the order of [`STATES`].
    pub(crate) fn counts(&self) -> Vec<(&'static str, usize)> {
        let counts = STATES.map(|state| (state, self.count(state)));
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

/// The states of trials, from done to not begun.
pub(crate) const STATES: [&str; 9] = [
    "succeeded",
    "running",
    "starting",
    "ended",
    "lost",
    "failed",
    "interrupted",
    "cancelled",
    "queued",
];

async fn latest(store: &mut Store, headline: Option<&str>) -> VerbResult<BTreeMap<TrialId, f64>> {
    match headline {
        Some(metric) => Ok(store.latest(metric).await?),
        None => Ok(BTreeMap::new()),
    }
}

fn state(trials: &[TrialView], supervised: bool, damaged: bool) -> &'static str {
    let any = |state: &str| trials.iter().any(|trial| trial.state == state);
    match () {
        () if damaged => "damaged",
        () if supervised => "running",
        () if trials.iter().all(|trial| trial.state == "succeeded") => "done",
        () if any("starting") || any("running") => "unsupervised",
        () if any("failed") => "failed",
        () => "stopped",
    }
}

impl TrialView {
    fn new(
        dir: &RunDir,
        status: &TrialStatus,
        reason: &str,
        latest: &BTreeMap<TrialId, f64>,
        overview: &Overview,
    ) -> Self {
        let record = &status.trial;
        let is_active = matches!(record.state, State::Starting { .. } | State::Running { .. });
        Self {
            id: record.id.clone(),
            variant: record.variant.clone(),
            seed: record.seed,
            state: status.state(),
            reason: reason.lines().next().unwrap_or_default().to_owned(),
            stalled: status.stalled_since_ms().is_some(),
            attempts: record.last_attempt.as_ref().map_or(0, |attempt| attempt.number),
            latest: latest.get(&record.id).copied(),
            active: is_active.then(|| ActiveView::new(dir, status, overview)).flatten(),
        }
    }
}

impl ActiveView {
    fn new(dir: &RunDir, status: &TrialStatus, overview: &Overview) -> Option<Self> {
        let attempt = status.trial.last_attempt.as_ref()?;
        // Only their user may read attempts.
        let ran_with = RanWith::read(&dir.attempt(&status.trial.id, attempt.number)).ok();
        Some(Self {
            started_ms: attempt.started_ms,
            progress: attempt.progress.clone(),
            step: overview.progress.get(&status.trial.id).and_then(|progress| progress.step),
            left: overview.outlook.trials.get(&status.trial.id).copied(),
            host: ran_with.as_ref().and_then(|with| with.host().map(str::to_owned)),
            device: attempt.device.clone(),
            gpus: ran_with.map(|with| with.gpus()).unwrap_or_default(),
        })
    }
}
