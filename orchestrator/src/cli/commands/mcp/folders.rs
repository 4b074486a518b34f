//! The folders that a client may name files of: the one that the server was started in, and that of all runs.

use std::io;
use std::path::{Component, Path, PathBuf};

/// A path that a client may not name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no `{}` below `{}`, and other folders are not open to this server\n\nhint: give a path below that \
     folder, without `..`",
    path.display(), start.display()
)]
pub(super) struct OutOfReach {
    path: PathBuf,
    start: PathBuf,
}

/// The folders within which a client may name files.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    /// The present folder of the server and its verbs, absolute and without links.
    start: PathBuf,
    /// The folder of all runs, as the command line names it.
    runs: PathBuf,
}

impl Folders {
    /// The present folder, and the folder `runs` of all runs.
    pub(super) fn new(runs: &Path) -> io::Result<Self> {
        Ok(Self { start: std::env::current_dir()?.canonicalize()?, runs: runs.to_owned() })
    }

    /// The folder of all runs.
    pub(super) fn runs(&self) -> &Path {
        &self.runs
    }

    /// An error unless `path` is an existing file or folder within one of the folders, links followed.
    pub(super) fn check(&self, path: &Path) -> Result<(), OutOfReach> {
        let climbs = path.components().any(|part| part == Component::ParentDir);
        let found = self.start.join(path).canonicalize().ok().filter(|_| !climbs);
        let runs = self.start.join(&self.runs).canonicalize().ok();
        let is_within = found.is_some_and(|found| {
            found.starts_with(&self.start) || runs.is_some_and(|runs| found.starts_with(runs))
        });
        if is_within {
            return Ok(());
        }
        Err(OutOfReach { path: path.to_owned(), start: self.start.clone() })
    }

    /// The same of the name of a run, or of anything else that verbs also accept as a path.
    pub(super) fn check_name(&self, name: &str) -> Result<(), OutOfReach> {
        let is_path = name.contains('/') || self.start.join(name).symlink_metadata().is_ok();
        if is_path { self.check(Path::new(name)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_lies_within_the_folders_is_in_reach() {
        let all = tempfile::tempdir().unwrap();
        let all = all.path().canonicalize().unwrap();
        let (start, runs) = (all.join("start"), all.join("disk/runs"));
        for folder in [&start, &runs, &all.join("other/run")] {
            fs::create_dir_all(folder).unwrap();
        }
        for file in [start.join("a.yaml"), runs.join("kept.yaml"), all.join("other/b.yaml")] {
            fs::write(file, "").unwrap();
        }
        symlink(all.join("other"), start.join("link")).unwrap();
        symlink("a.yaml", start.join("same")).unwrap();
        let folders = Folders { start: start.clone(), runs: "../disk/runs".into() };
        let own = start.join("a.yaml").to_str().unwrap().to_owned();
        let kept = runs.join("kept.yaml").to_str().unwrap().to_owned();
        for path in ["a.yaml", "./a.yaml", "same", &own, &kept] {
            assert_eq!(folders.check(Path::new(path)), Ok(()), "{path}");
            assert_eq!(folders.check_name(path), Ok(()), "{path}");
        }
        let other = all.join("other/b.yaml").to_str().unwrap().to_owned();
        for path in ["../other/b.yaml", "link/b.yaml", &other, "../start/a.yaml", "/", ".."] {
            assert!(folders.check(Path::new(path)).is_err(), "{path}");
            assert!(folders.check_name(path).is_err(), "{path}");
        }
        assert!(folders.check(Path::new("missing.yaml")).is_err());
        for name in ["table1", "table1.demo", "variant=a,seed=0"] {
            assert_eq!(folders.check_name(name), Ok(()), "{name}");
        }
        assert!(folders.check_name("link").is_err());
    }
}
