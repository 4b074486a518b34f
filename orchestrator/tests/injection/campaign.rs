//! One experiment that runs while faults are injected.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};

use experiments::protocol::exit;
use fastrand::Rng;
use orchestrator::slots::ENV_INVENTORY;

use super::checks::{self, Checkpoints};
use super::clock::Clock;
use super::disk::Disk;
use super::fault::Fault;
use super::reader::Reader;
use crate::common::test_run::{Ended, Recorded, TestRun};
use crate::common::wait::wait_for;

/// Thirty trials on two GPUs, two on each: well-behaved ones, and some that crash once, leave
/// processes behind, ignore SIGTERM, seldom save checkpoints, or write malformed events.
const FILE: &str = "\
orch: 1
name: trip
worker: {command: [fake-worker], check: [fake-worker, check], grace: 300ms}
retry: {attempts: 3, backoff: 1ms}
resources: {gpus: 1, share: 1/2, disk: 1MiB}
config: {steps: 30, sleep_ms: 10, checkpoint_every: 4}
variants:
  plain: {}
  crashes: {set: {offset: 1, crash_at: 17, crash_attempts: 1}}
  children: {set: {offset: 2, fork_child: true, fork_sibling: true}}
  ignores_term: {set: {offset: 3, ignore_term: true}}
  seldom: {set: {offset: 4, checkpoint_every: 20}}
  malformed: {set: {offset: 5, garbage: true}}
seeds: [0, 1, 2, 3, 4]
report:
  table: {name: table, columns: [{metric: psnr, decimals: 3}]}
  figures: [{curve: {name: loss, metric: loss}}]
";

/// The inventory file of the mock machine that they run on.
const INVENTORY: &str = "gpus.yaml";

/// The contents of [`INVENTORY`].
const MACHINE: &str = "{cpus: 8, gpus: [{uuid: GPU-1, memory: 8GiB}, {uuid: GPU-2, memory: 8GiB}]}";

/// The number of trials in [`FILE`].
pub(crate) const TRIALS: usize = 30;

/// The outcome of the experiment without faults.
pub(crate) fn without_faults() -> Expected {
    let test = TestRun::with_file(&FILE.replace("sleep_ms: 10", "sleep_ms: 0"));
    fs::write(test.path(INVENTORY), MACHINE).unwrap();
    let gpus = test.path(INVENTORY);
    let run = test.start_with("run trip.yaml", &[(ENV_INVENTORY, gpus.to_str().unwrap())]);
    run.end().expect(0, &["30 of 30 trials done"]);
    Expected { recorded: test.recorded(), checkpoints: checks::checkpoints(&test) }
}

/// The outcome that every campaign must have.
pub(crate) struct Expected {
    recorded: Recorded,
    /// The steps of each trial's checkpoints.
    checkpoints: Checkpoints,
}

/// An experiment, its supervisors, and the means to inject faults.
pub(crate) struct Campaign {
    pub(crate) random: Rng,
    pub(crate) reader: Option<Reader>,
    /// Unmounted before its folder is removed: fields are dropped in this order.
    disk: Option<Disk>,
    pub(crate) clock: Option<Clock>,
    /// The decisions that were recorded before the clock was last stepped.
    pub(crate) lines_before_step: usize,
    disk_is_full: bool,
    supervisors: Vec<Supervisor>,
    started: usize,
    pub(crate) test: TestRun,
}

/// A started `orch run`.
struct Supervisor {
    child: Child,
    log: PathBuf,
    /// True once it has met a full disk.
    starved: bool,
}

impl Campaign {
    /// Every other one is on a small disk that can be filled.
    pub(crate) fn new(seed: u64) -> Self {
        let test = TestRun::with_file(FILE);
        fs::write(test.path(INVENTORY), MACHINE).unwrap();
        Self {
            random: Rng::with_seed(seed),
            reader: None,
            disk: if seed.is_multiple_of(2) { None } else { Disk::mount(&test) },
            clock: Clock::new(&test),
            lines_before_step: 0,
            disk_is_full: false,
            supervisors: Vec::new(),
            started: 0,
            test,
        }
    }

