//! The process behind `orch run`: sees what attempts have done and what people wish, asks the core
//! what follows, and does it. It may die at any moment; the next one reads on.

mod cleanup;
mod launch;
pub mod plan;
mod poll;
pub mod provenance;
mod recovery;
mod requests;
pub mod retention;
mod stall;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use experiments::expand::ResolvedTrial;
use experiments::schema::executor::Executor;
use experiments::schema::resources::Share;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

use crate::display::Display;
use crate::executor::Local;
use crate::executor::slurm::Slurm;
use crate::platform::atomic_file::FileError;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::attempt::StopMode;
use crate::run_dir::ownership::OwnershipError;
use crate::run_dir::snapshot::{self, RunSnapshot};
use crate::run_dir::{RunDir, SupervisorLock};
use crate::scheduler::{
    Action, AttemptEnd, Input, Liveness, Policy, Scheduler, State, StopRequest,
};
use crate::slots::{ForeignProcesses, Lease, Machine, Request, SlotError, Slots, Unavailable};
use crate::store::journal_file::{Entry, Journal, JournalError};
use crate::store::{SkippedLines, Store, StoreError};
use crate::supervisor::provenance::Recorder;
use experiments::protocol::trial_id::TrialId;

use crate::display::progress::Progress;
pub use recovery::recovered;
use stall::StallDetector;

/// How often attempts are looked at.
const POLL: Duration = Duration::from_millis(200);

/// A supervisor at work.
#[derive(Debug)]
pub struct Supervisor {
    experiment: RunSnapshot,
    dir: RunDir,
    /// Held as long as this supervisor writes.
    _lock: SupervisorLock,
    journal: Journal,
    store: Store,
    core: Scheduler,
    trials: BTreeMap<TrialId, ResolvedTrial>,
    slots: Slots,
    machine: Machine,
    /// What every trial asks of the machine.
    request: Request,
    local: Local,
    slurm: Slurm,
    recorder: Recorder,
    /// When this supervisor began.
    since: Instant,
    /// The trial to look at first: not all of very many are looked at each time.
    turn: usize,
    /// Attempts whose holders this supervisor has started, and whether they have ended.
    holders: BTreeMap<AttemptDir, HolderState>,
    /// How long nothing has been heard of each attempt.
    stall_detectors: BTreeMap<AttemptDir, StallDetector>,
    /// Leased for the trial that starts next.
    lease: Option<Lease>,
    /// Why nothing could be leased, and when that was said.
    unavailable: Option<(Unavailable, Instant)>,
    /// How far each trial has come, for people.
    progress: BTreeMap<TrialId, Progress>,
    /// The metric shown beside the progress.
    headline: Option<String>,
}

/// Whether a holder that this process has started is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HolderState {
    Lives,
    Ended,
}

/// What a supervisor is made of; see [`Supervisor::new`].
#[derive(Debug)]
pub struct Parts {
    /// The experiment under its profile.
    pub experiment: RunSnapshot,
    /// The run's folder.
    pub dir: RunDir,
    /// The right to write to it.
    pub lock: SupervisorLock,
    /// Its journal.
    pub journal: Journal,
    /// Its database, caught up.
    pub store: Store,
    /// Trials that are not to be started.
    pub left_out: BTreeSet<TrialId>,
    /// The machine to run them on.
    pub machine: Machine,
    /// What to do about GPUs that others use.
    pub foreign_processes: ForeignProcesses,
    /// How many may run at once; as many as there are slots for if absent.
    pub jobs: Option<usize>,
    /// Once so many trials have failed, the run stops.
    pub max_fails: Option<u32>,
}

/// The supervisor cannot go on. Its trials do; the next `orch run` takes them up.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A claim.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// The slots.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// A file in the run's folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// Signals cannot be received.
    #[error("cannot listen for signals")]
    Signal(#[source] std::io::Error),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Every trial that the file names, with its state.
    pub states: Vec<(TrialId, State)>,
    /// Why it ended before all was done, if it did.
    pub stopping: Option<StopRequest>,
    /// Attempts of which lines were no events.
    pub skipped_lines: Vec<SkippedLines>,
}

