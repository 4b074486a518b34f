//! The process behind `orch run`: sees what attempts have done, asks the core what follows, and
//! does it. It may die at any moment; the next one reads on.

mod attempts;
mod progress;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use experiments::events::Event;
use experiments::expand::Run;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

use crate::attempt::AttemptDir;
use crate::claim::{self, ClaimError, Standing};
use crate::clock;
use crate::core::{Action, Core, Ending, Input, State, TrialId};
use crate::display::Display;
use crate::durable::FileError;
use crate::executor::Local;
use crate::holder;
use crate::journal::{Entry, Journal, JournalError};
use crate::plan::PlanTrial;
use crate::run_dir::{RunDir, SupervisorLock};
use crate::slots::{Lease, Machine, Request, Shortage, SlotError, Slots, Strangers};
use crate::store::{Store, StoreError};

pub use progress::Progress;

/// How often attempts are looked at.
const POLL: Duration = Duration::from_millis(200);

/// How long a holder may take to claim its attempt before it is given up.
const CLAIM_WITHIN_MS: i64 = 20_000;

/// How long a trial's reason to wait stays as it is said while only amounts in it change.
const REPEAT_MS: i64 = 60_000;

/// A supervisor at work.
#[derive(Debug)]
pub struct Supervisor {
    run: Run,
    dir: RunDir,
    /// Held as long as this supervisor writes.
    _lock: SupervisorLock,
    journal: Journal,
    store: Store,
    core: Core,
    trials: BTreeMap<TrialId, PlanTrial>,
    slots: Slots,
    machine: Machine,
    /// What every trial asks of the machine.
    request: Request,
    local: Local,
    /// Leased for the trial that starts next.
    lease: Option<Lease>,
    /// Why nothing could be leased, and when that was said.
    shortage: Option<(Shortage, i64)>,
    /// How far each trial has come, for people.
    progress: BTreeMap<TrialId, Progress>,
    /// The metric shown beside the progress.
    headline: Option<String>,
}

/// What a supervisor is made of; see [`Supervisor::new`].
#[derive(Debug)]
pub struct Parts {
    /// The experiment under its profile.
    pub run: Run,
    /// The run's folder.
    pub dir: RunDir,
    /// The right to write to it.
    pub lock: SupervisorLock,
    /// Its journal.
    pub journal: Journal,
    /// Its database, caught up.
    pub store: Store,
    /// The trials to carry out.
    pub trials: Vec<PlanTrial>,
    /// The machine to run them on.
    pub machine: Machine,
    /// What to do about GPUs that others use.
    pub strangers: Strangers,
    /// How many may run at once; as many as there are slots for if absent.
    pub jobs: Option<usize>,
    /// The metric shown beside the progress.
    pub headline: Option<String>,
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
    /// A file in an attempt's folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// Signals cannot be received.
    #[error("cannot listen for signals")]
    Signal(#[source] std::io::Error),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Every trial that was to be carried out, with its state.
    pub states: Vec<(TrialId, State)>,
    /// Whether somebody asked it to stop.
    pub interrupted: bool,
}

impl Supervisor {
    /// Takes up a run where its records say that it stands.
    pub async fn new(parts: Parts) -> Result<Self, SupervisorError> {
        let Parts {
            run,
            dir,
            lock,
            journal,
            mut store,
            trials,
            machine,
            strangers,
            jobs,
            headline,
        } = parts;
        let rows = store.trials().await?;
        let wanted: BTreeSet<_> = trials.iter().map(|trial| &trial.id).collect();
        let states = rows.into_iter().filter(|row| wanted.contains(&row.id)).map(|row| {
            let attempts = row.last_attempt.map_or(0, |attempt| attempt.number);
            (row.id, row.state, attempts)
        });
        Ok(Self {
            core: Core::new(states, run.retry.clone(), jobs.unwrap_or(usize::MAX)),
            request: Request { resources: run.resources.clone(), strangers },
            run,
            dir,
            _lock: lock,
            journal,
            store,
            trials: trials.into_iter().map(|trial| (trial.id.clone(), trial)).collect(),
            slots: Slots::of_this_machine()?,
            machine,
            local: Local::new(),
            lease: None,
            shortage: None,
            progress: BTreeMap::new(),
            headline,
        })
    }

    /// Carries every trial to its end.
    pub async fn run(mut self, display: &mut Display) -> Result<Outcome, SupervisorError> {
        let mut signals = Signals::listen().map_err(SupervisorError::Signal)?;
        let mut ticks = tokio::time::interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.core.is_done() {
            let interrupted = tokio::select! {
                _ = ticks.tick() => false,
                () = signals.next() => true,
            };
            if interrupted {
                if self.core.is_stopping() {
                    display.ending();
                } else {
                    display.stopping();
                }
                self.tell(Input::Interrupt, display).await?;
            }
            self.look(display).await?;
            self.start_what_fits(display).await?;
            display.refresh(self.core.states(), &self.progress);
        }
        let states = self.core.states().map(|(id, state)| (id.clone(), state.clone())).collect();
        let outcome = Outcome { states, interrupted: self.core.is_stopping() };
        self.store.close().await?;
        Ok(outcome)
    }

