//! The part of journal and events that is not in the database yet.

use experiments::protocol::trial_id::TrialId;

use super::{Store, StoreError};
use crate::platform::line_reader;
use crate::run_dir::RunDir;

impl Store {
    /// Bytes of the journal and of the events of active attempts that have been written and not been
    /// ingested.
    pub(crate) async fn ingest_lag(&mut self, run: &RunDir) -> Result<u64, StoreError> {
        let journal = line_reader::length(&run.journal());
        let mut lag = journal.saturating_sub(self.journal_offset().await?);
        for attempt in self.attempt_files().await? {
            // Of an attempt that is over everything that counts has been read.
            if attempt.sealed_bytes.is_none() {
                let trial = TrialId(attempt.trial);
                let events = line_reader::length(&run.attempt(&trial, attempt.number).events());
                lag += events.saturating_sub(attempt.bytes_read as u64);
            }
        }
        Ok(lag)
    }
}
