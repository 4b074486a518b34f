//! From `journal.jsonl` to the tables of variants, trials and attempts.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use experiments::protocol::trial_id::TrialId;
use rusqlite::{Connection, OptionalExtension, params};

use crate::platform::file_seal::FileSeal;
use crate::platform::line_reader::{self, ReadOffset, Tail};
use crate::run_dir::attempt_seal::AttemptSeal;
use crate::scheduler::{State, StopCause, StopRequest};
use crate::store::direct::{Direct, execute};
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
        let from = self.journal_position().await?;
        let sql = Self::sql_error(&self.path);
        let db = self.direct().await?;
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
                    apply(&db, &line).map_err(&sql)?;
                }
            }
            offset = read.offset;
        }
        drop(db);
        let ReadOffset { bytes, lines, .. } = offset;
        self.journal = Some(JournalPosition { bytes, lines, last_checksum: chain.last });
        Ok(())
    }

    /// Ingests lines that were just written to the journal, from memory if they follow what was ingested.
    pub(crate) async fn apply(
        &mut self,
        journal: &Path,
        written: &[Written],
    ) -> Result<(), StoreError> {
        if written.is_empty() {
            return Ok(());
        }
        self.begin().await?;
        let db = Direct::new(&mut self.connection, &self.path).await?;
        for Written { line, checksum, bytes } in written {
            let follows = |position: &&mut JournalPosition| {
                position.bytes == bytes.start && position.last_checksum == line.after
            };
            let Some(position) = self.journal.as_mut().filter(follows) else {
                drop(db);
                return self.read_journal(journal).await;
            };
            position.bytes = bytes.end;
            position.lines += 1;
            position.last_checksum.clone_from(checksum);
            apply(&db, line).map_err(Self::sql_error(&self.path))?;
        }
        Ok(())
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

fn apply(db: &Connection, line: &Line) -> rusqlite::Result<()> {
    match &line.entry {
        Entry::Planned(planned) => plan(db, planned, line.time_ms),
        Entry::Changed { trial, from, to, seal } => {
            let ended = from.active_attempt().filter(|number| to.active_attempt() != Some(*number));
            change(db, trial, to, line.time_ms, ended.zip(seal.as_ref()))
        }
        Entry::AttemptsReset { trial, restarted } => reset_attempts(db, trial, *restarted),
        Entry::Stalled { trial, attempt, silent_ms } => {
            let since_ms = Some(line.time_ms - silent_ms);
            set_stalled_since(db, trial, *attempt, since_ms)
        }
        Entry::Recovered { trial, attempt } => set_stalled_since(db, trial, *attempt, None),
        Entry::StoppingAttempt { trial, attempt, cause } => {
            record_stop_cause(db, trial, *attempt, *cause)
        }
        Entry::StoppingRun { request } => set_stop_request(db, Some(*request)),
        Entry::Imported { trial, started_ms, seal } => {
            insert_attempt(db, trial, 1, *started_ms)?;
            let state = State::Succeeded { attempt: 1 };
            change(db, trial, &state, line.time_ms, Some((1, seal)))
        }
        Entry::Removed { trial, files } => remove(db, trial, files, line.time_ms),
        Entry::DamageAccepted { files } => accept(db, files),
        Entry::Unrecorded { trials } => trials.iter().try_for_each(|trial| {
            execute(db, "update trial set unrecorded = 1 where name = ?", (&trial.0,)).map(drop)
        }),
    }
}

fn plan(db: &Connection, planned: &Planned, time_ms: i64) -> rusqlite::Result<()> {
    set_stop_request(db, None)?;
    execute(
        db,
        "update journal set file_hash = ?, resolved_hash = ?",
        (&planned.file_hash, &planned.resolved_hash),
    )?;
    execute(db, "delete from variant", ())?;
    for (position, row) in (0i64..).zip(&planned.rows) {
        execute(
            db,
            "insert into variant (name, label, position) values (?, ?, ?)",
            (&row.name, &row.label, position),
        )?;
    }
    let succeeded = succeeded_by_variant(db, planned)?;
    preregister(db, planned, time_ms, succeeded.values().sum())?;
    execute(db, "update trial set position = null", ())?;
    let new_state = new_trial();
    for (position, trial) in (0i64..).zip(&planned.trials) {
        // A known trial keeps its state; its attempts keep the builds and data of their own.
        execute(
            db,
            "insert into trial
                (name, key, variant, seed, position, state, state_json, changed_ms, build, data,
                 planned_after)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             on conflict (name) do update set
                position = excluded.position,
                variant = excluded.variant,
                build = excluded.build,
                data = excluded.data",
            params![
                trial.id.0,
                trial.key,
                trial.variant,
                trial.seed as i64,
                position,
                new_state.name(),
                to_json(&new_state),
                time_ms,
                trial.build,
                trial.data,
                succeeded.get(trial.variant.as_str()).copied().unwrap_or(0),
            ],
        )?;
    }
    Ok(())
}

/// The number of planned trials that have succeeded, by variant.
fn succeeded_by_variant<'a>(
    db: &Connection,
    planned: &'a Planned,
) -> rusqlite::Result<BTreeMap<&'a str, i64>> {
    let mut select = db.prepare_cached("select name from trial where state = 'succeeded'")?;
    let succeeded: rusqlite::Result<HashSet<String>> =
        select.query_map((), |row| row.get(0))?.collect();
    let succeeded = succeeded?;
    let mut by_variant = BTreeMap::new();
    for trial in planned.trials.iter().filter(|trial| succeeded.contains(&trial.id.0)) {
        *by_variant.entry(trial.variant.as_str()).or_default() += 1;
    }
    Ok(by_variant)
}

