//! The table on a terminal: running trials first, no taller than the screen allows.

use std::collections::BTreeMap;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::text::{bar, columns, duration};
use crate::core::{State, TrialId};
use crate::supervisor::Progress;

/// Trials shown at most; the others are counted.
const ROWS: usize = 12;

/// The lines on the screen.
#[derive(Debug)]
pub(super) struct Live {
    screen: MultiProgress,
    lines: Vec<ProgressBar>,
    headline: String,
}

impl Live {
    pub(super) fn new(headline: Option<&str>) -> Self {
        let headline = headline.unwrap_or_default().to_owned();
        Self { screen: MultiProgress::new(), lines: Vec::new(), headline }
    }

    pub(super) fn draw<'a>(
        &mut self,
        states: impl Iterator<Item = (&'a TrialId, &'a State)>,
        progress: &BTreeMap<TrialId, Progress>,
    ) {
        let mut trials: Vec<_> = states.collect();
        trials.sort_by_key(|(_, state)| rank(state));
        let hidden = trials.len().saturating_sub(ROWS);
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
        if hidden > 0 {
            text.push(format!("and {hidden} more"));
        }
        self.show(text);
    }

    pub(super) fn say(&self, line: &str) {
        // The screen is a terminal: what cannot be written there cannot be told anywhere.
        drop(self.screen.println(line));
    }

    pub(super) fn clear(self) {
        drop(self.screen.clear());
    }

    fn show(&mut self, text: Vec<String>) {
        while self.lines.len() < text.len() {
            let style = ProgressStyle::with_template("{msg}").expect("the template is right");
            self.lines.push(self.screen.add(ProgressBar::new_spinner().with_style(style)));
        }
        for (line, text) in self.lines.iter().zip(text) {
            line.set_message(text);
            line.tick();
        }
    }
}

fn rank(state: &State) -> u8 {
    match state {
        State::Running { .. } => 0,
        State::Starting { .. } => 1,
        State::Failed { .. } => 2,
        State::Queued { .. } => 3,
        State::Interrupted { .. } | State::Cancelled { .. } => 4,
        State::Succeeded { .. } => 5,
    }
}

fn row(id: &TrialId, state: &State, progress: &Progress) -> [String; 7] {
    let under_way = state.attempt_under_way().is_some();
    let (mut drawn, mut step, mut rate, mut left) = Default::default();
    let mut what = state.name().to_owned();
    if let Some((phase, done, of)) = progress.phase.as_ref().filter(|_| under_way) {
        what.clone_from(phase);
        drawn = bar(*done as f64 / (*of).max(1) as f64, 16);
        step = format!("{done}/{of}");
        rate = progress.rate().map_or(String::new(), |rate| format!("{rate:.1}"));
        left = progress.remaining().map_or(String::new(), duration);
    }
    let headline = progress.headline.map_or(String::new(), |value| format!("{value:.2}"));
    [id.0.clone(), what, drawn, step, rate, left, headline]
}
