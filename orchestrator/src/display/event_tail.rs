//! The progress of active attempts, read from the ends of their events.

use std::collections::BTreeMap;
use std::io;

use experiments::protocol::events::{LONGEST_LINE, Line};
use experiments::protocol::trial_id::TrialId;

use super::progress::Progress;
use crate::platform::line_reader::{self, ReadOffset, Tail};
use crate::run_dir::RunDir;

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
        let end = line_reader::length(&path);
        let mut place = match self.read.get(id) {
            Some((read, place)) if *read == number => *place,
            // This may be within a line, whose rest is not an event and is skipped.
            _ => ReadOffset { bytes: end.saturating_sub(PAST_BYTES), ..ReadOffset::default() },
        };
        let tail = Tail { path: &path, longest: LONGEST_LINE, end };
        let progress = self.progress.entry(id.clone()).or_default();
        loop {
            let read = tail.read(place)?;
            for line in read.lines() {
                let line_reader::Line::Whole(text) = line else { continue };
                if let Ok(line) = Line::parse(&text) {
                    progress.add(&line, headline);
                }
            }
            if read.offset == place {
                break;
            }
            place = read.offset;
        }
        self.read.insert(id.clone(), (number, place));
        Ok(())
    }
}
