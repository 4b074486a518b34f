//! Damage of a run's records: files that are not as they were when they were complete.
//!
//! The journal has a chain of its own, and the seals of attempts that are over ([`AttemptSeal`]), whose
//! `exit.json` has those of their other files. A file that was compared once is compared again only if
//! somebody has written to it since ([`file_stamp`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use experiments::protocol::trial::FILE_NAME;
use experiments::protocol::trial_id::TrialId;

use super::damage::Damage;
use super::sealed_files::{Accepted, AttemptFiles, JOURNAL, SealedAttempt};
use super::{Store, StoreError, file_stamp, journal_chain};
use crate::platform::file_seal::FileSeal;
use crate::platform::{line_reader, parallel};
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;

/// The files that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Those that somebody has written to since they were compared last.
    Changed,
    /// All of them.
    All,
}

/// The result of [`check`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Integrity {
    /// The damaged records, by path.
    pub(crate) damage: BTreeSet<Damage>,
    /// True if everything that was written has been read.
    pub(crate) is_current: bool,
    /// The new stamps of files that agree with their seals, by the path that they are stored under.
    verified: BTreeMap<String, String>,
}

impl Integrity {
    /// True if files were compared, so that it is worth to [`Self::record`].
    pub(crate) fn has_compared(&self) -> bool {
        !self.verified.is_empty()
    }

    /// Remembers that files agree with their seals, so that they are not read again.
    pub(crate) async fn record(self, store: &mut Store) -> Result<(), StoreError> {
        store.record_verified(self.verified).await
    }
}

/// Compares the records of `run` with their seals.
pub(crate) async fn check(
    store: &mut Store,
    run: &RunDir,
    extent: Extent,
) -> Result<Integrity, StoreError> {
    let known = match extent {
        Extent::All => BTreeMap::new(),
        Extent::Changed => store.stamps_of_run().await?,
    };
    let folder = File::open(run.path()).ok();
    let is_verified = |name: &str| {
        let stamps = folder.as_ref().zip(known.get(name));
        stamps.is_some_and(|(folder, stamps)| file_stamp::hold(folder, "", stamps))
    };
    let accepted = store.accepted_files().await?;
    let attempts = store.attempt_files().await?;
    let mut found = Integrity { is_current: true, ..Integrity::default() };
    check_journal(store, run, &mut found, is_verified).await?;
    check_plan(store, run, &accepted, &mut found, is_verified).await?;
    check_trials(store, run, &attempts, &mut found).await?;
    let hold = match extent {
        Extent::All => vec![false; attempts.len()],
        Extent::Changed => hold(run, &attempts),
    };
    let mut changed = BTreeSet::new();
    for (attempt, holds) in attempts.iter().zip(hold) {
        if holds {
            // Its length is still the one of its seal.
            found.is_current &= attempt.is_read(&accepted);
        } else {
            check_length(run, attempt, &accepted, &mut found);
            if attempt.counts {
                changed.insert(attempt.key());
            }
        }
    }
    if !changed.is_empty() {
        for sealed in store.sealed_attempts().await? {
            if changed.contains(&sealed.key()) {
                check_sealed(run, &sealed, &accepted, &mut found);
            }
        }
    }
    Ok(found)
}

/// The damage of attempts whose work does not count, of which [`check`] says nothing.
pub(crate) async fn check_superseded(
    store: &mut Store,
    run: &RunDir,
) -> Result<BTreeSet<Damage>, StoreError> {
    let accepted = store.accepted_files().await?;
    let mut found = Integrity::default();
    for sealed in store.superseded_attempts().await? {
        check_sealed(run, &sealed, &accepted, &mut found);
    }
    Ok(found.damage)
}

/// For each attempt, true if its files have not been written to since they were compared.
fn hold(run: &RunDir, attempts: &[AttemptFiles]) -> Vec<bool> {
    let Ok(trials) = File::open(run.trials()) else { return vec![false; attempts.len()] };
    parallel::map(attempts, |attempt| attempt.hold(&trials))
}

/// Compares the length of an attempt's events with what was read of them.
fn check_length(run: &RunDir, attempt: &AttemptFiles, accepted: &Accepted, found: &mut Integrity) {
    let trial = TrialId(attempt.trial.clone());
    let (read, limit) = (attempt.bytes_read as u64, attempt.limit(accepted));
    let file = run.attempt(&trial, attempt.number).events().metadata();
    // Nothing is known of a file that this user may not read.
    let is_forbidden =
        file.as_ref().is_err_and(|e: &io::Error| e.kind() == ErrorKind::PermissionDenied);
    let length = file.map_or(0, |file| file.len());
    found.is_current &= length.min(limit.unwrap_or(u64::MAX)) == read;
    if limit.is_none() && length < read && !is_forbidden {
        let path = format!("{}/events.jsonl", attempt.key());
        found.damage.insert(Damage { path, trial: Some(trial), problem: shorter(length, read) });
    }
}

fn shorter(now: u64, read: u64) -> String {
    format!("has {now} bytes, of which {read} were read")
}

/// Compares the files of an attempt that has just ended with its seal, so that no reader has to while the
/// run goes on.
pub(crate) async fn verify_attempt(
    store: &mut Store,
    run: &RunDir,
    ended: &SealedAttempt,
) -> Result<(), StoreError> {
    let mut found = Integrity::default();
    check_sealed(run, ended, &Accepted::new(), &mut found);
    store.record_verified(found.verified).await
}