    /// Sees what every attempt under way has done since the last look.
    async fn look(&mut self, display: &mut Display) -> Result<(), SupervisorError> {
        self.local.reap();
        let active: Vec<_> = self.core.active().map(|(id, n)| (id.clone(), n)).collect();
        for (id, number) in active {
            let attempt = self.attempt(&id, number);
            // First how it stands, then what it said: so that nothing said before its end is
            // missed.
            let standing = claim::standing(&attempt)?;
            self.read_events(&id, number, display).await?;
            let input = match standing {
                Standing::Held(_) => Some(Input::Claimed(id)),
                Standing::Unknown(_) => None,
                Standing::Unclaimed => give_up_unclaimed(id, &attempt)?,
                Standing::Ended(exit) => {
                    let said = self.store.last_words(&id, number).await?;
                    Some(Input::Ended(id, Ending::Recorded { exit, said }))
                }
                Standing::Lost(_) => {
                    holder::end_leftovers(&attempt)?;
                    Some(Input::Ended(id, Ending::Lost))
                }
                Standing::Abandoned(_) => Some(never_started(id)),
            };
            if let Some(input) = input {
                self.tell(input, display).await?;
            }
        }
        Ok(())
    }

    async fn read_events(
        &mut self,
        id: &TrialId,
        attempt: u32,
        display: &mut Display,
    ) -> Result<(), SupervisorError> {
        let file = self.attempt(id, attempt).events();
        loop {
            let read = self.store.read_events(id, attempt, &file).await?;
            for line in &read.lines {
                let progress = self.progress.entry(id.clone()).or_default();
                progress.take(line, self.headline.as_deref());
                let input = match &line.event {
                    Event::Checkpoint { step, .. } => Input::Checkpointed(id.clone(), *step),
                    Event::Progress { step, .. } | Event::Metrics { step, .. } => {
                        Input::Reached(id.clone(), *step)
                    }
                    _ => continue,
                };
                self.tell(input, display).await?;
            }
            if !read.more {
                return Ok(());
            }
        }
    }

    async fn start_what_fits(&mut self, display: &mut Display) -> Result<(), SupervisorError> {
        while let Some(next) = self.core.next(clock::now_ms()).cloned() {
            if let Err(reason) = self.lease()? {
                return self.tell(Input::Blocked(next, reason), display).await;
            }
            self.tell(Input::Leased(next), display).await?;
        }
        Ok(())
    }

    /// Leases what a trial needs, or says why it has to wait. Amounts and process ids in the words
    /// change all the time and are not worth a line in the journal each.
    fn lease(&mut self) -> Result<Result<(), String>, SupervisorError> {
        let inventory = match self.machine.look() {
            Ok(inventory) => inventory,
            Err(error) => return Ok(Err(error.to_string())),
        };
        match self.slots.try_lease(&inventory, &self.request)? {
            Ok(lease) => {
                (self.lease, self.shortage) = (Some(lease), None);
                Ok(Ok(()))
            }
            Err(shortage) => {
                let now_ms = clock::now_ms();
                let said = self.shortage.take().filter(|(said, since_ms)| {
                    said.is_like(&shortage) && (*since_ms..since_ms + REPEAT_MS).contains(&now_ms)
                });
                let (said, _) = self.shortage.insert(said.unwrap_or((shortage, now_ms)));
                Ok(Err(said.to_string()))
            }
        }
    }

    /// Tells the core what happened and does what it decides, and what follows from that.
    async fn tell(&mut self, input: Input, display: &mut Display) -> Result<(), SupervisorError> {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for action in self.core.handle(input, clock::now_ms()) {
                match action {
                    Action::Record { trial, from, to } => {
                        display.changed(&trial, &from, &to, &self.dir);
                        self.journal.append(Entry::Changed { trial, from, to })?;
                        self.store.read_journal(&self.dir.journal()).await?;
                    }
                    Action::Start(id, number) => {
                        if let Err(error) = self.start(&id, number) {
                            tracing::warn!(trial.id = %id, "{error:#}");
                            let ending = Ending::NeverStarted(format!("{error:#}"));
                            inputs.push(Input::Ended(id, ending));
                        }
                    }
                    Action::Stop(id, number) => self.stop(&id, number, false)?,
                    Action::Kill(id, number) => self.stop(&id, number, true)?,
                }
            }
        }
        Ok(())
    }

    fn attempt(&self, trial: &TrialId, number: u32) -> AttemptDir {
        AttemptDir::new(&self.dir.trial(trial), number)
    }
}

/// An attempt that no holder takes up in time is taken out of play, unless one just did.
fn give_up_unclaimed(id: TrialId, attempt: &AttemptDir) -> Result<Option<Input>, SupervisorError> {
    let prepared = attempt.command().metadata().and_then(|m| m.modified()).ok();
    let waited_ms = prepared.map_or(i64::MAX, |since| {
        i64::try_from(since.elapsed().unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
    });
    if waited_ms < CLAIM_WITHIN_MS {
        return Ok(None);
    }
    Ok(claim::abandon(attempt)?.then(|| never_started(id)))
}

fn never_started(id: TrialId) -> Input {
    Input::Ended(id, Ending::NeverStarted("no holder took it up".to_owned()))
}

/// The signals that ask a run to stop.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
