//! From `journal.jsonl` to the tables of variants, trials and attempts.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use experiments::protocol::trial_id::TrialId;
use experiments::schema::design::Design;
use sqlx::SqliteConnection;

use crate::platform::file_seal::FileSeal;
use crate::platform::line_reader::{self, ReadOffset, Tail};
use crate::run_dir::attempt_seal::AttemptSeal;
use crate::scheduler::{State, StopCause, StopRequest};
use crate::store::journal_chain::{self, Chain};
use crate::store::journal_file::{Entry, JournalPosition, Line, Planned, Unneeded, Written};
use crate::store::{Store, StoreError};

impl Store {
    /// Ingests every whole line of the journal that has not been ingested yet.
    pub(crate) async fn read_journal(&mut self, journal: &Path) -> Result<(), StoreError> {
        self.read_journal_to(journal, u64::MAX).await
    }

    /// The same for lines before the byte `end`.
    pub(crate) async fn read_journal_to(
        &mut self,
        journal: &Path,
        end: u64,
    ) -> Result<(), StoreError> {
        self.begin().await?;
        let sql = Self::sql_error(&self.path);
        let from = self.journal_position().await?;
        // A supervisor's lines may have any length.
        let tail = Tail { path: journal, longest: u64::MAX, end };
        let from_offset =
            ReadOffset { bytes: from.bytes, lines: from.lines, ..ReadOffset::default() };
        let (mut offset, mut chain) = (from_offset, Chain::after(from.last_checksum));
        loop {
            let read = tail
                .read(offset)
                .map_err(|source| StoreError::File { path: journal.to_owned(), source })?;
            if read.offset == offset {
                break;
            }
            for (number, text) in (offset.lines + 1..).zip(read.lines()) {
                let line_reader::Line::Whole(text) = text else { continue };
                let was_read = |checksum: &str| {
                    journal_chain::states(journal, offset.bytes, checksum).unwrap_or(false)
                };
                let link = chain.read(number, &text, was_read).map_err(|version| {
                    StoreError::JournalVersion { path: journal.to_owned(), version }
                })?;
                // Damage is told by whoever reads the run ([`crate::store::integrity`]); all that can
                // still be read is applied.
                if let Some(line) = link.line {
                    apply(&mut self.connection, &line).await.map_err(&sql)?;
                }
            }
            offset = read.offset;
        }
        let ReadOffset { bytes, lines, .. } = offset;
        self.journal = Some(JournalPosition { bytes, lines, last_checksum: chain.last });
        Ok(())
    }

    /// Ingests a line that was just written to the journal, from memory if it follows what was ingested.
    pub(crate) async fn apply(
        &mut self,
        journal: &Path,
        written: &Written,
    ) -> Result<(), StoreError> {
        self.begin().await?;
        let Written { line, checksum, bytes } = written;
        let follows = |position: &&mut JournalPosition| {
            position.bytes == bytes.start && position.last_checksum == line.after
        };
        let Some(position) = self.journal.as_mut().filter(follows) else {
            return self.read_journal(journal).await;
        };
        position.bytes = bytes.end;
        position.lines += 1;
        position.last_checksum.clone_from(checksum);
        apply(&mut self.connection, line).await.map_err(Self::sql_error(&self.path))
    }

    /// The position up to which the journal has been ingested.
    async fn journal_position(&mut self) -> Result<JournalPosition, StoreError> {
        if let Some(position) = &self.journal {
            return Ok(position.clone());
        }
        let (bytes, lines, last_checksum): (i64, i64, String) =
            sqlx::query_as("select bytes_read, lines_read, last_checksum from journal")
                .fetch_one(&mut self.connection)
                .await
                .map_err(Self::sql_error(&self.path))?;
        Ok(JournalPosition { bytes: bytes as u64, lines: lines as u64, last_checksum })
    }

    /// Stores that position, before a commit.
    pub(in crate::store) async fn store_journal_position(&mut self) -> Result<(), StoreError> {
        let Some(JournalPosition { bytes, lines, last_checksum }) = &self.journal else {
            return Ok(());
        };
        sqlx::query("update journal set bytes_read = ?, lines_read = ?, last_checksum = ?")
            .bind(*bytes as i64)
            .bind(*lines as i64)
            .bind(last_checksum)
            .execute(&mut self.connection)
            .await
            .map_err(Self::sql_error(&self.path))?;
        Ok(())
    }
}

