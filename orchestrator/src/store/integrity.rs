//! Damage of a run's records: files that are not as they were when they were complete.
//!
//! The journal has a chain of its own, and the seals of attempts that are over ([`AttemptSeal`]), whose
//! `exit.json` has those of their other files. A file that was compared once is compared again only if
//! somebody has written to it since ([`file_stamp`]).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread;

use experiments::protocol::trial::FILE_NAME;
use experiments::protocol::trial_id::TrialId;
use sqlx::QueryBuilder;

use super::damage::Damage;
use super::{Store, StoreError, file_stamp, journal_chain};
use crate::platform::file_seal::FileSeal;
use crate::platform::line_reader;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::attempt_seal::AttemptSeal;

/// The journal's path in the run's folder.
const JOURNAL: &str = "journal.jsonl";

/// Rows that one statement inserts.
const ROWS: usize = 1_000;

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
    /// True if files were compared, so that it is worth to [`Store::record_verified`].
    pub(crate) fn has_compared(&self) -> bool {
        !self.verified.is_empty()
    }
}

/// An attempt, and what the database knows of its files.
#[derive(sqlx::FromRow)]
struct AttemptFiles {
    trial: String,
    number: u32,
    /// Bytes of its events that were read.
    bytes_read: i64,
    /// Bytes of its events that count; `None` until it is over.
    sealed_bytes: Option<i64>,
    /// True if it is over, and its work counts.
    counts: bool,
    /// The stamps of its files when they agreed with their seals; `None` if they were not compared.
    stamps: Option<String>,
}

impl AttemptFiles {
    /// True if nobody has written to its files since they were compared.
    fn hold(&self, run: &RunDir) -> bool {
        let folder = || run.trials().join(&self.trial);
        self.stamps.as_ref().is_some_and(|stamps| file_stamp::hold(&folder(), stamps))
    }

    /// The bytes of its events that count; `None` until it is over.
    fn limit(&self, accepted: &Accepted) -> Option<u64> {
        let own = self.sealed_bytes? as u64;
        if accepted.is_empty() {
            return Some(own);
        }
        let accepted = accepted.get(&format!("{}/events.jsonl", self.key()));
        Some(accepted.map_or(own, |seal| seal.as_ref().map_or(0, |seal| seal.bytes)))
    }

    /// The path under which its stamps are stored.
    fn key(&self) -> String {
        format!("trials/{}/attempt-{}", self.trial, self.number)
    }
}

/// An attempt that is over, and has not been superseded by one that began anew.
#[derive(sqlx::FromRow)]
struct Sealed {
    trial: String,
    number: u32,
    seal: String,
    /// True if it is the trial's last one, and the trial has succeeded.
    is_final: bool,
}

impl Sealed {
    /// The trial's folder, relative to the run's.
    fn within(&self) -> String {
        format!("trials/{}", self.trial)
    }

