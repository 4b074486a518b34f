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

use experiments::schema::executor::Executor;
use experiments::schema::resources::Share;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

use crate::display::Display;
use crate::executor::{Local, Slurm};
use crate::platform::atomic_file::FileError;
use crate::run_dir::TrialId;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::attempt::Halt;
use crate::run_dir::claim::ClaimError;
use crate::run_dir::snapshot::{self, Resolved, ResolvedTrial};
use crate::run_dir::{RunDir, SupervisorLock};
use crate::scheduler::{Action, Core, Ending, Hearing, Input, Policy, State, Stopping};
use crate::slots::{Lease, Machine, Request, Shortage, SlotError, Slots, Strangers};
use crate::store::journal_file::{Entry, Journal, JournalError};
use crate::store::{PassedOver, Store, StoreError};
use crate::supervisor::provenance::Recorder;

use crate::display::progress::Progress;
pub use recovery::member;
use stall::Silence;

/// How often attempts are looked at.
const POLL: Duration = Duration::from_millis(200);

/// A supervisor at work.
#[derive(Debug)]
pub struct Supervisor {
    experiment: Resolved,
    dir: RunDir,
    /// Held as long as this supervisor writes.
    _lock: SupervisorLock,
    journal: Journal,
    store: Store,
    core: Core,
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
    silences: BTreeMap<AttemptDir, Silence>,
    /// Leased for the trial that starts next.
    lease: Option<Lease>,
    /// Why nothing could be leased, and when that was said.
    shortage: Option<(Shortage, Instant)>,
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
    pub experiment: Resolved,
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
    pub strangers: Strangers,
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
    Claim(#[from] ClaimError),
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
    pub stopping: Option<Stopping>,
    /// Attempts of which lines were no events.
    pub passed_over: Vec<PassedOver>,
}

impl Supervisor {
    /// Takes up a run where its records say that it stands.
    pub async fn new(parts: Parts) -> Result<Self, SupervisorError> {
        let Parts { experiment, dir, lock, journal, mut store, left_out, .. } = parts;
        let policy = Policy {
            retry: experiment.retry.clone(),
            jobs: parts.jobs.unwrap_or(usize::MAX).min(most_at_once(&experiment)),
            max_fails: parts.max_fails,
            after_stall: experiment.stall.then,
            shares_gpu: experiment.executor == Executor::Local
                && experiment.resources.gpus > 0
                && experiment.resources.share != Share::WHOLE,
        };
        let members = recovery::members(&mut store, &dir, &experiment.trials, &left_out).await?;
        let trials = experiment.trials.iter();
        Ok(Self {
            core: Core::new(members, policy),
            trials: trials.map(|trial| (TrialId(trial.id.clone()), trial.clone())).collect(),
            slurm: Slurm::new(
                &dir,
                experiment.slurm.clone(),
                experiment.resources.clone(),
                experiment.worker.grace.0,
            ),
            turn: 0,
            headline: snapshot::headline(&experiment.report).map(str::to_owned),
            request: Request {
                resources: experiment.resources.clone(),
                strangers: parts.strangers,
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
            silences: BTreeMap::new(),
            lease: None,
            shortage: None,
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
        self.tell(Input::Began, display).await?;
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
        let passed_over = self.store.passed_over().await?;
        let outcome = Outcome { states, stopping: self.core.stopping(), passed_over };
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
            .filter(|(id, state)| self.core.is_carried(id) || state.attempt_under_way().is_some())
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
                    Action::Forgive(trial) => self.record(Entry::Forgiven { trial }).await?,
                    Action::Intend(trial, attempt, cause) => {
                        self.record(Entry::ToStop { trial, attempt, cause }).await?;
                    }
                    Action::Hear(trial, attempt, hearing) => {
                        self.hear(trial, attempt, hearing, display).await?;
                    }
                    Action::Start(id, number) => {
                        if let Err(error) = self.start(&id, number) {
                            tracing::warn!(trial.id = %id, "{error:#}");
                            let ending = Ending::NeverStarted(format!("{error:#}"));
                            inputs.push(Input::Ended(id, ending));
                        }
                    }
                    Action::Stop(id, number) => self.stop(&id, number, Halt::WithCheckpoint)?,
                    Action::Kill(id, number) => self.stop(&id, number, Halt::AtOnce)?,
                }
            }
        }
        if let Some(why) = self.core.stopping().filter(|why| Some(*why) != before) {
            if why == Stopping::TooManyFailed {
                display.giving_up();
            }
            self.record(Entry::Stopping { why }).await?;
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
        hearing: Hearing,
        display: &mut Display,
    ) -> Result<(), SupervisorError> {
        self.progress.entry(trial.clone()).or_default().stalled = hearing == Hearing::Nothing;
        let after = self.experiment.stall.after.0;
        self.record(match hearing {
            Hearing::Nothing => {
                display.stalled(&trial, after);
                let silent_ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
                Entry::Stalled { trial, attempt, silent_ms }
            }
            Hearing::Something => Entry::Stirred { trial, attempt },
        })
        .await
    }

    fn attempt(&self, trial: &TrialId, number: u32) -> AttemptDir {
        self.dir.attempt(trial, number)
    }
}

/// How many attempts may be under way, as far as the file says.
fn most_at_once(experiment: &Resolved) -> usize {
    match experiment.executor {
        Executor::Local => usize::MAX,
        Executor::Slurm => experiment.slurm.max_submit as usize,
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
