//! Reads the metrics of a worker that appends no events itself, from its output and the files that it
//! writes (`worker.metrics`), and appends them to the attempt's events, so that all that follows reads
//! one format. Nothing here can end a trial: what cannot be read is counted as skipped lines.

mod event_writer;
mod growing_file;
mod line_source;
mod past_events;
mod record;
mod resumption;
mod tensorboard_source;

use std::io;
use std::time::{Duration, Instant};

use experiments::protocol::events::Event;
use experiments::schema::metrics::{MetricSource, ResultRule, SourceKind};

use self::event_writer::EventWriter;
use self::line_source::LineSource;
use self::tensorboard_source::TensorboardSource;
use crate::run_dir::attempt::{AttemptDir, Command};

/// Shortest time between two readings of the sources.
const INTERVAL: Duration = Duration::from_millis(500);

/// The sources of one attempt.
pub(super) struct MetricReader {
    sources: Vec<Source>,
    result: Option<ResultRule>,
    writer: EventWriter,
    attempt: AttemptDir,
    last_read: Instant,
}

enum Source {
    Lines(LineSource),
    Tensorboard(TensorboardSource),
}

impl Source {
    fn read(&mut self, writer: &mut EventWriter, is_last: bool) {
        match self {
            Self::Lines(source) => source.read(writer, is_last),
            Self::Tensorboard(source) => source.read(writer, is_last),
        }
    }

    fn whole(self) -> Self {
        match self {
            Self::Lines(source) => Self::Lines(source.whole()),
            Self::Tensorboard(source) => Self::Tensorboard(source.whole()),
        }
    }

    /// The reason for which nothing was found; `None` if something was.
    fn found_nothing(&self) -> Option<String> {
        match self {
            Self::Lines(source) => source.found_nothing(),
            Self::Tensorboard(source) => source.found_nothing(),
        }
    }
}

impl MetricReader {
    /// The sources of `attempt` as they are before its worker is started: what they have by then is not
    /// the attempt's.
    pub(super) fn new(attempt: &AttemptDir, command: &Command) -> Result<Self, String> {
        let is_first = attempt.earlier().next().is_none();
        let mut sources = Vec::new();
        for source in &command.metrics {
            let path = match source.kind {
                SourceKind::Stdout => attempt.stdout(),
                SourceKind::Stderr => attempt.stderr(),
                _ => command.cwd.join(&source.text),
            };
            sources.push(if source.kind == SourceKind::Tensorboard {
                Source::Tensorboard(TensorboardSource::new(path, source))
            } else {
                let lines = LineSource::new(path, source)?;
                Source::Lines(if is_first { lines } else { lines.continued() })
            });
        }
        Ok(Self {
            sources,
            result: command.result.clone(),
            writer: EventWriter::new(attempt, command),
            attempt: attempt.clone(),
            last_read: Instant::now(),
        })
    }

    /// Appends what the holder of `attempt`, which was killed, had not read yet: of the worker's output,
    /// and of files in the attempt's own folder. All of its processes must have ended.
    pub(super) fn finish_lost(attempt: &AttemptDir, command: &Command) -> io::Result<()> {
        let is_own = |source: &MetricSource| {
            !source.is_path() || command.cwd.join(&source.text).starts_with(attempt.path())
        };
        let metrics = command.metrics.iter().filter(|source| is_own(source)).cloned().collect();
        let own = Command { metrics, ..command.clone() };
        let Ok(mut reader) = Self::new(attempt, &own) else { return Ok(()) };
        reader.sources = reader.sources.into_iter().map(Source::whole).collect();
        reader.writer.leave_out(past_events::last_steps(attempt));
        reader.read_sources(true);
        reader.writer.flush()
    }

    /// Appends what the worker has written since the last call.
    pub(super) fn read(&mut self) {
        if !self.sources.is_empty() && self.last_read.elapsed() >= INTERVAL {
            self.read_sources(false);
            self.last_read = Instant::now();
        }
    }

    fn read_sources(&mut self, is_last: bool) {
        for source in &mut self.sources {
            source.read(&mut self.writer, is_last);
        }
        // A full disk: it is tried again the next time, and no more is read until then.
        let _ = self.writer.flush();
    }

    /// Appends the rest after the end of all of the worker's processes, and the final values of one that
    /// `succeeded` without reporting any. An error if not all of it could be written.
    pub(super) fn finish(mut self, succeeded: bool) -> io::Result<()> {
        self.read_sources(true);
        if succeeded {
            for source in &self.sources {
                if let Some(reason) = source.found_nothing() {
                    self.writer.skipped(1, &reason);
                }
            }
            self.writer.flush()?;
            self.append_result();
        }
        self.writer.flush()
    }

    /// True if the worker has reported final values itself.
    pub(super) fn has_result(&self) -> bool {
        past_events::has_result(&self.attempt)
    }

    fn append_result(&mut self) {
        let Some(rule) = &self.result else { return };
        if self.has_result() {
            return;
        }
        match past_events::result(&self.attempt, rule) {
            Ok(values) if values.is_empty() => {}
            Ok(values) => self.writer.event(None, &Event::Result { values }),
            Err(reason) => self.writer.skipped(1, &reason),
        }
    }
}
