//! A supervisor of the modelled world: the real core, told what happens and obeyed as by the real
//! supervisor, which may die before anything that it does.

use std::collections::BTreeMap;

use experiments::protocol::trial_id::TrialId;
use experiments::schema::resources::Share;
use orchestrator::run_dir::attempt::StopMode;
use orchestrator::run_dir::ownership::AttemptStatus;
use orchestrator::run_dir::requests::Request;
use orchestrator::scheduler::{Action, Core, Ending, Input, State, StopRequest};
use orchestrator::store::journal_file::Entry;

use crate::attempt::{Holder, Ownership, Word};
use crate::checks::{self, Watch};
use crate::disk;
use crate::oracle::End;
use crate::simulation::Simulation;

/// How long the holder of an earlier supervisor's attempt may take to claim it.
const CLAIM_WITHIN_MS: i64 = 2_000;

/// How long a detector is too long.
pub(crate) const STALLED_AFTER_MS: i64 = 60_000;

/// Nobody is left to go on.
#[derive(Debug)]
pub(crate) struct Dead;

/// What a supervisor keeps in its memory.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) core: Core,
    pub(crate) began_ms: i64,
    /// What the checks keep in mind of it.
    pub(crate) watch: Watch,
    /// The holders that it has started, and whether they live.
    pub(crate) holders: BTreeMap<(TrialId, u32), bool>,
    /// When each attempt was first looked at, and when it had been heard of last.
    pub(crate) stall_detectors: BTreeMap<(TrialId, u32), (i64, i64)>,
    pub(crate) lease: Option<Vec<(usize, u8)>>,
    /// A verb in the place of a supervisor: does what is requested until these have ended.
    pub(crate) stays_for: Option<Vec<TrialId>>,
}

impl Simulation {
    /// The supervisor, if there is one, looks once and does what follows.
    pub(crate) fn supervise(&mut self) {
        let Some(mut supervisor) = self.supervisor.take() else { return };
        match self.cycle(&mut supervisor) {
            Ok(()) if supervisor.is_done() => {}
            Ok(()) => self.supervisor = Some(supervisor),
            Err(Dead) => self.died(),
        }
    }

    pub(crate) fn died(&mut self) {
        self.world.count("a supervisor has died over its work");
        self.fuse = None;
    }

    fn cycle(&mut self, s: &mut Supervisor) -> Result<(), Dead> {
        self.heed(s)?;
        self.look(s)?;
        if s.stays_for.is_none() {
            self.start_what_fits(s)?;
            checks::every_stop_is_asked_for(self, s);
        }
        Ok(())
    }

