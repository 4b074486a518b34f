//! Keys, and what they ask for.

use experiments::protocol::trial_id::TrialId;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::matrix::Move;
use super::{Action, Front, Scale, Screen};

/// Lines of a page.
const PAGE: isize = 10;

/// Something that the screen cannot do itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// End the screen; the run continues.
    Quit,
    /// The same by Ctrl-C.
    Interrupt,
    /// Explain the state of a trial.
    Why(TrialId),
    /// Do something to a trial.
    Do(Action, TrialId),
}

/// The keys, for people.
pub(super) const HELP: &str = "\
←↓↑→ h j k  select a trial       PgUp PgDn  g G   further
Tab  m      next metric          Shift-Tab  M     the one before
l  Enter    its whole log        w                why it is as it is
s           stop it (asks)       r                retry it (asks)
y           logarithmic curve    ?                this help
q           quit; the run goes on

✓ succeeded  R running  r starting  S stalled  · queued
F failed  I interrupted  C cancelled  L lost  E ended";

impl Screen {
    /// Takes in a key; `Some` if the caller has to do something.
    pub(crate) fn on_key(&mut self, key: KeyEvent) -> Option<Command> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Some(Command::Interrupt);
        }
        self.message.clear();
        self.follows = false;
        match self.front.clone() {
            Front::Overview => self.on_overview_key(key.code),
            Front::Log { which, below } => {
                self.on_log_key(key.code, which, below);
                None
            }
            Front::Text { title, lines, first } => {
                let last = lines.len().saturating_sub(1);
                self.front = match by_lines(key.code) {
                    Some(by) => {
                        let first = first.saturating_add_signed(by).min(last);
                        Front::Text { title, lines, first }
                    }
                    None => Front::Overview,
                };
                None
            }
            Front::Question { action, trial } => {
                self.front = Front::Overview;
                matches!(key.code, KeyCode::Char('y' | 'Y')).then_some(Command::Do(action, trial))
            }
        }
    }

    fn on_overview_key(&mut self, key: KeyCode) -> Option<Command> {
        match key {
            KeyCode::Char('q') => return Some(Command::Quit),
            KeyCode::Left | KeyCode::Char('h') => self.matrix.move_by(Move::Columns(-1)),
            KeyCode::Right => self.matrix.move_by(Move::Columns(1)),
            KeyCode::Home | KeyCode::Char('g') => self.matrix.move_by(Move::FirstRow),
            KeyCode::End | KeyCode::Char('G') => self.matrix.move_by(Move::LastRow),
            KeyCode::Tab | KeyCode::Char('m') => self.choose_metric(1),
            KeyCode::BackTab | KeyCode::Char('M') => self.choose_metric(-1),
            KeyCode::Enter | KeyCode::Char('l') => self.front = Front::Log { which: 0, below: 0 },
            KeyCode::Char('y') => {
                self.scale = match self.scale {
                    Scale::Linear => Scale::Logarithmic,
                    Scale::Logarithmic => Scale::Linear,
                }
            }
            KeyCode::Char('?') => self.show_text("keys", HELP),
            KeyCode::Char('w') => return Some(Command::Why(self.selected()?.id.clone())),
            KeyCode::Char('s') => self.ask(Action::Stop),
            KeyCode::Char('r') => self.ask(Action::Retry),
            other => {
                if let Some(rows) = by_lines(other) {
                    self.matrix.move_by(Move::Rows(rows));
                }
            }
        }
        None
    }

    fn on_log_key(&mut self, key: KeyCode, which: usize, below: usize) {
        let logs = self.of_selected().map_or(0, |focus| focus.logs.len()).max(1);
        self.front = match key {
            KeyCode::Tab | KeyCode::Char('m') => Front::Log { which: (which + 1) % logs, below: 0 },
            KeyCode::Home | KeyCode::Char('g') => Front::Log { which, below: usize::MAX },
            KeyCode::End | KeyCode::Char('G') => Front::Log { which, below: 0 },
            other => match by_lines(other) {
                Some(by) => Front::Log { which, below: below.saturating_add_signed(-by) },
                None => Front::Overview,
            },
        };
    }

    fn ask(&mut self, action: Action) {
        if let Some(trial) = self.selected() {
            self.front = Front::Question { action, trial: trial.id.clone() };
        }
    }

    /// Chooses another of the selected trial's metrics.
    fn choose_metric(&mut self, by: isize) {
        let Some(focus) = self.of_selected().filter(|focus| !focus.metrics.is_empty()) else {
            return;
        };
        let at = focus.metrics.iter().position(|metric| Some(metric) == focus.metric.as_ref());
        let next = at.map_or(0, |at| (at as isize + by).rem_euclid(focus.metrics.len() as isize));
        self.metric = Some(focus.metrics[next as usize].clone());
    }
}

/// Lines down by which a key scrolls.
fn by_lines(key: KeyCode) -> Option<isize> {
    match key {
        KeyCode::Down | KeyCode::Char('j') => Some(1),
        KeyCode::Up | KeyCode::Char('k') => Some(-1),
        KeyCode::PageDown | KeyCode::Char(' ') => Some(PAGE),
        KeyCode::PageUp => Some(-PAGE),
        _ => None,
    }
}
