//! Points as a Parquet file, written in row groups so that only one of them is held in memory.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::record::RecordWriter;
use parquet_derive::ParquetRecordWriter;

use crate::store::{Point, TrialRecord};

/// Rows of a group, some ten megabytes.
const ROWS: usize = 100_000;

/// A Parquet file that is being written to `W`.
pub(crate) struct ParquetFile<W: Write + Send> {
    file: SerializedFileWriter<W>,
    /// The next group; equal neighbours share their texts.
    rows: Vec<Row>,
}

/// A column for each field. Only the time may be unknown; a value that is not a number is NaN.
#[derive(Clone, ParquetRecordWriter)]
struct Row {
    trial: Arc<str>,
    variant: Arc<str>,
    seed: u64,
    metric: Arc<str>,
    item: Arc<str>,
    step: i64,
    value: f64,
    time: Option<f64>,
}

impl<W: Write + Send> ParquetFile<W> {
    /// Begins a file.
    pub(crate) fn new(to: W) -> io::Result<Self> {
        let properties = WriterProperties::builder()
            .set_created_by(concat!("orch ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::SNAPPY)
            .build();
        let rows = Vec::<Row>::new();
        let file = SerializedFileWriter::new(to, rows.as_slice().schema()?, Arc::new(properties))?;
        Ok(Self { file, rows })
    }

    /// Adds a row.
    pub(crate) fn point(&mut self, trial: &TrialRecord, point: &Point) -> io::Result<()> {
        let last = self.rows.last();
        let row = Row {
            trial: shared(last.map(|row| &row.trial), &trial.id.0),
            variant: shared(last.map(|row| &row.variant), &trial.variant),
            seed: trial.seed,
            metric: shared(last.map(|row| &row.metric), &point.metric),
            item: shared(last.map(|row| &row.item), &point.item),
            step: point.step as i64,
            value: point.value,
            time: point.time,
        };
        self.rows.push(row);
        if self.rows.len() < ROWS { Ok(()) } else { Ok(self.write_group()?) }
    }

    /// Writes the last group, and the end of the file.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        if !self.rows.is_empty() {
            self.write_group()?;
        }
        Ok(self.file.into_inner()?)
    }

    fn write_group(&mut self) -> Result<()> {
        let rows = mem::take(&mut self.rows);
        let mut group = self.file.next_row_group()?;
        rows.as_slice().write_to_row_group(&mut group)?;
        group.close().map(drop)
    }
}

/// The text of the row before, if it is the same.
fn shared(last: Option<&Arc<str>>, text: &str) -> Arc<str> {
    last.filter(|last| ***last == *text).cloned().unwrap_or_else(|| text.into())
}
