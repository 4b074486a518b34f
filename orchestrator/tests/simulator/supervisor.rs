//! A supervisor of the modelled world: it feeds the real core and performs its actions as the real
//! supervisor does, and may die before each of them.

use std::collections::BTreeMap;

use experiments::protocol::trial_id::TrialId;
use experiments::schema::resources::Share;
use orchestrator::run_dir::attempt::StopMode;
use orchestrator::run_dir::ownership::AttemptStatus;
use orchestrator::run_dir::requests::Request;
use orchestrator::scheduler::{Action, AttemptEnd, Input, Scheduler, State, StopRequest};
use orchestrator::store::journal_file::Entry;

use crate::attempt::{Event, Holder, Ownership};
use crate::checks::{self, Watch};
use crate::disk;
use crate::oracle::End;
use crate::simulation::Simulation;

/// The time within which the holder of an earlier supervisor's attempt must own it.
const OWNED_WITHIN_MS: i64 = 2_000;

/// The time without events after which an attempt is stalled.
pub(crate) const STALLED_AFTER_MS: i64 = 60_000;

/// The supervisor has died.
#[derive(Debug)]
pub(crate) struct Dead;

/// The memory of a supervisor, lost when it dies.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) scheduler: Scheduler,
    pub(crate) started_ms: i64,
    /// The state of the checks of its decisions.
    pub(crate) watch: Watch,
    /// The holders that it has started; true while they run.
    pub(crate) holders: BTreeMap<(TrialId, u32), bool>,
    /// The time of each attempt's first poll, and of its last event.
    pub(crate) stall_detectors: BTreeMap<(TrialId, u32), (i64, i64)>,
    pub(crate) lease: Option<Vec<(usize, u8)>>,
    /// Set for a verb that acts as supervisor: it handles requests until these trials have ended.
    pub(crate) verb_for: Option<Vec<TrialId>>,
}

impl Simulation {
    /// One cycle of the supervisor, if one is running.
    pub(crate) fn supervise(&mut self) {
        let Some(mut supervisor) = self.supervisor.take() else { return };
        match self.cycle(&mut supervisor) {
            Ok(()) if supervisor.is_done() => {
                checks::nothing_waits_without_a_cause(self, &supervisor);
            }
            Ok(()) => self.supervisor = Some(supervisor),
            Err(Dead) => self.died(),
        }
    }

    pub(crate) fn died(&mut self) {
        self.world.count("a supervisor has died over its work");
        self.fuse = None;
    }

    fn cycle(&mut self, s: &mut Supervisor) -> Result<(), Dead> {
        self.handle_requests(s)?;
        self.poll(s)?;
        if s.verb_for.is_none() {
            self.start_next(s)?;
            checks::every_stop_is_requested(self, s);
        }
        Ok(())
    }

