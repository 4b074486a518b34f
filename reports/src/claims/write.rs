//! The claims as Markdown, as text for a terminal, and as JSON.

use std::fmt::Write as _;
use std::iter;

use serde_json::{Value, json};

use super::judged::JudgedClaim;
use super::numbers::{DifferenceUnit, counts, with_interval};
use crate::comparison::Comparison;
use crate::table::{ComparisonJson, escape_markdown, p_text};

/// The method and the notes, in sentences below the claims.
pub(crate) fn method(claims: &[JudgedClaim], notes: &[String]) -> String {
    iter::once(method_of(claims)).chain(notes.iter().cloned()).collect::<Vec<_>>().join(" ")
}

/// How the verdicts were reached, in sentences.
pub fn method_of(claims: &[JudgedClaim]) -> String {
    if let Some(course) = claims.iter().find_map(|judged| judged.course.as_ref()) {
        return course.design.method(claims.len());
    }
    let pending = claims.iter().filter(|judged| judged.p.is_none() && !judged.verdict.is_final());
    let family = match (tested(claims), pending.count()) {
        (0, _) => String::new(),
        (1, 0) => "Verdicts are at 95 %. ".to_owned(),
        (n, pending) => {
            let members = match (n, pending) {
                (n, 0) => format!("The {n} claims that could be tested are"),
                (n, 1) => format!(
                    "The {n} claims that could be tested and the one that could not yet are"
                ),
                (n, m) => format!(
                    "The {n} claims that could be tested and the {m} that could not yet are"
                ),
            };
            format!(
                "{members} one family: by Holm's correction of their p-values, the chance of even one false \
                 verdict is below 5 %. "
            )
        }
    };
    format!(
        "{family}A row is the best if it is better than each of the others, so that the claim has the largest of \
         their p-values; that it is not, the smallest times their number. Differences are paired by seed and, of \
         final values, by item; a deterministic row is compared with every seed. Intervals are t intervals at \
         95 %, each by itself. With one seed a verdict speaks of these checkpoints only."
    )
}

/// The number of claims that could be tested.
fn tested(claims: &[JudgedClaim]) -> usize {
    claims.iter().filter(|judged| judged.p.is_some()).count()
}

/// A list for a README or an issue.
pub(crate) fn markdown(claims: &[JudgedClaim], notes: &[String]) -> String {
    let mut text = "# Claims\n".to_owned();
    for judged in claims {
        let (claim, verdict) = (&judged.claim, judged.verdict.words());
        let (claim, compare) = (escape_markdown(&claim.claim), code(&claim.compare.to_string()));
        let _ = write!(text, "\n- **{verdict}**: {claim}\n  {compare}\n");
        for detail in details(judged) {
            let _ = writeln!(text, "  - {}", escape_markdown(&detail));
        }
    }
    text + "\n" + &method(claims, notes) + "\n"
}

/// A span of code; one with a backtick in it gets two around it.
fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// Lines for a terminal.
pub(crate) fn terminal(claims: &[JudgedClaim], notes: &[String]) -> String {
    let mut text = "Claims\n".to_owned();
    for judged in claims {
        let (claim, verdict) = (&judged.claim, judged.verdict.words());
        let _ = write!(text, "  {verdict}: {}\n    {}\n", claim.claim, claim.compare);
        for detail in details(judged) {
            let _ = writeln!(text, "    {detail}");
        }
    }
    if claims.iter().any(|judged| judged.course.is_some()) {
        let _ = writeln!(text, "  {}", method_of(claims));
    }
    for note in notes {
        let _ = writeln!(text, "  note: {note}");
    }
    text
}

/// One object with `schema: 1`.
pub(crate) fn json(judged: &[JudgedClaim], notes: &[String]) -> String {
    let claims: Vec<Value> = judged
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
                "verdict": judged.verdict,
                "words": judged.verdict.words(),
                "p": judged.p,
                "p_holm": judged.p_holm,
                "comparisons": comparisons,
                "notes": judged.notes,
                "course": judged.course.as_ref().map(|course| course.json(&judged.comparisons)),
            })
        })
        .collect();
    let design =
        judged.iter().find_map(|judged| judged.course.as_ref()).map(|course| &course.design);
    let document = json!({
        "schema": 1, "method": method_of(judged), "notes": notes, "design": design,
        "family": tested(judged), "claims": claims
    });
    serde_json::to_string_pretty(&document).expect("plain data with string keys") + "\n"
}

/// The claim's adjusted p-value, and a sentence per comparison and note.
pub fn details(judged: &JudgedClaim) -> Vec<String> {
    let notes = judged.notes.iter().cloned();
    if let Some(course) = &judged.course {
        return course
            .details(&judged.comparisons, &judged.unit, judged.p_holm)
            .into_iter()
            .chain(notes)
            .collect();
    }
    let p = judged.p_holm.map(|p| format!("p {} by Holm", p_text(p)));
    let compared = judged.comparisons.iter();
    let compared = compared.map(|(label, comparison)| detail(label, comparison, &judged.unit));
    p.into_iter().chain(compared).chain(notes).collect()
}

fn detail(label: &str, comparison: &Comparison, unit: &DifferenceUnit) -> String {
    let (estimate, interval) = comparison.estimate();
    let mut text =
        format!("against {label}: {}", with_interval(comparison.compare, unit, estimate, interval));
    if let Some(p) = comparison.p() {
        let _ = write!(text, ", p {}", p_text(p));
    }
    let _ = write!(text, ", {}", counts(comparison.seeds.len(), comparison.items));
    if let Some(items) = &comparison.items_left_out {
        let _ = write!(text, " ({})", items.text());
    }
    text
}
