//! What lies in trials' folders and is not needed any more: checkpoints that the file's `keep` does
//! not want, folders of checkpoints that a trial left behind when it began anew, and what killed
//! workers wrote half. Logs, events, records and artifacts are never among it.
//!
//! Here it is only found, and removed once that has been decided. Workers say where checkpoints lie,
//! so nothing is believed: only what is reached below a trial's own folder of checkpoints, without a
//! link on the way, counts.

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

/// What is not needed of a run.
#[derive(Debug, Default)]
pub struct Survey {
    /// Of each trial that is not under way and has something.
    pub trials: Vec<Garbage>,
    /// Checkpoints that stay.
    pub stay: usize,
    /// Trials that are under way, so that nothing of them is looked at.
    pub active: usize,
}

/// What is not needed of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    /// The trial.
    pub trial: TrialId,
    /// The files and folders.
    pub files: Vec<Unneeded>,
}

/// A checkpoint as an attempt said it.
struct Said {
    attempt: u32,
    step: u64,
    path: PathBuf,
    removed: bool,
}

/// Looks through every trial that is not under way. Without `keep` every checkpoint stays.
pub async fn survey(
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
        if let Some(look) = Look::at(&folder, &row, &attempts, artifacts) {
            let (files, stay) = look.unneeded(rule, &values);
            survey.stay += stay;
            if !files.is_empty() {
                survey.trials.push(Garbage { trial: row.id, files });
            }
        }
    }
    Ok(survey)
}

impl Garbage {
    /// The size of all of it.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// A trial's folder and what was said of it.
struct Look<'a> {
    folder: &'a Path,
    /// The name of the folder that its next attempt would find checkpoints in.
    current: PathBuf,
    succeeded: bool,
    said: Vec<Said>,
    artifacts: BTreeSet<PathBuf>,
}

impl<'a> Look<'a> {
    /// `None` if the trial was never started, or nobody can tell where its checkpoints lie.
    fn at(
        folder: &'a Path,
        row: &TrialRecord,
        attempts: &[AttemptDetail],
        artifacts: BTreeSet<PathBuf>,
    ) -> Option<Self> {
        let current = Trial::read(&folder.join(FILE_NAME)).ok()?.checkpoints;
        if !current.to_str().is_some_and(files::is_folder_of_checkpoints) {
            return None;
        }
        let said = attempts.iter().flat_map(|attempt| {
            attempt.checkpoints.iter().map(|(step, checkpoint)| Said {
                attempt: attempt.number,
                step: *step,
                path: checkpoint.path.clone().into(),
                removed: checkpoint.removed,
            })
        });
        let succeeded = matches!(row.state, State::Succeeded { .. });
        Some(Self { folder, current, succeeded, said: said.collect(), artifacts })
    }

    /// What is not needed, and how many checkpoints stay.
    fn unneeded(
        &self,
        rule: Option<&KeepCheckpoints>,
        values: &BTreeMap<u64, f64>,
    ) -> (Vec<Unneeded>, usize) {
        // Of those that say the same path, the last one to say it wrote what is there.
        let mut there = BTreeMap::new();
        for said in self.said.iter().filter(|said| self.is_there(said)) {
            there.insert(said.path.as_path(), said);
        }
        let (decided, open): (Vec<_>, Vec<_>) = there.into_values().partition(|said| said.removed);
        let value = |step| values.get(&step).copied().filter(|value| !value.is_nan());
        let saved: Vec<_> = open
            .iter()
            .map(|said| Saved { attempt: said.attempt, step: said.step, value: value(said.step) })
            .collect();
        let stays = match rule {
            Some(rule) => policy::stay(&saved, rule, self.succeeded),
            None => vec![true; saved.len()],
        };
        let (stay, go): (Vec<_>, Vec<_>) =
            open.into_iter().zip(stays).partition(|(_, stays)| *stays);
        let stay: Vec<_> = stay.into_iter().map(|(said, _)| said.path.as_path()).collect();
        // What was decided before and not carried out is carried out now.
        let go = decided.into_iter().chain(go.into_iter().map(|(said, _)| said));
        let mut unneeded: Vec<_> = go
            .filter(|said| !stay.iter().any(|path| path.starts_with(&said.path)))
            .map(|said| self.take(said.path.clone()))
            .collect();
        if rule.is_some() {
            let left = files::left_folders(self.folder, &self.current);
            unneeded.extend(left.into_iter().map(|path| self.take(path)));
        }
        let half = files::half_written(self.folder, &self.current).into_iter();
        let half = half.filter(|path| !self.said.iter().any(|said| said.path == *path));
        unneeded.extend(half.map(|path| self.take(path)));
        (unneeded, stay.len())
    }

    /// Whether it lies where checkpoints lie, and is nothing else.
    fn is_there(&self, said: &Said) -> bool {
        files::is_below(self.folder, &self.current, &said.path)
            && !self.artifacts.iter().any(|artifact| artifact.starts_with(&said.path))
    }

    fn take(&self, path: PathBuf) -> Unneeded {
        let bytes = files::size(&self.folder.join(&path));
        let gone = self.said.iter().filter(|said| said.path.starts_with(&path));
        let checkpoints = gone.map(|said| (said.attempt, said.step)).collect();
        Unneeded { path, bytes, checkpoints }
    }
}