async fn apply(db: &mut SqliteConnection, line: &Line) -> Result<(), sqlx::Error> {
    match &line.entry {
        Entry::Planned(planned) => plan(db, planned, line.time_ms).await,
        Entry::Changed { trial, from, to, seal } => {
            let ended = from.active_attempt().filter(|number| to.active_attempt() != Some(*number));
            change(db, trial, to, line.time_ms, ended.zip(seal.as_ref())).await
        }
        Entry::AttemptsReset { trial, restarted } => reset_attempts(db, trial, *restarted).await,
        Entry::Stalled { trial, attempt, silent_ms } => {
            let since_ms = Some(line.time_ms - silent_ms);
            set_stalled_since(db, trial, *attempt, since_ms).await
        }
        Entry::Recovered { trial, attempt } => set_stalled_since(db, trial, *attempt, None).await,
        Entry::StoppingAttempt { trial, attempt, cause } => {
            record_stop_cause(db, trial, *attempt, *cause).await
        }
        Entry::StoppingRun { request } => set_stop_request(db, Some(*request)).await,
        Entry::Imported { trial, started_ms, seal } => {
            insert_attempt(db, trial, 1, *started_ms).await?;
            let state = State::Succeeded { attempt: 1 };
            change(db, trial, &state, line.time_ms, Some((1, seal))).await
        }
        Entry::Removed { trial, files } => remove(db, trial, files, line.time_ms).await,
        Entry::DamageAccepted { files } => accept(db, files).await,
    }
}

async fn plan(
    db: &mut SqliteConnection,
    planned: &Planned,
    time_ms: i64,
) -> Result<(), sqlx::Error> {
    set_stop_request(db, None).await?;
    sqlx::query("update journal set file_hash = ?, resolved_hash = ?")
        .bind(&planned.file_hash)
        .bind(&planned.resolved_hash)
        .execute(&mut *db)
        .await?;
    sqlx::query("delete from variant").execute(&mut *db).await?;
    for (position, row) in (0i64..).zip(&planned.rows) {
        sqlx::query("insert into variant (name, label, position) values (?, ?, ?)")
            .bind(&row.name)
            .bind(&row.label)
            .bind(position)
            .execute(&mut *db)
            .await?;
    }
    let succeeded = succeeded_by_variant(db, planned).await?;
    record_design(db, planned.design.as_ref(), time_ms, succeeded.values().sum()).await?;
    sqlx::query("update trial set position = null").execute(&mut *db).await?;
    let new_state = new_trial();
    for (position, trial) in (0i64..).zip(&planned.trials) {
        // A known trial keeps its state; its attempts keep the builds and data of their own.
        sqlx::query(
            "insert into trial
                (name, key, variant, seed, position, state, state_json, changed_ms, build, data,
                 planned_after)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             on conflict (name) do update set
                position = excluded.position,
                variant = excluded.variant,
                build = excluded.build,
                data = excluded.data",
        )
        .bind(&trial.id.0)
        .bind(&trial.key)
        .bind(&trial.variant)
        .bind(trial.seed as i64)
        .bind(position)
        .bind(new_state.name())
        .bind(to_json(&new_state))
        .bind(time_ms)
        .bind(&trial.build)
        .bind(&trial.data)
        .bind(succeeded.get(trial.variant.as_str()).copied().unwrap_or(0))
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// The number of planned trials that have succeeded, by variant.
async fn succeeded_by_variant<'a>(
    db: &mut SqliteConnection,
    planned: &'a Planned,
) -> Result<BTreeMap<&'a str, i64>, sqlx::Error> {
    let sql = "select name from trial where state = 'succeeded'";
    let succeeded: Vec<String> = sqlx::query_scalar(sql).fetch_all(db).await?;
    let succeeded: HashSet<String> = succeeded.into_iter().collect();
    let mut by_variant = BTreeMap::new();
    for trial in planned.trials.iter().filter(|trial| succeeded.contains(&trial.id.0)) {
        *by_variant.entry(trial.variant.as_str()).or_default() += 1;
    }
    Ok(by_variant)
}

/// Records the plan's design, unless it is that of the plan before.
async fn record_design(
    db: &mut SqliteConnection,
    design: Option<&Design>,
    time_ms: i64,
    results: i64,
) -> Result<(), sqlx::Error> {
    let design = design.map(|d| serde_json::to_string(d).expect("designs are plain data"));
    let sql = "select design from design order by design_id desc limit 1";
    let before: Option<Option<String>> = sqlx::query_scalar(sql).fetch_optional(&mut *db).await?;
    if before.as_ref() == Some(&design) {
        return Ok(());
    }
    sqlx::query("insert into design (design, planned_ms, results) values (?, ?, ?)")
        .bind(design)
        .bind(time_ms)
        .bind(results)
        .execute(db)
        .await
        .map(drop)
}

