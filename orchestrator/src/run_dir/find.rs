//! Finding a run by its name on the command line.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{RunDir, RunDirError};

impl RunDir {
    /// Finds a run by name: `table1.demo`, or `table1` for its latest profile, or the path of its
    /// folder; without a name, the run that was active last.
    pub(crate) fn find(runs: &Path, name: Option<&str>) -> Result<Self, RunDirError> {
        if let Some(path) = name.map(Path::new).filter(|p| p.join("journal.jsonl").is_file()) {
            return Ok(Self(path.to_owned()));
        }
        let all = list(runs);
        let exact = all.iter().find(|(run, _)| Some(run.as_str()) == name);
        let latest = all
            .iter()
            .filter(|(run, _)| name.is_none_or(|name| is_profile_of(run, name)))
            .max_by_key(|(_, time)| *time);
        if let Some((run, _)) = exact.or(latest) {
            return Ok(Self::new(runs, run));
        }
        let elsewhere = above(runs).find(|above| !list(above).is_empty());
        let runs = runs.to_owned();
        Err(match name {
            None => RunDirError::NoRuns { runs, elsewhere },
            Some(name) => {
                let known_runs = all.into_iter().map(|(run, _)| run).collect();
                RunDirError::NoSuchRun { name: name.to_owned(), runs, known_runs }
            }
        })
    }

    /// Every run below `runs`, by name.
    pub(crate) fn all(runs: &Path) -> Vec<Self> {
        list(runs).into_iter().map(|(run, _)| Self::new(runs, &run)).collect()
    }
}

/// The folders that `runs` would be in the folders above this one, the nearest first; none if it is an absolute
/// path.
pub(crate) fn above(runs: &Path) -> impl Iterator<Item = PathBuf> {
    let depth = std::env::current_dir().map_or(0, |folder| folder.ancestors().count() - 1);
    let depth = if runs.is_relative() { depth } else { 0 };
    (1..=depth).map(move |up| PathBuf::from("../".repeat(up)).join(runs))
}

fn is_profile_of(run: &str, experiment: &str) -> bool {
    run.rsplit_once('.').is_some_and(|(name, _)| name == experiment)
}

/// Every run below `runs` with the time of its last decision.
fn list(runs: &Path) -> Vec<(String, SystemTime)> {
    let Ok(entries) = std::fs::read_dir(runs) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let time = entry.path().join("journal.jsonl").metadata().ok()?.modified().ok()?;
            let name = entry.file_name().into_string().ok()?;
            // A run that is being removed is hidden.
            (!name.starts_with('.')).then_some((name, time))
        })
        .collect();
    found.sort();
    found
}