    /// A moment at which the supervisor may die.
    pub(crate) fn may_die(&mut self) -> Result<(), Dead> {
        match &mut self.fuse {
            Some(0) => Err(Dead),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Records a decision; without disk space the supervisor ends.
    pub(crate) fn decide(&mut self, watch: &mut Watch, entry: Entry) -> Result<(), Dead> {
        self.may_die()?;
        if self.world.disk_is_full {
            return Err(Dead);
        }
        checks::decision(self, watch, &entry);
        self.disk.append(entry);
        Ok(())
    }

    /// Passes an input to the core, and performs its actions.
    pub(crate) fn handle(&mut self, s: &mut Supervisor, input: Input) -> Result<(), Dead> {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            self.count_event();
            for action in s.scheduler.handle(input, self.world.now_ms - s.started_ms) {
                match action {
                    Action::Record { trial, from, to } => {
                        self.decide(&mut s.watch, Entry::Changed { trial, from, to, seal: None })?;
                    }
                    Action::ResetAttempts(trial) => {
                        self.decide(
                            &mut s.watch,
                            Entry::AttemptsReset { trial, restarted: false },
                        )?;
                    }
                    Action::RecordStop(trial, attempt, cause) => {
                        self.decide(
                            &mut s.watch,
                            Entry::StoppingAttempt { trial, attempt, cause },
                        )?;
                    }
                    Action::RecordLiveness(trial, attempt, liveness) => {
                        self.decide(&mut s.watch, disk::liveness_entry(trial, attempt, liveness))?;
                    }
                    Action::Start(trial, number) => {
                        if !self.start(s, &trial, number)? {
                            inputs.push(never_started(trial));
                        }
                    }
                    Action::Stop(trial, number) => {
                        self.stop(&trial, number, StopMode::Graceful)?;
                    }
                    Action::Kill(trial, number) => {
                        self.stop(&trial, number, StopMode::Immediate)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Prepares an attempt and starts its holder; `false` if that is not possible.
    fn start(&mut self, s: &mut Supervisor, trial: &TrialId, number: u32) -> Result<bool, Dead> {
        let lease = s.lease.take().unwrap();
        checks::start(self, trial, number, &lease);
        self.may_die()?;
        let possible = !self.world.disk_is_full && !self.world.happens(1);
        let attempt = self.world.attempt(trial, number);
        if !possible {
            attempt.end = Some(End::Interrupted);
            return Ok(false);
        }
        attempt.prepared = true;
        self.may_die()?;
        let attempt = self.world.attempt(trial, number);
        (attempt.holder, attempt.lease) = (Holder::Starting, lease);
        s.holders.insert((trial.clone(), number), true);
        self.world.count("an attempt is started");
        Ok(true)
    }

    fn stop(&mut self, trial: &TrialId, number: u32, mode: StopMode) -> Result<(), Dead> {
        self.may_die()?;
        let attempt = self.world.attempt(trial, number);
        // Without a folder no holder will start.
        if attempt.prepared {
            attempt.stop = attempt.stop.max(Some(mode));
        }
        Ok(())
    }

    fn handle_requests(&mut self, s: &mut Supervisor) -> Result<(), Dead> {
        while let Some(request) = self.disk.requests.first().cloned() {
            match request {
                Request::StopAll { mode } => self.interrupt(s, mode)?,
                Request::Stop { trials, mode } => {
                    self.request(
                        s,
                        &trials,
                        |state| !state.is_settled(),
                        |id| Input::Cancel(id, mode),
                    )?;
                    checks::is_to_stop(self, s, &trials);
                }
                Request::Retry { trials } => {
                    self.request(s, &trials, State::may_be_retried, Input::Retry)?;
                }
                // Never requested here.
                Request::CollectGarbage => {}
            }
            self.may_die()?;
            self.disk.requests.remove(0);
        }
        Ok(())
    }

    fn request(
        &mut self,
        s: &mut Supervisor,
        trials: &[TrialId],
        is_valid: impl Fn(&State) -> bool,
        input: impl Fn(TrialId) -> Input,
    ) -> Result<(), Dead> {
        for trial in trials {
            if s.scheduler.state(trial).is_some_and(&is_valid) {
                s.watch.requested = [trial.clone()].into();
                self.handle(s, input(trial.clone()))?;
                s.watch.requested.clear();
            }
        }
        Ok(())
    }

    pub(crate) fn interrupt(&mut self, s: &mut Supervisor, mode: StopMode) -> Result<(), Dead> {
        s.watch.stops = true;
        self.handle(s, Input::Interrupt(mode))
    }

    fn poll(&mut self, s: &mut Supervisor) -> Result<(), Dead> {
        for (key, lives) in &mut s.holders {
            let holder = self.world.attempts[key].holder;
            *lives = matches!(holder, Holder::Starting | Holder::Holding);
        }
        let active: Vec<_> = s.scheduler.active().map(|(id, n)| (id.clone(), n)).collect();
        for (id, number) in active {
            let attempt = self.world.attempt(&id, number);
            let (status, failure) = (attempt.attempt_status(), attempt.failure.clone());
            let last_line = attempt.last_line.to_owned();
            for event in self.disk.read(&id, number, self.world.attempt(&id, number)) {
                let input = match event {
                    Event::Checkpoint(step) => Input::Checkpointed(id.clone(), step),
                    Event::Step(step) => Input::Reached(id.clone(), step),
                };
                self.handle(s, input)?;
                s.watch.on_event();
            }
            if failure.is_some() {
                self.handle(s, Input::Reported(id.clone()))?;
                s.watch.on_event();
            }
            let input = match status {
                AttemptStatus::Held(_) => {
                    self.handle(s, Input::HolderStarted(id.clone()))?;
                    self.detect_stall(s, id, number)
                }
                AttemptStatus::Unowned => self.abandon_unowned(s, id, number)?,
                AttemptStatus::Ended(exit) => {
                    Some(Input::Ended(id, AttemptEnd::Recorded { exit, failure, last_line }))
                }
                AttemptStatus::Lost(_) => {
                    self.may_die()?;
                    self.world.attempt(&id, number).orphans = false;
                    Some(Input::Ended(id, AttemptEnd::Lost(String::new())))
                }
                AttemptStatus::Abandoned(_) => Some(never_started(id)),
                AttemptStatus::Unknown(_) => None,
            };
            if let Some(input) = input {
                self.handle(s, input.clone())?;
                if let Input::Stalled(id) = input {
                    checks::a_stalled_attempt_is_stopped(self, &id, number);
                }
            }
        }
        Ok(())
    }

    fn detect_stall(&mut self, s: &mut Supervisor, id: TrialId, number: u32) -> Option<Input> {
        let (now_ms, last_event_ms) =
            (self.world.now_ms, self.world.attempt(&id, number).last_event_ms);
        let detector =
            s.stall_detectors.entry((id.clone(), number)).or_insert((now_ms, last_event_ms));
        let recovered = detector.1 != last_event_ms;
        detector.1 = last_event_ms;
        if now_ms - detector.0.max(last_event_ms) >= STALLED_AFTER_MS {
            return Some(Input::Stalled(id));
        }
        recovered.then_some(Input::Recovered(id))
    }

    fn abandon_unowned(
        &mut self,
        s: &mut Supervisor,
        id: TrialId,
        number: u32,
    ) -> Result<Option<Input>, Dead> {
        let is_starting = s.holders.get(&(id.clone(), number)).copied();
        if is_starting.unwrap_or(self.world.now_ms - s.started_ms < OWNED_WITHIN_MS) {
            return Ok(None);
        }
        self.may_die()?;
        let attempt = self.world.attempt(&id, number);
        (attempt.ownership, attempt.end) = (Ownership::Abandoned, Some(End::Interrupted));
        self.world.count("an attempt without an owner is abandoned");
        Ok(Some(never_started(id)))
    }

    fn start_next(&mut self, s: &mut Supervisor) -> Result<(), Dead> {
        while let Some(next) = s.scheduler.next(self.world.now_ms - s.started_ms).cloned() {
            let mut wanted = self.world.resources.clone();
            if s.scheduler.needs_whole_gpus(&next) {
                wanted.share = Share::WHOLE;
            }
            s.lease = self.world.lease(&wanted);
            if s.lease.is_none() {
                return self.handle(s, Input::Blocked(next, "all is taken".to_owned()));
            }
            self.handle(s, Input::Leased(next))?;
        }
        Ok(())
    }
}

impl Supervisor {
    fn is_done(&self) -> bool {
        match &self.verb_for {
            None => self.scheduler.is_done(),
            Some(trials) => !self.scheduler.active().any(|(id, _)| trials.contains(id)),
        }
    }

    /// The mode of the stop that Ctrl-C requests.
    pub(crate) fn stop_mode_of_interrupt(&self) -> StopMode {
        match self.scheduler.stopping() {
            Some(StopRequest::ByUser(_)) => StopMode::Immediate,
            Some(StopRequest::TooManyFailures | StopRequest::SameFailure) | None => {
                StopMode::Graceful
            }
        }
    }
}

fn never_started(id: TrialId) -> Input {
    Input::Ended(id, AttemptEnd::NeverStarted("no holder started it".to_owned()))
}
