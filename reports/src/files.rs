//! The report's files: all made in memory first, then written aside and renamed, so that a reader
//! meets an old file or a new one and never half of one.

use std::io;
use std::path::{Path, PathBuf};

/// Files by path relative to the report's folder, in the order they were made.
#[derive(Debug, Default)]
pub(crate) struct Files(Vec<(PathBuf, Vec<u8>)>);

impl Files {
    /// Adds a file; a later one of the same path replaces an earlier one.
    pub(crate) fn add(&mut self, path: impl Into<PathBuf>, bytes: Vec<u8>) {
        let path = path.into();
        self.0.retain(|(earlier, _)| *earlier != path);
        self.0.push((path, bytes));
    }

    pub(crate) fn get(&self, path: &Path) -> Option<&[u8]> {
        self.0.iter().find(|(earlier, _)| earlier == path).map(|(_, bytes)| bytes.as_slice())
    }

    pub(crate) fn contains(&self, path: &Path) -> bool {
        self.get(path).is_some()
    }

    /// Writes everything below `folder` and returns the paths.
    pub(crate) fn write(self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut renames = Vec::new();
        for (path, bytes) in self.0 {
            let path = folder.join(path);
            let mut aside = path.clone().into_os_string();
            aside.push(".tmp");
            if let Some(parent) = path.parent() {
                fs_err::create_dir_all(parent)?;
            }
            fs_err::write(&aside, bytes)?;
            renames.push((PathBuf::from(aside), path));
        }
        for (aside, path) in &renames {
            fs_err::rename(aside, path)?;
        }
        Ok(renames.into_iter().map(|(_, path)| path).collect())
    }
}
