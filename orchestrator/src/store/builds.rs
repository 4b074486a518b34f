//! The origins of a trial's work: the worker's builds, its code and the data of every attempt that still
//! counts.

use std::collections::{BTreeMap, BTreeSet};

use experiments::protocol::trial_id::TrialId;

use super::{Store, StoreError};
use crate::platform::hash::short;

/// The builds, code and data behind a trial's work, as far as they are known; several of a kind if it
/// resumed from a checkpoint of another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// Origins of the worker.
    pub(crate) builds: BTreeSet<String>,
    /// Hashes of the worker's code ([`CodeRecord::hash`]).
    pub(crate) codes: BTreeSet<String>,
    /// The programs that interpreted the code. For people: a change of it makes nothing stale.
    pub(crate) interpreters: BTreeSet<String>,
    /// Fingerprints of the data.
    pub(crate) data: BTreeSet<String>,
}

/// A state of the worker's code that attempts have run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodeRecord {
    /// SHA-256 over `files`.
    pub(crate) hash: String,
    /// SHA-256 by path.
    pub(crate) files: BTreeMap<String, String>,
    /// The commit at which it was run last; `None` outside of a git repository.
    pub(crate) commit: Option<String>,
    /// True if it differs from that commit.
    pub(crate) dirty: bool,
}

impl CodeRecord {
    /// Its commit for people, or the beginning of its hash.
    pub(crate) fn name(&self) -> String {
        match &self.commit {
            Some(commit) if self.dirty => format!("commit {} with changes", short(commit, 7)),
            Some(commit) => format!("commit {}", short(commit, 7)),
            None => format!("code {}", short(&self.hash, 7)),
        }
    }
}

/// A trial's attempt; a trial's last attempt first.
#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    build: Option<String>,
    data: Option<String>,
    code: Option<String>,
    interpreter: Option<String>,
    /// True if its work is part of the trial's.
    counts: bool,
    /// True if it supersedes all attempts before it.
    from_scratch: bool,
}

/// SHA-256 by path of files of code; several where a file has changed.
pub(crate) type CodeFiles = BTreeMap<String, BTreeSet<String>>;

impl Store {
    /// The origins of every trial's work; trials without any are left out.
    pub(super) async fn origins(&mut self) -> Result<BTreeMap<TrialId, Origins>, StoreError> {
        // An attempt without checkpoint and result does not count, unless it is the one that succeeded, or
        // later ones, of a program that keeps checkpoints of its own, went on from its points. One that started
        // from scratch, or reported its result without a hello, supersedes all attempts before it, and so does a
        // decision to begin again.
        let rows: Vec<Row> = self.fetch_all(sqlx::query_as(
            "select trial.name, attempt.build, attempt.data, attempt.code, attempt.interpreter,
                has_result or exists
                    (select 1 from checkpoint where checkpoint.attempt_id = attempt.attempt_id)
                    or (state = 'succeeded' and number =
                        (select max(number) from attempt where trial_id = trial.trial_id))
                    or exists
                        (select 1 from effective_attempt as effective
                         join attempt_series using (attempt_id)
                         join point using (series_id)
                         where effective.attempt_id = attempt.attempt_id
                            and step <= effective.effective_until)
                    as counts,
                coalesce(resumed_from < 0, has_result) as from_scratch
             from (
                select *, exists
                    (select 1 from result where result.attempt_id = attempt.attempt_id) as has_result
                from attempt
             ) as attempt
             join trial using (trial_id)
             where number >= first_attempt
             order by trial_id, number desc",
        )
).await?;
        let mut builds = BTreeMap::<_, Origins>::new();
        let mut complete = BTreeSet::new();
        for Row { name, build, data, code, interpreter, counts, from_scratch } in rows {
            let trial = TrialId(name);
            if complete.contains(&trial) {
                continue;
            }
            if counts {
                let origins = builds.entry(trial.clone()).or_default();
                origins.builds.extend(build);
                origins.data.extend(data);
                origins.codes.extend(code);
                origins.interpreters.extend(interpreter);
            }
            if from_scratch {
                complete.insert(trial);
            }
        }
        Ok(builds)
    }

    /// The files of the worker's code that the work of the file's trials was made with, with the hashes of each.
    pub(crate) async fn code_files(&mut self) -> Result<CodeFiles, StoreError> {
        let trials = self.trials().await?;
        let present = trials.into_iter().filter(|trial| !trial.retired);
        let counting: BTreeSet<_> = present.flat_map(|trial| trial.origins.codes).collect();
        let mut files = CodeFiles::new();
        for code in self.codes().await?.into_iter().filter(|code| counting.contains(&code.hash)) {
            for (path, hash) in code.files {
                files.entry(path).or_default().insert(hash);
            }
        }
        Ok(files)
    }

    /// The states of the worker's code that attempts have run.
    pub(crate) async fn codes(&mut self) -> Result<Vec<CodeRecord>, StoreError> {
        let rows: Vec<(String, String, Option<String>, bool)> = self
            .fetch_all(sqlx::query_as(
                "select hash, files, git_commit, coalesce(git_dirty, 0)
                 from code join attempt on attempt.attempt_id =
                    (select max(attempt_id) from attempt where attempt.code = code.hash)
                 order by attempt_id",
            ))
            .await?;
        let records = rows.into_iter().map(|(hash, files, commit, dirty)| {
            let files = serde_json::from_str(&files).unwrap_or_default();
            CodeRecord { hash, files, commit, dirty }
        });
        Ok(records.collect())
    }
}
