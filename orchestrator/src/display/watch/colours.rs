//! Colours of the screen, the same as in the tables, or none.

use anstyle::{AnsiColor, Color};
use ratatui::style::{self, Modifier, Style};

use crate::display::style::of_state;

/// Text that matters less.
pub(super) const FAINT: Style = Style::new().add_modifier(Modifier::DIM);

/// Text that matters more.
pub(super) const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);

/// The choice to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    /// As in the tables.
    Ansi,
    /// Bold, dim and reversed text alone.
    None,
}

impl Colours {
    pub(super) fn of_state(self, state: &str) -> Style {
        if self == Self::None {
            return Style::new();
        }
        match of_state(state).get_fg_color() {
            Some(Color::Ansi(AnsiColor::Green)) => Style::new().fg(style::Color::Green),
            Some(Color::Ansi(AnsiColor::Cyan)) => Style::new().fg(style::Color::Cyan),
            Some(Color::Ansi(AnsiColor::Red)) => Style::new().fg(style::Color::Red),
            Some(Color::Ansi(AnsiColor::Yellow)) => Style::new().fg(style::Color::Yellow),
            _ => FAINT,
        }
    }

    pub(super) fn curve(self) -> Style {
        match self {
            Self::Ansi => Style::new().fg(style::Color::Cyan),
            Self::None => Style::new(),
        }
    }
}
