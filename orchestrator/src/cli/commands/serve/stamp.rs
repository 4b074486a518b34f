//! The stamp of a run's records: as long as it is the same, nothing has been written, and what was read
//! need not be read again.

use std::path::Path;

use crate::platform::file_stamp::FileStamp;
use crate::run_dir::RunDir;

/// The stamps of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<Option<FileStamp>>);

impl Stamp {
    /// The stamp of the journal, the database and the snapshot of `run`.
    pub(super) fn of_run(run: &RunDir) -> Self {
        let (database, mut stamp) = (run.database(), Self::default());
        stamp.add(&run.journal());
        stamp.add(&database);
        stamp.add(&database.with_extension("db-wal"));
        stamp.add(&run.resolved());
        stamp
    }

    /// Adds a file. An empty one is as good as none: readers leave an empty write-ahead log.
    pub(super) fn add(&mut self, path: &Path) {
        let file = path.metadata().ok().filter(|file| file.len() > 0);
        self.0.push(file.as_ref().map(FileStamp::from));
    }
}