    /// Passes a moment at which the supervisor may die.
    pub(crate) fn breathe(&mut self) -> Result<(), Dead> {
        match &mut self.fuse {
            Some(0) => Err(Dead),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Writes a decision down; without space a supervisor gives up.
    pub(crate) fn decide(&mut self, watch: &mut Watch, entry: Entry) -> Result<(), Dead> {
        self.breathe()?;
        if self.world.disk_is_full {
            return Err(Dead);
        }
        checks::decision(self, watch, &entry);
        self.disk.append(entry);
        Ok(())
    }

    /// Tells the core what has happened, and does what it decides.
    pub(crate) fn tell(&mut self, s: &mut Supervisor, input: Input) -> Result<(), Dead> {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            self.happened();
            for action in s.core.handle(input, self.world.now_ms - s.began_ms) {
                match action {
                    Action::Record { trial, from, to } => {
                        self.decide(&mut s.watch, Entry::Changed { trial, from, to })?;
                    }
                    Action::ResetAttempts(trial) => {
                        self.decide(&mut s.watch, Entry::AttemptsReset { trial })?;
                    }
                    Action::RecordStop(trial, attempt, cause) => {
                        self.decide(
                            &mut s.watch,
                            Entry::StoppingAttempt { trial, attempt, cause },
                        )?;
                    }
                    Action::RecordLiveness(trial, attempt, liveness) => {
                        self.decide(&mut s.watch, disk::heard(trial, attempt, liveness))?;
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
                        self.stop(&trial, number, StopMode::Immediate)?
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
        self.breathe()?;
        let possible = !self.world.disk_is_full && !self.world.strikes(1);
        let attempt = self.world.attempt(trial, number);
        if !possible {
            attempt.end = Some(End::Interrupted);
            return Ok(false);
        }
        attempt.prepared = true;
        self.breathe()?;
        let attempt = self.world.attempt(trial, number);
        (attempt.holder, attempt.lease) = (Holder::Coming, lease);
        s.holders.insert((trial.clone(), number), true);
        self.world.count("an attempt is started");
        Ok(true)
    }

    fn stop(&mut self, trial: &TrialId, number: u32, mode: StopMode) -> Result<(), Dead> {
        self.breathe()?;
        let attempt = self.world.attempt(trial, number);
        // Without a folder no holder will come.
        if attempt.prepared {
            attempt.stop = attempt.stop.max(Some(mode));
        }
        Ok(())
    }

    fn heed(&mut self, s: &mut Supervisor) -> Result<(), Dead> {
        while let Some(request) = self.disk.requests.first().cloned() {
            match request {
                Request::StopAll { mode } => self.interrupt(s, mode)?,
                Request::Stop { trials, mode } => {
                    let stop = |id| Input::Cancel(id, mode);
                    self.wish(s, &trials, |state| !state.is_settled(), stop)?;
                    checks::is_to_stop(self, s, &trials);
                }
                Request::Retry { trials } => {
                    self.wish(s, &trials, State::may_be_retried, Input::Retry)?;
                }
                // Nobody asks for it here.
                Request::CollectGarbage => {}
            }
            self.breathe()?;
            self.disk.requests.remove(0);
        }
        Ok(())
    }

    fn wish(
        &mut self,
        s: &mut Supervisor,
        trials: &[TrialId],
        makes_sense: impl Fn(&State) -> bool,
        wish: impl Fn(TrialId) -> Input,
    ) -> Result<(), Dead> {
        for trial in trials {
            if s.core.state(trial).is_some_and(&makes_sense) {
                s.watch.requested = [trial.clone()].into();
                self.tell(s, wish(trial.clone()))?;
                s.watch.requested.clear();
            }
        }
        Ok(())
    }

    pub(crate) fn interrupt(&mut self, s: &mut Supervisor, mode: StopMode) -> Result<(), Dead> {
        s.watch.stops = true;
        self.tell(s, Input::Interrupt(mode))
    }

    fn look(&mut self, s: &mut Supervisor) -> Result<(), Dead> {
        for (key, lives) in &mut s.holders {
            let holder = self.world.attempts[key].holder;
            *lives = matches!(holder, Holder::Coming | Holder::Holding);
        }
        let active: Vec<_> = s.core.active().map(|(id, n)| (id.clone(), n)).collect();
        for (id, number) in active {
            let attempt = self.world.attempt(&id, number);
            let (status, failure) = (attempt.attempt_status(), attempt.failure.clone());
            for word in self.disk.read(&id, number, self.world.attempt(&id, number)) {
                let input = match word {
                    Word::Checkpoint(step) => Input::Checkpointed(id.clone(), step),
                    Word::Step(step) => Input::Reached(id.clone(), step),
                };
                self.tell(s, input)?;
            }
            let input = match status {
                AttemptStatus::Held(_) => {
                    self.tell(s, Input::HolderStarted(id.clone()))?;
                    self.listen(s, id, number)
                }
                AttemptStatus::Unowned => self.give_up_unclaimed(s, id, number)?,
                AttemptStatus::Ended(exit) => {
                    Some(Input::Ended(id, Ending::Recorded { exit, failure }))
                }
                AttemptStatus::Lost(_) => {
                    self.breathe()?;
                    self.world.attempt(&id, number).orphans = false;
                    Some(Input::Ended(id, Ending::Lost(String::new())))
                }
                AttemptStatus::Abandoned(_) => Some(never_started(id)),
                AttemptStatus::Unknown(_) => None,
            };
            if let Some(input) = input {
                self.tell(s, input.clone())?;
                if let Input::Stalled(id) = input {
                    checks::a_silence_has_an_end(self, &id, number);
                }
            }
        }
        Ok(())
    }

    fn listen(&mut self, s: &mut Supervisor, id: TrialId, number: u32) -> Option<Input> {
        let (now_ms, heard_ms) = (self.world.now_ms, self.world.attempt(&id, number).heard_ms);
        let detector = s.stall_detectors.entry((id.clone(), number)).or_insert((now_ms, heard_ms));
        let stirred = detector.1 != heard_ms;
        detector.1 = heard_ms;
        if now_ms - detector.0.max(heard_ms) >= STALLED_AFTER_MS {
            return Some(Input::Stalled(id));
        }
        stirred.then_some(Input::Recovered(id))
    }

    fn give_up_unclaimed(
        &mut self,
        s: &mut Supervisor,
        id: TrialId,
        number: u32,
    ) -> Result<Option<Input>, Dead> {
        let own = s.holders.get(&(id.clone(), number)).copied();
        if own.unwrap_or(self.world.now_ms - s.began_ms < CLAIM_WITHIN_MS) {
            return Ok(None);
        }
        self.breathe()?;
        let attempt = self.world.attempt(&id, number);
        (attempt.claim, attempt.end) = (Ownership::Abandoned, Some(End::Interrupted));
        self.world.count("an attempt is given up that nobody has claimed");
        Ok(Some(never_started(id)))
    }

    fn start_what_fits(&mut self, s: &mut Supervisor) -> Result<(), Dead> {
        while let Some(next) = s.core.next(self.world.now_ms - s.began_ms).cloned() {
            let mut wanted = self.world.resources.clone();
            if s.core.needs_whole_gpus(&next) {
                wanted.share = Share::WHOLE;
            }
            s.lease = self.world.lease(&wanted);
            if s.lease.is_none() {
                return self.tell(s, Input::Blocked(next, "all is taken".to_owned()));
            }
            self.tell(s, Input::Leased(next))?;
        }
        Ok(())
    }
}

impl Supervisor {
    fn is_done(&self) -> bool {
        match &self.stays_for {
            None => self.core.is_done(),
            Some(trials) => !self.core.active().any(|(id, _)| trials.contains(id)),
        }
    }

    /// How hard Ctrl-C is meant.
    pub(crate) fn halt_of_an_interrupt(&self) -> StopMode {
        match self.core.stopping() {
            Some(StopRequest::ByUser(_)) => StopMode::Immediate,
            Some(StopRequest::TooManyFailures) | None => StopMode::Graceful,
        }
    }
}

fn never_started(id: TrialId) -> Input {
    Input::Ended(id, Ending::NeverStarted("no holder took it up".to_owned()))
}
