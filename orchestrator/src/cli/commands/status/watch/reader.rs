//! The thread that reads the records for the screen.

use std::future::Future;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use experiments::protocol::trial_id::TrialId;
use experiments::schema::executor::Executor;
use procfs::{Current as _, LoadAverage, Meminfo};
use rustix::time::{ClockId, clock_gettime};

use super::messages::{News, Wanted};
use crate::cli::commands::damage::open_records;
use crate::cli::commands::error::Result;
use crate::cli::commands::overview::RunReader;
use crate::cli::commands::runtime::block_on;
use crate::display::outlook;
use crate::display::text::counts;
use crate::display::trial_status::{self, TrialStatus};
use crate::display::watch::model::{Focus, Log, MachineUse, RunView, TrialEntry, for_drawing};
use crate::run_dir::RunDir;
use crate::run_dir::log_tail;
use crate::run_dir::snapshot::RunSnapshot;
use crate::slots::Machine;

/// Time between two reads of the records, on this machine and on a cluster, whose controller is asked.
const INTERVAL: Duration = Duration::from_secs(1);
const CLUSTER_INTERVAL: Duration = Duration::from_secs(10);

/// A tenth of a core at most: the next read comes after this many times the time that the last one has
/// computed for.
const REST: u32 = 10;

/// Points of a curve that are drawn: more than a screen has dots.
const POINTS: usize = 4000;

/// Lines of a log that can be scrolled through.
const LOG_LINES: usize = 2000;

/// Reads a run for the screen.
pub(super) struct Reader {
    run: RunReader,
    /// `None` where trials run on other machines.
    machine: Option<Machine>,
}

impl Reader {
    pub(super) async fn open(dir: RunDir) -> Result<Self> {
        let resolved = RunSnapshot::read_settings(&dir.resolved())?;
        let is_local = resolved.run.executor == Executor::Local;
        let trials = open_records(&dir).await?.trials_without_origins().await?;
        let run = RunReader::new(dir, resolved, trials.iter())?;
        Ok(Self { run, machine: is_local.then(Machine::open) })
    }

    /// Reads until the screen ends: all of it from time to time, and what it is about at once.
    pub(super) fn serve(mut self, wanted: &Receiver<Wanted>, news: &Sender<News>) {
        let mut about = None;
        let mut next = Instant::now();
        loop {
            let asked = match wanted.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut is_due = asked.is_none();
            for asked in asked.into_iter().chain(wanted.try_iter()) {
                match asked {
                    Wanted::About(trial, metric) => about = Some((trial, metric)),
                    Wanted::Everything => is_due = true,
                }
            }
            let (start, mut results) = (computed(), Vec::new());
            if is_due {
                results.push(on_this_thread(self.run()).map(|run| News::Run(Box::new(run))));
            }
            if let Some((trial, metric)) = &about {
                let focus = on_this_thread(self.focus(trial, metric.as_deref()));
                results.push(focus.map(News::Focus));
            }
            if is_due {
                let interval = if self.machine.is_some() { INTERVAL } else { CLUSTER_INTERVAL };
                let rest = computed().saturating_sub(start) * REST;
                next = Instant::now() + interval.max(rest);
            }
            for result in results {
                if news.send(News::of(result)).is_err() {
                    return;
                }
            }
        }
    }

    /// Reads the run as it is now.
    pub(super) async fn run(&mut self) -> Result<RunView> {
        // First: once there is no supervisor, nothing is recorded any more.
        let supervisor = self.run.dir.supervisor();
        let mut store = open_records(&self.run.dir).await?;
        let mut trials = store.trials_without_origins().await?;
        trials.retain(|trial| !trial.retired);
        let statuses = trial_status::all(trials, &self.run.dir)?;
        let overview = self
            .run
            .read(&mut store, &statuses, supervisor.as_ref(), |trial| {
                trial.state.active_attempt().is_some()
            })
            .await?;
        let entry = |status: &TrialStatus| {
            let reason = self.run.resolved.reason(status, supervisor.is_some());
            let line = overview.line(status, reason);
            let is_stalled = line.progress.is_some_and(|progress| progress.stalled);
            TrialEntry {
                id: status.trial.id.clone(),
                variant: status.trial.variant.clone(),
                seed: status.trial.seed,
                state: if is_stalled { "stalled" } else { line.state }.to_owned(),
                progress: line.progress.cloned(),
                value: line.value,
                spent: line.spent,
                left: line.left,
                attempts: line.attempts.unwrap_or(0),
                reason: line.reason,
                device: status.trial.last_attempt.as_ref().and_then(|a| a.device.clone()),
            }
        };
        Ok(RunView {
            name: self.run.dir.name(),
            supervisor: supervisor.as_ref().map(ToString::to_string),
            counts: counts(statuses.iter().map(TrialStatus::state)),
            time: outlook::in_words(overview.elapsed, overview.outlook.run),
            headline: self.run.headline.clone(),
            trials: statuses.iter().map(entry).collect(),
            machine: self.machine.as_ref().map(machine_use),
        })
    }

    /// Reads the curve and the logs of a trial.
    async fn focus(&self, trial: &TrialId, metric: Option<&str>) -> Result<Focus> {
        let dir = &self.run.dir;
        let mut store = open_records(dir).await?;
        let metrics = store.metrics_of(trial).await?;
        // The chosen metric may be one of another variant.
        let metric = metrics.iter().find(|name| Some(name.as_str()) == metric);
        let metric = metric.or(metrics.first()).cloned();
        let samples = match &metric {
            Some(metric) => store.series_of(trial, metric).await?,
            None => Vec::new(),
        };
        let points = samples.into_iter().filter(|sample| sample.value.is_finite());
        let points = points.map(|sample| (sample.step as f64, sample.value)).collect();
        let last = store.attempts_of(trial).await?.last().map(|attempt| attempt.number);
        // Logs are readable only by their user.
        let logs = last.and_then(|n| log_tail::both(&dir.attempt(trial, n), LOG_LINES).ok());
        let logs = logs.unwrap_or_default().into_iter();
        Ok(Focus {
            trial: trial.clone(),
            metrics,
            metric,
            points: for_drawing(points, POINTS),
            logs: logs.map(|end| Log { path: end.path, lines: end.lines }).collect(),
        })
    }
}

/// The time that this process has computed for, on all its threads.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn on_this_thread<T>(read: impl Future<Output = Result<T>>) -> Result<T> {
    block_on(read)?
}

fn machine_use(machine: &Machine) -> MachineUse {
    let inventory = machine.read_inventory().unwrap_or_default();
    let memory = Meminfo::current().ok();
    let used =
        memory.and_then(|m| Some((m.mem_total - m.mem_available?.min(m.mem_total), m.mem_total)));
    MachineUse {
        cpus: inventory.cpus,
        load: LoadAverage::current().ok().map(|load| load.one),
        memory: used,
        gpus: inventory.gpus,
    }
}
