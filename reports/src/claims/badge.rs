//! The claims in a word, as a picture for a README.

use super::judged::JudgedClaim;
use super::verdict::Verdict;

/// Width of a letter of 11 px, on average; the text is set to fit.
const LETTER: usize = 7;
const LABEL: &str = "claims";

/// An SVG of one line: `claims | 8 of 11 supported`. Green if all are supported, red if one is refuted, and
/// amber otherwise, or if there are `notes` that make a verdict count for less, which it says.
pub fn badge(claims: &[JudgedClaim], notes: bool) -> String {
    let count = |verdict| claims.iter().filter(|claim| claim.verdict == verdict).count();
    let (supported, refuted) = (count(Verdict::Supported), count(Verdict::Refuted));
    let refuted_text = if refuted > 0 { format!(", {refuted} refuted") } else { String::new() };
    let notes_text = if notes { ", with notes" } else { "" };
    let text = format!("{supported} of {} supported{refuted_text}{notes_text}", claims.len());
    let colour = match (supported == claims.len() && !notes, refuted) {
        (true, _) => "#2e7d32",
        (false, 0) => "#8a5a00",
        (false, _) => "#b3261e",
    };
    let [left, right] = [LABEL, &text].map(|text| text.len() * LETTER + 12);
    let width = left + right;
    let half = |text: &str, from: usize, wide: usize| {
        let (middle, long) = (from + wide / 2, wide - 12);
        format!(
            "<text x=\"{middle}\" y=\"14\" textLength=\"{long}\" lengthAdjust=\"spacingAndGlyphs\">{text}</text>"
        )
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"20\" role=\"img\" \
         aria-label=\"{LABEL}: {text}\"><title>{LABEL}: {text}</title>\
         <rect width=\"{width}\" height=\"20\" rx=\"3\" fill=\"{colour}\"/>\
         <path d=\"M3 0h{}v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z\" fill=\"#444\"/>\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\" \
         text-anchor=\"middle\">{}{}</g></svg>\n",
        left - 3,
        half(LABEL, 0, left),
        half(&text, left, right),
    )
}
