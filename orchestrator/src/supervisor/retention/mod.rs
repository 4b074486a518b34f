//! The files that a run no longer needs: checkpoints that the file's `keep` does not keep, folders of
//! checkpoints from before a restart, and files that a killed worker did not finish. Logs, events,
//! records and artifacts are always kept.
//!
//! They are found here, and removed once that has been recorded. Workers report the paths of their
//! checkpoints, which are not trusted: only a path below the trial's own folder of checkpoints, without
//! a link on the way, counts.

mod files;
mod policy;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use experiments::protocol::trial::{FILE_NAME, Trial};
use experiments::schema::keep::{Keep, KeepCheckpoints};

use crate::run_dir::RunDir;
use crate::scheduler::State;
use crate::store::{AttemptDetail, Store, StoreError, Times, TrialRecord, Unneeded};
use experiments::protocol::trial_id::TrialId;
use policy::Saved;

/// The unneeded files of a run.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// By trial, without those that are active or have none.
    pub trials: Vec<Garbage>,
    /// The number of checkpoints that are kept.
    pub stay: usize,
    /// The number of active trials, which are left alone.
    pub active: usize,
}

/// The unneeded files of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Garbage {
    /// The trial that they belong to.
    pub trial: TrialId,
    /// Files and folders.
    pub files: Vec<Unneeded>,
}

/// A checkpoint as an attempt reported it.
struct Reported {
    attempt: u32,
    step: u64,
    path: PathBuf,
    removed: bool,
}

/// Surveys every trial that is not active. Without `keep` every checkpoint is kept.
pub(crate) async fn survey(
    store: &mut Store,
    dir: &RunDir,
    keep: Option<&Keep>,
) -> Result<Survey, StoreError> {
    let rule = keep.map(|keep| &keep.checkpoints);
    let mut series = match rule.and_then(|rule| rule.best.as_ref()) {
        Some(best) => store.series(&best.metric, Times::Left).await?,
        None => BTreeMap::new(),
    };
    let mut survey = Survey::default();
    for row in store.trials().await? {
        if row.state.active_attempt().is_some() {
            survey.active += 1;
            continue;
        }
        let values = series.remove(&row.id).unwrap_or_default();
        let values = values.iter().map(|sample| (sample.step, sample.value)).collect();
        let attempts = store.attempts_of(&row.id).await?;
        let artifacts = store.artifacts(&row.id).await?;
        let artifacts = artifacts.into_iter().map(|artifact| artifact.path.into()).collect();
        let folder = dir.trial(&row.id);
        if let Some(survey_of_trial) = TrialSurvey::new(&folder, &row, &attempts, artifacts) {
            let (files, stay) = survey_of_trial.unneeded(rule, &values);
            survey.stay += stay;
            if !files.is_empty() {
                survey.trials.push(Garbage { trial: row.id, files });
            }
        }
    }
    Ok(survey)
}

impl Garbage {
    /// The bytes of all of them.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// A trial's folder and the reports of its attempts.
struct TrialSurvey<'a> {
    folder: &'a Path,
    /// The name of the folder in which its next attempt would find checkpoints.
    current: PathBuf,
    succeeded: bool,
    reported: Vec<Reported>,
    artifacts: BTreeSet<PathBuf>,
}

impl<'a> TrialSurvey<'a> {
    /// `None` if the trial was never started, or its folder of checkpoints is unknown.
    fn new(
        folder: &'a Path,
        row: &TrialRecord,
        attempts: &[AttemptDetail],
        artifacts: BTreeSet<PathBuf>,
    ) -> Option<Self> {
        let current = Trial::read(&folder.join(FILE_NAME)).ok()?.checkpoints;
        if !current.to_str().is_some_and(files::is_folder_of_checkpoints) {
            return None;
        }
        let reported = attempts.iter().flat_map(|attempt| {
            attempt.checkpoints.iter().map(|(step, checkpoint)| Reported {
                attempt: attempt.number,
                step: *step,
                path: checkpoint.path.clone().into(),
                removed: checkpoint.removed,
            })
        });
        let succeeded = matches!(row.state, State::Succeeded { .. });
        Some(Self { folder, current, succeeded, reported: reported.collect(), artifacts })
    }

    /// The unneeded files, and the number of checkpoints that are kept.
    fn unneeded(
        &self,
        rule: Option<&KeepCheckpoints>,
        values: &BTreeMap<u64, f64>,
    ) -> (Vec<Unneeded>, usize) {
        // Of several that reported a path, the last one wrote the file.
        let mut there = BTreeMap::new();
        for reported in self.reported.iter().filter(|reported| self.is_there(reported)) {
            there.insert(reported.path.as_path(), reported);
        }
        let (decided, open): (Vec<_>, Vec<_>) =
            there.into_values().partition(|reported| reported.removed);
        let value = |step| values.get(&step).copied().filter(|value| !value.is_nan());
        let saved: Vec<_> = open
            .iter()
            .map(|reported| Saved {
                attempt: reported.attempt,
                step: reported.step,
                value: value(reported.step),
            })
            .collect();
        let stays = match rule {
            Some(rule) => policy::stay(&saved, rule, self.succeeded),
            None => vec![true; saved.len()],
        };
        let (stay, go): (Vec<_>, Vec<_>) =
            open.into_iter().zip(stays).partition(|(_, stays)| *stays);
        let stay: Vec<_> = stay.into_iter().map(|(reported, _)| reported.path.as_path()).collect();
        // A removal that was recorded and not finished is finished now.
        let go = decided.into_iter().chain(go.into_iter().map(|(reported, _)| reported));
        let mut unneeded: Vec<_> = go
            .filter(|reported| !stay.iter().any(|path| path.starts_with(&reported.path)))
            .map(|reported| self.take(reported.path.clone()))
            .collect();
        if rule.is_some() {
            let left = files::old_folders(self.folder, &self.current);
            unneeded.extend(left.into_iter().map(|path| self.take(path)));
        }
        let unfinished = files::unfinished(self.folder, &self.current).into_iter();
        let unfinished =
            unfinished.filter(|path| !self.reported.iter().any(|reported| reported.path == *path));
        unneeded.extend(unfinished.map(|path| self.take(path)));
        (unneeded, stay.len())
    }

    /// True if it is a file of the folder of checkpoints, and not also an artifact.
    fn is_there(&self, reported: &Reported) -> bool {
        files::is_below(self.folder, &self.current, &reported.path)
            && !self.artifacts.iter().any(|artifact| artifact.starts_with(&reported.path))
    }

    fn take(&self, path: PathBuf) -> Unneeded {
        let bytes = files::size(&self.folder.join(&path));
        let gone = self.reported.iter().filter(|reported| reported.path.starts_with(&path));
        let checkpoints = gone.map(|reported| (reported.attempt, reported.step)).collect();
        Unneeded { path, bytes, checkpoints }
    }
}
