//! One experiment in the modelled world, from its seed to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use experiments::expand::Weight;
use experiments::protocol::trial_id::TrialId;
use experiments::schema::file::{AfterStall, Retry};
use experiments::schema::resources::Span;
use fastrand::Rng;
use orchestrator::scheduler::State;
use orchestrator::store::journal_file::Entry;

use crate::checks;
use crate::disk::Disk;
use crate::supervisor::Supervisor;
use crate::users::{self, Call};
use crate::world::{Flaw, Script, World};

/// The number of steps within which everything must end without faults.
const PATIENCE: u32 = 20_000;

/// The number of decisions that are shown of a failed simulation.
const SHOWN: usize = 40;

/// One experiment.
#[derive(Debug)]
pub(crate) struct Simulation {
    pub(crate) world: World,
    pub(crate) disk: Disk,
    pub(crate) supervisor: Option<Supervisor>,
    /// The number of steps after which the supervisor dies.
    pub(crate) fuse: Option<u32>,
    /// Every trial that the file may ever name, and those that it names now.
    pub(crate) trials: Vec<TrialId>,
    pub(crate) file: Vec<TrialId>,
    pub(crate) weights: BTreeMap<TrialId, Weight>,
    pub(crate) retry: Retry,
    pub(crate) after_stall: AfterStall,
    /// Trials that were requested to stop, and have not been requested to run since.
    pub(crate) unwanted: BTreeSet<TrialId>,
    events: u64,
}

impl Simulation {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let names = (0..random.usize(1..7)).map(|n| format!("v{n}"));
        let trials: Vec<_> = names.map(|name| users::trial(&name)).collect();
        let mut scripts: BTreeMap<_, _> =
            trials.iter().map(|id| (id.clone(), script(&mut random))).collect();
        if random.u8(0..6) == 0 {
            // The worker itself is broken.
            for script in scripts.values_mut() {
                script.flaw = Some((1, Flaw::Crashes));
            }
        }
        let weights = trials.iter().map(|id| (id.clone(), users::weight(&mut random))).collect();
        let backoff = Duration::from_secs([0, 1, 10][random.usize(0..3)]);
        let retry = Retry { attempts: random.u32(1..5), backoff: Span(backoff) };
        let after_stall = if random.bool() { AfterStall::Flag } else { AfterStall::Retry };
        Self {
            world: World::new(random, scripts),
            disk: Disk::default(),
            supervisor: None,
            fuse: None,
            file: trials.clone(),
            trials,
            weights,
            retry,
            after_stall,
            unwanted: BTreeSet::new(),
            events: 0,
        }
    }

    /// Simulates events and faults; after that no fault happens, and everything must end.
    pub(crate) fn run(&mut self) {
        let random = &mut self.world.random;
        let (faults, requests) = (random.u8(0..8), random.u8(1..10));
        for _ in 0..random.u32(50..400) {
            match self.world.random.u8(0..100) {
                n if n < faults => self.fault(),
                n if n < faults + requests => self.user_action(),
                n if n < 60 => drop(self.world.work()),
                // Most users soon call it again.
                n if n < 70 && self.supervisor.is_none() => self.run_or_interrupt(),
                _ => self.supervise(),
            }
            self.pass(3_000);
        }
        self.calm_down();
        self.run_to_the_end();
    }

    fn run_to_the_end(&mut self) {
        self.go_on_until("the last supervisor to end", |s| s.supervisor.is_none());
        // In the first, trials that were requested to stop end; the second runs them.
        for _ in 0..2 {
            self.run_file(&Call { keep_going: true, ..Call::default() });
            self.go_on_until("every trial to end", |s| s.supervisor.is_none());
        }
        self.go_on_until("every process to end", Self::is_quiet);
        checks::everything_has_ended(self);
        let attempts = self.world.attempts.len();
        self.file.retain(|id| matches!(self.disk.state(id), State::Succeeded { .. }));
        self.run_file(&Call { keep_going: true, ..Call::default() });
        self.go_on_until("the end of what is done", |s| s.supervisor.is_none());
        assert_eq!(self.world.attempts.len(), attempts, "what is done is run again");
    }

    fn go_on_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..PATIENCE {
            if is_so(self) {
                return;
            }
            self.world.work();
            self.supervise();
            self.pass(20_000);
        }
        panic!("timed out while waiting for {what}");
    }

    /// Lets some time pass.
    fn pass(&mut self, most_ms: i64) {
        self.count_event();
        let random = &mut self.world.random;
        self.world.disk_is_full &= random.u8(0..10) > 0;
        let ms = self.world.random.i64(0..most_ms);
        self.idle_ms(ms);
        checks::nothing_is_over_booked(&self.world);
    }

    pub(crate) fn idle_ms(&mut self, ms: i64) {
        self.world.now_ms += ms;
    }

    /// Counts an event.
    pub(crate) fn count_event(&mut self) {
        self.events += 1;
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.world.counts
    }

    /// The last decisions, for the report of a failure.
    pub(crate) fn story(&self) -> String {
        let mut story = format!("{:?}, {:?}\n", self.retry, self.after_stall);
        for entry in self.disk.journal.iter().rev().take(SHOWN).rev() {
            let _ = match entry {
                Entry::Planned(planned) => {
                    let trials = planned.trials.iter().map(|trial| trial.variant.as_str());
                    writeln!(story, "orch run: {}", trials.collect::<Vec<_>>().join(" "))
                }
                _ => writeln!(story, "{}", serde_json::to_string(entry).unwrap()),
            };
        }
        story
    }
}

fn script(random: &mut Rng) -> Script {
    let steps = random.u64(1..10);
    let flaws =
        [Flaw::Crashes, Flaw::Diverges, Flaw::NeedsMuchMemory, Flaw::WrongConfig, Flaw::IsKilled];
    let flaw = (random.u8(0..5) == 0).then(|| (random.u64(1..=steps), flaws[random.usize(0..5)]));
    Script { steps, checkpoint_every: random.u64(1..6), flaw }
}
