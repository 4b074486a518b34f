//! Looking at the attempts under way: how each stands, and what its worker has said.

use std::time::Duration;

use experiments::protocol::events::Event;

use super::stall::StallDetector;
use super::{HolderState, Supervisor, SupervisorError};
use crate::display::Display;
use crate::executor::holder;
use crate::executor::slurm::{JobStatus, RejectedAttempt};
use crate::platform::atomic_file::FileError;
use crate::platform::line_reader;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::ownership::{self, AttemptStatus};
use crate::scheduler::{AttemptEnd, Input};
use experiments::protocol::trial_id::TrialId;

/// How long the holder of an attempt that an earlier supervisor prepared may take to claim it. To
/// give up too early does no harm: whoever comes second to a claim leaves.
const CLAIM_WITHIN: Duration = Duration::from_secs(2);

/// So many attempts are looked at each time, [`super::POLL`] apart: enough for any machine, and what
/// a shared file system bears from one of a cluster's users (docs/scale.md).
const AT_ONCE: usize = 20;

impl Supervisor {
    /// Sees what the attempts under way have done since the last look.
    pub(super) async fn look(&mut self, display: &mut Display) -> Result<(), SupervisorError> {
        for attempt in self.local.reap() {
            self.holders.insert(attempt, HolderState::Ended);
        }
        for (id, number) in self.in_turn() {
            let attempt = self.attempt(&id, number);
            // First how it stands, then what it said: so that nothing said before its end is
            // missed. And before all that what its cluster says: a job that was seen to be gone has
            // done all that it ever will.
            let here = self.holders.contains_key(&attempt);
            let word = if here { None } else { self.slurm.status(&attempt)? };
            let status = ownership::attempt_status(&attempt)?;
            self.read_events(&id, number, display).await?;
            let input = match status {
                AttemptStatus::Held(_) => {
                    self.tell(Input::HolderStarted(id.clone()), display).await?;
                    self.listen(id, &attempt)
                }
                AttemptStatus::Unknown(_) => {
                    self.tell(Input::HolderStarted(id.clone()), display).await?;
                    self.ask_of_elsewhere(id, &attempt, word)?
                }
                AttemptStatus::Unowned => self.give_up_unclaimed(id, &attempt, word)?,
                AttemptStatus::Ended(exit) => {
                    let failure = self.store.failure(&id, number).await?;
                    Some(Input::Ended(id, AttemptEnd::Recorded { exit, failure }))
                }
                AttemptStatus::Lost(_) => {
                    holder::end_orphans(&attempt)?;
                    Some(Input::Ended(id, AttemptEnd::Lost(String::new())))
                }
                AttemptStatus::Abandoned(_) => Some(never_started(id, "no holder took it up")),
            };
            if let Some(input) = input {
                if matches!(input, Input::Ended(..)) {
                    self.slurm.forget(&attempt);
                }
                self.tell(input, display).await?;
            }
        }
        Ok(())
    }

    /// The attempts that are to be looked at now: each in its turn, where there are very many.
    fn in_turn(&mut self) -> Vec<(TrialId, u32)> {
        let mut active: Vec<_> = self.core.active().map(|(id, n)| (id.clone(), n)).collect();
        if active.len() > AT_ONCE {
            self.turn %= active.len();
            active.rotate_left(self.turn);
            active.truncate(AT_ONCE);
            self.turn += AT_ONCE;
        }
        active
    }

    /// Has the cluster's jobs tended, and takes back what it did not take.
    pub(super) async fn tend_slurm(
        &mut self,
        display: &mut Display,
    ) -> Result<(), SupervisorError> {
        for RejectedAttempt { attempt, reason } in self.slurm.poll().await {
            let of_it = |(id, n): &(&TrialId, u32)| self.attempt(id, *n) == attempt;
            let Some(id) = self.core.active().find(of_it).map(|(id, _)| id.clone()) else {
                continue;
            };
            if self.core.stopping().is_none() {
                display.cannot_start(&reason);
            }
            // Slurm may have taken it although it said no.
            if ownership::refuse(&attempt)? {
                self.tell(Input::Ended(id, AttemptEnd::Rejected(reason)), display).await?;
            }
        }
        Ok(())
    }

    async fn read_events(
        &mut self,
        id: &TrialId,
        attempt: u32,
        display: &mut Display,
    ) -> Result<(), SupervisorError> {
        let file = self.attempt(id, attempt).events();
        // What a worker writes meanwhile is for the next look, however fast it writes.
        let end = line_reader::length(&file);
        loop {
            let read = self.store.read_events(id, attempt, &file, end).await?;
            for line in &read.lines {
                let progress = self.progress.entry(id.clone()).or_default();
                progress.take(line, self.headline.as_deref());
                let input = match &line.event {
                    Event::Checkpoint { step, .. } => Input::Checkpointed(id.clone(), *step),
                    Event::Progress { step, .. } | Event::Metrics { step, .. } => {
                        Input::Reached(id.clone(), *step)
                    }
                    _ => continue,
                };
                self.tell(input, display).await?;
            }
            if !read.more {
                return Ok(());
            }
        }
    }

    /// Whether the attempt has been silent for too long, or has just been heard of.
    fn listen(&mut self, id: TrialId, attempt: &AttemptDir) -> Option<Input> {
        let detector = self.stall_detectors.entry(attempt.clone());
        let lasts = detector.or_insert_with(|| StallDetector::new(attempt)).look(attempt);
        if lasts >= self.experiment.run.stall.after.0 {
            Some(Input::Stalled(id))
        } else {
            lasts.is_zero().then_some(Input::Recovered(id))
        }
    }

    /// An attempt whose holder is gone, or does not come, is taken out of play, unless one just
    /// claimed it.
    fn give_up_unclaimed(
        &self,
        id: TrialId,
        attempt: &AttemptDir,
        word: Option<JobStatus>,
    ) -> Result<Option<Input>, SupervisorError> {
        let why = match (word, self.holders.get(attempt)) {
            (Some(JobStatus::Ended(why)), _) => format!("{why} before a holder took it up"),
            (Some(_), _) | (None, Some(HolderState::Lives)) => return Ok(None),
            (None, None) if self.since.elapsed() < CLAIM_WITHIN => return Ok(None),
            (None, _) => "no holder took it up".to_owned(),
        };
        Ok(ownership::abandon(attempt)?.then(|| never_started(id, &why)))
    }

    /// What is to be made of an attempt that was taken up on another machine and has no end yet: only
    /// the cluster that it was given to can tell that its holder is gone.
    fn ask_of_elsewhere(
        &mut self,
        id: TrialId,
        attempt: &AttemptDir,
        word: Option<JobStatus>,
    ) -> Result<Option<Input>, SupervisorError> {
        let Some(JobStatus::Ended(why)) = word else { return Ok(self.listen(id, attempt)) };
        // Should its machine only be cut off, it ends there what it still finds.
        let asked = attempt.request_kill();
        asked.map_err(|source| FileError::Write { path: attempt.kill(), source })?;
        Ok(Some(Input::Ended(id, AttemptEnd::Lost(why))))
    }
}

fn never_started(id: TrialId, why: &str) -> Input {
    Input::Ended(id, AttemptEnd::NeverStarted(why.to_owned()))
}