impl Supervisor {
    /// Takes up a run where its records say that it stands.
    pub async fn new(parts: Parts) -> Result<Self, SupervisorError> {
        let Parts { experiment, dir, lock, journal, mut store, left_out, .. } = parts;
        let policy = Policy {
            retry: experiment.run.retry.clone(),
            jobs: parts.jobs.unwrap_or(usize::MAX).min(most_at_once(&experiment)),
            max_fails: parts.max_fails,
            after_stall: experiment.run.stall.then,
            shares_gpu: experiment.run.executor == Executor::Local
                && experiment.run.resources.gpus > 0
                && experiment.run.resources.share != Share::WHOLE,
        };
        let recovered = recovery::trials(&mut store, &dir, &experiment.trials, &left_out).await?;
        let trials = experiment.trials.iter();
        Ok(Self {
            core: Scheduler::new(recovered, policy),
            trials: trials.map(|trial| (trial.id.clone(), trial.clone())).collect(),
            slurm: Slurm::new(
                &dir,
                experiment.run.slurm.clone(),
                experiment.run.resources.clone(),
                experiment.run.worker.grace.0,
            ),
            turn: 0,
            headline: snapshot::headline(&experiment.run.report).map(str::to_owned),
            request: Request {
                resources: experiment.run.resources.clone(),
                foreign_processes: parts.foreign_processes,
            },
            experiment,
            dir,
            _lock: lock,
            journal,
            store,
            slots: Slots::of_this_machine()?,
            machine: parts.machine,
            local: Local::new(),
            recorder: Recorder::new(Path::new(".")),
            since: Instant::now(),
            holders: BTreeMap::new(),
            stall_detectors: BTreeMap::new(),
            lease: None,
            unavailable: None,
            progress: BTreeMap::new(),
        })
    }

    /// Carries every trial to its end.
    pub async fn run(mut self, display: &mut Display) -> Result<Outcome, SupervisorError> {
        let mut signals = Signals::listen().map_err(SupervisorError::Signal)?;
        let mut ticks = tokio::time::interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        cleanup::sweep(&self.dir);
        self.pass_over_requests()?;
        self.tell(Input::SupervisorStarted, display).await?;
        while !self.core.is_done() {
            let woken = tokio::select! {
                _ = ticks.tick() => Woken::InTime,
                woken = signals.next() => woken,
            };
            if woken == Woken::Interrupted {
                self.interrupt(None, display).await?;
            }
            self.heed_requests(display).await?;
            self.look(display).await?;
            self.start_what_fits(display).await?;
            self.tend_slurm(display).await?;
            // Short trials may end hundreds of times a second; nobody reads that fast.
            if woken != Woken::HolderEnded {
                display.refresh(self.shown(), &self.progress);
            }
        }
        let states = self.core.states().filter(|(id, _)| self.trials.contains_key(id));
        let states = states.map(|(id, state)| (id.clone(), state.clone())).collect();
        let skipped_lines = self.store.skipped_lines().await?;
        let outcome = Outcome { states, stopping: self.core.stopping(), skipped_lines };
        self.store.close().await?;
        Ok(outcome)
    }

    /// Does what requests ask for and starts nothing, until none of `trials` is under way.
    pub async fn heed(
        mut self,
        trials: &[TrialId],
        display: &mut Display,
    ) -> Result<(), SupervisorError> {
        let mut ticks = tokio::time::interval(POLL);
        loop {
            ticks.tick().await;
            self.heed_requests(display).await?;
            self.look(display).await?;
            self.tend_slurm(display).await?;
            if !self.core.active().any(|(id, _)| trials.contains(id)) {
                return Ok(self.store.close().await?);
            }
        }
    }