/// Compares the run's own files with what was recorded of them, for the same reason, once that is committed.
pub(crate) async fn verify_run(store: &mut Store, run: &RunDir) -> Result<(), StoreError> {
    let accepted = store.accepted_files().await?;
    let mut found = Integrity::default();
    check_journal(store, run, &mut found, |_| false).await?;
    check_plan(store, run, &accepted, &mut found, |_| false).await?;
    found.record(store).await
}

/// Compares the files of an attempt that is over.
fn check_sealed(run: &RunDir, sealed: &SealedAttempt, accepted: &Accepted, found: &mut Integrity) {
    let trial = &sealed.trial;
    let folder = run.trial(trial);
    let (problems, names) = check_attempt(&folder, sealed, accepted);
    if problems.is_empty() {
        let stamps = file_stamp::of_all(&folder, names.iter().map(String::as_str));
        found.verified.insert(sealed.key(), stamps);
    }
    found.damage.extend(problems.into_iter().map(|(name, problem)| Damage {
        path: format!("trials/{trial}/{name}"),
        trial: Some(trial.clone()),
        problem,
    }));
}

/// Compares the chain of the journal, and its length with what was read of it.
async fn check_journal(
    store: &mut Store,
    run: &RunDir,
    found: &mut Integrity,
    is_verified: impl Fn(&str) -> bool,
) -> Result<(), StoreError> {
    let mut add = |problem| {
        found.damage.insert(Damage { path: JOURNAL.to_owned(), trial: None, problem });
    };
    // In this order: a supervisor may append to it and take that into the database in between.
    let read = store.journal_offset().await?;
    let length = line_reader::length(&run.journal());
    found.is_current &= length == read;
    if length < read {
        add(shorter(length, read));
    }
    if !is_verified(JOURNAL) {
        let stamps = file_stamp::of_all(run.path(), [JOURNAL].into_iter());
        let problems = journal_chain::damage(&run.journal())
            .map_err(|source| StoreError::File { path: run.journal(), source })?;
        if problems.is_empty() {
            found.verified.insert(JOURNAL.to_owned(), stamps);
        }
        for (line, problem) in problems {
            add(format!("{problem} at line {line}"));
        }
    }
    Ok(())
}

/// Looks for trials that were started, and that the journal does not know.
async fn check_trials(
    store: &mut Store,
    run: &RunDir,
    attempts: &[AttemptFiles],
    found: &mut Integrity,
) -> Result<(), StoreError> {
    let started: BTreeSet<_> = attempts.iter().map(|attempt| attempt.trial.as_str()).collect();
    for entry in run.trials().read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !started.contains(name.as_str())
            && entry.path().join(FILE_NAME).is_file()
            && !store.knows_trial(&name).await?
        {
            found.damage.insert(Damage::unrecorded(&name));
        }
    }
    Ok(())
}

/// Compares the files that the newest plan was recorded with.
async fn check_plan(
    store: &mut Store,
    run: &RunDir,
    accepted: &Accepted,
    found: &mut Integrity,
    is_verified: impl Fn(&str) -> bool,
) -> Result<(), StoreError> {
    for (name, sha256) in store.plan_hashes().await? {
        if is_verified(&name) {
            continue;
        }
        let stamps = file_stamp::of_all(run.path(), [name.as_str()].into_iter());
        let path = run.path().join(&name);
        let problem = match FileSeal::of(&path) {
            Ok(now) if accepted.get(&name) == Some(&now) => None,
            Ok(Some(now)) if now.sha256 == sha256 => None,
            Ok(Some(_)) => Some("is not the one of the newest plan in the journal".to_owned()),
            Ok(None) => Some("is missing".to_owned()),
            Err(e) => Some(format!("cannot be read: {e}")),
        };
        match problem {
            None => drop(found.verified.insert(name, stamps)),
            Some(problem) => {
                found.damage.insert(Damage { path: name, trial: None, problem });
            }
        }
    }
    Ok(())
}

/// The damaged files of an attempt with their problems, and all that were compared; names are relative
/// to the trial's folder.
fn check_attempt(
    folder: &Path,
    sealed: &SealedAttempt,
    accepted: &Accepted,
) -> (Vec<(String, String)>, BTreeSet<String>) {
    let attempt = AttemptDir::new(folder, sealed.number);
    let (exit, events) = (attempt.name_of(&attempt.exit()), attempt.name_of(&attempt.events()));
    let mut names = BTreeSet::from([exit.clone(), events.clone()]);
    let Some(seal) = &sealed.seal else {
        return (vec![(exit, "has a seal that cannot be read".to_owned())], names);
    };
    let mut expected = BTreeMap::from([(events.clone(), seal.events.clone())]);
    let mut problems = Vec::new();
    if seal.exit.is_some() {
        expected.insert(exit, seal.exit.clone());
    }
    if seal.exit.is_some()
        && let Ok(Some(record)) = attempt.read_exit()
    {
        let own = attempt.name_of(attempt.path()) + "/";
        let files = record.files.into_iter();
        // Files of the trial belong to its last attempt, until the next one begins.
        let files = files.filter(|(name, _)| sealed.is_final || name.starts_with(&own));
        for (name, seal) in files.filter(|(name, _)| *name != events) {
            names.insert(name.clone());
            expected.insert(name, Some(seal));
        }
    }
    for (name, seal) in expected {
        let path = folder.join(&name);
        let seal =
            accepted.get(&format!("trials/{}/{name}", sealed.trial)).cloned().unwrap_or(seal);
        let problem = match seal {
            Some(seal) => seal.check(&path).map(|difference| difference.to_string()),
            None if path.is_file() => Some("was written after its attempt had ended".to_owned()),
            None => None,
        };
        problems.extend(problem.map(|problem| (name, problem)));
    }
    (problems, names)
}
