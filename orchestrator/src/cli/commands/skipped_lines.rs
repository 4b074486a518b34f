//! The warning about lines of a worker that are not events, and values that are not numbers.

use crate::store::SkippedLines;

/// Attempts with a warning of their own; the others are counted.
const NAMED: usize = 3;

/// A warning for each attempt with skipped lines or values; `None` if no attempt has any.
pub(super) fn skipped_lines_text(skipped_lines: &[SkippedLines]) -> Option<String> {
    let first = skipped_lines.first()?;
    let named = skipped_lines.iter().take(NAMED);
    let mut lines: Vec<_> = named.map(|attempt| format!("warning: {attempt}")).collect();
    let more = skipped_lines.len().saturating_sub(NAMED);
    if more > 0 {
        lines.push(format!("warning: and lines of {more} more attempts"));
    }
    lines.push(format!(
        "hint: `orch show {}` lists more; docs/events.md says what a line may be",
        first.trial
    ));
    Some(lines.join("\n"))
}
