//! Points as a Parquet file, written in row groups so that only one of them is held.
//!
//! Without Arrow: the eight columns are put down one by one.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::store::{Point, TrialRecord};

/// Rows that are held until they are written: some ten megabytes.
const ROWS: usize = 100_000;

/// The columns. Only the time may be unknown; a value that is no number is NaN.
const SCHEMA: &str = "message points {
    required binary trial (string);
    required binary variant (string);
    required int64 seed (integer(64, false));
    required binary metric (string);
    required binary item (string);
    required int64 step;
    required double value;
    optional double time;
}";

/// A file that is being written to `W`.
pub(crate) struct ParquetFile<W: Write + Send> {
    file: SerializedFileWriter<W>,
    rows: Columns,
}

/// The rows of the next group, column by column.
#[derive(Default)]
struct Columns {
    trial: Vec<ByteArray>,
    variant: Vec<ByteArray>,
    seed: Vec<i64>,
    metric: Vec<ByteArray>,
    item: Vec<ByteArray>,
    step: Vec<i64>,
    value: Vec<f64>,
    /// Of the rows that have one.
    time: Vec<f64>,
    /// 1 for a row that has a time, 0 for one that has none.
    has_time: Vec<i16>,
}

impl<W: Write + Send> ParquetFile<W> {
    /// Begins a file.
    pub(crate) fn new(to: W) -> io::Result<Self> {
        let properties = WriterProperties::builder()
            .set_created_by(concat!("orch ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::SNAPPY)
            .build();
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let file = SerializedFileWriter::new(to, schema, Arc::new(properties))?;
        Ok(Self { file, rows: Columns::default() })
    }

    /// Adds a row.
    pub(crate) fn point(&mut self, trial: &TrialRecord, point: &Point) -> io::Result<()> {
        self.rows.push(trial, point);
        if self.rows.step.len() < ROWS { Ok(()) } else { Ok(self.flush()?) }
    }

    /// Writes what is left, and the end of the file.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        if !self.rows.step.is_empty() {
            self.flush()?;
        }
        Ok(self.file.into_inner()?)
    }

    /// The rows so far, as a group.
    fn flush(&mut self) -> Result<()> {
        let rows = mem::take(&mut self.rows);
        let mut group = self.file.next_row_group()?;
        column::<ByteArrayType, _>(&mut group, &rows.trial, None)?;
        column::<ByteArrayType, _>(&mut group, &rows.variant, None)?;
        column::<Int64Type, _>(&mut group, &rows.seed, None)?;
        column::<ByteArrayType, _>(&mut group, &rows.metric, None)?;
        column::<ByteArrayType, _>(&mut group, &rows.item, None)?;
        column::<Int64Type, _>(&mut group, &rows.step, None)?;
        column::<DoubleType, _>(&mut group, &rows.value, None)?;
        column::<DoubleType, _>(&mut group, &rows.time, Some(&rows.has_time))?;
        group.close().map(drop)
    }
}

impl Columns {
    fn push(&mut self, trial: &TrialRecord, point: &Point) {
        text(&mut self.trial, &trial.id.0);
        text(&mut self.variant, &trial.variant);
        // To the bit: the schema says that it has no sign.
        self.seed.push(trial.seed as i64);
        text(&mut self.metric, &point.metric);
        text(&mut self.item, &point.item);
        self.step.push(point.step as i64);
        self.value.push(point.value);
        self.time.extend(point.time);
        self.has_time.push(i16::from(point.time.is_some()));
    }
}

/// Adds a text, of which equal neighbours share the memory.
fn text(column: &mut Vec<ByteArray>, text: &str) {
    let last = column.last().filter(|last| last.data() == text.as_bytes());
    column.push(last.cloned().unwrap_or_else(|| text.into()));
}

/// The group's next column; `known` says which rows have a value, if not all do.
fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    known: Option<&[i16]>,
) -> Result<()> {
    let mut column = group.next_column()?.expect("the schema has as many columns");
    column.typed::<T>().write_batch(values, known, None)?;
    column.close()
}
