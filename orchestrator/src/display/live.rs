//! The table on a terminal: active and failed trials, no taller than the screen allows, over a line
//! that counts all trials.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anstream::adapter::strip_str;
use experiments::protocol::trial_id::TrialId;
use rustix::termios::tcgetwinsize;

use super::event::TrialView;
use super::outlook::{self, Outlook};
use super::progress::Progress;
use super::style;
use super::table::cut;
use super::text::counts;
use super::trial_status::waiting_in_words;
use super::trial_table::{self, Bars, Headline, TrialLine};
use crate::scheduler::State;

/// Most trials in the table; the others are only counted.
const ROWS: usize = 12;

/// Of many trials, those behind this rank are only counted.
const LAST_OF_INTEREST: u8 = 2;

/// The time left is estimated again after this long.
const OUTLOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The size of a terminal that does not tell its own.
const UNKNOWN_SIZE: Size = Size { rows: 24, width: 80 };

/// A terminal hides what is between these until it has all of it, or ignores them.
const BEGIN_FRAME: &str = "\x1b[?2026h";
const END_FRAME: &str = "\x1b[?2026l";

/// The lines on the screen. The cursor waits below them, at the start of a line: what is typed
/// meanwhile, such as the `^C` of an interrupt, moves nothing and disappears with the table.
#[derive(Debug)]
pub(super) struct Live {
    headline: Option<Headline>,
    /// The start of the run.
    since: Instant,
    lines: Vec<String>,
    outlook: Outlook,
    /// The time of that estimate; `None` before the first.
    estimated: Option<Instant>,
}

/// Rows and columns that may be written to.
#[derive(Debug, Clone, Copy)]
struct Size {
    rows: usize,
    width: usize,
}

impl Live {
    pub(super) fn new(headline: Option<Headline>, since: Instant) -> Self {
        Self { headline, since, lines: Vec::new(), outlook: Outlook::default(), estimated: None }
    }

    pub(super) fn draw(
        &mut self,
        trials: &mut dyn Iterator<Item = TrialView<'_>>,
        progress: &BTreeMap<TrialId, Progress>,
    ) {
        let mut trials: Vec<_> = trials.collect();
        if self.estimated.is_none_or(|time| time.elapsed() >= OUTLOOK_INTERVAL) {
            self.outlook = Outlook::new(trials.iter().copied(), progress);
            self.estimated = Some(Instant::now());
        }
        let counts = counts(trials.iter().map(|trial| trial.state.name()));
        let time = outlook::in_words(Some(self.since.elapsed()), self.outlook.run);
        if trials.len() > ROWS {
            trials.retain(|trial| rank(trial.state) <= LAST_OF_INTEREST);
        }
        trials.sort_by_key(|trial| rank(trial.state));
        let size = Size::now();
        let rows = trials.iter().take(ROWS.min(size.rows.saturating_sub(2)));
        let rows: Vec<_> = rows.map(|trial| self.line(trial, progress)).collect();
        let table = trial_table::table(&rows, self.headline.as_ref(), Bars::Drawn);
        let mut lines = table.lines(Some(size.width));
        lines.push(cut(&format!("{counts}; {time}"), size.width));
        if !style::is_coloured(&std::io::stderr()) {
            lines = lines.iter().map(|line| strip_str(line).to_string()).collect();
        }
        if lines != self.lines {
            self.write("", self.lines.len(), lines);
        }
    }

    fn line<'a>(
        &self,
        trial: &TrialView<'a>,
        progress: &'a BTreeMap<TrialId, Progress>,
    ) -> TrialLine<'a> {
        let progress = progress.get(trial.id);
        TrialLine {
            id: trial.id,
            state: trial.state.name(),
            is_active: trial.state.active_attempt().is_some(),
            progress,
            value: progress.and_then(|progress| progress.headline),
            spent: trial.spent.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            left: self.outlook.trials.get(trial.id).copied(),
            attempts: None,
            reason: waiting_in_words(trial.state),
        }
    }

    pub(super) fn print_above(&mut self, line: &str) {
        let lines = std::mem::take(&mut self.lines);
        let above = format!("{}\x1b[K\n", line.replace('\n', "\x1b[K\n"));
        self.write(&above, lines.len(), lines);
    }

    pub(super) fn clear(mut self) {
        let drawn = self.lines.len();
        self.write("", drawn, Vec::new());
    }

    /// Writes `above` where the table of `drawn` lines stood, to stay, and the table's new lines below it.
    /// Lines are written over, and only their rest is cleared, so that nothing flickers.
    fn write(&mut self, above: &str, drawn: usize, lines: Vec<String>) {
        let mut frame = BEGIN_FRAME.to_owned();
        if drawn > 0 {
            let _ = write!(frame, "\x1b[{drawn}A\r");
        }
        frame += above;
        for line in &lines {
            frame = frame + line + "\x1b[K\n";
        }
        frame = frame + "\x1b[J" + END_FRAME;
        // A failure to write to the terminal cannot be reported anywhere.
        let mut screen = std::io::stderr().lock();
        drop(screen.write_all(frame.as_bytes()).and_then(|()| screen.flush()));
        self.lines = lines;
    }
}

impl Size {
    /// The room on standard error: a line that wrapped would count as two.
    fn now() -> Self {
        match tcgetwinsize(std::io::stderr()) {
            Ok(size) if size.ws_row > 2 && size.ws_col > 1 => {
                Self { rows: usize::from(size.ws_row) - 1, width: usize::from(size.ws_col) - 1 }
            }
            _ => UNKNOWN_SIZE,
        }
    }
}

fn rank(state: &State) -> u8 {
    match state {
        State::Running { .. } => 0,
        State::Starting { .. } => 1,
        State::Failed { .. } => LAST_OF_INTEREST,
        State::Queued { .. } => 3,
        State::Interrupted { .. } | State::Cancelled { .. } => 4,
        State::Succeeded { .. } => 5,
    }
}
