//! The process behind `orch run`: observes attempts and requests, asks the scheduler what follows, and
//! does it. It may be killed at any moment; the next one continues from the records.

mod actions;
mod active;
pub(crate) mod cleanup;
mod launch;
pub mod plan;
mod poll;
pub mod provenance;
mod recovery;
mod requests;
pub(crate) mod retention;
mod signals;
pub mod stale;
mod stall;
pub(crate) mod worker_command;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use experiments::protocol::trial_id::TrialId;
use experiments::schema::executor::Executor;
use experiments::schema::resources::Share;
use tokio::time::MissedTickBehavior;

use crate::code::AttemptCode;
use crate::display::progress::Progress;
use crate::display::{Reporter, RunEvent, TrialView};
use crate::executor::Local;
use crate::executor::slurm::Slurm;
use crate::platform::atomic_file::FileError;
use crate::platform::clock;
use crate::run_dir::ownership::OwnershipError;
use crate::run_dir::snapshot::{self, RunSnapshot};
use crate::run_dir::{RunDir, SupervisorLock};
use crate::scheduler::{Input, Policy, Scheduler, State, StopRequest};
use crate::slots::{ForeignProcesses, Lease, Machine, Request, SlotError, Slots, Unavailable};
use crate::store::integrity;
use crate::store::journal_file::{Journal, JournalError, Written};
use crate::store::sealed_files::SealedAttempt;
use crate::store::{SkippedLines, Store, StoreError, UnreadEvents};
use crate::supervisor::provenance::Recorder;

use active::ActiveAttempts;
pub use recovery::recovered;
use signals::{Signals, Wakeup};

/// The time between two polls of the attempts.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Times that skipped lines are looked for after attempts have ended: thousands of short ones end like the first.
const SKIPPED_CHECKS: u32 = 10;

/// A supervisor at work.
#[derive(Debug)]
pub struct Supervisor<'r> {
    experiment: RunSnapshot,
    dir: RunDir,
    /// Held as long as this supervisor writes.
    lock: &'r SupervisorLock,
    journal: Journal,
    store: Store,
    scheduler: Scheduler,
    /// The positions of the file's trials in it.
    trials: BTreeMap<TrialId, usize>,
    slots: Slots,
    machine: &'r Machine,
    /// The resources of every trial.
    request: Request,
    local: Local,
    slurm: Slurm,
    code: Option<AttemptCode>,
    recorder: Recorder,
    since: Instant,
    /// The trial to poll first: of very many, not all are polled each time.
    turn: usize,
    active: ActiveAttempts,
    /// Leased for the trial that starts next.
    lease: Option<Lease>,
    /// Why nothing could be leased, and when that was reported.
    unavailable: Option<(Unavailable, Instant)>,
    /// Decisions that are in the journal, and not in the database yet.
    unapplied: Vec<Written>,
    /// Events that were read, and are not in the database yet.
    unread: Vec<UnreadEvents>,
    /// Attempts that have ended, and whose files have not been compared yet.
    unverified: Vec<SealedAttempt>,
    /// True if an attempt has ended since skipped lines were looked for.
    has_ended: bool,
    /// Times that they are still looked for.
    skipped_checks: u32,
    /// The progress of each trial, for the reporter.
    progress: BTreeMap<TrialId, Progress>,
    /// The metric shown beside the progress.
    headline: Option<String>,
    reporter: &'r mut dyn Reporter,
}

/// The parts of a supervisor; see [`Supervisor::new`].
#[derive(Debug)]
pub struct Parts<'r> {
    /// The experiment under its profile.
    pub experiment: RunSnapshot,
    /// The run's folder.
    pub dir: RunDir,
    /// The right to write to it.
    pub lock: &'r SupervisorLock,
    /// Its journal.
    pub journal: Journal,
    /// Its database, caught up.
    pub store: Store,
    /// Trials that are not to be started.
    pub left_out: BTreeSet<TrialId>,
    /// The machine to run them on.
    pub machine: &'r Machine,
    /// The code that attempts run; `None` where none is started.
    pub code: Option<AttemptCode>,
    /// The policy for GPUs that processes of others use.
    pub foreign_processes: ForeignProcesses,
    /// Most trials that run at once; `None` for as many as there are slots.
    pub jobs: Option<usize>,
    /// The number of failed trials at which the run stops; `None` for no limit.
    pub max_fails: Option<u32>,
    /// The run goes on when its first trials all fail the same way before their first event.
    pub keep_going: bool,
}

