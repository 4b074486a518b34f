//! The stamp of a file: size, times and inode, which change whenever somebody writes to it. As long as it
//! is the same, a file that has been read need not be read again.

use std::fmt;
use std::fs::Metadata;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::AtFlags;

/// The stamp of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileStamp {
    bytes: u64,
    /// Seconds and nanoseconds since the Unix epoch.
    modified: (i64, i64),
    changed: (i64, i64),
    inode: u64,
}

impl FileStamp {
    /// The stamp of the file at `path`; `None` if there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        path.metadata().ok().as_ref().map(Self::from)
    }

    /// The same of a path relative to an open `folder`, which takes less time for very many files.
    pub(crate) fn within(folder: impl AsFd, path: &str) -> Option<Self> {
        let file = rustix::fs::statat(folder, path, AtFlags::empty()).ok()?;
        Some(Self {
            bytes: file.st_size as u64,
            modified: (file.st_mtime, file.st_mtime_nsec as i64),
            changed: (file.st_ctime, file.st_ctime_nsec as i64),
            inode: file.st_ino,
        })
    }

    /// True if its times are whole seconds, as all are on some file systems.
    pub(crate) fn is_in_seconds(&self) -> bool {
        self.modified.1 == 0 && self.changed.1 == 0
    }

    /// True if it was last written to before this time, in milliseconds since the Unix epoch.
    pub(crate) fn is_older_than(&self, time_ms: i64) -> bool {
        [self.modified, self.changed]
            .iter()
            .all(|(seconds, nanoseconds)| seconds * 1000 + nanoseconds / 1_000_000 < time_ms)
    }
}

impl From<&Metadata> for FileStamp {
    fn from(file: &Metadata) -> Self {
        Self {
            bytes: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
            inode: file.ino(),
        }
    }
}

/// `12 1764432000.000000000 1764432000.000000000 4711`.
impl fmt::Display for FileStamp {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (Self { bytes, inode, .. }, (m, m_ns), (c, c_ns)) = (self, self.modified, self.changed);
        write!(f, "{bytes} {m}.{m_ns:09} {c}.{c_ns:09} {inode}")
    }
}
