//! The active attempts, with what their supervisor remembers of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use experiments::protocol::failure::Failure;
use experiments::protocol::trial_id::TrialId;

use super::stall::StallDetector;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::attempt_seal::AttemptSeal;

/// An attempt that has been started and whose end has not been recorded.
#[derive(Debug)]
pub(super) struct ActiveAttempt {
    /// Its number, from 1.
    pub(super) number: u32,
    pub(super) dir: AttemptDir,
    /// `None` if this supervisor has not started its holder: an earlier one has, or a cluster.
    pub(super) holder: Option<HolderState>,
    /// `None` before its first poll.
    pub(super) stall: Option<StallDetector>,
    /// The time of the first request to its holder to end it, by this supervisor.
    pub(super) stop_asked: Option<Instant>,
    /// The time at which its holder became its owner, in milliseconds since the Unix epoch; `None` before.
    pub(super) started_ms: Option<i64>,
    /// The length of its events when all of them had been read; `None` before.
    pub(super) read_to: Option<u64>,
    /// The failure that its worker has reported to this supervisor.
    pub(super) failure: Option<Failure>,
    /// Its seal once it has ended.
    pub(super) seal: Option<AttemptSeal>,
}

/// A holder that this supervisor has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HolderState {
    Lives,
    /// It has ended, or could not be started for this reason.
    Ended(Option<String>),
}

impl ActiveAttempt {
    fn new(run: &RunDir, id: &TrialId, number: u32) -> Self {
        Self {
            number,
            dir: run.attempt(id, number),
            holder: None,
            stall: None,
            stop_asked: None,
            started_ms: None,
            read_to: None,
            failure: None,
            seal: None,
        }
    }

    /// True if its holder, which this supervisor has started, owns it and has not ended. One that was asked to
    /// end it may have been stopped itself, so that more has to be known of it.
    pub(super) fn is_held(&self) -> bool {
        let is_owner = self.holder == Some(HolderState::Lives) && self.started_ms.is_some();
        is_owner && self.stop_asked.is_none()
    }

    /// True if its holder was asked to end it longer than `limit` ago.
    pub(super) fn is_late(&self, limit: Duration) -> bool {
        self.stop_asked.is_some_and(|asked| asked.elapsed() >= limit)
    }
}

/// The active attempts, by their trials.
#[derive(Debug, Default)]
pub(super) struct ActiveAttempts(BTreeMap<TrialId, ActiveAttempt>);

impl ActiveAttempts {
    /// Attempt `number` of the trial, as it is remembered, or from now on.
    pub(super) fn attempt(
        &mut self,
        run: &RunDir,
        id: &TrialId,
        number: u32,
    ) -> &mut ActiveAttempt {
        if self.0.get(id).is_none_or(|attempt| attempt.number != number) {
            self.0.insert(id.clone(), ActiveAttempt::new(run, id, number));
        }
        self.0.get_mut(id).expect("just inserted")
    }

    /// The time at which the holder of attempt `number` became its owner; `None` if it is not known yet.
    pub(super) fn started_ms(&self, id: &TrialId, number: u32) -> Option<i64> {
        self.0.get(id).filter(|attempt| attempt.number == number)?.started_ms
    }

    /// The attempt whose folder this is, with its trial.
    pub(super) fn by_dir(&mut self, dir: &AttemptDir) -> Option<(TrialId, &mut ActiveAttempt)> {
        let id = TrialId(dir.trial().file_name()?.to_str()?.to_owned());
        let attempt = self.0.get_mut(&id).filter(|attempt| attempt.dir == *dir)?;
        Some((id, attempt))
    }

    /// Forgets attempt `number`, which has ended, and returns what was remembered.
    pub(super) fn remove(&mut self, id: &TrialId, number: u32) -> Option<ActiveAttempt> {
        self.0.get(id).filter(|attempt| attempt.number == number)?;
        self.0.remove(id)
    }
}