/// The supervisor cannot continue. Its trials do; the next `orch run` reattaches to them.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The ownership of an attempt.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// The slots.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// A file in the run's folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// The lock's file is not the one that this supervisor locked.
    #[error(
        "`{}` was removed or replaced, and another supervisor may be running: nothing more is recorded \
         here, and running trials continue\n\nhint: run the file again, and never remove that file: a \
         lock ends with its process",
        path.display()
    )]
    LockReplaced {
        /// The lock's file.
        path: PathBuf,
    },
    /// Signals cannot be received.
    #[error("cannot listen for signals")]
    Signal(#[source] std::io::Error),
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Every trial that the file names, with its state.
    pub states: Vec<(TrialId, State)>,
    /// The request that stopped it before all trials had ended; `None` if none did.
    pub stopping: Option<StopRequest>,
    /// Attempts with lines that are not events.
    pub skipped_lines: Vec<SkippedLines>,
}

impl<'r> Supervisor<'r> {
    /// Continues a run from its records.
    pub async fn new(
        parts: Parts<'r>,
        reporter: &'r mut dyn Reporter,
    ) -> Result<Self, SupervisorError> {
        let Parts { experiment, dir, lock, journal, mut store, left_out, .. } = parts;
        let policy = Policy {
            retry: experiment.run.retry.clone(),
            jobs: parts.jobs.unwrap_or(usize::MAX).min(max_active(&experiment)),
            max_fails: parts.max_fails,
            keep_going: parts.keep_going,
            after_stall: experiment.run.stall.then,
            shares_gpu: experiment.run.executor == Executor::Local
                && experiment.run.resources.gpus > 0
                && experiment.run.resources.share != Share::WHOLE,
        };
        let headline = snapshot::headline(&experiment.run.report).map(str::to_owned);
        let latest = match &headline {
            Some(metric) => store.latest(metric).await?,
            None => BTreeMap::new(),
        };
        let progress = latest.into_iter().map(|(id, value)| (id, Progress::of_latest(value)));
        let recovered = recovery::trials(&mut store, &dir, &experiment.trials, &left_out).await?;
        let trials = experiment.trials.iter();
        Ok(Self {
            scheduler: Scheduler::new(recovered, policy),
            trials: trials.enumerate().map(|(at, trial)| (trial.id.clone(), at)).collect(),
            slurm: Slurm::new(
                &dir,
                experiment.run.slurm.clone(),
                experiment.run.resources.clone(),
                experiment.run.worker.grace.0,
            ),
            turn: 0,
            headline,
            request: Request {
                resources: experiment.run.resources.clone(),
                foreign_processes: parts.foreign_processes,
            },
            experiment,
            dir,
            lock,
            journal,
            store,
            slots: Slots::of_this_machine()?,
            machine: parts.machine,
            local: Local::new(),
            code: parts.code,
            recorder: Recorder::default(),
            since: Instant::now(),
            active: ActiveAttempts::default(),
            unapplied: Vec::new(),
            unread: Vec::new(),
            unverified: Vec::new(),
            has_ended: false,
            skipped_checks: SKIPPED_CHECKS,
            lease: None,
            unavailable: None,
            progress: progress.collect(),
            reporter,
        })
    }

