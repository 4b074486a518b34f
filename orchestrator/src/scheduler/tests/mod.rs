//! The scheduler against sequences of inputs: by example, and by any sequence.

mod any_sequence;
mod early_failures;
mod examples;
mod retry;

use experiments::protocol::failure::{Failure, FailureClass};
use experiments::protocol::trial_id::TrialId;
use experiments::schema::file::{AfterStall, Retry};

use super::*;
use crate::platform::file_seal::Seals;
use crate::run_dir::attempt::{Exit, Outcome, StopSource};

fn id(n: usize) -> TrialId {
    TrialId(format!("t{n}"))
}

fn recovered(n: usize) -> RecoveredTrial {
    let state = State::Queued { reason: "new".to_owned() };
    let weight = Weight { variant: format!("v{n}"), priority: 0, cost: 1.0 };
    RecoveredTrial {
        id: id(n),
        role: Role::Scheduled,
        weight,
        state,
        attempts: Vec::new(),
        attempts_reset: 0,
    }
}

fn policy() -> Policy {
    let (retry, after_stall) = (Retry::default(), AfterStall::Retry);
    Policy { retry, jobs: 2, max_fails: None, keep_going: false, after_stall, shares_gpu: true }
}

fn queued(n: usize) -> Scheduler {
    Scheduler::new((0..n).map(recovered), policy())
}

fn start_all(scheduler: &mut Scheduler, now_ms: i64) -> Vec<Action> {
    let mut actions = Vec::new();
    while let Some(next) = scheduler.next(now_ms).cloned() {
        actions.extend(scheduler.handle(Input::Leased(next), now_ms));
    }
    actions
}

fn recorded(outcome: Outcome, stop: Option<StopSource>) -> AttemptEnd {
    let exit = Exit {
        outcome,
        stop,
        killed: false,
        stopped_early: false,
        orphans: 0,
        disk_full: false,
        empty_logs: Vec::new(),
        files: Seals::new(),
        started_ms: 0,
        ended_ms: 0,
        nonce: String::new(),
    };
    AttemptEnd::Recorded { exit, failure: None, last_line: String::new() }
}

fn exited(code: i32) -> AttemptEnd {
    recorded(Outcome::Exited { code }, None)
}

fn stopped() -> AttemptEnd {
    recorded(Outcome::Exited { code: 75 }, Some(StopSource::Requested))
}

fn attempt(number: u32) -> AttemptSummary {
    let (checkpoint, step, cause, end) = (None, None, None, None);
    AttemptSummary { number, checkpoint, step, cause, stalled: false, end }
}

fn full() -> AttemptEnd {
    let failure = Some(Failure { class: FailureClass::CudaOom, message: "no memory".to_owned() });
    match exited(1) {
        AttemptEnd::Recorded { exit, last_line, .. } => {
            AttemptEnd::Recorded { exit, failure, last_line }
        }
        other => other,
    }
}

fn name(scheduler: &Scheduler, n: usize) -> &'static str {
    scheduler.state(&id(n)).unwrap().name()
}
