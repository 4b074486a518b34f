//! The modelled machine: its clocks and GPUs, the attempts' folders and processes.

use std::collections::BTreeMap;

use experiments::protocol::exit::{WORKER_CONFIG_WRONG, WORKER_DONE, WORKER_STOPPED};
use experiments::protocol::failure::Failure;
use experiments::protocol::trial_id::TrialId;
use experiments::schema::resources::{Memory, Resources};
use fastrand::Rng;
use orchestrator::run_dir::attempt::Outcome;
use orchestrator::run_dir::attempt::StopMode;
use orchestrator::slots::{ForeignProcesses, Gpu, Occupancy, Request, rejection};

use crate::attempt::{Attempt, Event, Holder, Ownership, Worker};
use crate::checks;
use crate::oracle::End;

/// The behaviour of a trial's workers without faults.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) steps: u64,
    pub(crate) checkpoint_every: u64,
    /// A flaw, and the step at which it takes effect in each attempt.
    pub(crate) flaw: Option<(u64, Flaw)>,
}

/// A flaw of a trial.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Flaw {
    Crashes,
    Diverges,
    NeedsMuchMemory,
    WrongConfig,
    /// It is killed each time.
    IsKilled,
}

/// The machine, its processes and its files.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) random: Rng,
    /// Monotonic time.
    pub(crate) now_ms: i64,
    /// The difference of the wall clock.
    pub(crate) wall_ahead_ms: i64,
    pub(crate) disk_is_full: bool,
    /// True once no more faults happen.
    pub(crate) is_calm: bool,
    pub(crate) resources: Resources,
    pub(crate) gpus: usize,
    pub(crate) scripts: BTreeMap<TrialId, Script>,
    pub(crate) attempts: BTreeMap<(TrialId, u32), Attempt>,
    /// The last checkpoint of each trial.
    saved: BTreeMap<TrialId, u64>,
    /// The number of events of each kind.
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

