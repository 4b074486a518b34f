//! Points by the million: read row by row as SQLite finds them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::path::PathBuf;

use reports::series::Sample;
use rusqlite::{CachedStatement, Row};

use super::direct::Direct;
use super::{Store, StoreError};

/// Points in effect, by ascending step.
pub(crate) type Samples<'a> = Peekable<Box<dyn Iterator<Item = Result<Sample, StoreError>> + 'a>>;

/// The choice to read the times of points, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// They are left out.
    Left,
    /// They are read, which takes half as long again.
    Read,
}

/// The points of an attempt that are in effect.
pub(super) struct AttemptSeries {
    pub(super) series_id: i64,
    /// The last step at which no later attempt supersedes it.
    pub(super) until: i64,
    /// The start of the attempt, in seconds since the Unix epoch.
    pub(super) start: f64,
}

/// Reads points by a connection.
pub(super) struct PointReader<'s> {
    connection: Direct<'s>,
    path: PathBuf,
    times: Times,
}

impl<'s> PointReader<'s> {
    /// Reads by the connection of `store`.
    pub(super) async fn new(store: &'s mut Store, times: Times) -> Result<Self, StoreError> {
        let path = store.path.clone();
        Ok(Self { connection: store.direct().await?, path, times })
    }

    /// Passes the points of a trial's attempts, the first one first, to `take`. Of a step that several
    /// report, the last one's counts.
    pub(super) fn read<E: From<StoreError>>(
        &self,
        attempts: &[AttemptSeries],
        take: impl FnOnce(&mut Samples) -> Result<(), E>,
    ) -> Result<(), E> {
        let offsets = self.offsets(attempts)?;
        let statements: Result<Vec<_>, _> = attempts.iter().map(|_| self.statement("")).collect();
        let mut statements = statements?;
        let (sql, mut streams) = (Store::sql_error(&self.path), Vec::new());
        for ((statement, attempt), offset) in statements.iter_mut().zip(attempts).zip(offsets) {
            let times = self.times;
            let rows = statement
                .query_map((attempt.series_id, attempt.until), move |row| {
                    sample(row, times, attempt.start, offset)
                })
                .map_err(&sql)?;
            streams.push(rows.map(|row| row.map_err(&sql)));
        }
        let mut latest = 0.0;
        // A clock that was set back must not make a curve turn back.
        let monotonic = Merged::new(streams)?.map(move |sample| {
            let mut sample = sample?;
            if !sample.seconds.is_nan() {
                latest = f64::max(latest, sample.seconds);
                sample.seconds = latest;
            }
            Ok(sample)
        });
        let samples: Box<dyn Iterator<Item = _>> = Box::new(monotonic);
        take(&mut samples.peekable())
    }

    /// The seconds of work before each attempt: those at the last point before it.
    fn offsets(&self, attempts: &[AttemptSeries]) -> Result<Vec<f64>, StoreError> {
        let mut offsets = vec![0.0];
        let mut last = None;
        // Nothing follows on the last one.
        for attempt in attempts.iter().take(attempts.len() - 1) {
            let offset = offsets[offsets.len() - 1];
            let mut statement = self.statement("desc limit 1")?;
            let own = statement.query_map((attempt.series_id, attempt.until), |row| {
                sample(row, self.times, attempt.start, offset)
            });
            let own = own.and_then(|mut rows| rows.next().transpose());
            let own = own.map_err(Store::sql_error(&self.path))?;
            last = match (last, own) {
                (Some(Sample { step, .. }), Some(own)) if own.step < step => last,
                (last, own) => own.or(last),
            };
            offsets.push(last.map_or(0.0, |last: Sample| last.seconds));
        }
        Ok(offsets)
    }

    fn statement(&self, order: &str) -> Result<CachedStatement<'_>, StoreError> {
        // Another column takes half as long again.
        let time = if self.times == Times::Read { ", time" } else { "" };
        let select = format!(
            "select step, value{time} from point where series_id = ? and step <= ?
             order by step {order}"
        );
        let statement = self.connection.prepare_cached(&select);
        statement.map_err(Store::sql_error(&self.path))
    }
}

/// From the columns step, value and, with times, time.
fn sample(row: &Row, times: Times, start: f64, offset: f64) -> rusqlite::Result<Sample> {
    let time: Option<f64> = if times == Times::Read { row.get(2)? } else { None };
    Ok(Sample {
        step: row.get::<_, i64>(0)? as u64,
        value: row.get::<_, Option<f64>>(1)?.unwrap_or(f64::NAN),
        seconds: time.map_or(f64::NAN, |time| offset + (time - start).max(0.0)),
    })
}

/// Streams of ascending steps as one. Of equal steps, the last stream's counts.
struct Merged<I> {
    streams: Vec<I>,
    heads: Vec<Option<Sample>>,
    /// Step and stream of each head, the first one on top.
    order: BinaryHeap<Reverse<(u64, usize)>>,
}

impl<I: Iterator<Item = Result<Sample, StoreError>>> Merged<I> {
    fn new(streams: Vec<I>) -> Result<Self, StoreError> {
        let heads = vec![None; streams.len()];
        let mut merged = Self { streams, heads, order: BinaryHeap::new() };
        for stream in 0..merged.streams.len() {
            merged.advance(stream)?;
        }
        Ok(merged)
    }

    /// Reads the next head of a stream.
    fn advance(&mut self, stream: usize) -> Result<(), StoreError> {
        self.heads[stream] = self.streams[stream].next().transpose()?;
        self.order.extend(self.heads[stream].map(|head| Reverse((head.step, stream))));
        Ok(())
    }
}

impl<I: Iterator<Item = Result<Sample, StoreError>>> Iterator for Merged<I> {
    type Item = Result<Sample, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Reverse((step, stream)) = self.order.pop()?;
            let sample = self.heads[stream]?;
            if let Err(error) = self.advance(stream) {
                return Some(Err(error));
            }
            let repeated = self.order.peek().is_some_and(|Reverse((next, _))| *next == step);
            if !repeated {
                return Some(Ok(sample));
            }
        }
    }
}
