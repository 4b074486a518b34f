//! The claims as Markdown, as text for a terminal, and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{JudgedClaim, Verdict};
use crate::comparison::Comparison;
use crate::table::{ComparisonJson, escape_markdown};

/// The method, in a sentence below the claims.
pub(crate) const METHOD: &str = "Differences are paired by seed and, of final values, by item; t intervals at \
    95 %, corrected by Holm where a row is compared with several. With one seed a verdict speaks of \
    these checkpoints only.";

/// A list for a README or an issue.
pub(crate) fn markdown(claims: &[JudgedClaim]) -> String {
    let mut text = "# Claims\n".to_owned();
    for judged in claims {
        let (claim, verdict) = (&judged.claim, judged.verdict.words());
        let (claim, compare) = (escape_markdown(&claim.claim), code(&claim.compare.to_string()));
        let _ = write!(text, "\n- **{verdict}**: {claim}\n  {compare}\n");
        for detail in details(judged) {
            let _ = writeln!(text, "  - {}", escape_markdown(&detail));
        }
    }
    text + "\n" + METHOD + "\n"
}

/// A span of code; one with a backtick in it gets two around it.
fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// Lines for a terminal.
pub(crate) fn terminal(claims: &[JudgedClaim]) -> String {
    let mut text = "Claims\n".to_owned();
    for judged in claims {
        let (claim, verdict) = (&judged.claim, judged.verdict.words());
        let _ = write!(text, "  {verdict}: {}\n    {}\n", claim.claim, claim.compare);
        for detail in details(judged) {
            let _ = writeln!(text, "    {detail}");
        }
    }
    text
}

/// One object with `schema: 1`.
pub(crate) fn json(claims: &[JudgedClaim]) -> String {
    let claims: Vec<Value> = claims
        .iter()
        .map(|judged| {
            let comparisons: Vec<Value> = judged
                .comparisons
                .iter()
                .map(|(label, comparison)| {
                    json!({"against": label, "comparison": ComparisonJson::new(comparison)})
                })
                .collect();
            json!({
                "claim": judged.claim.claim,
                "compare": judged.claim.compare,
                "verdict": key(judged.verdict),
                "words": judged.verdict.words(),
                "comparisons": comparisons,
                "notes": judged.notes,
            })
        })
        .collect();
    let document = json!({"schema": 1, "method": METHOD, "claims": claims});
    serde_json::to_string_pretty(&document).expect("plain data with string keys") + "\n"
}

fn key(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Supported => "supported",
        Verdict::Refuted => "refuted",
        Verdict::NotResolved => "not-resolved",
        Verdict::TrueOfCheckpoints => "true-of-checkpoints",
        Verdict::FalseOfCheckpoints => "false-of-checkpoints",
        Verdict::NotResolvedOfCheckpoints => "not-resolved-of-checkpoints",
        Verdict::NotMeasured => "not-measured",
    }
}

/// A sentence per comparison and note.
pub(crate) fn details(judged: &JudgedClaim) -> Vec<String> {
    let compared = judged.comparisons.iter().map(|(label, comparison)| detail(label, comparison));
    compared.chain(judged.notes.iter().cloned()).collect()
}

fn detail(label: &str, comparison: &Comparison) -> String {
    let mut text = format!("against {label}: {}", digits(comparison.paired.difference));
    if let Some(interval) = comparison.paired.interval {
        let _ = write!(text, " [{}, {}]", digits(interval.low), digits(interval.high));
    }
    if let Some(p) = comparison.p {
        let _ = write!(text, ", p {}", crate::table::p_text(p));
    }
    let plural = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    let _ = write!(text, ", {}", plural(comparison.seeds.len(), "seed"));
    if comparison.items > 0 {
        let _ = write!(text, " × {}", plural(comparison.items, "item"));
    }
    if let Some(items) = comparison.items_left_out {
        let _ = write!(text, " ({})", items.text());
    }
    text
}

/// A signed number with four significant digits.
fn digits(value: f64) -> String {
    let size = value.abs().log10().floor();
    let decimals = if size.is_finite() { (3.0 - size).clamp(0.0, 12.0) as usize } else { 0 };
    let text = format!("{value:+.decimals$}");
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    let text = if text.contains('.') { trimmed } else { &text };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn four_digits_count() {
        let written = [0.5, -12.345_67, 1234.6, 60.0, -0.000_012_345_6, 0.0].map(digits);
        assert_eq!(written, ["+0.5", "−12.35", "+1235", "+60", "−0.00001235", "+0"]);
    }
}
