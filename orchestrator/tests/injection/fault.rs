//! The faults, and how they are injected.

use std::fmt;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use super::campaign::Campaign;
use super::checks;
use super::reader::Reader;
use crate::common::processes;
use crate::common::signals::try_signal;
use crate::common::test_run::Running;
use crate::common::wait::wait_for;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// A process gets a signal; after SIGSTOP, SIGCONT a while later.
    Signal(Signal, Victim),
    /// `orch run` is called while another is running.
    SecondSupervisor,
    /// The supervisor is killed, and two others are started at once.
    TwoAtOnce,
    /// The supervisor is killed and its database deleted.
    LostDatabase,
    /// `orch stop` of some trials, which may be killed before it is done.
    Stop,
    /// A transaction reads the database until the next fault of this kind.
    LongReader,
    /// The disk is full for a while.
    FullDisk,
    /// The wall clock jumps by hours to years, forwards or backwards.
    ClockStep,
}

/// A signal that ends or suspends a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Signal {
    Kill,
    Term,
    Int,
    Stop,
}

/// The receivers of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Victim {
    Supervisor,
    ForkServer,
    Holder,
    Worker,
    /// All of them, and the workers' children.
    All,
}

impl Fault {
    /// A random fault; signals, of which there are many, more often.
    pub(crate) fn any(random: &mut Rng) -> Self {
        let others = [
            Self::SecondSupervisor,
            Self::TwoAtOnce,
            Self::LostDatabase,
            Self::Stop,
            Self::LongReader,
            Self::FullDisk,
            Self::ClockStep,
        ];
        if random.u8(0..10) < 4 {
            return others[random.usize(..others.len())];
        }
        let signals = [Signal::Kill, Signal::Term, Signal::Int, Signal::Stop];
        let victims =
            [Victim::Supervisor, Victim::ForkServer, Victim::Holder, Victim::Worker, Victim::All];
        Self::Signal(signals[random.usize(..4)], victims[random.usize(..5)])
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Signal(signal, victim) => write!(f, "SIG{} of {victim}", &signal.option()[1..]),
            Self::SecondSupervisor => f.write_str("a second supervisor beside the first"),
            Self::TwoAtOnce => f.write_str("two supervisors started at once"),
            Self::LostDatabase => f.write_str("the database deleted"),
            Self::Stop => f.write_str("`orch stop` of some trials"),
            Self::LongReader => f.write_str("a long reader of the database"),
            Self::FullDisk => f.write_str("a full disk"),
            Self::ClockStep => f.write_str("a step of the clock"),
        }
    }
}

impl Signal {
    /// The option of `kill`.
    fn option(self) -> &'static str {
        match self {
            Self::Kill => "-KILL",
            Self::Term => "-TERM",
            Self::Int => "-INT",
            Self::Stop => "-STOP",
        }
    }
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Supervisor => "the supervisor",
            Self::ForkServer => "the fork server",
            Self::Holder => "a holder",
            Self::Worker => "a worker",
            Self::All => "all processes",
        })
    }
}

impl Campaign {
    /// Injects `fault`; `false` if it is not possible here and now.
    pub(crate) fn inject(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::Signal(signal, victim) => self.signal(signal, victim),
            Fault::SecondSupervisor => {
                self.start_another();
                true
            }
            Fault::TwoAtOnce => {
                self.kill_supervisor();
                self.start();
                self.start_another();
                true
            }
            Fault::LostDatabase => self.lose_database(),
            Fault::Stop => self.stop_some(),
            Fault::LongReader => {
                self.reader = Reader::open(&self.database());
                self.reader.is_some()
            }
            Fault::FullDisk => self.exhaust_disk(),
            Fault::ClockStep => self.step_clock(),
        }
    }

    fn signal(&mut self, signal: Signal, victim: Victim) -> bool {
        let folder = self.test.path("");
        let mut victims = match victim {
            Victim::Supervisor => vec![self.supervisor_id()],
            Victim::ForkServer => fork_servers(&folder),
            Victim::Holder => processes::holders(&folder),
            Victim::Worker => {
                let mut workers = processes::of(&folder);
                workers.retain(|pid| processes::command_line(*pid).contains("fake-worker\0"));
                workers
            }
            Victim::All => processes::of(&folder),
        };
        self.random.shuffle(&mut victims);
        if victim != Victim::All {
            victims.truncate(1);
        }
        victims.retain(|pid| try_signal(*pid, signal.option()));
        if signal == Signal::Stop {
            self.pause(50..800);
            for pid in &victims {
                try_signal(*pid, "-CONT");
            }
        }
        !victims.is_empty()
    }

    fn stop_some(&mut self) -> bool {
        let variant = ["plain", "crashes", "children", "ignores_term"][self.random.usize(0..4)];
        let how = if self.random.bool() { "--now" } else { "--quiet" };
        let mut stop = self.orch(&format!("stop variant={variant} {how}"));
        let mut stop = Running(stop.spawn().unwrap());
        if self.random.bool() {
            self.pause(0..150);
            stop.0.kill().unwrap();
        }
        wait_for("the end of `orch stop`", || stop.0.try_wait().unwrap());
        true
    }

    fn lose_database(&mut self) -> bool {
        self.kill_supervisor();
        self.reader = None;
        // Its write-ahead log is lost with it, or not.
        if self.random.bool() {
            for beside in ["orch.db-wal", "orch.db-shm"] {
                let _ = fs::remove_file(self.database().with_file_name(beside));
            }
        }
        fs::remove_file(self.database()).is_ok()
    }

    fn exhaust_disk(&mut self) -> bool {
        if !self.fill_disk(true) {
            return false;
        }
        self.pause(100..1_000);
        // A supervisor that has ended because of it is started again before there is space.
        self.keep_running();
        self.pause(100..1_000);
        self.fill_disk(false)
    }

    fn step_clock(&mut self) -> bool {
        let Some(clock) = &self.clock else { return false };
        let hours = self.random.i64(1..10_000);
        clock.step(if self.random.bool() { hours } else { -hours } * 3600);
        self.lines_before_step = checks::journal(&self.test).len();
        true
    }

    /// Waits for so many milliseconds, more or less.
    pub(crate) fn pause(&mut self, millis: std::ops::Range<u64>) {
        thread::sleep(Duration::from_millis(self.random.u64(millis)));
    }
}

/// The fork servers of supervisors in `folder`, without the holders that they have forked.
fn fork_servers(folder: &Path) -> Vec<u32> {
    let holders = processes::holders(folder);
    let mut servers = processes::of(folder);
    servers.retain(|pid| {
        processes::command_line(*pid).contains("fork-server\0") && !holders.contains(pid)
    });
    servers
}
