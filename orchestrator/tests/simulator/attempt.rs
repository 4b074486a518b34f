//! One attempt in the modelled world: its files, its processes, and how it truly ended.

use experiments::protocol::failure::Failure;
use orchestrator::platform::host::Host;
use orchestrator::run_dir::attempt::StopMode;
use orchestrator::run_dir::attempt::{Exit, Outcome, StopSource};
use orchestrator::run_dir::ownership::{AttemptStatus, Owner, OwnerKind};

use crate::oracle::End;

/// Who has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ownership {
    #[default]
    Free,
    Held,
    Released,
    Abandoned,
}

/// The process that holds it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Holder {
    #[default]
    None,
    /// Started, and has not claimed it yet.
    Coming,
    Holding,
    Gone,
}

/// What its worker has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Step(u64),
    Checkpoint(u64),
}

/// A worker that lives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Worker {
    /// The step that it has come to.
    pub(crate) step: u64,
    pub(crate) hangs: bool,
    /// Does not hear that it is asked to stop.
    pub(crate) deaf: bool,
}

/// One attempt.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempt {
    pub(crate) prepared: bool,
    pub(crate) claim: Ownership,
    pub(crate) holder: Holder,
    pub(crate) worker: Option<Worker>,
    /// Processes of the worker's that outlived a killed holder.
    pub(crate) orphans: bool,
    /// The files that ask for a stop.
    pub(crate) stop: Option<StopMode>,
    /// When the holder asked the worker to stop.
    pub(crate) asked_ms: Option<i64>,
    /// How the worker ended, before that is recorded.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) exit: Option<Exit>,
    pub(crate) failure: Option<Failure>,
    pub(crate) words: Vec<Word>,
    /// So many of the words are in the database.
    pub(crate) read: usize,
    /// When it was last heard of.
    pub(crate) heard_ms: i64,
    /// Twelfths of GPUs, which are free once nothing of it lives.
    pub(crate) lease: Vec<(usize, u8)>,
    /// The truth about its end.
    pub(crate) end: Option<End>,
}

impl Attempt {
    /// Whether anything lives that could use its slots.
    pub(crate) fn has_processes(&self) -> bool {
        let holder = matches!(self.holder, Holder::Coming | Holder::Holding);
        holder || self.worker.is_some() || self.orphans
    }

    /// Whether anything lives that could compute or write.
    pub(crate) fn computes(&self) -> bool {
        self.worker.is_some() || self.orphans
    }

    /// Where it stands, by its files.
    pub(crate) fn attempt_status(&self) -> AttemptStatus {
        let by = match self.claim {
            Ownership::Abandoned => OwnerKind::Supervisor,
            Ownership::Free | Ownership::Held | Ownership::Released => OwnerKind::Holder,
        };
        let host = Host { name: String::new(), machine_id: None, boot_id: None };
        let info = Owner { by, pid: 1, host, time_ms: 0 };
        match (self.claim, &self.exit) {
            (Ownership::Abandoned, _) => AttemptStatus::Abandoned(info),
            (_, Some(exit)) => AttemptStatus::Ended(exit.clone()),
            (Ownership::Free, None) => AttemptStatus::Unowned,
            (Ownership::Held, None) => AttemptStatus::Held(info),
            (Ownership::Released, None) => AttemptStatus::Lost(info),
        }
    }

    /// The furthest step whose checkpoint the worker has told of.
    pub(crate) fn saved(&self) -> Option<u64> {
        let saved = |word: &Word| match word {
            Word::Checkpoint(step) => Some(*step),
            Word::Step(_) => None,
        };
        self.words.iter().filter_map(saved).max()
    }

    /// The last step that the worker has told of.
    pub(crate) fn last_step(&self) -> Option<u64> {
        self.words.iter().rev().find_map(|word| match word {
            Word::Step(step) => Some(*step),
            Word::Checkpoint(_) => None,
        })
    }

    /// The worker is no more; its holder has not recorded that yet.
    pub(crate) fn worker_ends(&mut self, outcome: Outcome, end: End) {
        self.worker = None;
        self.outcome = Some(outcome);
        // What ends after it was asked to stop has been stopped, unless it is done.
        let stopped = self.asked_ms.is_some() && end != End::Success;
        self.end = Some(if stopped { End::Interrupted } else { end });
    }

    /// The holder records the end, unless there is no space, and ends.
    pub(crate) fn record_end(&mut self, wall_ms: i64, space: bool) {
        let Some(outcome) = self.outcome.take() else { return };
        if !space {
            return self.lose_holder();
        }
        let stop = self.asked_ms.map(|_| StopSource::Requested);
        let (started_ms, ended_ms) = (wall_ms - 1_000, wall_ms);
        let killed = false;
        self.exit = Some(Exit {
            outcome,
            stop,
            killed,
            orphans: 0,
            disk_full: false,
            started_ms,
            ended_ms,
        });
    }

    /// The holder is killed, and its worker dies with it.
    pub(crate) fn lose_holder(&mut self) {
        if self.claim == Ownership::Held {
            self.claim = Ownership::Released;
            if self.exit.is_none() {
                self.end = Some(End::Interrupted);
            }
        }
        (self.holder, self.worker, self.outcome) = (Holder::Gone, None, None);
    }
}
