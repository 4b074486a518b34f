//! The records of a bundle, compared with the journal's chain and the attempts' seals.

use super::check::{Check, Outcome};
use crate::bundle::{Coverage, Kind, Unpacked};
use crate::cli::commands::error::Result;
use crate::display::text::counts;
use crate::store::integrity::{self, Extent};
use crate::store::{Store, sync};

/// The database, made again from the bundle's journal and events.
pub(crate) async fn open(bundle: &Unpacked) -> Result<Store> {
    Ok(sync::make(bundle.run(), &bundle.temporary().join("orch.db")).await?)
}

/// A sentence for each record that is not as it was sealed, and for each file that does not belong to the
/// run.
pub(crate) async fn differences(bundle: &Unpacked, store: &mut Store) -> Result<Vec<String>> {
    let checks = check(bundle, store).await?;
    let differences = checks.into_iter().filter_map(|check| match check.outcome {
        Outcome::Differs(sentences) => Some(sentences),
        _ => None,
    });
    Ok(differences.flatten().collect())
}

/// Compares the records with their seals, and looks for files that do not belong to the run.
pub(super) async fn check(bundle: &Unpacked, store: &mut Store) -> Result<Vec<Check>> {
    let damage = integrity::check(store, bundle.run(), Extent::All).await?.damage;
    let superseded = integrity::check_superseded(store, bundle.run()).await?;
    let coverage = Coverage::of(bundle, store).await?;
    // An artifact that was left out is missing, and no number is drawn of it.
    let has_all = bundle.description.with.contains(&Kind::Artifacts);
    let is_left_out =
        |path: &str| !has_all && !bundle.hashes.contains_key(path) && is_artifact(path);
    let (absent, damage): (Vec<_>, Vec<_>) =
        damage.iter().partition(|damage| is_left_out(&damage.path));
    let mut differences: Vec<_> = damage.iter().map(ToString::to_string).collect();
    differences.extend(coverage.strangers);
    let mut unverified: Vec<_> = superseded
        .iter()
        .filter(|damage| !is_left_out(&damage.path))
        .map(|damage| format!("{damage}; its attempt counts for no number"))
        .collect();
    let (accepted, journal) = store.accepted_damage().await?;
    let accepted = accepted.into_iter().map(|trial| trial.0);
    unverified.extend(
        accepted
            .chain(journal.then(|| "the journal".to_owned()))
            .map(|what| format!("damage of {what} was accepted as it is")),
    );
    let sealed = if !differences.is_empty() {
        differences.extend(unverified);
        Outcome::Differs(differences)
    } else if unverified.is_empty() {
        let sealed = coverage.sealed;
        Outcome::Verified(format!(
            "the journal's chain is whole, and {sealed} files are as the attempts sealed them"
        ))
    } else {
        Outcome::Unverified(unverified)
    };
    let mut checks = vec![Check { subject: "records", outcome: sealed }];
    checks.extend(manifest_only(&coverage.manifest_only, absent.len()));
    Ok(checks)
}

/// True if `path` is that of a file in a trial's folder that is neither a record of the trial nor of an
/// attempt: of those, none may be missing.
fn is_artifact(path: &str) -> bool {
    let mut parts = path.splitn(3, '/').skip(1);
    let file = (parts.next(), parts.next()).1.unwrap_or_default();
    path.starts_with("trials/")
        && file != "trial.json"
        && !file.starts_with("attempt-")
        && !file.is_empty()
}

/// A line on files that no record vouches for, and on those that are not there.
fn manifest_only(names: &[String], absent: usize) -> Option<Check> {
    let mut sentences = Vec::new();
    if !names.is_empty() {
        let kinds = counts(names.iter().map(|name| kind(name)));
        sentences.push(format!("no record has the hash of these files, but the manifest: {kinds}"));
    }
    if absent > 0 {
        sentences.push(format!("{absent} artifacts that the records name were left out"));
    }
    let outcome = Outcome::ManifestOnly(sentences.join("; "));
    (!sentences.is_empty()).then_some(Check { subject: "unsealed", outcome })
}

/// The kind of a file without a seal: the name of an attempt's file, or that of the folder of others.
fn kind(name: &str) -> &str {
    let parts: Vec<_> = name.split('/').collect();
    match parts.as_slice() {
        ["trials", _, attempt, file] if attempt.starts_with("attempt-") => file,
        ["trials", _, folder, ..] => folder,
        _ => name,
    }
}
