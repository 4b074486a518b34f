//! From an attempt's `events.jsonl` to the database, a few megabytes at a time.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use experiments::protocol::events::{Event, LONGEST_LINE, Line, MOST_METRICS, MetricsLine};
use experiments::protocol::number::Number;
use experiments::protocol::trial_id::TrialId;
use experiments::regular_file;
use rusqlite::Connection;

use super::batch::{Batch, Point, Position, write_points};
use crate::platform::line_reader::{self, ReadOffset, Tail};
use crate::store::direct::{Direct, execute};
use crate::store::skipped_lines::skip_line;
use crate::store::{Store, StoreError};

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

/// The events of an attempt that are to be ingested.
#[derive(Debug, Clone)]
pub struct UnreadEvents {
    /// Its trial.
    pub trial: TrialId,
    /// Its number, from 1.
    pub attempt: u32,
    /// Its events file.
    pub file: PathBuf,
    /// Those before this byte.
    pub end: u64,
}

/// An attempt and the position in its events file.
struct Cursor {
    attempt_id: i64,
    offset: ReadOffset,
    skipped: u64,
    partial: u64,
}

impl Cursor {
    fn of(db: &Connection, trial: &TrialId, attempt: u32) -> rusqlite::Result<Self> {
        let mut select = db.prepare_cached(
            "select attempt_id, bytes_read, lines_read, in_long_line, skipped_lines,
                partial_lines
             from attempt join trial using (trial_id) where name = ? and number = ?",
        )?;
        select.query_row((&trial.0, attempt), |row| {
            let number = |column| row.get::<_, i64>(column).map(|number| number as u64);
            let (bytes, lines, in_long_line) = (number(1)?, number(2)?, row.get(3)?);
            Ok(Self {
                attempt_id: row.get(0)?,
                offset: ReadOffset { bytes, lines, in_long_line },
                skipped: number(4)?,
                partial: number(5)?,
            })
        })
    }
}

impl Store {
    /// Ingests the next events, a few megabytes at a time, and returns them. Call again while there is more.
    pub async fn read_events(&mut self, unread: &UnreadEvents) -> Result<EventsRead, StoreError> {
        self.begin().await?;
        let mut db = Direct::new(&mut self.connection, &self.path).await?;
        let (read, lines) = read_some(&mut db, &self.path, unread)?;
        drop(db);
        self.uncommitted_lines += lines;
        self.commit_if_long().await?;
        Ok(read)
    }

    /// Ingests the events of attempts, one after the other.
    pub(crate) async fn ingest_events(
        &mut self,
        unread: impl IntoIterator<Item = UnreadEvents>,
    ) -> Result<(), StoreError> {
        let mut unread = unread.into_iter();
        let mut next = unread.next();
        while next.is_some() {
            self.begin().await?;
            let mut db = Direct::new(&mut self.connection, &self.path).await?;
            while let Some(events) = &next
                && self.uncommitted_lines < MOST_UNCOMMITTED
            {
                let (read, lines) = read_some(&mut db, &self.path, events)?;
                self.uncommitted_lines += lines;
                if !read.more {
                    next = unread.next();
                }
            }
            drop(db);
            self.commit_if_long().await?;
        }
        Ok(())
    }

    async fn commit_if_long(&mut self) -> Result<(), StoreError> {
        if self.uncommitted_lines >= MOST_UNCOMMITTED {
            self.commit().await?;
        }
        Ok(())
    }
}

/// Ingests some megabytes of events into the database at `path`; also the number of their lines.
fn read_some(
    db: &mut Connection,
    path: &Path,
    unread: &UnreadEvents,
) -> Result<(EventsRead, u64), StoreError> {
    let UnreadEvents { trial, attempt, file, end } = unread;
    let sql = Store::sql_error(path);
    let cursor = Cursor::of(db, trial, *attempt).map_err(&sql)?;
    let nothing = (EventsRead { lines: Vec::new(), more: false }, 0);
    let read = match (Tail { path: file, longest: LONGEST_LINE, end: *end }).read(cursor.offset) {
        // Whoever wrote something else there loses only its own events.
        Err(error) if regular_file::is_fault_of_file(&error) => {
            unreadable(db, &cursor, file, &error).map_err(&sql)?;
            return Ok(nothing);
        }
        read => read.map_err(|source| StoreError::File { path: file.clone(), source })?,
    };
    if read.offset == cursor.offset {
        return Ok(nothing);
    }
    let lines = ingest(db, &cursor, &read).map_err(&sql)?;
    let more = read.offset.bytes < *end;
    Ok((EventsRead { lines, more }, read.offset.lines - cursor.offset.lines))
}

/// Counts a file that cannot be read, once, as a skipped line after those that could be.
fn unreadable(
    db: &Connection,
    cursor: &Cursor,
    file: &Path,
    error: &io::Error,
) -> rusqlite::Result<()> {
    let (id, number) = (cursor.attempt_id, cursor.offset.lines + 1);
    let before = cursor.skipped.saturating_add(cursor.partial);
    let reason = format!("cannot read `{}`: {error}", file.display());
    if skip_line(db, id, number, &reason, before)? {
        let count = "update attempt set skipped_lines = skipped_lines + 1 where attempt_id = ?";
        execute(db, count, [id])?;
    }
    Ok(())
}

/// Stores the events in the lines, and the new position in the file.
fn ingest(
    db: &mut Connection,
    cursor: &Cursor,
    read: &line_reader::Read,
) -> rusqlite::Result<Vec<Line>> {
    let mut records = Records {
        attempt_id: cursor.attempt_id,
        batch: Batch::new(db, cursor.attempt_id, cursor.offset.lines == 0)?,
        skipped: cursor.skipped,
        partial: cursor.partial,
        reported: Vec::new(),
    };
    let mut unread = (cursor.offset.lines + 1..).zip(read.lines());
    let mut next = records.add_points(&mut unread);
    loop {
        if let Some((number, line)) = next {
            records.store(db, number, &line)?;
            next = records.add_points(&mut unread);
        } else if records.batch.is_full() {
            next = write_and_read(db, &mut records, &mut unread)?;
        } else {
            break;
        }
    }
    let Records { batch, skipped, partial, reported, .. } = records;
    batch.finish(db, &Position { offset: read.offset, skipped, partial })?;
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
    fn store(
        &mut self,
        db: &Connection,
        number: u64,
        line: &line_reader::Line<'_>,
    ) -> rusqlite::Result<()> {
        match parse(line) {
            None => {}
            Some(Ok((line, skipped_values))) if self.batch.apply(db, &line)? => {
                self.report(line);
                if !skipped_values.is_empty() {
                    self.skip(db, number, &skipped_values.join("; "))?;
                    self.partial += 1;
                }
            }
            Some(Ok(_)) => {
                let reason = format!("the attempt names more than {MOST_METRICS} metrics");
                self.skip(db, number, &reason)?;
                self.skipped = self.skipped.saturating_add(1);
            }
            Some(Err((lines, reason))) => {
                self.skip(db, number, &reason)?;
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
    fn skip(&self, db: &Connection, number: u64, reason: &str) -> rusqlite::Result<()> {
        let before = self.skipped + self.partial;
        skip_line(db, self.attempt_id, number, reason, before).map(drop)
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