    /// True if its runs are on a disk that can be filled.
    pub(crate) fn is_on_small_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// Injects at most `most` faults, one after the other, while trials are left; then runs the
    /// experiment to its end without faults, and checks the outcome.
    pub(crate) fn run(&mut self, most: usize, expected: &Expected) -> Vec<Fault> {
        let mut survived = Vec::new();
        while survived.len() < most && self.keep_running() {
            self.pause(0..1_200);
            let fault = Fault::any(&mut self.random);
            if self.inject(fault) {
                survived.push(fault);
            }
            checks::no_gpu_is_over_booked(&self.test);
        }
        self.reader = None;
        // A trial that was interrupted too often fails in the first, and is retried by the next.
        let enough = self.started + 2;
        while self.keep_running() {
            assert!(self.started <= enough, "{}", self.supervisors[0].log());
            self.pause(10..20);
        }
        // Only temporary files of killed writers are left to be removed.
        let again = Ended::of(self.orch("run trip.yaml").output().unwrap());
        again.expect(0, &["nothing is left to do"]);
        checks::nothing_is_left(&self.test);
        checks::every_trial_succeeded_once(&self.test);
        assert_eq!(self.test.recorded(), expected.recorded);
        checks::every_checkpoint_is_there(&self.test, &expected.checkpoints);
        checks::the_database_follows_from_the_files(&self.test);
        // After a step that comes last there may be no record that could show it.
        let is_seen = checks::journal(&self.test).len() > self.lines_before_step;
        if survived.contains(&Fault::ClockStep) && is_seen {
            checks::the_clock_was_stepped(&self.test);
        }
        survived
    }

    /// Starts a supervisor if none is running; `false` once the experiment is done.
    pub(crate) fn keep_running(&mut self) -> bool {
        let before = self.supervisors.len();
        let codes = self.collect_ended();
        if self.supervisors.is_empty() {
            if before > 0 && codes.last() == Some(&i32::from(exit::OK)) {
                return false;
            }
            self.start();
        }
        true
    }

    /// Calls `orch run`.
    pub(crate) fn start(&mut self) {
        self.started += 1;
        let log = self.test.path(format!("supervisor-{}.log", self.started));
        // One job more than the GPUs have room for.
        let mut command = self.orch("run trip.yaml -j 5");
        command.stderr(File::create(&log).unwrap());
        let (child, starved) = (command.spawn().unwrap(), self.disk_is_full);
        self.supervisors.push(Supervisor { child, log, starved });
    }

    /// `orch` on the mock machine, with the stepped clock.
    pub(crate) fn orch(&self, arguments: &str) -> Command {
        let mut command = self.test.command(arguments);
        command.env(ENV_INVENTORY, self.test.path(INVENTORY));
        if let Some(clock) = &self.clock {
            clock.preload(&mut command);
        }
        command
    }

    /// Calls `orch run` beside the running one: one of the two exits.
    pub(crate) fn start_another(&mut self) {
        self.start();
        wait_for("one of two supervisors to exit", || {
            self.collect_ended();
            (self.supervisors.len() < 2).then_some(())
        });
    }

    pub(crate) fn kill_supervisor(&mut self) {
        for supervisor in &mut self.supervisors {
            supervisor.child.kill().unwrap();
        }
        wait_for("the supervisor's end", || {
            self.collect_ended();
            self.supervisors.is_empty().then_some(())
        });
    }

    pub(crate) fn supervisor_id(&self) -> u32 {
        self.supervisors[0].child.id()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.test.run_dir().join("orch.db")
    }

    /// Fills the disk, or frees its space; `false` where there is no disk to fill.
    pub(crate) fn fill_disk(&mut self, full: bool) -> bool {
        let Some(disk) = &self.disk else { return false };
        if full {
            disk.fill();
        } else {
            disk.free();
        }
        self.disk_is_full = full;
        self.supervisors.iter_mut().for_each(|supervisor| supervisor.starved |= full);
        true
    }

    /// The exit codes of those that have ended by themselves since the last call.
    fn collect_ended(&mut self) -> Vec<i32> {
        let mut codes = Vec::new();
        self.supervisors.retain_mut(|supervisor| match supervisor.child.try_wait().unwrap() {
            Some(status) => {
                codes.extend(supervisor.assert_end(status));
                false
            }
            None => true,
        });
        codes
    }
}

impl Supervisor {
    /// Asserts that it ended for a good reason; its exit code, or `None` after a signal.
    fn assert_end(&self, status: ExitStatus) -> Option<i32> {
        let log = self.log();
        // The end of a worker's log may be part of it.
        let mut panics = log.lines().filter(|line| line.contains("panicked"));
        assert!(panics.all(|line| line.contains("fake_worker")), "{log}");
        let Some(code) = status.code() else {
            // Before it listens for them, signals end it.
            let signal = status.signal().unwrap();
            assert!([2, 9, 15].contains(&signal), "signal {signal}\n{log}");
            return None;
        };
        let well = [exit::OK, exit::SOME_FAILED, exit::INTERRUPTED].map(i32::from).contains(&code);
        let well = well && !log.contains("error: ");
        let refused = code == i32::from(exit::LOCKED);
        assert!(well || refused || self.starved, "exit code {code}\n{log}");
        Some(code)
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}
