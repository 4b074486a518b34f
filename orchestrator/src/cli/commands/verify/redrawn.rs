//! The report and the description of a bundle, made again from its records and compared.

use super::check::{Check, Outcome};
use crate::bundle::{self, REPORT, RO_CRATE, Unpacked};
use crate::cli::commands::error::Result;
use crate::cli::commands::report::{self, Drawn, Mixed, drawn_again};
use crate::platform::atomic_file;
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::Store;

/// Draws the report again, and compares it with the bundle's, byte for byte; and what it says of its results, with
/// the sentences below its table and claims.
pub(super) async fn report(
    bundle: &Unpacked,
    store: &mut Store,
) -> Result<(Vec<Check>, Vec<String>)> {
    let again = bundle.temporary().join("again");
    let drawn = match report::draw(bundle.run(), store, Mixed::Noted, &again).await {
        Ok(drawn) => drawn,
        Err(error) => {
            let problem = format!("it cannot be drawn again: {}", error.chain());
            let outcome = Outcome::Differs(vec![problem]);
            return Ok((vec![Check { subject: "report", outcome }], Vec::new()));
        }
    };
    let (count, stale) = drawn_again::compare(&bundle.run().report(), &again)?;
    let differences = stale.iter().map(|file| file.below(REPORT).to_string()).collect();
    let verified =
        format!("every one of its {count} files is as it is drawn from the records, byte for byte");
    let outcome = outcome(bundle, differences, verified);
    Ok((vec![Check { subject: "report", outcome }, results(&drawn)], drawn.notes))
}

/// Whether the report has all its results, of one state of the code.
fn results(drawn: &Drawn) -> Check {
    let mut problems: Vec<String> =
        drawn.written.incomplete.iter().map(ToString::to_string).collect();
    problems.extend(drawn.written.metric_gaps.problems());
    if drawn.is_mixed {
        problems.push("different builds, code or data made them, as the report says".to_owned());
    }
    let outcome = if problems.is_empty() {
        Outcome::Verified("none is missing, and one state of the code made them".to_owned())
    } else {
        Outcome::Incomplete(problems)
    };
    Check { subject: "results", outcome }
}

/// Describes the bundle as an RO-Crate again, and compares it.
pub(super) async fn metadata(bundle: &Unpacked, store: &mut Store) -> Result<Check> {
    let snapshot = RunSnapshot::read_settings(&bundle.run().resolved());
    let outcome = match snapshot {
        Err(error) => Outcome::Differs(vec![error.to_string()]),
        Ok(snapshot) => {
            let mut files = bundle.files();
            files.remove(RO_CRATE);
            let made = bundle::ro_crate::describe(bundle.run(), store, &snapshot, &files).await?;
            let there = std::fs::read(bundle.run().path().join(RO_CRATE)).unwrap_or_default();
            let same = there == atomic_file::to_json(&made);
            let difference = (!same).then(|| format!("`{RO_CRATE}` does not describe the records"));
            let verified = "the description as an RO-Crate follows from the records";
            outcome(bundle, difference.into_iter().collect(), verified.to_owned())
        }
    };
    Ok(Check { subject: "metadata", outcome })
}

/// The outcome of a comparison with what this program makes: another version may make it otherwise.
fn outcome(bundle: &Unpacked, mut differences: Vec<String>, verified: String) -> Outcome {
    if differences.is_empty() {
        return Outcome::Verified(verified);
    }
    if bundle.description.is_of_this_version() {
        return Outcome::Differs(differences);
    }
    let (there, here) = (&bundle.description.orch, crate::run_dir::provenance::VERSION);
    differences.push(format!(
        "orch {there} made the bundle, and this is {here}, which may draw otherwise: verify it with that one"
    ));
    Outcome::Unverified(differences)
}
