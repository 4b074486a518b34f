//! Looking at the attempts under way: how each stands, and what its worker has said.

use std::time::Duration;

use experiments::events::Event;

use super::silence::Silence;
use super::{HolderState, Supervisor, SupervisorError};
use crate::attempt::AttemptDir;
use crate::claim::{self, Standing};
use crate::core::{Ending, Input, TrialId};
use crate::display::Display;
use crate::holder;
use crate::tail;

/// How long the holder of an attempt that an earlier supervisor prepared may take to claim it. To
/// give up too early does no harm: whoever comes second to a claim leaves.
const CLAIM_WITHIN: Duration = Duration::from_secs(2);

impl Supervisor {
    /// Sees what every attempt under way has done since the last look.
    pub(super) async fn look(&mut self, display: &mut Display) -> Result<(), SupervisorError> {
        for attempt in self.local.reap() {
            self.holders.insert(attempt, HolderState::Ended);
        }
        let active: Vec<_> = self.core.active().map(|(id, n)| (id.clone(), n)).collect();
        for (id, number) in active {
            let attempt = self.attempt(&id, number);
            // First how it stands, then what it said: so that nothing said before its end is
            // missed.
            let standing = claim::standing(&attempt)?;
            self.read_events(&id, number, display).await?;
            let input = match standing {
                Standing::Held(_) => {
                    self.tell(Input::Claimed(id.clone()), display).await?;
                    self.listen(id, &attempt)
                }
                Standing::Unknown(_) => None,
                Standing::Unclaimed => self.give_up_unclaimed(id, &attempt)?,
                Standing::Ended(exit) => {
                    let said = self.store.last_words(&id, number).await?;
                    Some(Input::Ended(id, Ending::Recorded { exit, said }))
                }
                Standing::Lost(_) => {
                    holder::end_leftovers(&attempt)?;
                    Some(Input::Ended(id, Ending::Lost))
                }
                Standing::Abandoned(_) => Some(never_started(id)),
            };
            if let Some(input) = input {
                self.tell(input, display).await?;
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
        let end = tail::length(&file);
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
        let silence = self.silences.entry(attempt.clone());
        let lasts = silence.or_insert_with(|| Silence::new(attempt)).look(attempt);
        if lasts >= self.experiment.stall.after.0 {
            Some(Input::Stalled(id))
        } else {
            lasts.is_zero().then_some(Input::Stirred(id))
        }
    }

    /// An attempt whose holder is gone, or does not come, is taken out of play, unless one just
    /// claimed it.
    fn give_up_unclaimed(
        &self,
        id: TrialId,
        attempt: &AttemptDir,
    ) -> Result<Option<Input>, SupervisorError> {
        let comes = match self.holders.get(attempt) {
            Some(HolderState::Lives) => true,
            Some(HolderState::Ended) => false,
            None => self.since.elapsed() < CLAIM_WITHIN,
        };
        if comes {
            return Ok(None);
        }
        Ok(claim::abandon(attempt)?.then(|| never_started(id)))
    }
}

fn never_started(id: TrialId) -> Input {
    Input::Ended(id, Ending::NeverStarted("no holder took it up".to_owned()))
}