/// Gives a trial the state `to`, whatever it had: what a lost line recorded is in the later ones. A trial
/// whose plan is lost has none. `ended` is the attempt that has ended by it, and its seal.
async fn change(
    db: &mut SqliteConnection,
    trial: &TrialId,
    to: &State,
    time_ms: i64,
    ended: Option<(u32, &AttemptSeal)>,
) -> Result<(), sqlx::Error> {
    let attempt = match to {
        State::Succeeded { attempt } => Some(*attempt),
        _ => to.active_attempt(),
    };
    let (number, seal) = ended.unzip();
    // All at once for the database's thread, as this is done several times a trial. Without an attempt,
    // its number is null: nothing is inserted, or updated.
    let statement = sqlx::query(
        "update trial set state = ?, state_json = ?, changed_ms = ? where name = ?;
         insert or ignore into attempt (trial_id, number, started_ms, build, data)
         select trial_id, ?, ?, build, data from trial where name = ?;
         update attempt set seal = ?
         where number = ? and trial_id = (select trial_id from trial where name = ?);",
    );
    let statement = statement.bind(to.name()).bind(to_json(to)).bind(time_ms).bind(&trial.0);
    let statement = statement.bind(attempt).bind(time_ms).bind(&trial.0);
    let seal = seal.map(|seal| serde_json::to_string(seal).expect("seals are plain data"));
    statement.bind(seal).bind(number).bind(&trial.0).execute(db).await.map(drop)
}

async fn accept(
    db: &mut SqliteConnection,
    files: &BTreeMap<String, Option<FileSeal>>,
) -> Result<(), sqlx::Error> {
    for (path, seal) in files {
        sqlx::query("insert or replace into accepted_file (path, bytes, sha256) values (?, ?, ?)")
            .bind(path)
            .bind(seal.as_ref().map(|seal| seal.bytes as i64))
            .bind(seal.as_ref().map(|seal| &seal.sha256))
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Inserts an attempt, unless it is known.
async fn insert_attempt(
    db: &mut SqliteConnection,
    trial: &TrialId,
    attempt: u32,
    started_ms: i64,
) -> Result<(), sqlx::Error> {
    let statement = sqlx::query(
        "insert or ignore into attempt (trial_id, number, started_ms, build, data)
         select trial_id, ?, ?, build, data from trial where name = ?",
    );
    statement.bind(attempt).bind(started_ms).bind(&trial.0).execute(db).await.map(drop)
}

/// The state of a trial that was planned for the first time.
fn new_trial() -> State {
    State::Queued { reason: "new".to_owned() }
}

async fn reset_attempts(
    db: &mut SqliteConnection,
    trial: &TrialId,
    restarted: bool,
) -> Result<(), sqlx::Error> {
    let statement = sqlx::query(
        "update trial set
            attempts_reset = past.last,
            first_attempt = iif(?2, past.last + 1, first_attempt)
         from (
            select coalesce(max(number), 0) as last
            from attempt join trial using (trial_id) where name = ?1
         ) as past
         where name = ?1",
    );
    statement.bind(&trial.0).bind(restarted).execute(db).await.map(drop)
}

async fn record_stop_cause(
    db: &mut SqliteConnection,
    trial: &TrialId,
    attempt: u32,
    cause: StopCause,
) -> Result<(), sqlx::Error> {
    let statement = sqlx::query(
        "update attempt set stop_cause = ?
         where number = ? and trial_id = (select trial_id from trial where name = ?)",
    );
    let statement =
        statement.bind(crate::store::retry_history::to_text(cause)).bind(attempt).bind(&trial.0);
    statement.execute(db).await.map(drop)
}

async fn set_stalled_since(
    db: &mut SqliteConnection,
    trial: &TrialId,
    attempt: u32,
    since_ms: Option<i64>,
) -> Result<(), sqlx::Error> {
    let statement = sqlx::query(
        "update attempt set stalled_since_ms = ?
         where number = ? and trial_id = (select trial_id from trial where name = ?)",
    );
    statement.bind(since_ms).bind(attempt).bind(&trial.0).execute(db).await.map(drop)
}

async fn set_stop_request(
    db: &mut SqliteConnection,
    request: Option<StopRequest>,
) -> Result<(), sqlx::Error> {
    let json = request.map(|r| serde_json::to_string(&r).expect("requests are plain data"));
    sqlx::query("update journal set stop_request = ?").bind(json).execute(db).await.map(drop)
}

async fn remove(
    db: &mut SqliteConnection,
    trial: &TrialId,
    files: &[Unneeded],
    time_ms: i64,
) -> Result<(), sqlx::Error> {
    for (attempt, step) in files.iter().flat_map(|file| &file.checkpoints) {
        sqlx::query(
            "insert or ignore into removed_checkpoint (attempt_id, step, removed_ms)
             select attempt_id, ?, ? from attempt join trial using (trial_id)
             where name = ? and number = ?",
        )
        .bind(super::batch::integer(*step))
        .bind(time_ms)
        .bind(&trial.0)
        .bind(attempt)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

fn to_json(state: &State) -> String {
    serde_json::to_string(state).expect("states are plain data")
}
