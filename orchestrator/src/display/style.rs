//! Colours by state, and the choice to use any. Meaning is never by colour alone: the words stay.

use std::env;

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

/// Colour of a heading.
pub(crate) const HEADING: Style = Style::new().bold();

/// Colour of what matters less.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// The colour of a trial's state, by its word.
pub(crate) fn of_state(state: &str) -> Style {
    let colour = match state {
        "succeeded" => AnsiColor::Green,
        "running" | "starting" | "ended" => AnsiColor::Cyan,
        "failed" | "lost" => AnsiColor::Red,
        "interrupted" | "cancelled" | "stalled" => AnsiColor::Yellow,
        _ => return FAINT,
    };
    let style = Style::new().fg_color(Some(colour.into()));
    if state == "failed" { style.bold() } else { style }
}

/// Sets for the whole process when text is coloured. `Auto` is on a terminal, unless `NO_COLOR` is set or
/// `TERM` is `dumb`; and anywhere if `FORCE_COLOR` or `CLICOLOR_FORCE` is set.
pub(crate) fn set_choice(choice: ColorChoice) {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    let is_forced = choice == ColorChoice::Auto && is_set("FORCE_COLOR") && !is_set("NO_COLOR");
    if is_forced { ColorChoice::Always } else { choice }.write_global();
}

/// True if text for `stream` is coloured.
pub(crate) fn is_coloured(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// Counts of states, `2 queued, 1 running`, in their colours.
pub(crate) fn counted(counts: &str) -> String {
    let parts = counts.split(", ");
    let parts = parts.map(|part| styled(part, of_state(part.rsplit(' ').next().unwrap_or(part))));
    parts.collect::<Vec<_>>().join(", ")
}

/// `text` in a colour.
pub(crate) fn styled(text: &str, style: Style) -> String {
    if style.is_plain() { text.to_owned() } else { format!("{style}{text}{style:#}") }
}
