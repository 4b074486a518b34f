//! Appends events to an attempt's file, beside a worker that may append to it as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use experiments::protocol::events::{Event, Line, PROTOCOL};
use experiments::protocol::number::Number;
use experiments::regular_file;
use experiments::schema::metrics::MetricSource;

use super::past_events;
use super::resumption::{Beginning, Resumption};
use crate::platform::clock;
use crate::run_dir::attempt::{AttemptDir, Command};

/// Bytes that are appended at a time.
const BATCH: usize = 64 << 10;

/// Bytes that wait for a disk to have room again.
const MAX_UNWRITTEN: usize = 1 << 20;

/// The step of values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) number: u64,
    /// True if the source names none, and its records were counted.
    pub(super) is_counted: bool,
}

impl Step {
    pub(super) fn named(number: u64) -> Self {
        Self { number, is_counted: false }
    }
}

/// The writer of one attempt's events.
pub(super) struct EventWriter {
    attempt: AttemptDir,
    /// The script, else the program, of the worker.
    program: String,
    resumption: Resumption,
    /// The steps up to which values were written before, by metric.
    written: BTreeMap<String, u64>,
    /// The file that each metric was found in first.
    found_in: BTreeMap<String, PathBuf>,
    /// The metrics that were found in another one as well.
    ambiguous: BTreeSet<String>,
    /// Number of times that this writer has introduced the program.
    hellos: usize,
    /// Whole lines.
    unwritten: Vec<u8>,
    /// True if the file ends within a line that a full disk has cut off.
    is_torn: bool,
}

impl EventWriter {
    pub(super) fn new(attempt: &AttemptDir, command: &Command) -> Self {
        // Long files need not be read where nothing will be written.
        let (before, last) = match &command.metrics[..] {
            [] => (BTreeMap::new(), None),
            _ => past_events::earlier_steps(attempt),
        };
        let last = last.filter(|_| command.metrics.iter().any(MetricSource::names_steps));
        Self {
            attempt: attempt.clone(),
            program: program_name(&command.argv),
            resumption: Resumption::new(before, last),
            written: BTreeMap::new(),
            found_in: BTreeMap::new(),
            ambiguous: BTreeSet::new(),
            hellos: 0,
            unwritten: Vec::new(),
            is_torn: false,
        }
    }

    /// Leaves out values up to these steps, by metric: they were written before.
    pub(super) fn leave_out(&mut self, steps: BTreeMap<String, u64>) {
        self.written = steps;
    }

    /// True if nothing more should be read, since it could not be written.
    pub(super) fn is_full(&self) -> bool {
        self.unwritten.len() >= MAX_UNWRITTEN
    }

    /// Adds values that were found in the file at `path`. A metric that was found in another file before, which may
    /// mean another quantity by it, is left out; each is returned once, with that file.
    pub(super) fn values_of(
        &mut self,
        path: &Path,
        step: Step,
        mut values: BTreeMap<String, Number>,
    ) -> Vec<(String, PathBuf)> {
        let mut others = Vec::new();
        values.retain(|metric, _| {
            let Some(first) = self.found_in.get(metric) else {
                self.found_in.insert(metric.clone(), path.to_owned());
                return true;
            };
            if first != path && self.ambiguous.insert(metric.clone()) {
                others.push((metric.clone(), first.clone()));
            }
            first == path
        });
        self.values(None, step, values);
        others
    }

    /// Adds values at a step; `time` is in seconds since the Unix epoch, now if `None`.
    pub(super) fn values(
        &mut self,
        time: Option<f64>,
        step: Step,
        mut values: BTreeMap<String, Number>,
    ) {
        let Step { number: step, is_counted } = step;
        values.retain(|metric, _| self.written.get(metric).is_none_or(|last| step > *last));
        if values.is_empty() {
            return;
        }
        match self.resumption.of(step, is_counted, values.keys()) {
            Some(Beginning::Scratch) => self.hello(None),
            Some(Beginning::ResumedFrom(step)) => self.hello(Some(step)),
            None => {}
        }
        self.event(time, &Event::Metrics { step, item: None, values });
    }

    /// The first event, and again if it turns out that the attempt began at an earlier step. A worker
    /// that introduces itself knows better.
    fn hello(&mut self, resumed_from: Option<u64>) {
        // What cannot be written now is not counted either.
        let _ = self.flush();
        if past_events::hellos(&self.attempt) > self.hellos {
            return;
        }
        self.hellos += 1;
        self.event(
            None,
            &Event::Hello {
                deterministic: false,
                protocol: PROTOCOL,
                program: self.program.clone(),
                build: None,
                device: None,
                resumed_from,
                metrics: BTreeMap::new(),
            },
        );
    }

    /// Adds lines that could not be read.
    pub(super) fn skipped(&mut self, lines: u64, reason: &str) {
        self.event(None, &Event::Skipped { lines, reason: reason.to_owned() });
    }

    /// Adds an event.
    pub(super) fn event(&mut self, time: Option<f64>, event: &Event) {
        let time = time.unwrap_or_else(|| clock::now_ms() as f64 / 1e3);
        let line = Line { time: Some(time), event: event.clone() };
        self.unwritten.extend_from_slice(line.to_json().as_bytes());
        self.unwritten.push(b'\n');
        if self.unwritten.len() >= BATCH {
            // What is left is tried again by the next call.
            let _ = self.flush();
        }
    }

    /// Appends all that was added, whole lines at a time.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let options = &mut File::options();
        let mut file =
            regular_file::open_with(options.create(true).append(true), &self.attempt.events())?;
        while !self.unwritten.is_empty() {
            if self.is_torn {
                file.write_all(b"\n")?;
                self.is_torn = false;
            }
            let written = file.write(&self.unwritten)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            // A line that was cut off is written once more as a whole.
            let whole = self.unwritten[..written].iter().rposition(|byte| *byte == b'\n');
            let whole = whole.map_or(0, |at| at + 1);
            self.is_torn = whole < written;
            self.unwritten.drain(..whole);
        }
        Ok(())
    }
}

/// The name of the first word that looks like a script, else of the program.
fn program_name(argv: &[String]) -> String {
    let script = argv.iter().skip(1).find(|word| Path::new(word).extension().is_some());
    let path = script.or(argv.first()).map(PathBuf::from).unwrap_or_default();
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
