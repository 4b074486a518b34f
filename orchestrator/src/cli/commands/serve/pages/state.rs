//! The states of trials as marks: a sign and a colour, so that the colour alone means nothing.

use maud::{Markup, html};

/// The sign of a state.
pub(super) fn sign(state: &str) -> &'static str {
    match state {
        "succeeded" | "done" => "✓",
        "running" => "▶",
        "starting" => "▷",
        "queued" => "·",
        "failed" => "✗",
        "interrupted" | "stopped" => "‖",
        "cancelled" => "–",
        "lost" | "damaged" | "unsupervised" => "!",
        _ => "•",
    }
}

/// The state as a word with its sign.
pub(super) fn badge(state: &str) -> Markup {
    html! { span .state .{ "state-" (state) } { (sign(state)) " " (state) } }
}
