//! The data that survive a supervisor: the journal, and the records that the database derives from it.

use std::collections::BTreeMap;

use experiments::protocol::trial_id::TrialId;
use orchestrator::run_dir::requests::Request;
use orchestrator::scheduler::{AttemptSummary, Liveness, State, StopCause};
use orchestrator::store::journal_file::{Entry, Planned};
use orchestrator::store::{AttemptHistory, AttemptRecord, Origins, TrialRecord};

use crate::attempt::{Attempt, Event};

/// The run's folder, as far as decisions and requests go.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    pub(crate) journal: Vec<Entry>,
    pub(crate) requests: Vec<Request>,
    trials: BTreeMap<TrialId, Trial>,
}

#[derive(Debug)]
struct Trial {
    row: TrialRecord,
    position: Option<usize>,
    past: AttemptHistory,
}

impl Disk {
    /// Appends a decision to the journal, and ingests it as the database does.
    pub(crate) fn append(&mut self, entry: Entry) {
        match &entry {
            Entry::Planned(planned) => self.plan(planned),
            Entry::Changed { trial, to, .. } => self.change(trial, to),
            Entry::AttemptsReset { trial, .. } => {
                let past = &mut self.trial(trial).past;
                past.attempts_reset = past.attempts.last().map_or(0, |attempt| attempt.number);
            }
            Entry::StoppingAttempt { trial, attempt, cause } => {
                self.past(trial, *attempt).cause = Some(*cause);
            }
            Entry::Stalled { trial, attempt, .. } => self.past(trial, *attempt).stalled = true,
            Entry::Recovered { trial, attempt } => self.past(trial, *attempt).stalled = false,
            // None of these decides the action of a trial.
            Entry::StoppingRun { .. }
            | Entry::Imported { .. }
            | Entry::DamageAccepted { .. }
            | Entry::Unrecorded { .. }
            | Entry::Removed { .. } => {}
        }
        self.journal.push(entry);
    }

    fn plan(&mut self, planned: &Planned) {
        self.trials
            .values_mut()
            .for_each(|trial| (trial.position, trial.row.retired) = (None, true));
        for (position, asked) in planned.trials.iter().enumerate() {
            let first_planned = self.trials.len() as i64;
            let new = || Trial {
                row: TrialRecord {
                    id: asked.id.clone(),
                    key: asked.key.clone(),
                    variant: asked.variant.clone(),
                    seed: asked.seed,
                    first_planned,
                    retired: false,
                    state: State::Queued { reason: "new".to_owned() },
                    build: None,
                    data: None,
                    origins: Origins::default(),
                    first_attempt: 1,
                    last_attempt: None,
                },
                position: None,
                past: AttemptHistory::default(),
            };
            let trial = self.trials.entry(asked.id.clone()).or_insert_with(new);
            (trial.position, trial.row.retired) = (Some(position), false);
        }
    }

    fn change(&mut self, id: &TrialId, to: &State) {
        let trial = self.trial(id);
        trial.row.state = to.clone();
        if let State::Starting { attempt: number } = *to {
            let (checkpoint, step, cause, end) = (None, None, None, None);
            let past = AttemptSummary { number, checkpoint, step, cause, stalled: false, end };
            trial.past.attempts.push(past);
            trial.row.last_attempt = Some(AttemptRecord {
                number,
                started_ms: 0,
                device: None,
                progress: None,
                failure: None,
                stalled_since_ms: None,
                skipped_lines: 0,
            });
        }
    }

    /// Ingests the events of an attempt, and returns the new ones.
    pub(crate) fn read(&mut self, id: &TrialId, number: u32, attempt: &mut Attempt) -> Vec<Event> {
        let new = attempt.events[attempt.read..].to_vec();
        attempt.read = attempt.events.len();
        let failure = attempt.failure.clone();
        let past = self.past(id, number);
        for event in &new {
            match event {
                Event::Checkpoint(step) => past.checkpoint = past.checkpoint.max(Some(*step)),
                Event::Step(step) => past.step = Some(*step),
            }
        }
        if let Some(failure) = failure {
            self.trial(id).past.failures.insert(number, failure);
        }
        new
    }

    /// The records of all trials in the file's order, retired ones last.
    pub(crate) fn records(&self) -> Vec<(TrialRecord, AttemptHistory)> {
        let mut trials: Vec<_> = self.trials.values().collect();
        trials.sort_by_key(|trial| (trial.position.is_none(), trial.position));
        trials.into_iter().map(|trial| (trial.row.clone(), trial.past.clone())).collect()
    }

    pub(crate) fn rows(&self) -> Vec<TrialRecord> {
        self.records().into_iter().map(|(row, _)| row).collect()
    }

    pub(crate) fn state(&self, trial: &TrialId) -> &State {
        &self.trials[trial].row.state
    }

    pub(crate) fn states(&self) -> impl Iterator<Item = (&TrialId, &State)> {
        self.trials.iter().map(|(id, trial)| (id, &trial.row.state))
    }

    pub(crate) fn is_retired(&self, trial: &TrialId) -> bool {
        self.trials[trial].row.retired
    }

    /// Attempts up to this number no longer count.
    pub(crate) fn attempts_reset(&self, trial: &TrialId) -> u32 {
        self.trials[trial].past.attempts_reset
    }

    /// The cause of the recorded stop of an attempt.
    pub(crate) fn cause(&self, trial: &TrialId, number: u32) -> Option<StopCause> {
        let attempts = &self.trials[trial].past.attempts;
        attempts.iter().find(|past| past.number == number)?.cause
    }

    /// The number of a trial's last attempt; 0 before the first.
    pub(crate) fn attempts(&self, trial: &TrialId) -> u32 {
        self.trials[trial].past.attempts.last().map_or(0, |past| past.number)
    }

    fn trial(&mut self, id: &TrialId) -> &mut Trial {
        self.trials.get_mut(id).unwrap()
    }

    fn past(&mut self, id: &TrialId, number: u32) -> &mut AttemptSummary {
        let mut attempts = self.trial(id).past.attempts.iter_mut();
        attempts.find(|past| past.number == number).unwrap()
    }
}

/// The journal entry of a stall, or of its end.
pub(crate) fn liveness_entry(trial: TrialId, attempt: u32, liveness: Liveness) -> Entry {
    match liveness {
        Liveness::Stalled => Entry::Stalled { trial, attempt, silent_ms: 0 },
        Liveness::Recovered => Entry::Recovered { trial, attempt },
    }
}
