//! Comparing a report with one that is drawn again.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::platform::file_seal::FileSeal;
use crate::platform::filesystem::files_below;

/// A file of a report that is not as it is drawn from the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaleFile {
    /// Its path in the report's folder.
    pub(crate) name: PathBuf,
    /// Its difference.
    pub(crate) difference: Difference,
}

/// The difference of a file from the one that is drawn again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference {
    /// It has another content.
    Changed,
    /// It is missing.
    Missing,
    /// It is not drawn.
    Additional,
}

impl StaleFile {
    /// The same by its path from where the report's folder is `folder`.
    pub(crate) fn below(&self, folder: &str) -> Self {
        Self { name: Path::new(folder).join(&self.name), difference: self.difference }
    }
}

impl fmt::Display for StaleFile {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let problem = match self.difference {
            Difference::Changed => "is not as it is drawn from the records",
            Difference::Missing => "is missing",
            Difference::Additional => "is not drawn from the records",
        };
        write!(f, "`{}` {problem}", self.name.display())
    }
}

/// The number of files of the report in the folder `again`, and those of the report in `there` that differ
/// from it.
pub(crate) fn compare(there: &Path, again: &Path) -> io::Result<(usize, Vec<StaleFile>)> {
    let of_again = names_below(again)?;
    let mut names = if there.is_dir() { names_below(there)? } else { BTreeSet::new() };
    let count = of_again.len();
    names.extend(of_again);
    let mut stale = Vec::new();
    for name in names {
        let seal = |folder: &Path| FileSeal::of(&folder.join(&name));
        let difference = match (seal(there)?, seal(again)?) {
            (there, again) if there == again => continue,
            (Some(_), Some(_)) => Difference::Changed,
            (Some(_), None) => Difference::Additional,
            (None, _) => Difference::Missing,
        };
        stale.push(StaleFile { name, difference });
    }
    Ok((count, stale))
}

fn names_below(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let files = files_below(folder)?.into_iter();
    Ok(files.filter_map(|file| Some(file.strip_prefix(folder).ok()?.to_owned())).collect())
}
