//! From an attempt's `events.jsonl` to the database, a few megabytes at a time.

use std::io;
use std::path::Path;

use experiments::protocol::events::{Event, LONGEST_LINE, Line, MOST_METRICS};
use experiments::protocol::trial_id::TrialId;
use experiments::regular_file;
use sqlx::SqliteConnection;

use super::batch::Batch;
use super::metric_names::Names;
use crate::platform::line_reader::{self, ReadOffset, Tail};
use crate::store::skipped_lines::skip_line;
use crate::store::{Store, StoreError};

/// Events after which a transaction is committed, so that SQLite's log of it stays small.
const MOST_UNCOMMITTED: usize = 100_000;

/// Events that were ingested.
#[derive(Debug)]
pub(crate) struct Read {
    /// The events, in the file's order.
    pub(crate) lines: Vec<Line>,
    /// True if there was something to read, so that there may be more.
    pub(crate) more: bool,
}

/// An attempt and the position in its events file.
#[derive(sqlx::FromRow)]
struct Cursor {
    attempt_id: i64,
    bytes_read: i64,
    lines_read: i64,
    in_long_line: bool,
    skipped_lines: i64,
    partial_lines: i64,
}

impl Store {
    /// Ingests the new events in the attempt's file before the byte `end`, a few megabytes at a time,
    /// and returns them. Call again while there is more.
    pub(crate) async fn read_events(
        &mut self,
        trial: &TrialId,
        attempt: u32,
        file: &Path,
        end: u64,
    ) -> Result<Read, StoreError> {
        let sql = Self::sql_error(&self.path);
        let cursor: Cursor = sqlx::query_as(
            "select attempt_id, bytes_read, lines_read, in_long_line, skipped_lines,
                partial_lines
             from attempt join trial using (trial_id) where name = ? and number = ?",
        )
        .bind(&trial.0)
        .bind(attempt)
        .fetch_one(&mut self.connection)
        .await
        .map_err(&sql)?;
        let from = ReadOffset {
            bytes: cursor.bytes_read as u64,
            lines: cursor.lines_read as u64,
            in_long_line: cursor.in_long_line,
        };
        let read = match (Tail { path: file, longest: LONGEST_LINE, end }).read(from) {
            // Whoever wrote something else there loses only its own events.
            Err(error) if regular_file::is_fault_of_file(&error) => {
                self.begin().await?;
                unreadable(&mut self.connection, &cursor, file, &error).await.map_err(&sql)?;
                return Ok(Read { lines: Vec::new(), more: false });
            }
            read => read.map_err(|source| StoreError::File { path: file.to_owned(), source })?,
        };
        if read.offset == from {
            return Ok(Read { lines: Vec::new(), more: false });
        }
        self.begin().await?;
        let lines = ingest(&mut self.connection, &cursor, &read).await.map_err(&sql)?;
        self.uncommitted_events += lines.len();
        if self.uncommitted_events >= MOST_UNCOMMITTED {
            self.commit().await?;
        }
        Ok(Read { lines, more: true })
    }
}

/// Counts a file that cannot be read, once, as a skipped line after those that could be.
async fn unreadable(
    db: &mut SqliteConnection,
    cursor: &Cursor,
    file: &Path,
    error: &io::Error,
) -> Result<(), sqlx::Error> {
    let number = cursor.lines_read as u64 + 1;
    let before = cursor.skipped_lines.saturating_add(cursor.partial_lines) as u64;
    let reason = format!("cannot read `{}`: {error}", file.display());
    if skip_line(db, cursor.attempt_id, number, &reason, before).await? {
        sqlx::query("update attempt set skipped_lines = skipped_lines + 1 where attempt_id = ?")
            .bind(cursor.attempt_id)
            .execute(db)
            .await?;
    }
    Ok(())
}

/// Stores the events in the lines, and the new position in the file.
async fn ingest(
    db: &mut SqliteConnection,
    cursor: &Cursor,
    read: &line_reader::Read,
) -> Result<Vec<Line>, sqlx::Error> {
    let mut batch = Batch::new(db, cursor.attempt_id).await?;
    let (mut skipped, mut partial) = (cursor.skipped_lines as u64, cursor.partial_lines as u64);
    let mut lines = Vec::new();
    for (number, line) in (cursor.lines_read as u64 + 1..).zip(&read.lines) {
        let before = skipped + partial;
        match parse(line, batch.names()) {
            Ok(Some((line, skipped_values))) => {
                batch.apply(db, &line).await?;
                lines.push(line);
                if !skipped_values.is_empty() {
                    let reason = skipped_values.join("; ");
                    skip_line(db, cursor.attempt_id, number, &reason, before).await?;
                    partial += 1;
                }
            }
            Ok(None) => {}
            Err((lines, reason)) => {
                skip_line(db, cursor.attempt_id, number, &reason, before).await?;
                skipped = skipped.saturating_add(lines);
            }
        }
    }
    batch.finish(db).await?;
    store_position(db, cursor.attempt_id, read.offset, [skipped, partial]).await?;
    Ok(lines)
}

/// An event, and a reason for each of its values that is skipped.
type Parsed = (Line, Vec<String>);

/// The event in a line, `None` if that is blank, or the number of lines that are skipped and the reason.
fn parse(line: &line_reader::Line, names: &Names) -> Result<Option<Parsed>, (u64, String)> {
    let text = match line {
        line_reader::Line::Whole(text) if text.trim().is_empty() => return Ok(None),
        line_reader::Line::Whole(text) => text,
        line_reader::Line::TooLong => return Err((1, format!("longer than {LONGEST_LINE} bytes"))),
    };
    let parsed = Line::parse_with_skipped(text).map_err(|error| (1, error.to_string()))?;
    if let Event::Skipped { lines, reason } = parsed.0.event {
        return Err((lines.max(1), reason));
    }
    if !names.have_room_for(&parsed.0.event) {
        return Err((1, format!("the attempt names more than {MOST_METRICS} metrics")));
    }
    Ok(Some(parsed))
}

async fn store_position(
    db: &mut SqliteConnection,
    attempt_id: i64,
    offset: ReadOffset,
    [skipped, partial]: [u64; 2],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update attempt set bytes_read = ?, lines_read = ?, in_long_line = ?, skipped_lines = ?,
            partial_lines = ?
         where attempt_id = ?",
    )
    .bind(offset.bytes as i64)
    .bind(offset.lines as i64)
    .bind(offset.in_long_line)
    .bind(skipped as i64)
    .bind(partial as i64)
    .bind(attempt_id)
    .execute(db)
    .await
    .map(drop)
}
