//! From an attempt's `events.jsonl` to the database, a few megabytes at a time.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use experiments::protocol::events::{Event, LONGEST_LINE, Line, MOST_METRICS, MetricsLine};
use experiments::protocol::number::Number;
use experiments::protocol::trial_id::TrialId;
use experiments::regular_file;
use rusqlite::Connection;
use sqlx::SqliteConnection;

use super::batch::{Batch, Point, Position, write_points};
use crate::platform::line_reader::{self, ReadOffset, Tail};
use crate::store::direct::Direct;
use crate::store::skipped_lines::skip_line;
use crate::store::{SqlError, Store, StoreError};

/// Lines after which a transaction is committed, so that SQLite's log of it stays small.
const MOST_UNCOMMITTED: u64 = 100_000;

/// Events that were ingested.
#[derive(Debug)]
pub struct EventsRead {
    /// The events, in the file's order. Of metrics that follow one another there is one event, without
    /// those of items and without a time, with the step that was reached and the newest values.
    pub lines: Vec<Line>,
    /// True if there may be more.
    pub more: bool,
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
    pub async fn read_events(
        &mut self,
        trial: &TrialId,
        attempt: u32,
        file: &Path,
        end: u64,
    ) -> Result<EventsRead, StoreError> {
        let cursor: Cursor = sqlx::query_as(
            "select attempt_id, bytes_read, lines_read, in_long_line, skipped_lines,
                partial_lines
             from attempt join trial using (trial_id) where name = ? and number = ?",
        )
        .bind(&trial.0)
        .bind(attempt)
        .fetch_one(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let from = ReadOffset {
            bytes: cursor.bytes_read as u64,
            lines: cursor.lines_read as u64,
            in_long_line: cursor.in_long_line,
        };
        let read = match (Tail { path: file, longest: LONGEST_LINE, end }).read(from) {
            // Whoever wrote something else there loses only its own events.
            Err(error) if regular_file::is_fault_of_file(&error) => {
                self.begin().await?;
                let counted = unreadable(&mut self.connection, &cursor, file, &error).await;
                counted.map_err(Self::sql_error(&self.path))?;
                return Ok(EventsRead { lines: Vec::new(), more: false });
            }
            read => read.map_err(|source| StoreError::File { path: file.to_owned(), source })?,
        };
        if read.offset == from {
            return Ok(EventsRead { lines: Vec::new(), more: false });
        }
        self.begin().await?;
        let lines = ingest(&mut self.connection, &cursor, &read).await;
        let lines = lines.map_err(Self::sql_error(&self.path))?;
        self.uncommitted_lines += read.offset.lines - from.lines;
        if self.uncommitted_lines >= MOST_UNCOMMITTED {
            self.commit().await?;
        }
        Ok(EventsRead { lines, more: read.offset.bytes < end })
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
) -> Result<Vec<Line>, SqlError> {
    let mut records = Records {
        attempt_id: cursor.attempt_id,
        batch: Batch::new(db, cursor.attempt_id, cursor.lines_read == 0).await?,
        skipped: cursor.skipped_lines as u64,
        partial: cursor.partial_lines as u64,
        reported: Vec::new(),
    };
    let mut unread = (cursor.lines_read as u64 + 1..).zip(read.lines());
    let mut next = records.add_points(&mut unread);
    loop {
        if let Some((number, line)) = next {
            records.store(db, number, &line).await?;
            next = records.add_points(&mut unread);
        } else if records.batch.is_full() {
            let mut direct = Direct::new(db).await?;
            next = write_and_read(&mut direct, &mut records, &mut unread)?;
        } else {
            break;
        }
    }
    let Records { batch, skipped, partial, reported, .. } = records;
    batch.finish(db, &Position { offset: read.offset, skipped, partial }).await?;
    Ok(reported)
}

/// Writes the points, and adds those in the next lines meanwhile, as long as there are many; the result is the
/// first line with anything else, with its number.
fn write_and_read<'a>(
    db: &mut Connection,
    records: &mut Records,
    unread: &mut impl Iterator<Item = (u64, line_reader::Line<'a>)>,
) -> rusqlite::Result<Option<(u64, line_reader::Line<'a>)>> {
    let direct = &mut *db;
    let written = thread::scope(|scope| {
        let (sender, batches) = mpsc::sync_channel::<Vec<Point>>(1);
        let write = move || batches.iter().try_for_each(|points| write_points(direct, &points));
        let writing = thread::Builder::new().spawn_scoped(scope, write).ok()?;
        let mut next = None;
        while next.is_none()
            && let Some(points) = records.batch.take_full()
        {
            if sender.send(points).is_err() {
                break;
            }
            next = records.add_points(unread);
        }
        drop(sender);
        Some(writing.join().expect("nothing in it panics").map(|()| next))
    });
    // Without another thread, which the system may refuse, one after the other.
    written.unwrap_or_else(|| {
        write_points(db, &records.batch.take_full().unwrap_or_default())?;
        Ok(records.add_points(unread))
    })
}

/// The records that the lines of one read come to.
struct Records {
    attempt_id: i64,
    batch: Batch,
    skipped: u64,
    partial: u64,
    /// The events for [`EventsRead::lines`].
    reported: Vec<Line>,
}

impl Records {
    /// Adds the points in the next lines, until there are enough for a full statement; the result is the
    /// first line with anything else, with its number.
    fn add_points<'a>(
        &mut self,
        unread: &mut impl Iterator<Item = (u64, line_reader::Line<'a>)>,
    ) -> Option<(u64, line_reader::Line<'a>)> {
        while !self.batch.is_full() {
            let (number, line) = unread.next()?;
            let line_reader::Line::Whole(text) = &line else { return Some((number, line)) };
            match MetricsLine::parse(text) {
                Some(metrics) if self.batch.add_points(&metrics) => {
                    self.report_metrics(metrics.step, metrics.item(), metrics.values());
                }
                _ => return Some((number, line)),
            }
        }
        None
    }

    /// Stores a line of any kind.
    async fn store(
        &mut self,
        db: &mut SqliteConnection,
        number: u64,
        line: &line_reader::Line<'_>,
    ) -> Result<(), sqlx::Error> {
        match parse(line) {
            None => {}
            Some(Ok((line, skipped_values))) if self.batch.apply(db, &line).await? => {
                self.report(line);
                if !skipped_values.is_empty() {
                    self.skip(db, number, &skipped_values.join("; ")).await?;
                    self.partial += 1;
                }
            }
            Some(Ok(_)) => {
                let reason = format!("the attempt names more than {MOST_METRICS} metrics");
                self.skip(db, number, &reason).await?;
                self.skipped = self.skipped.saturating_add(1);
            }
            Some(Err((lines, reason))) => {
                self.skip(db, number, &reason).await?;
                self.skipped = self.skipped.saturating_add(lines);
            }
        }
        Ok(())
    }

    /// Adds an event to those that are reported.
    fn report(&mut self, line: Line) {
        match line.event {
            Event::Metrics { step, item, values } => {
                let values = values.iter().map(|(name, value)| (name.as_str(), *value));
                self.report_metrics(step, item.as_deref(), values);
            }
            _ => self.reported.push(line),
        }
    }

    /// Adds metrics to those that are reported: to the event before them, if that is one of metrics.
    fn report_metrics<'a>(
        &mut self,
        step: u64,
        item: Option<&str>,
        values: impl Iterator<Item = (&'a str, Number)>,
    ) {
        if !matches!(self.reported.last(), Some(Line { event: Event::Metrics { .. }, .. })) {
            let event = Event::Metrics { step, item: None, values: BTreeMap::new() };
            self.reported.push(Line { time: None, event });
        }
        if let Some(Line { event: Event::Metrics { step: reached, values: newest, .. }, .. }) =
            self.reported.last_mut()
        {
            *reached = step;
            // Values of an item are not the metric's newest.
            for (name, value) in values.filter(|_| item.is_none()) {
                match newest.get_mut(name) {
                    Some(known) => *known = value,
                    None => drop(newest.insert(name.to_owned(), value)),
                }
            }
        }
    }

    /// Records that a line, or a value of it, was skipped.
    async fn skip(
        &self,
        db: &mut SqliteConnection,
        number: u64,
        reason: &str,
    ) -> Result<(), sqlx::Error> {
        let before = self.skipped + self.partial;
        skip_line(db, self.attempt_id, number, reason, before).await.map(drop)
    }
}

/// An event, and a reason for each of its values that is skipped; or the number of lines that are
/// skipped and the reason.
type Parsed = Result<(Line, Vec<String>), (u64, String)>;

/// The event in a line; `None` if that is blank.
fn parse(line: &line_reader::Line) -> Option<Parsed> {
    let text = match line {
        line_reader::Line::Whole(text) if text.trim().is_empty() => return None,
        line_reader::Line::Whole(text) => text,
        line_reader::Line::TooLong => {
            return Some(Err((1, format!("longer than {LONGEST_LINE} bytes"))));
        }
    };
    let parsed = Line::parse_with_skipped(text).map_err(|error| (1, error.to_string()));
    Some(parsed.and_then(|(line, skipped_values)| match line.event {
        Event::Skipped { lines, reason } => Err((lines.max(1), reason)),
        _ => Ok((line, skipped_values)),
    }))
}
