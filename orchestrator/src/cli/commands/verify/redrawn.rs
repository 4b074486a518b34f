//! The report and the description of a bundle, made again from its records and compared.

use super::check::{Check, Outcome};
use crate::bundle::{self, REPORT, RO_CRATE, Unpacked};
use crate::cli::commands::error::Result;
use crate::cli::commands::report::{self, Mixed, drawn_again};
use crate::platform::atomic_file;
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::Store;

/// Draws the report again, and compares it with the bundle's, byte for byte.
pub(super) async fn report(bundle: &Unpacked, store: &mut Store) -> Result<Check> {
    let again = bundle.temporary().join("again");
    if let Err(error) = report::draw(bundle.run(), store, Mixed::Noted, &again).await {
        let problem = format!("it cannot be drawn again: {}", error.chain());
        return Ok(Check { subject: "report", outcome: Outcome::Differs(vec![problem]) });
    }
    let (count, stale) = drawn_again::compare(&bundle.run().report(), &again)?;
    let differences = stale.iter().map(|file| file.below(REPORT).to_string()).collect();
    let verified =
        format!("every one of its {count} files is as it is drawn from the records, byte for byte");
    let outcome = outcome(bundle, differences, verified);
    Ok(Check { subject: "report", outcome })
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