impl World {
    pub(crate) fn new(mut random: Rng, scripts: BTreeMap<TrialId, Script>) -> Self {
        let gpus = random.usize(0..3);
        let mut resources = Resources::default();
        if gpus > 0 {
            let share = ["1/4", "5/12", "1/2", "1"][random.usize(0..4)];
            resources.gpus = random.u32(1..=gpus as u32);
            resources.share = serde_json::from_value(share.into()).unwrap();
            resources.per_gpu = random.bool().then(|| random.u32(1..4));
        }
        Self {
            random,
            now_ms: 0,
            wall_ahead_ms: 1_700_000_000_000,
            disk_is_full: false,
            is_calm: false,
            resources,
            gpus,
            scripts,
            attempts: BTreeMap::new(),
            saved: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_insert(0) += 1;
    }

    /// True with this probability in percent, while faults happen.
    pub(crate) fn happens(&mut self, percent: u32) -> bool {
        !self.is_calm && self.random.u32(0..100) < percent
    }

    pub(crate) fn attempt(&mut self, trial: &TrialId, number: u32) -> &mut Attempt {
        self.attempts.entry((trial.clone(), number)).or_default()
    }

    /// A random one of the attempts that fulfil `predicate`.
    pub(crate) fn any(&mut self, predicate: impl Fn(&Attempt) -> bool) -> Option<(TrialId, u32)> {
        let found = self.attempts.iter().filter(|(_, attempt)| predicate(attempt));
        let found: Vec<_> = found.map(|(key, _)| key.clone()).collect();
        (!found.is_empty()).then(|| found[self.random.usize(..found.len())].clone())
    }

    /// Leases GPUs by the rule of the real slots, the emptiest first.
    pub(crate) fn lease(&self, wanted: &Resources) -> Option<Vec<(usize, u8)>> {
        let request =
            Request { resources: wanted.clone(), foreign_processes: ForeignProcesses::Avoided };
        let gpu = Gpu { memory: Memory(80 << 30), free: Memory(80 << 30), ..Gpu::default() };
        let mut free: Vec<_> = (0..self.gpus)
            .filter_map(|at| {
                let (trials, taken) = checks::on_gpu(self, at);
                let cap = self.resources.per_gpu.filter(|_| trials > 0);
                let occupancy = Occupancy { trials, cap, ..Occupancy::default() };
                let free = 12usize.saturating_sub(taken);
                let rejection = rejection(&gpu, free, &occupancy, &request, self.now_ms);
                rejection.is_none().then_some((at, free))
            })
            .collect();
        free.sort_by_key(|(_, free)| std::cmp::Reverse(*free));
        let gpus = wanted.gpus as usize;
        let leased = free.into_iter().take(gpus).map(|(at, _)| (at, wanted.share.twelfths()));
        Some(leased.collect::<Vec<_>>()).filter(|leased| leased.len() == gpus)
    }

    /// One step of a random attempt's processes; `false` if there are none.
    pub(crate) fn work(&mut self) -> bool {
        let Some((trial, number)) = self.any(Attempt::has_holder) else { return false };
        let attempt = self.attempt(&trial, number);
        match attempt.holder {
            Holder::Starting => self.acquire(&trial, number),
            Holder::Holding if attempt.worker.is_some() => self.hold(&trial, number),
            Holder::Holding if attempt.outcome.is_some() => {
                let (wall_ms, space) = (self.now_ms + self.wall_ahead_ms, !self.disk_is_full);
                self.attempt(&trial, number).record_end(wall_ms, space);
            }
            Holder::Holding => attempt.lose_holder(),
            Holder::None | Holder::Ended => {}
        }
        true
    }

    /// A holder acquires its attempt.
    fn acquire(&mut self, trial: &TrialId, number: u32) {
        let (hangs, ignores_term, there_is_none) = (false, self.happens(10), self.happens(1));
        let step = self.saved.get(trial).copied().unwrap_or(0);
        let now_ms = self.now_ms;
        let attempt = self.attempt(trial, number);
        if attempt.ownership != Ownership::Free {
            attempt.holder = Holder::Ended;
            return;
        }
        (attempt.ownership, attempt.holder, attempt.last_event_ms) =
            (Ownership::Held, Holder::Holding, now_ms);
        if attempt.stop.is_some() {
            attempt.asked_ms = Some(now_ms);
            let outcome = Outcome::NotStarted { message: "stopped".to_owned(), transient: false };
            attempt.worker_ends(outcome, End::Interrupted);
        } else if there_is_none {
            let outcome =
                Outcome::NotStarted { message: "no such program".to_owned(), transient: false };
            attempt.worker_ends(outcome, End::Permanent("not-started"));
        } else {
            attempt.worker = Some(Worker { step, hangs, ignores_term });
            checks::only_one_works(self, trial, number);
        }
    }

    /// A holder polls for a stop, and its worker does a step.
    fn hold(&mut self, trial: &TrialId, number: u32) {
        let now_ms = self.now_ms;
        let attempt = self.attempt(trial, number);
        if attempt.stop.is_some() && attempt.asked_ms.is_none() {
            attempt.asked_ms = Some(now_ms);
        }
        let impatient = attempt.asked_ms.is_some_and(|asked| now_ms - asked > 10_000);
        if attempt.asked_ms.is_some() && (attempt.stop == Some(StopMode::Immediate) || impatient) {
            attempt.worker_ends(Outcome::Signalled { signal: 9 }, End::Interrupted);
            return;
        }
        let asked = attempt.asked_ms.is_some();
        let worker = attempt.worker.clone().unwrap();
        if worker.hangs && !self.is_calm {
            return;
        }
        if asked && !worker.ignores_term {
            self.save(trial, number, worker.step);
            self.ends(trial, number, WORKER_STOPPED, End::Interrupted);
        } else {
            self.step(trial, number, worker.step + 1);
        }
    }

    fn step(&mut self, trial: &TrialId, number: u32, step: u64) {
        let Script { steps, checkpoint_every, flaw } = self.scripts[trial].clone();
        if step > steps {
            return self.ends(trial, number, WORKER_DONE, End::Success);
        }
        if let Some((_, flaw)) = flaw.filter(|(at, _)| *at == step) {
            return self.fails(trial, number, flaw);
        }
        if self.happens(8) {
            return self.random_failure(trial, number);
        }
        let now_ms = self.now_ms;
        let attempt = self.attempt(trial, number);
        attempt.events.push(Event::Step(step));
        attempt.worker.as_mut().unwrap().step = step;
        attempt.last_event_ms = now_ms;
        if step.is_multiple_of(checkpoint_every) {
            self.save(trial, number, step);
        }
    }

    fn save(&mut self, trial: &TrialId, number: u32, step: u64) {
        if step == 0 || self.disk_is_full {
            return;
        }
        self.saved.insert(trial.clone(), step);
        // It may be killed before it reports it.
        if !self.happens(3) {
            self.attempt(trial, number).events.push(Event::Checkpoint(step));
        }
    }

    fn random_failure(&mut self, trial: &TrialId, number: u32) {
        match self.random.u8(0..8) {
            0 | 1 => self.fails(trial, number, Flaw::Crashes),
            2 => self.fails(trial, number, Flaw::NeedsMuchMemory),
            3 if self.random.u8(0..4) == 0 => self.fails(trial, number, Flaw::Diverges),
            4 => self.attempt(trial, number).worker.as_mut().unwrap().hangs = true,
            5 => self.ends(trial, number, WORKER_STOPPED, End::Interrupted),
            6 => {
                self.reports(trial, number, "infrastructure");
                self.ends(trial, number, 1, End::Interrupted);
            }
            _ => self.fails(trial, number, Flaw::IsKilled),
        }
    }

    fn fails(&mut self, trial: &TrialId, number: u32, flaw: Flaw) {
        let last_step = self.attempt(trial, number).last_step();
        let last_line = ["", "no such module"][self.random.usize(0..2)];
        self.attempt(trial, number).last_line = last_line;
        match flaw {
            Flaw::Crashes if self.random.u8(0..4) == 0 => {
                let segfault = Outcome::Signalled { signal: 11 };
                self.attempt(trial, number).worker_ends(segfault, End::Crashed(last_step));
            }
            Flaw::IsKilled => {
                let killed = Outcome::Signalled { signal: 9 };
                self.attempt(trial, number).worker_ends(killed, End::Interrupted);
            }
            Flaw::Crashes => self.ends(trial, number, 1, End::Crashed(last_step)),
            Flaw::Diverges => {
                self.reports(trial, number, "diverged");
                self.ends(trial, number, 1, End::Permanent("diverged"));
            }
            Flaw::NeedsMuchMemory => {
                self.reports(trial, number, "cuda-oom");
                self.ends(trial, number, 1, End::OutOfMemory);
            }
            Flaw::WrongConfig => {
                self.ends(trial, number, WORKER_CONFIG_WRONG, End::Permanent("config"));
            }
        }
    }

    fn reports(&mut self, trial: &TrialId, number: u32, class: &str) {
        let class = class.to_owned().into();
        let failure = Failure { class, message: "so it was".to_owned() };
        self.attempt(trial, number).failure = Some(failure);
    }

    fn ends(&mut self, trial: &TrialId, number: u32, code: i32, end: End) {
        self.attempt(trial, number).worker_ends(Outcome::Exited { code }, end);
    }
}
