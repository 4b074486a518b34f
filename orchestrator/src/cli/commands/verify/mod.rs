//! `orch verify BUNDLE`: compares a bundle with its manifest, its records with their seals, and its report
//! with one that is drawn again.

mod check;
mod execute;
mod page;
pub(super) mod records;
mod redrawn;

use std::path::Path;

use experiments::protocol::exit;

use self::check::{Check, Outcome};
use super::error::Result;
use super::output::{print, print_json};
use crate::bundle::{self, Unpacked, VerifyingKey};
use crate::cli::args;

/// Runs the verb.
pub(super) async fn run(arguments: &args::Verify) -> Result<u8> {
    let key = arguments.key.as_deref().map(VerifyingKey::read).transpose()?;
    let bundle = Unpacked::open(&arguments.bundle)?;
    let (mut checks, mut notes) = (vec![files(&bundle)], Vec::new());
    checks.extend(archive(&bundle, &arguments.bundle)?);
    checks.extend(signature(&bundle, key.as_ref()));
    match records::open(&bundle).await {
        Ok(mut store) => {
            checks.extend(records::check(&bundle, &mut store).await?);
            let (of_report, said) = redrawn::report(&bundle, &mut store).await?;
            checks.extend(of_report);
            notes = said;
            checks.push(redrawn::metadata(&bundle, &mut store).await?);
            checks.extend(execute::check(&bundle, &mut store, arguments).await?);
        }
        Err(error) => checks.push(Check {
            subject: "records",
            outcome: Outcome::Differs(vec![format!("they cannot be read: {}", error.chain())]),
        }),
    }
    if arguments.json {
        print_json(&page::json(&bundle, &checks, &notes))?;
    } else {
        print(&page::text(&bundle, &arguments.bundle, &checks, &notes))?;
    }
    Ok(exit_code(&checks))
}

/// The exit code that says the worst that was found.
fn exit_code(checks: &[Check]) -> u8 {
    let has = |is: fn(&Outcome) -> bool| checks.iter().any(|check| is(&check.outcome));
    if has(|outcome| matches!(outcome, Outcome::Differs(_))) {
        exit::DAMAGED
    } else if has(|outcome| matches!(outcome, Outcome::Unverified(_) | Outcome::Incomplete(_))) {
        exit::INCOMPLETE
    } else {
        exit::OK
    }
}

/// Compares every file with the manifest.
fn files(bundle: &Unpacked) -> Check {
    let differences = bundle.differences();
    let outcome = if differences.is_empty() {
        Outcome::Verified(format!("{} files are as in the manifest", bundle.hashes.len()))
    } else {
        Outcome::Differs(differences)
    };
    Check { subject: "files", outcome }
}

/// Compares the archive with one that is made of its files again; `None` of a bundle that is a folder.
fn archive(bundle: &Unpacked, path: &Path) -> Result<Option<Check>> {
    if path.is_dir() {
        return Ok(None);
    }
    let made_by = &bundle.description.orch;
    let outcome = if bundle::same_archive(
        &bundle.files(),
        &bundle.made_signature(),
        path,
        bundle.temporary(),
    )? {
        Outcome::Verified("it is byte for byte the archive that `orch bundle` makes".to_owned())
    } else if bundle.description.is_of_this_version() {
        Outcome::Differs(vec![
            "it is not the archive that `orch bundle` makes of these files, which were read from it \
             all the same"
                .to_owned(),
        ])
    } else {
        Outcome::Unverified(vec![format!(
            "orch {made_by} made it, which may order or compress its files otherwise"
        )])
    };
    Ok(Some(Check { subject: "archive", outcome }))
}

/// Verifies the signature; `None` without one and without a key.
fn signature(bundle: &Unpacked, key: Option<&VerifyingKey>) -> Option<Check> {
    let outcome = match (&bundle.signature, key) {
        (None, None) => return None,
        (None, Some(_)) => Outcome::Differs(vec!["the bundle is not signed".to_owned()]),
        (Some(_), None) => {
            let problem = "it is signed, and no `--key` was given to verify the signature by";
            Outcome::Unverified(vec![problem.to_owned()])
        }
        (Some(signature), Some(key)) => match key.verify(signature, &bundle.manifest) {
            Ok(()) => Outcome::Verified("the owner of the key has signed the manifest".to_owned()),
            Err(reason) => Outcome::Differs(vec![reason]),
        },
    };
    Some(Check { subject: "signature", outcome })
}