    /// The trials that a person wants to see: all that this supervisor has to do with.
    fn shown(&self) -> impl Iterator<Item = (&TrialId, &State)> {
        self.core
            .states()
            .filter(|(id, state)| self.core.is_scheduled(id) || state.active_attempt().is_some())
    }

    /// Tells the core what happened and does what it decides, and what follows from that.
    async fn tell(&mut self, input: Input, display: &mut Display) -> Result<(), SupervisorError> {
        let before = self.core.stopping();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for action in self.core.handle(input, self.elapsed_ms()) {
                match action {
                    Action::Record { trial, from, to } => {
                        display.changed(&trial, &from, &to, &self.dir);
                        self.record(Entry::Changed { trial, from, to }).await?;
                    }
                    Action::ResetAttempts(trial) => {
                        self.record(Entry::AttemptsReset { trial }).await?;
                    }
                    Action::RecordStop(trial, attempt, cause) => {
                        self.record(Entry::StoppingAttempt { trial, attempt, cause }).await?;
                    }
                    Action::RecordLiveness(trial, attempt, liveness) => {
                        self.hear(trial, attempt, liveness, display).await?;
                    }
                    Action::Start(id, number) => {
                        if let Err(error) = self.start(&id, number) {
                            tracing::warn!(trial.id = %id, "{error:#}");
                            let ending = AttemptEnd::NeverStarted(format!("{error:#}"));
                            inputs.push(Input::Ended(id, ending));
                        }
                    }
                    Action::Stop(id, number) => self.stop(&id, number, StopMode::Graceful)?,
                    Action::Kill(id, number) => self.stop(&id, number, StopMode::Immediate)?,
                }
            }
        }
        if let Some(request) = self.core.stopping().filter(|request| Some(*request) != before) {
            if request == StopRequest::TooManyFailures {
                display.giving_up();
            }
            self.record(Entry::StoppingRun { request }).await?;
        }
        Ok(())
    }

    /// The core's time. The wall clock may be set meanwhile, and would have trials wait for years.
    fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Writes a decision down, before it takes effect.
    async fn record(&mut self, entry: Entry) -> Result<(), SupervisorError> {
        self.journal.append(entry)?;
        Ok(self.store.read_journal(&self.dir.journal()).await?)
    }

    async fn hear(
        &mut self,
        trial: TrialId,
        attempt: u32,
        liveness: Liveness,
        display: &mut Display,
    ) -> Result<(), SupervisorError> {
        self.progress.entry(trial.clone()).or_default().stalled = liveness == Liveness::Stalled;
        let after = self.experiment.run.stall.after.0;
        self.record(match liveness {
            Liveness::Stalled => {
                display.stalled(&trial, after);
                let silent_ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
                Entry::Stalled { trial, attempt, silent_ms }
            }
            Liveness::Recovered => Entry::Recovered { trial, attempt },
        })
        .await
    }

    fn attempt(&self, trial: &TrialId, number: u32) -> AttemptDir {
        self.dir.attempt(trial, number)
    }
}

/// How many attempts may be under way, as far as the file says.
fn most_at_once(experiment: &RunSnapshot) -> usize {
    match experiment.run.executor {
        Executor::Local => usize::MAX,
        Executor::Slurm => experiment.run.slurm.max_submit as usize,
    }
}

/// Why the supervisor looks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// [`POLL`] is over.
    InTime,
    /// Somebody asks the run to stop.
    Interrupted,
    /// A holder that was started here has ended: there may be room for the next trial.
    HolderEnded,
}

/// The signals that a supervisor heeds.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    child: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            child: signal(SignalKind::child())?,
        })
    }

    async fn next(&mut self) -> Woken {
        tokio::select! {
            _ = self.interrupt.recv() => Woken::Interrupted,
            _ = self.terminate.recv() => Woken::Interrupted,
            _ = self.child.recv() => Woken::HolderEnded,
        }
    }
}
