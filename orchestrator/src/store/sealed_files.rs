//! The database's knowledge of files and their seals, for [`integrity`](super::integrity).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use experiments::protocol::trial_id::TrialId;
use rusqlite::Row;
use sqlx::QueryBuilder;

use super::{Store, StoreError, file_stamp};
use crate::platform::file_seal::FileSeal;
use crate::run_dir::attempt_seal::AttemptSeal;

/// The journal's path in the run's folder.
pub(super) const JOURNAL: &str = "journal.jsonl";

/// Rows that one statement inserts.
const ROWS: usize = 1_000;

/// An attempt, and what the database knows of its files.
pub(super) struct AttemptFiles {
    pub(super) trial: String,
    pub(super) number: u32,
    /// Bytes of its events that were read.
    pub(super) bytes_read: i64,
    /// Bytes of its events that count; `None` until it is over.
    pub(super) sealed_bytes: Option<i64>,
    /// True if it is over, and its work counts.
    pub(super) counts: bool,
    /// The stamps of its files when they agreed with their seals; `None` if they were not compared.
    pub(super) stamps: Option<String>,
}

impl AttemptFiles {
    /// True if its files, in the folder `trials`, have not been written to since they were compared.
    pub(super) fn hold(&self, trials: &File) -> bool {
        let prefix = || format!("{}/", self.trial);
        self.stamps.as_ref().is_some_and(|stamps| file_stamp::hold(trials, &prefix(), stamps))
    }

    /// The bytes of its events that count; `None` until it is over.
    pub(super) fn limit(&self, accepted: &Accepted) -> Option<u64> {
        let own = self.sealed_bytes? as u64;
        if accepted.is_empty() {
            return Some(own);
        }
        let accepted = accepted.get(&format!("{}/events.jsonl", self.key()));
        Some(accepted.map_or(own, |seal| seal.as_ref().map_or(0, |seal| seal.bytes)))
    }

    /// True if it is over, and all of its events that count have been read.
    pub(super) fn is_read(&self, accepted: &Accepted) -> bool {
        self.limit(accepted) == Some(self.bytes_read as u64)
    }

    /// The path under which its stamps are stored.
    pub(super) fn key(&self) -> String {
        key(&self.trial, self.number)
    }
}

/// An attempt that is over, with its seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SealedAttempt {
    pub(crate) trial: TrialId,
    /// Its number, from 1.
    pub(crate) number: u32,
    /// `None` if it cannot be read.
    pub(crate) seal: Option<AttemptSeal>,
    /// True if it is the trial's last one, and the trial has succeeded by it.
    pub(crate) is_final: bool,
}

impl SealedAttempt {
    /// The path under which its stamps are stored.
    pub(super) fn key(&self) -> String {
        key(&self.trial.0, self.number)
    }
}

/// The path of an attempt's folder in the run's.
fn key(trial: &str, number: u32) -> String {
    format!("trials/{trial}/attempt-{number}")
}

