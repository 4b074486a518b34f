//! One attempt in the modelled world: its files, its processes, and how it truly ended.

use experiments::protocol::failure::Failure;
use orchestrator::platform::file_seal::Seals;
use orchestrator::platform::host::Host;
use orchestrator::run_dir::attempt::StopMode;
use orchestrator::run_dir::attempt::{Exit, Outcome, StopSource};
use orchestrator::run_dir::ownership::{AttemptStatus, Owner, OwnerKind};

use crate::oracle::End;

/// Its owner, by the files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ownership {
    #[default]
    Free,
    Held,
    Released,
    Abandoned,
}

/// The state of its holder process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Holder {
    #[default]
    None,
    /// Started, and not yet the owner.
    Starting,
    Holding,
    Ended,
}

/// An event of its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Step(u64),
    Checkpoint(u64),
}

/// A running worker.
#[derive(Debug, Clone, Default)]
pub(crate) struct Worker {
    /// Its last step.
    pub(crate) step: u64,
    pub(crate) hangs: bool,
    /// True if it ignores the request to stop.
    pub(crate) ignores_term: bool,
}

/// One attempt.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempt {
    pub(crate) prepared: bool,
    pub(crate) ownership: Ownership,
    pub(crate) holder: Holder,
    pub(crate) worker: Option<Worker>,
    /// Processes of the worker's that outlived a killed holder.
    pub(crate) orphans: bool,
    /// The request to stop in the attempt's folder.
    pub(crate) stop: Option<StopMode>,
    /// The time at which the holder asked the worker to stop.
    pub(crate) asked_ms: Option<i64>,
    /// The end of the worker, until its holder has recorded it.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) exit: Option<Exit>,
    pub(crate) failure: Option<Failure>,
    /// The last line of its log.
    pub(crate) last_line: &'static str,
    pub(crate) events: Vec<Event>,
    /// The number of events that are in the database.
    pub(crate) read: usize,
    /// The time of its last event.
    pub(crate) last_event_ms: i64,
    /// Twelfths of GPUs, which are free once none of its processes is left.
    pub(crate) lease: Vec<(usize, u8)>,
    /// Its true end, which the supervisor may not know.
    pub(crate) end: Option<End>,
}

impl Attempt {
    /// True if it has a process that could use its slots.
    pub(crate) fn has_processes(&self) -> bool {
        self.has_holder() || self.worker.is_some() || self.orphans
    }

    /// True if its holder runs.
    pub(crate) fn has_holder(&self) -> bool {
        matches!(self.holder, Holder::Starting | Holder::Holding)
    }

    /// True if it has a process that could compute or write.
    pub(crate) fn computes(&self) -> bool {
        self.worker.is_some() || self.orphans
    }

    /// Its status, by its files.
    pub(crate) fn attempt_status(&self) -> AttemptStatus {
        let by = match self.ownership {
            Ownership::Abandoned => OwnerKind::Supervisor,
            Ownership::Free | Ownership::Held | Ownership::Released => OwnerKind::Holder,
        };
        let host = Host { name: String::new(), machine_id: None, boot_id: None };
        let owner = Owner { by, pid: 1, host, time_ms: 0, nonce_sha256: None };
        match (self.ownership, &self.exit) {
            (Ownership::Abandoned, _) => AttemptStatus::Abandoned(owner),
            (Ownership::Free, _) => AttemptStatus::Unowned,
            (Ownership::Held, _) => AttemptStatus::Held(Some(owner)),
            (Ownership::Released, Some(exit)) => AttemptStatus::Ended(exit.clone()),
            (Ownership::Released, None) => AttemptStatus::Lost(String::new()),
        }
    }

    /// The step of the last checkpoint that the worker has reported.
    pub(crate) fn saved(&self) -> Option<u64> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Checkpoint(step) => Some(*step),
                Event::Step(_) => None,
            })
            .max()
    }

    /// The last step that the worker has reported.
    pub(crate) fn last_step(&self) -> Option<u64> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Step(step) => Some(*step),
            Event::Checkpoint(_) => None,
        })
    }

    /// Ends the worker; its holder has not recorded that yet.
    pub(crate) fn worker_ends(&mut self, outcome: Outcome, end: End) {
        self.worker = None;
        self.outcome = Some(outcome);
        // A worker that ends after the request has been stopped, unless it is done.
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
            stopped_early: false,
            orphans: 0,
            disk_full: false,
            empty_logs: Vec::new(),
            files: Seals::new(),
            started_ms,
            ended_ms,
            nonce: String::new(),
        });
    }

    /// The holder is killed, and its worker dies with it.
    pub(crate) fn lose_holder(&mut self) {
        if self.ownership == Ownership::Held {
            self.ownership = Ownership::Released;
            if self.exit.is_none() {
                self.end = Some(End::Interrupted);
            }
        }
        (self.holder, self.worker, self.outcome) = (Holder::Ended, None, None);
    }
}
