//! The table on a terminal: active and failed trials, no taller than the screen allows, over a line
//! that counts all trials.

use std::collections::BTreeMap;
use std::io::Write;

use experiments::protocol::trial_id::TrialId;
use rustix::termios::tcgetwinsize;

use super::progress::Progress;
use super::text::{bar, columns, counts, duration};
use crate::scheduler::State;

/// Most trials in the table; the others are only counted.
const ROWS: usize = 12;

/// The lines on the screen. The cursor waits below them, at the start of a line: what is typed
/// meanwhile, such as the `^C` of an interrupt, moves nothing and disappears with the table.
#[derive(Debug)]
pub(super) struct Live {
    headline: String,
    lines: Vec<String>,
}

impl Live {
    pub(super) fn new(headline: Option<&str>) -> Self {
        Self { headline: headline.unwrap_or_default().to_owned(), lines: Vec::new() }
    }

    pub(super) fn draw<'a>(
        &mut self,
        trials: &mut dyn Iterator<Item = (&'a TrialId, &'a State)>,
        progress: &BTreeMap<TrialId, Progress>,
    ) {
        let mut trials: Vec<_> = trials.collect();
        let summary = counts(trials.iter().map(|(_, state)| state.name()));
        if trials.len() > ROWS {
            trials.retain(|(_, state)| rank(state) <= LAST_OF_INTEREST);
        }
        trials.sort_by_key(|(_, state)| rank(state));
        let none = Progress::default();
        let mut rows =
            vec![["trial", "state", "", "step", "it/s", "left", &self.headline].map(str::to_owned)];
        rows.extend(
            trials
                .iter()
                .take(ROWS)
                .map(|(id, state)| row(id, state, progress.get(*id).unwrap_or(&none))),
        );
        let mut text = columns(&rows);
        text.push(summary);
        self.replace("", fitting(text));
    }

    pub(super) fn print_above(&mut self, line: &str) {
        let lines = self.lines.clone();
        self.replace(&format!("{line}\n"), lines);
    }

    pub(super) fn clear(mut self) {
        self.replace("", Vec::new());
    }

    /// Writes `above` where the table stood, to stay, and the table's new lines below it.
    fn replace(&mut self, above: &str, lines: Vec<String>) {
        let mut frame = String::new();
        if !self.lines.is_empty() {
            // Up to the table's first line, then nothing from there on.
            frame = format!("\x1b[{}A\r\x1b[J", self.lines.len());
        }
        frame += above;
        for line in &lines {
            frame = frame + line + "\n";
        }
        // A failure to write to the terminal cannot be reported anywhere.
        let mut screen = std::io::stderr().lock();
        drop(screen.write_all(frame.as_bytes()).and_then(|()| screen.flush()));
        self.lines = lines;
    }
}

/// Of many trials, those behind this rank are only counted.
const LAST_OF_INTEREST: u8 = 2;

/// The lines that fit on the terminal: a line that wrapped would count as two.
fn fitting(mut lines: Vec<String>) -> Vec<String> {
    if let Ok(size) = tcgetwinsize(std::io::stderr())
        && size.ws_row > 2
        && size.ws_col > 1
    {
        let (rows, width) = (usize::from(size.ws_row) - 2, usize::from(size.ws_col) - 1);
        let summary = lines.split_off(lines.len() - 1);
        lines.truncate(rows);
        lines.extend(summary);
        lines = lines.iter().map(|line| line.chars().take(width).collect()).collect();
    }
    lines
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

fn row(id: &TrialId, state: &State, progress: &Progress) -> [String; 7] {
    let active = state.active_attempt().is_some();
    let (mut drawn, mut step, mut rate, mut left) = Default::default();
    let mut phase_or_state = state.name().to_owned();
    if let Some((phase, done, of)) = progress.phase.as_ref().filter(|_| active) {
        phase_or_state.clone_from(phase);
        drawn = bar(*done as f64 / (*of).max(1) as f64, 16);
        step = format!("{done}/{of}");
        rate = progress.rate().map_or(String::new(), |rate| format!("{rate:.1}"));
        left = progress.remaining().map_or(String::new(), duration);
    }
    if progress.stalled && active {
        "stalled".clone_into(&mut phase_or_state);
    }
    let headline = progress.headline.map_or(String::new(), |value| format!("{value:.2}"));
    [id.0.clone(), phase_or_state, drawn, step, rate, left, headline]
}
