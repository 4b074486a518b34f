//! The result of a verification, on one page for people and as JSON.

use std::path::Path;

use serde_json::{Value, json};

use super::check::{Check, Outcome};
use crate::bundle::Unpacked;
use crate::display::text::harmless;

/// Sentences of one check that are shown; the JSON has all of them.
const SHOWN: usize = 20;

/// The result for people, with the `notes` of the report.
pub(super) fn text(bundle: &Unpacked, path: &Path, checks: &[Check], notes: &[String]) -> String {
    let (run, orch) = (&bundle.description.run, &bundle.description.orch);
    let mut lines = vec![
        format!("{}: the run `{run}`, bundled by orch {orch}", path.display()),
        format!("SHA-256 of its manifest: {}", bundle.manifest.fingerprint()),
        String::new(),
    ];
    for Check { subject, outcome } in checks {
        let word = match outcome {
            Outcome::Verified(_) => "verified",
            Outcome::ManifestOnly(_) => "by manifest",
            Outcome::Incomplete(_) => "INCOMPLETE",
            Outcome::Unverified(_) => "NOT VERIFIED",
            Outcome::Differs(_) => "DIFFERS",
        };
        let sentences = outcome.sentences();
        for (number, sentence) in sentences.iter().take(SHOWN).enumerate() {
            let [subject, word] = if number == 0 { [*subject, word] } else { ["", ""] };
            lines.push(format!("{subject:<9}  {word:<12}  {sentence}"));
        }
        if let Some(more) = sentences.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            lines.push(format!("{:<23}  and {more} more", ""));
        }
    }
    let left_out = bundle.description.left_out.iter();
    let left_out: Vec<_> =
        left_out.map(|left_out| format!("{} {}", left_out.files, left_out.kind.name())).collect();
    if !left_out.is_empty() {
        lines.push(format!(
            "\nLeft out of it, so that nothing is said of them: {}.",
            left_out.join(", ")
        ));
    }
    if !notes.is_empty() {
        lines.push("\nThe report says of its results:".to_owned());
        lines.extend(notes.iter().map(|note| format!("- {}", harmless(note))));
    }
    lines.push(String::new());
    lines.push(meaning(checks).to_owned());
    lines.join("\n") + "\n"
}

/// The worst outcome in a sentence, with its limits.
fn meaning(checks: &[Check]) -> &'static str {
    let has = |is: fn(&Outcome) -> bool| checks.iter().any(|check| is(&check.outcome));
    let mut differing = checks.iter().filter(|check| matches!(check.outcome, Outcome::Differs(_)));
    if differing.clone().any(|check| check.subject != "archive") {
        "The bundle is not what a run of `orch` left: it was damaged or changed. Do not rely on the parts \
         that differ."
    } else if differing.next().is_some() {
        "Its files are those of the run, but another program than `orch bundle` has packed them."
    } else if has(|outcome| matches!(outcome, Outcome::Unverified(_))) {
        "Nothing contradicts the bundle, but not all of it could be compared."
    } else if has(|outcome| matches!(outcome, Outcome::Incomplete(_))) {
        "The report follows from the records, and lacks results or mixes them, as it says itself."
    } else {
        "The report follows from the records, and the records are as they were written. That they were \
         written by a real run, and not made up as a whole, this cannot show: docs/bundle.md."
    }
}

/// The same for programs.
pub(super) fn json(bundle: &Unpacked, checks: &[Check], notes: &[String]) -> Value {
    let checks = checks.iter().map(|check| {
        json!({
            "subject": check.subject,
            "outcome": check.outcome.name(),
            "details": check.outcome.sentences(),
        })
    });
    json!({
        "schema": 1,
        "run": bundle.description.run,
        "orch": bundle.description.orch,
        "manifest_sha256": bundle.manifest.fingerprint(),
        "checks": checks.collect::<Vec<_>>(),
        "notes": notes,
        "left_out": bundle.description.left_out,
    })
}
