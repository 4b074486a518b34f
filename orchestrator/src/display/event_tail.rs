//! The progress of active attempts, read from the ends of their events.

use std::collections::BTreeMap;
use std::io;

use experiments::protocol::trial_id::TrialId;

use super::progress::Progress;
use crate::platform::line_reader::{self, ReadOffset};
use crate::run_dir::RunDir;
use crate::run_dir::event_lines::read_events;

/// Bytes of an attempt's past events that are read for its rate and its newest value.
const PAST_BYTES: u64 = 64 << 10;

/// Everything read of the active attempts so far.
#[derive(Debug, Default)]
pub(crate) struct EventTails {
    /// The progress of each trial.
    pub(crate) progress: BTreeMap<TrialId, Progress>,
    /// The attempt whose events are read, and the offset of the next line.
    read: BTreeMap<TrialId, (u32, ReadOffset)>,
}

impl EventTails {
    /// Takes in the events of attempt `number` since the last call; `headline` names the metric to
    /// remember.
    pub(crate) fn read(
        &mut self,
        run: &RunDir,
        id: &TrialId,
        number: u32,
        headline: Option<&str>,
    ) -> io::Result<()> {
        let path = run.attempt(id, number).events();
        let mut place = match self.read.get(id) {
            Some((read, place)) if *read == number => *place,
            // This may be within a line, whose rest is not an event and is skipped.
            _ => {
                let bytes = line_reader::length(&path).saturating_sub(PAST_BYTES);
                ReadOffset { bytes, ..ReadOffset::default() }
            }
        };
        let progress = self.progress.entry(id.clone()).or_default();
        read_events(&path, &mut place, |line| progress.add(&line, headline))?;
        self.read.insert(id.clone(), (number, place));
        Ok(())
    }
}
