//! The report's files: each is written aside as it is made, and all are renamed at the end, so that a
//! reader meets an old file or a new one and never half of one.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Data up to this many bytes is kept, for the page to hold.
const MOST_KEPT: u64 = 64 * 1024;

/// Files by path relative to the report's folder, in the order they were made.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    made: Vec<Made>,
    /// What went wrong first.
    failed: Option<io::Error>,
}

/// A file that lies aside.
#[derive(Debug)]
struct Made {
    path: PathBuf,
    /// Its content, unless that is too large.
    kept: Option<Vec<u8>>,
}

impl Files {
    /// None yet, for a report in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), made: Vec::new(), failed: None }
    }

    /// Adds a file; a later one of the same path replaces an earlier one.
    pub(crate) fn add(&mut self, path: impl Into<PathBuf>, bytes: Vec<u8>) {
        let path = path.into();
        self.make(&path, |out| out.write_all(&bytes));
        self.put(path, Some(bytes));
    }

    /// Adds a file that is written bit by bit, because it may be large.
    pub(crate) fn add_data(
        &mut self,
        path: impl Into<PathBuf>,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) {
        let path = path.into();
        self.make(&path, write);
        let aside = aside(&self.folder.join(&path));
        let is_small = fs_err::metadata(&aside).is_ok_and(|data| data.len() <= MOST_KEPT);
        let kept = is_small.then(|| fs_err::read(&aside).ok()).flatten();
        self.put(path, kept);
    }

    /// Takes back a file that was added.
    pub(crate) fn discard(&mut self, path: &Path) {
        self.made.retain(|made| made.path != path);
        let _ = fs_err::remove_file(aside(&self.folder.join(path)));
    }

    /// The content of a file; none if there is no such file, or it is too large to be kept.
    pub(crate) fn get(&self, path: &Path) -> Option<&[u8]> {
        self.made.iter().find(|made| made.path == path)?.kept.as_deref()
    }

    pub(crate) fn contains(&self, path: &Path) -> bool {
        self.made.iter().any(|made| made.path == path)
    }

    /// Puts all of them in their places and returns the paths.
    pub(crate) fn write(mut self) -> io::Result<Vec<PathBuf>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut paths = Vec::new();
        for Made { path, .. } in &self.made {
            let path = self.folder.join(path);
            fs_err::rename(aside(&path), &path)?;
            paths.push(path);
        }
        Ok(paths)
    }

    fn put(&mut self, path: PathBuf, kept: Option<Vec<u8>>) {
        self.made.retain(|made| made.path != path);
        self.made.push(Made { path, kept });
    }

    fn make(&mut self, path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let path = self.folder.join(path);
        let make = || {
            if let Some(parent) = path.parent() {
                fs_err::create_dir_all(parent)?;
            }
            let mut out = BufWriter::new(fs_err::File::create(aside(&path))?);
            write(&mut out)?;
            out.flush()
        };
        if let Err(error) = make() {
            self.failed.get_or_insert(error);
        }
    }
}

impl Drop for Files {
    /// Nothing is left aside of a report that was not written.
    fn drop(&mut self) {
        for made in &self.made {
            let _ = fs_err::remove_file(aside(&self.folder.join(&made.path)));
        }
    }
}

fn aside(path: &Path) -> PathBuf {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".tmp");
    aside.into()
}
