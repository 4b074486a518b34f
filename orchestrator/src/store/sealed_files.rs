//! What the database knows of files and their seals, for [`integrity`](super::integrity).

use std::collections::{BTreeMap, BTreeSet};

use experiments::protocol::trial_id::TrialId;
use sqlx::QueryBuilder;

use super::{Store, StoreError, file_stamp};
use crate::platform::file_seal::FileSeal;
use crate::run_dir::RunDir;

/// The journal's path in the run's folder.
pub(super) const JOURNAL: &str = "journal.jsonl";

/// Rows that one statement inserts.
const ROWS: usize = 1_000;

/// An attempt, and what the database knows of its files.
#[derive(sqlx::FromRow)]
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
    /// True if nobody has written to its files since they were compared.
    pub(super) fn hold(&self, run: &RunDir) -> bool {
        let folder = || run.trials().join(&self.trial);
        self.stamps.as_ref().is_some_and(|stamps| file_stamp::hold(&folder(), stamps))
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

    /// The path under which its stamps are stored.
    pub(super) fn key(&self) -> String {
        format!("trials/{}/attempt-{}", self.trial, self.number)
    }
}

/// An attempt that is over, and has not been superseded by one that began anew.
#[derive(sqlx::FromRow)]
pub(super) struct Sealed {
    pub(super) trial: String,
    pub(super) number: u32,
    pub(super) seal: String,
    /// True if it is the trial's last one, and the trial has succeeded.
    pub(super) is_final: bool,
}

impl Sealed {
    /// The trial's folder, relative to the run's.
    pub(super) fn within(&self) -> String {
        format!("trials/{}", self.trial)
    }

    /// The path under which its stamps are stored.
    pub(super) fn key(&self) -> String {
        format!("trials/{}/attempt-{}", self.trial, self.number)
    }
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
    pub(super) async fn attempt_files(&mut self) -> Result<Vec<AttemptFiles>, StoreError> {
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

    /// The hashes of the files that the newest plan was recorded with, by name.
    pub(super) async fn plan_hashes(&mut self) -> Result<Vec<(String, String)>, StoreError> {
        self.fetch_all(sqlx::query_as(
            "select 'experiment.yaml', file_hash from journal where file_hash <> ''
             union all
             select 'resolved.yaml', resolved_hash from journal where resolved_hash <> ''",
        ))
        .await
    }

    /// The attempts that are over and whose work counts.
    pub(super) async fn sealed_attempts(&mut self) -> Result<Vec<Sealed>, StoreError> {
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