    /// Runs until every trial has ended, or the run is stopped.
    pub async fn run(mut self) -> Result<Outcome, SupervisorError> {
        let mut signals = Signals::listen().map_err(SupervisorError::Signal)?;
        let mut ticks = tokio::time::interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        cleanup::remove_temporary_files(&self.dir);
        self.discard_requests()?;
        self.handle(Input::SupervisorStarted)?;
        while !self.scheduler.is_done() {
            let wakeup = tokio::select! {
                _ = ticks.tick() => Wakeup::Tick,
                wakeup = signals.next() => wakeup,
                () = self.local.wait() => Wakeup::HolderEnded,
            };
            if wakeup == Wakeup::Interrupted {
                self.interrupt(None)?;
            }
            // Short trials may end hundreds of times a second: then nothing else is looked at.
            let is_tick = wakeup != Wakeup::HolderEnded;
            if is_tick {
                self.handle_requests().await?;
            }
            self.poll_attempts(is_tick).await?;
            self.start_trials()?;
            if is_tick {
                self.poll_slurm().await?;
                self.settle().await?;
                self.report_skipped_lines().await?;
                self.report_progress();
            }
        }
        self.settle().await?;
        integrity::verify_run(&mut self.store, &self.dir).await?;
        let states = self.scheduler.states().filter(|(id, _)| self.trials.contains_key(id));
        let states = states.map(|(id, state)| (id.clone(), state.clone())).collect();
        let skipped_lines = self.store.skipped_lines().await?;
        let outcome = Outcome { states, stopping: self.scheduler.stopping(), skipped_lines };
        self.store.close().await?;
        Ok(outcome)
    }

    /// Handles requests and starts no trial, until none of `trials` is active.
    pub(crate) async fn serve_requests(
        mut self,
        trials: &[TrialId],
    ) -> Result<(), SupervisorError> {
        let mut ticks = tokio::time::interval(POLL_INTERVAL);
        cleanup::remove_temporary_files(&self.dir);
        loop {
            ticks.tick().await;
            self.handle_requests().await?;
            self.poll_attempts(true).await?;
            self.poll_slurm().await?;
            self.settle().await?;
            if !self.scheduler.active().any(|(id, _)| trials.contains(id)) {
                return Ok(self.store.close().await?);
            }
        }
    }

    /// Reports lines that were skipped of one of the first attempts, where others are still to run: a pattern
    /// that matches nothing is better known now than after days.
    async fn report_skipped_lines(&mut self) -> Result<(), SupervisorError> {
        let others_wait = self.scheduler.waiting().next().is_some();
        if !std::mem::take(&mut self.has_ended) || self.skipped_checks == 0 || !others_wait {
            return Ok(());
        }
        self.skipped_checks -= 1;
        if let Some(lines) = self.store.skipped_lines().await?.first() {
            self.skipped_checks = 0;
            self.reporter.report(RunEvent::LinesSkipped(lines));
        }
        Ok(())
    }

    /// Reports the trials that this supervisor runs, and any other that is active.
    fn report_progress(&mut self) {
        let now_ms = clock::now_ms();
        let is_local = self.experiment.run.executor == Executor::Local;
        let trials = self
            .scheduler
            .trials()
            .filter(|trial| trial.is_scheduled || trial.state.active_attempt().is_some());
        let mut trials = trials.map(|trial| {
            let ended = Some(trial.spent_ms / 1e3).filter(|seconds| *seconds > 0.0);
            let spent = match trial.state.active_attempt() {
                None => ended,
                Some(number) => {
                    let started_ms = self.active.started_ms(trial.id, number);
                    let started_ms = started_ms.or_else(|| is_local.then_some(now_ms));
                    let active = started_ms.map(|ms| (now_ms - ms).max(0) as f64 / 1e3);
                    active.map(|seconds| seconds + ended.unwrap_or(0.0))
                }
            };
            TrialView {
                id: trial.id,
                state: trial.state,
                variant: &trial.weight.variant,
                cost: trial.weight.cost,
                spent,
                is_to_run: trial.is_scheduled && self.scheduler.stopping().is_none(),
            }
        });
        self.reporter.refresh(&mut trials, &self.progress);
    }

    /// Milliseconds since this supervisor began: the scheduler's clock. The wall clock may be set
    /// meanwhile, and trials would wait for years.
    fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

/// The limit that the file sets on active attempts.
fn max_active(experiment: &RunSnapshot) -> usize {
    match experiment.run.executor {
        Executor::Local => usize::MAX,
        Executor::Slurm => experiment.run.slurm.max_submit as usize,
    }
}
