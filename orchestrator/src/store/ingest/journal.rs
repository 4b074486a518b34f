//! From `journal.jsonl` to the tables of variants, trials and attempts.

use std::path::Path;

use experiments::protocol::trial_id::TrialId;
use sqlx::{Connection, SqliteConnection};

use crate::platform::line_reader::{self, ReadOffset, Tail};
use crate::scheduler::{State, StopCause, StopRequest};
use crate::store::journal_file::{Entry, Line, Planned, Unneeded};
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
        let sql = Self::sql_error(&self.path);
        let mut transaction = self.connection.begin().await.map_err(&sql)?;
        let bytes_read: i64 = sqlx::query_scalar("select bytes_read from journal")
            .fetch_one(&mut *transaction)
            .await
            .map_err(&sql)?;
        // A supervisor's lines may have any length.
        let tail = Tail { path: journal, longest: u64::MAX, end };
        let mut offset = ReadOffset { bytes: bytes_read as u64, ..ReadOffset::default() };
        loop {
            let read = tail
                .read(offset)
                .map_err(|source| StoreError::File { path: journal.to_owned(), source })?;
            if read.offset == offset {
                break;
            }
            offset = read.offset;
            for text in read.lines {
                // A line that a power cut has torn is not a decision that took effect.
                let line_reader::Line::Whole(text) = text else { continue };
                let line = Line::parse(&text).map_err(|version| StoreError::JournalVersion {
                    path: journal.to_owned(),
                    version,
                })?;
                let Some(line) = line else { continue };
                apply(&mut transaction, &line).await.map_err(|e| match e {
                    ApplyError::Sql(source) => sql(source),
                    ApplyError::Conflict { trial, from } => {
                        StoreError::Conflict { path: self.path.clone(), trial, from }
                    }
                })?;
            }
        }
        sqlx::query("update journal set bytes_read = ?")
            .bind(offset.bytes as i64)
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?;
        transaction.commit().await.map_err(&sql)
    }
}

/// A line of the journal cannot be applied.
enum ApplyError {
    Sql(sqlx::Error),
    /// The trial is not in the state that the line changes.
    Conflict {
        trial: TrialId,
        from: &'static str,
    },
}

impl From<sqlx::Error> for ApplyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

async fn apply(db: &mut SqliteConnection, line: &Line) -> Result<(), ApplyError> {
    match &line.entry {
        Entry::Planned(planned) => Ok(plan(db, planned, line.time_ms).await?),
        Entry::Changed { trial, from, to } => change(db, trial, from, to, line.time_ms).await,
        Entry::AttemptsReset { trial } => Ok(reset_attempts(db, trial).await?),
        Entry::Stalled { trial, attempt, silent_ms } => {
            let since_ms = Some(line.time_ms - silent_ms);
            Ok(set_stalled_since(db, trial, *attempt, since_ms).await?)
        }
        Entry::Recovered { trial, attempt } => {
            Ok(set_stalled_since(db, trial, *attempt, None).await?)
        }
        Entry::StoppingAttempt { trial, attempt, cause } => {
            Ok(record_stop_cause(db, trial, *attempt, *cause).await?)
        }
        Entry::StoppingRun { request } => Ok(set_stop_request(db, Some(*request)).await?),
        Entry::Imported { trial, started_ms } => import(db, trial, *started_ms, line.time_ms).await,
        Entry::Removed { trial, files } => Ok(remove(db, trial, files, line.time_ms).await?),
    }
}

async fn plan(
    db: &mut SqliteConnection,
    planned: &Planned,
    time_ms: i64,
) -> Result<(), sqlx::Error> {
    set_stop_request(db, None).await?;
    sqlx::query("delete from variant").execute(&mut *db).await?;
    for (position, row) in (0i64..).zip(&planned.rows) {
        sqlx::query("insert into variant (name, label, position) values (?, ?, ?)")
            .bind(&row.name)
            .bind(&row.label)
            .bind(position)
            .execute(&mut *db)
            .await?;
    }
    sqlx::query("update trial set position = null").execute(&mut *db).await?;
    let new_state = new_trial();
    for (position, trial) in (0i64..).zip(&planned.trials) {
        // A known trial keeps its state; its attempts keep the builds and data of their own.
        sqlx::query(
            "insert into trial
                (name, key, variant, seed, position, state, state_json, changed_ms, build, data)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

async fn change(
    db: &mut SqliteConnection,
    trial: &TrialId,
    from: &State,
    to: &State,
    time_ms: i64,
) -> Result<(), ApplyError> {
    let changed = sqlx::query(
        "update trial set state = ?, state_json = ?, changed_ms = ?
         where name = ? and state_json = ?",
    )
    .bind(to.name())
    .bind(to_json(to))
    .bind(time_ms)
    .bind(&trial.0)
    .bind(to_json(from))
    .execute(&mut *db)
    .await?;
    if changed.rows_affected() != 1 {
        return Err(ApplyError::Conflict { trial: trial.clone(), from: from.name() });
    }
    if let State::Starting { attempt } = to {
        insert_attempt(db, trial, *attempt, time_ms).await?;
    }
    Ok(())
}

async fn import(
    db: &mut SqliteConnection,
    trial: &TrialId,
    started_ms: i64,
    time_ms: i64,
) -> Result<(), ApplyError> {
    change(db, trial, &new_trial(), &State::Succeeded { attempt: 1 }, time_ms).await?;
    Ok(insert_attempt(db, trial, 1, started_ms).await?)
}

async fn insert_attempt(
    db: &mut SqliteConnection,
    trial: &TrialId,
    attempt: u32,
    started_ms: i64,
) -> Result<(), sqlx::Error> {
    let statement = sqlx::query(
        "insert into attempt (trial_id, number, started_ms, build, data)
         select trial_id, ?, ?, build, data from trial where name = ?",
    );
    statement.bind(attempt).bind(started_ms).bind(&trial.0).execute(db).await.map(drop)
}

/// The state of a trial that was planned for the first time.
fn new_trial() -> State {
    State::Queued { reason: "new".to_owned() }
}

async fn reset_attempts(db: &mut SqliteConnection, trial: &TrialId) -> Result<(), sqlx::Error> {
    let statement = sqlx::query(
        "update trial set attempts_reset = coalesce(
            (select max(number) from attempt where attempt.trial_id = trial.trial_id), 0)
         where name = ?",
    );
    statement.bind(&trial.0).execute(db).await.map(drop)
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
