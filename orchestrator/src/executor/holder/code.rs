//! Records the worker's code before the worker is started.

use std::fs::File;
use std::io::Write;
use std::rc::Rc;

use experiments::protocol::events::{Event, LONGEST_LINE, Line};
use experiments::regular_file;

use super::records::AttemptRecords;
use crate::code::{AttemptCode, CodeAndDiff, CodeError};
use crate::platform::atomic_file::{self, FileError};
use crate::platform::clock;
use crate::run_dir::attempt::AttemptDir;

/// The code cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error(transparent)]
    Code(#[from] CodeError),
    #[error(
        "the worker's code has so many files that they cannot be recorded: list it in `worker.code`"
    )]
    TooLong,
    #[error(transparent)]
    File(#[from] FileError),
}

/// Writes `code` as the first of the attempt's events, and its difference from its commit beside them.
pub(super) fn record(
    attempt: &AttemptDir,
    code: &AttemptCode,
    known: Option<Rc<CodeAndDiff>>,
    records: &mut AttemptRecords,
) -> Result<(), RecordError> {
    let known = known.map_or_else(|| CodeAndDiff::read(code).map(Rc::new), Ok)?;
    let CodeAndDiff { code, diff } = &*known;
    if code.files.is_empty() && code.interpreter.is_none() {
        return Ok(());
    }
    if let Some(diff) = diff {
        let seal = atomic_file::place(&attempt.code_diff(), diff)?;
        records.add(attempt, &attempt.code_diff(), seal);
    }
    let time = Some(clock::now_ms() as f64 / 1e3);
    let line = Line { time, event: Event::Code(code.clone()) }.to_json() + "\n";
    if line.len() as u64 > LONGEST_LINE {
        return Err(RecordError::TooLong);
    }
    let path = attempt.events();
    let file = regular_file::open_with(File::options().create(true).append(true), &path);
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|source| FileError::Write { path, source }.into())
}
