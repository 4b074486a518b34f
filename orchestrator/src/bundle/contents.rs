//! The files of a run that a bundle of it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use experiments::protocol::trial::FILE_NAME;
use experiments::protocol::trial_id::TrialId;

use super::entry_name::EntryNames;
use super::{BundleError, Kind, LeftOut};
use crate::platform::filesystem::files_below;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::trial::file_of_trial;
use crate::store::Store;

/// The files of a bundle, by their names in it, and those of the run that are not.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Paths of the files.
    pub(crate) files: BTreeMap<String, PathBuf>,
    /// By kind and name; some may be in it for another reason.
    left_out: BTreeMap<Kind, BTreeMap<String, PathBuf>>,
}

/// The files that are in a bundle beyond those that every bundle has.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// The kinds of files that were requested.
    pub(crate) with: BTreeSet<Kind>,
    /// Files of artifacts that the report shows, which are always in it.
    pub(crate) shown_artifacts: BTreeSet<PathBuf>,
}

impl Contents {
    /// The files of `run`, whose records are in `store`.
    pub(crate) async fn of_run(
        run: &RunDir,
        store: &mut Store,
        selection: &Selection,
    ) -> Result<Self, BundleError> {
        let mut contents = Self::default();
        for path in [run.experiment_file(), run.resolved(), run.journal()] {
            contents.add_if_there(run, path);
        }
        let mut trials = store.trials_without_origins().await?;
        trials.sort_by(|a, b| a.id.cmp(&b.id));
        for trial in trials {
            contents.add_if_there(run, run.trial(&trial.id).join(FILE_NAME));
            contents.add_artifacts(run, store, &trial.id, selection).await?;
            for detail in store.attempts_of(&trial.id).await? {
                let attempt = run.attempt(&trial.id, detail.number);
                contents.add_attempt(run, &attempt, selection);
                for (_, path) in detail.kept() {
                    let is_chosen = selection.with.contains(&Kind::Checkpoints);
                    contents.add_named(run, &trial.id, path, Kind::Checkpoints, is_chosen)?;
                }
            }
        }
        contents.check_names()?;
        Ok(contents)
    }

    /// The files that are not in it, by kind.
    pub(crate) fn left_out(&self) -> Vec<LeftOut> {
        let kinds = self.left_out.iter().map(|(kind, files)| {
            let absent = files.iter().filter(|(name, _)| !self.files.contains_key(*name));
            let sizes = absent.map(|(_, path)| path.metadata().map_or(0, |file| file.len()));
            let (files, bytes) =
                sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size));
            LeftOut { kind: *kind, files, bytes }
        });
        kinds.filter(|left_out| left_out.files > 0).collect()
    }

    /// Adds the file at `path`, unless there is none, by its name in the run's folder.
    fn add_if_there(&mut self, run: &RunDir, path: PathBuf) {
        if path.is_file() {
            self.files.insert(name_in(run, &path), path);
        }
    }

    /// Adds the records of an attempt, with its copy of the code.
    fn add_attempt(&mut self, run: &RunDir, attempt: &AttemptDir, selection: &Selection) {
        for path in [
            attempt.command(),
            attempt.imported(),
            attempt.env(),
            attempt.code_diff(),
            attempt.job(),
            attempt.owner(),
            attempt.events(),
            attempt.system(),
            attempt.exit(),
        ] {
            self.add_if_there(run, path);
        }
        for path in [attempt.stdout(), attempt.stderr(), attempt.holder_log()] {
            self.add_kind(run, path, Kind::Logs, selection.with.contains(&Kind::Logs));
        }
        // The files of the code, if it ran from a copy, without the data that the copy links to.
        if let Ok(Some(code)) = attempt.read_code()
            && let Some(copy) = run.code_copy(&code)
        {
            for file in code.files.keys().filter(|file| !file.starts_with('/')) {
                self.add_if_there(run, copy.join(file));
            }
        }
    }

    async fn add_artifacts(
        &mut self,
        run: &RunDir,
        store: &mut Store,
        trial: &TrialId,
        selection: &Selection,
    ) -> Result<(), BundleError> {
        for artifact in store.artifacts(trial).await? {
            let is_chosen = selection.with.contains(&Kind::Artifacts)
                || selection.shown_artifacts.contains(&run.trial(trial).join(&artifact.path));
            self.add_named(run, trial, &artifact.path, Kind::Artifacts, is_chosen)?;
        }
        Ok(())
    }

    /// Adds the file that an event names, or all files in the folder that it does. What is not in the
    /// trial's folder is not the trial's.
    fn add_named(
        &mut self,
        run: &RunDir,
        trial: &TrialId,
        path: &str,
        kind: Kind,
        is_chosen: bool,
    ) -> Result<(), BundleError> {
        let Ok(path) = file_of_trial(&run.trial(trial), Path::new(path)) else { return Ok(()) };
        for file in files_below(&path).map_err(BundleError::io(&path))? {
            self.add_kind(run, file, kind, is_chosen);
        }
        Ok(())
    }

    fn add_kind(&mut self, run: &RunDir, path: PathBuf, kind: Kind, is_chosen: bool) {
        if is_chosen {
            self.add_if_there(run, path);
        } else if path.is_file() {
            self.left_out.entry(kind).or_default().insert(name_in(run, &path), path);
        }
    }

    /// Adds every file below `folder`, which is to be named `prefix` in the bundle.
    pub(crate) fn add_folder(&mut self, folder: &Path, prefix: &str) -> Result<(), BundleError> {
        for path in files_below(folder).map_err(BundleError::io(folder))? {
            let below = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            self.files.insert(format!("{prefix}/{below}"), path);
        }
        Ok(())
    }

    /// An error if the names are not those of different files on every system.
    fn check_names(&self) -> Result<(), BundleError> {
        let mut names = EntryNames::default();
        for name in self.files.keys() {
            names
                .add(name.as_bytes())
                .map_err(|problem| BundleError::Name { name: name.clone(), problem })?;
        }
        Ok(())
    }
}

/// The name of a file of the run in the bundle.
fn name_in(run: &RunDir, path: &Path) -> String {
    let below = path.strip_prefix(run.path()).unwrap_or(path);
    // `./a` and `a` are one file.
    below.components().collect::<PathBuf>().to_string_lossy().into_owned()
}