/// The accepted content of damaged files, by their paths in the run's folder; `None` if missing.
pub(super) type Accepted = BTreeMap<String, Option<FileSeal>>;

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

    /// Every attempt, the first one first, and what is known of its files.
    pub(super) async fn attempt_files(&mut self) -> Result<Vec<AttemptFiles>, StoreError> {
        let select = "
            select trial.name, attempt.number, attempt.bytes_read, attempt.sealed_bytes,
                attempt.seal is not null and trial.position is not null
                    and coalesce(effective.effective_until, 0) >= 0 as counts,
                verified_file.stamp
            from attempt
            join trial using (trial_id)
            join effective_attempt as effective using (attempt_id)
            left join verified_file
                on verified_file.path = 'trials/' || trial.name || '/attempt-' || attempt.number
            order by attempt.attempt_id";
        let read = |row: &Row| {
            Ok(AttemptFiles {
                trial: row.get(0)?,
                number: row.get(1)?,
                bytes_read: row.get(2)?,
                sealed_bytes: row.get(3)?,
                counts: row.get(4)?,
                stamps: row.get(5)?,
            })
        };
        let rows = self.direct().await?.rows(select, read);
        rows.map_err(Self::sql_error(&self.path))
    }

    /// The stamps of the run's own files when they agreed with their seals, by name.
    pub(super) async fn stamps_of_run(&mut self) -> Result<BTreeMap<String, String>, StoreError> {
        let rows: Vec<(String, String)> = self
            .fetch_all(sqlx::query_as(
                "select path, stamp from verified_file
                 where path in ('journal.jsonl', 'experiment.yaml', 'resolved.yaml')",
            ))
            .await?;
        Ok(rows.into_iter().collect())
    }

    /// True if the journal knows a trial of this name.
    pub(super) async fn knows_trial(&mut self, name: &str) -> Result<bool, StoreError> {
        sqlx::query_scalar("select exists (select 1 from trial where name = ?)")
            .bind(name)
            .fetch_one(&mut self.connection)
            .await
            .map_err(Self::sql_error(&self.path))
    }

    /// The succeeded trials of the plan whose work began before the journal, which had lost them, knew of them.
    pub(crate) async fn unrecorded_trials(&mut self) -> Result<Vec<TrialId>, StoreError> {
        let select = "select name from trial
             where unrecorded = 1 and first_attempt = 1 and position is not null
                and state = 'succeeded'
             order by position";
        let names: Vec<(String,)> = self.fetch_all(sqlx::query_as(select)).await?;
        Ok(names.into_iter().map(|(name,)| TrialId(name)).collect())
    }

    /// The hashes of the files that the newest plan was recorded with, by name.
    pub(super) async fn plan_hashes(&mut self) -> Result<Vec<(String, String)>, StoreError> {
        self.fetch_all(sqlx::query_as(
            "select 'experiment.yaml', file_hash from journal where file_hash <> ''
             union all
             select 'resolved.yaml', resolved_hash from journal where resolved_hash <> ''",
        ))
        .await
    }

    /// The attempts that are over and whose work counts: those that have not been superseded by one that began
    /// anew.
    pub(super) async fn sealed_attempts(&mut self) -> Result<Vec<SealedAttempt>, StoreError> {
        self.attempts_that_are_over(true).await
    }

    /// The other attempts that are over: those of retired trials, and those that have been superseded.
    pub(super) async fn superseded_attempts(&mut self) -> Result<Vec<SealedAttempt>, StoreError> {
        self.attempts_that_are_over(false).await
    }

    async fn attempts_that_are_over(
        &mut self,
        count: bool,
    ) -> Result<Vec<SealedAttempt>, StoreError> {
        let rows: Vec<(String, u32, String, bool)> = self
            .fetch_all(
                sqlx::query_as(
                    "select trial.name, attempt.number, attempt.seal,
                trial.state = 'succeeded' and attempt.number =
                    (select max(number) from attempt as last
                     where last.trial_id = attempt.trial_id)
             from attempt
             join trial using (trial_id)
             join effective_attempt as effective using (attempt_id)
             where attempt.seal is not null and ? = (trial.position is not null
                and (effective.effective_until is null or effective.effective_until >= 0))
             order by attempt.attempt_id",
                )
                .bind(count),
            )
            .await?;
        let attempts = rows.into_iter().map(|(trial, number, seal, is_final)| {
            let seal = serde_json::from_str(&seal).ok();
            SealedAttempt { trial: TrialId(trial), number, seal, is_final }
        });
        Ok(attempts.collect())
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
                trials.insert(sealed.trial);
            }
        }
        Ok((trials, accepted.contains_key(JOURNAL)))
    }

    /// Remembers the stamps of files that agree with their seals, by the path that they are stored under.
    pub(super) async fn record_verified(
        &mut self,
        stamps: BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        self.verified.extend(stamps);
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