    /// The path under which its stamps are stored.
    fn key(&self) -> String {
        format!("trials/{}/attempt-{}", self.trial, self.number)
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
    let is_verified =
        |name: &str| known.get(name).is_some_and(|stamps| file_stamp::hold(run.path(), stamps));
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
            found.is_current &= attempt.limit(&accepted) == Some(attempt.bytes_read as u64);
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

/// Attempts whose files one thread looks at, at least.
const SHARE: usize = 256;

/// Threads that look at files at once: enough for a local disk, and for the delays of a shared one.
const THREADS: usize = 8;

/// For each attempt, true if nobody has written to its files since they were compared.
fn hold(run: &RunDir, attempts: &[AttemptFiles]) -> Vec<bool> {
    let share = attempts.len().div_ceil(THREADS).max(SHARE);
    let hold = |attempts: &[AttemptFiles]| -> Vec<bool> {
        attempts.iter().map(|attempt| attempt.hold(run)).collect()
    };
    let hold = &hold;
    thread::scope(|scope| {
        let parts: Vec<_> =
            attempts.chunks(share).map(|part| scope.spawn(move || hold(part))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("nothing in it panics")).collect()
    })
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

/// An attempt that has just ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndedAttempt {
    pub(crate) trial: TrialId,
    /// Its number, from 1.
    pub(crate) number: u32,
    pub(crate) seal: AttemptSeal,
    /// True if its trial has succeeded by it.
    pub(crate) is_final: bool,
}

/// Compares the files of an attempt that has just ended with its seal, so that no reader has to while the
/// run goes on.
pub(crate) async fn verify_attempt(
    store: &mut Store,
    run: &RunDir,
    ended: &EndedAttempt,
) -> Result<(), StoreError> {
    let EndedAttempt { trial, number, seal, is_final } = ended;
    let seal = serde_json::to_string(seal).expect("seals are plain data");
    let (trial, number, is_final) = (trial.0.clone(), *number, *is_final);
    let sealed = Sealed { trial, number, seal, is_final };
    let mut found = Integrity::default();
    check_sealed(run, &sealed, &Accepted::new(), &mut found);
    store.record_verified(found).await
}

/// Compares the files of an attempt that is over.
fn check_sealed(run: &RunDir, sealed: &Sealed, accepted: &Accepted, found: &mut Integrity) {
    let trial = TrialId(sealed.trial.clone());
    let folder = run.trial(&trial);
    let (problems, names) = check_attempt(&folder, sealed, accepted);
    if problems.is_empty() {
        let stamps = file_stamp::of_all(&folder, names.iter().map(String::as_str));
        found.verified.insert(sealed.key(), stamps);
    }
    let within = sealed.within();
    found.damage.extend(problems.into_iter().map(|(name, problem)| Damage {
        path: format!("{within}/{name}"),
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
    let (length, read) = (line_reader::length(&run.journal()), store.journal_offset().await?);
    found.is_current &= length == read;
    if length < read {
        add(shorter(length, read));
    }
    if !is_verified(JOURNAL) {
        let stamps = file_stamp::of_all(run.path(), [JOURNAL]);
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
            let problem = "was started, and is not in the journal".to_owned();
            found.damage.insert(Damage { path: format!("trials/{name}"), trial: None, problem });
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
        let stamps = file_stamp::of_all(run.path(), [name.as_str()]);
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
    sealed: &Sealed,
    accepted: &Accepted,
) -> (Vec<(String, String)>, BTreeSet<String>) {
    let (attempt, within) = (AttemptDir::new(folder, sealed.number), sealed.within());
    let (exit, events) = (attempt.name_of(&attempt.exit()), attempt.name_of(&attempt.events()));
    let mut names = BTreeSet::from([exit.clone(), events.clone()]);
    let Ok(seal) = serde_json::from_str::<AttemptSeal>(&sealed.seal) else {
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
        let seal = accepted.get(&format!("{within}/{name}")).cloned().unwrap_or(seal);
        let problem = match seal {
            Some(seal) => seal.check(&path).map(|difference| difference.to_string()),
            None if path.is_file() => Some("was written after its attempt had ended".to_owned()),
            None => None,
        };
        problems.extend(problem.map(|problem| (name, problem)));
    }
    (problems, names)
}

/// The accepted content of damaged files, by their paths in the run's folder; `None` if missing.
type Accepted = BTreeMap<String, Option<FileSeal>>;

impl Store {
    /// The content with which damaged files were accepted, by their paths in the run's folder.
    pub(crate) async fn accepted_files(&mut self) -> Result<Accepted, StoreError> {
        let rows: Vec<(String, Option<i64>, Option<String>)> =
            self.fetch_all(sqlx::query_as("select path, bytes, sha256 from accepted_file")).await?;
        let files = rows.into_iter().map(|(path, bytes, sha256)| {
            let seal = bytes.zip(sha256);
            (path, seal.map(|(bytes, sha256)| FileSeal { bytes: bytes as u64, sha256 }))
        });
        Ok(files.collect())
    }

    /// The bytes of events that count, of every attempt that is over.
    pub(crate) async fn event_limits(
        &mut self,
    ) -> Result<BTreeMap<(TrialId, u32), u64>, StoreError> {
        let rows: Vec<(String, u32, i64)> = self
            .fetch_all(sqlx::query_as(
                "select name, number, iif(path is null, sealed_bytes, coalesce(bytes, 0))
                 from attempt join trial using (trial_id)
                 left join accepted_file
                    on path = 'trials/' || name || '/attempt-' || number || '/events.jsonl'
                 where seal is not null",
            ))
            .await?;
        let limits = rows.into_iter();
        Ok(limits.map(|(trial, number, bytes)| ((TrialId(trial), number), bytes as u64)).collect())
    }

    /// Every attempt, and what is known of its files.
    async fn attempt_files(&mut self) -> Result<Vec<AttemptFiles>, StoreError> {
        self.fetch_all(sqlx::query_as(
            "select trial.name as trial, attempt.number, attempt.bytes_read, attempt.sealed_bytes,
                attempt.seal is not null and trial.position is not null
                    and coalesce(effective.effective_until, 0) >= 0 as counts,
                verified_file.stamp as stamps
             from attempt
             join trial using (trial_id)
             join effective_attempt as effective using (attempt_id)
             left join verified_file
                on verified_file.path = 'trials/' || trial.name || '/attempt-' || attempt.number",
        ))
        .await
    }

    /// The stamps of the run's own files when they agreed with their seals, by name.
    async fn stamps_of_run(&mut self) -> Result<BTreeMap<String, String>, StoreError> {
        let rows: Vec<(String, String)> = self
            .fetch_all(sqlx::query_as(
                "select path, stamp from verified_file
                 where path in ('journal.jsonl', 'experiment.yaml', 'resolved.yaml')",
            ))
            .await?;
        Ok(rows.into_iter().collect())
    }

    /// True if the journal knows a trial of this name.
    async fn knows_trial(&mut self, name: &str) -> Result<bool, StoreError> {
        sqlx::query_scalar("select exists (select 1 from trial where name = ?)")
            .bind(name)
            .fetch_one(&mut self.connection)
            .await
            .map_err(Self::sql_error(&self.path))
    }

    /// The hashes of the files that the newest plan was recorded with, by name.
    async fn plan_hashes(&mut self) -> Result<Vec<(String, String)>, StoreError> {
        self.fetch_all(sqlx::query_as(
            "select 'experiment.yaml', file_hash from journal where file_hash <> ''
             union all
             select 'resolved.yaml', resolved_hash from journal where resolved_hash <> ''",
        ))
        .await
    }

    /// The attempts that are over and whose work counts.
    async fn sealed_attempts(&mut self) -> Result<Vec<Sealed>, StoreError> {
        self.fetch_all(sqlx::query_as(
            "select trial.name as trial, attempt.number, attempt.seal,
                trial.state = 'succeeded' and attempt.number =
                    (select max(number) from attempt as last
                     where last.trial_id = attempt.trial_id) as is_final
             from attempt
             join trial using (trial_id)
             join effective_attempt as effective using (attempt_id)
             where attempt.seal is not null and trial.position is not null
                and (effective.effective_until is null or effective.effective_until >= 0)
             order by attempt.attempt_id",
        ))
        .await
    }

    /// The trials whose work counts although records of it are damaged, which was accepted; and true if
    /// the journal's damage was.
    pub(crate) async fn accepted_damage(
        &mut self,
    ) -> Result<(BTreeSet<TrialId>, bool), StoreError> {
        let accepted = self.accepted_files().await?;
        let mut trials = BTreeSet::new();
        for sealed in self.sealed_attempts().await? {
            let key = sealed.key() + "/";
            if accepted.keys().any(|path| path.starts_with(&key)) {
                trials.insert(TrialId(sealed.trial));
            }
        }
        Ok((trials, accepted.contains_key(JOURNAL)))
    }

    /// Remembers that files agree with their seals, so that they are not read again.
    pub(crate) async fn record_verified(&mut self, found: Integrity) -> Result<(), StoreError> {
        self.verified.extend(found.verified);
        self.begin().await
    }

    /// Stores what was verified, before a commit.
    pub(super) async fn store_verified(&mut self) -> Result<(), StoreError> {
        let verified: Vec<_> = std::mem::take(&mut self.verified).into_iter().collect();
        for some in verified.chunks(ROWS) {
            let mut insert =
                QueryBuilder::new("insert or replace into verified_file (path, stamp) ");
            insert.push_values(some, |mut row, (path, stamp)| {
                row.push_bind(path).push_bind(stamp);
            });
            let inserted = insert.build().persistent(false).execute(&mut self.connection).await;
            inserted.map_err(Self::sql_error(&self.path))?;
        }
        Ok(())
    }
}