/// Records the plan's claims and their design, unless they are those of the plan before.
fn preregister(
    db: &Connection,
    planned: &Planned,
    time_ms: i64,
    results: i64,
) -> rusqlite::Result<()> {
    let json = |design| serde_json::to_string(design).expect("designs are plain data");
    let design = planned.design.as_ref().map(json);
    let claims = serde_json::to_string(&planned.claims).expect("claims are texts");
    let select =
        "select design, claims from preregistration order by preregistration_id desc limit 1";
    let before: Option<(Option<String>, String)> = db
        .prepare_cached(select)?
        .query_row((), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if before.is_some_and(|before| before == (design.clone(), claims.clone())) {
        return Ok(());
    }
    let insert =
        "insert into preregistration (design, claims, planned_ms, results) values (?, ?, ?, ?)";
    execute(db, insert, (design, claims, time_ms, results)).map(drop)
}

/// Gives a trial the state `to`, whatever it had: what a lost line recorded is in the later ones. A trial
/// whose plan is lost has none. `ended` is the attempt that has ended by it, and its seal.
fn change(
    db: &Connection,
    trial: &TrialId,
    to: &State,
    time_ms: i64,
    ended: Option<(u32, &AttemptSeal)>,
) -> rusqlite::Result<()> {
    execute(
        db,
        "update trial set state = ?, state_json = ?, changed_ms = ? where name = ?",
        (to.name(), to_json(to), time_ms, &trial.0),
    )?;
    let attempt = match to {
        State::Succeeded { attempt } => Some(*attempt),
        _ => to.active_attempt(),
    };
    if let Some(number) = attempt {
        insert_attempt(db, trial, number, time_ms)?;
    }
    if let Some((number, seal)) = ended {
        let seal = serde_json::to_string(seal).expect("seals are plain data");
        execute(
            db,
            "update attempt set seal = ?, succeeded = ?
             where number = ? and trial_id = (select trial_id from trial where name = ?)",
            (seal, matches!(to, State::Succeeded { .. }), number, &trial.0),
        )?;
    }
    Ok(())
}

fn accept(db: &Connection, files: &BTreeMap<String, Option<FileSeal>>) -> rusqlite::Result<()> {
    for (path, seal) in files {
        execute(
            db,
            "insert or replace into accepted_file (path, bytes, sha256) values (?, ?, ?)",
            (
                path,
                seal.as_ref().map(|seal| seal.bytes as i64),
                seal.as_ref().map(|seal| &seal.sha256),
            ),
        )?;
    }
    Ok(())
}

/// Inserts an attempt, unless it is known.
fn insert_attempt(
    db: &Connection,
    trial: &TrialId,
    attempt: u32,
    started_ms: i64,
) -> rusqlite::Result<()> {
    execute(
        db,
        "insert or ignore into attempt (trial_id, number, started_ms, build, data)
         select trial_id, ?, ?, build, data from trial where name = ?",
        (attempt, started_ms, &trial.0),
    )
    .map(drop)
}

/// The state of a trial that was planned for the first time.
fn new_trial() -> State {
    State::Queued { reason: "new".to_owned() }
}

fn reset_attempts(db: &Connection, trial: &TrialId, restarted: bool) -> rusqlite::Result<()> {
    execute(
        db,
        "update trial set
            attempts_reset = past.last,
            first_attempt = iif(?2, past.last + 1, first_attempt)
         from (
            select coalesce(max(number), 0) as last
            from attempt join trial using (trial_id) where name = ?1
         ) as past
         where name = ?1",
        (&trial.0, restarted),
    )
    .map(drop)
}

fn record_stop_cause(
    db: &Connection,
    trial: &TrialId,
    attempt: u32,
    cause: StopCause,
) -> rusqlite::Result<()> {
    execute(
        db,
        "update attempt set stop_cause = ?
         where number = ? and trial_id = (select trial_id from trial where name = ?)",
        (crate::store::retry_history::to_text(cause), attempt, &trial.0),
    )
    .map(drop)
}

fn set_stalled_since(
    db: &Connection,
    trial: &TrialId,
    attempt: u32,
    since_ms: Option<i64>,
) -> rusqlite::Result<()> {
    execute(
        db,
        "update attempt set stalled_since_ms = ?
         where number = ? and trial_id = (select trial_id from trial where name = ?)",
        (since_ms, attempt, &trial.0),
    )
    .map(drop)
}

fn set_stop_request(db: &Connection, request: Option<StopRequest>) -> rusqlite::Result<()> {
    let json = request.map(|r| serde_json::to_string(&r).expect("requests are plain data"));
    execute(db, "update journal set stop_request = ?", (json,)).map(drop)
}

fn remove(
    db: &Connection,
    trial: &TrialId,
    files: &[Unneeded],
    time_ms: i64,
) -> rusqlite::Result<()> {
    for (attempt, step) in files.iter().flat_map(|file| &file.checkpoints) {
        execute(
            db,
            "insert or ignore into removed_checkpoint (attempt_id, step, removed_ms)
             select attempt_id, ?, ? from attempt join trial using (trial_id)
             where name = ? and number = ?",
            (super::batch::integer(*step), time_ms, &trial.0, attempt),
        )?;
    }
    Ok(())
}

fn to_json(state: &State) -> String {
    serde_json::to_string(state).expect("states are plain data")
}
