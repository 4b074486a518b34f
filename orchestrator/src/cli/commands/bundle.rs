//! `orch bundle [RUN]`: makes one file of a run's evidence.

use std::collections::BTreeSet;
use std::path::Path;

use experiments::protocol::exit;
use experiments::schema::resources::Memory;
use serde_json::json;
use tempfile::TempDir;

use super::damage::{DamagedRecords, open_intact};
use super::error::Result;
use super::metric_gaps::print_metric_gaps;
use super::output::{print_json, print_message};
use super::report::{self, Drawn, Mixed};
use crate::bundle::{
    self, BundleError, Contents, DESCRIPTION, Description, Kind, Manifest, REPORT, RO_CRATE,
    Selection, Signature, SigningKey,
};
use crate::cli::args::{self, Global};
use crate::platform::atomic_file::{self, TemporaryFile};
use crate::run_dir::attempt::is_secret;
use crate::run_dir::snapshot::RunSnapshot;
use crate::run_dir::{RunDir, RunDirError, SupervisorLock};
use crate::store::{Store, sync};

/// Runs the verb.
pub(super) async fn run(arguments: &args::Bundle, global: &Global) -> Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let out = arguments.out.clone().unwrap_or_else(|| format!("{}.orch.zip", dir.name()).into());
    if out.exists() {
        return Err(BundleError::Exists { path: out }.into());
    }
    // Before anything else, since it may ask for a password.
    let key = arguments.sign.as_deref().map(SigningKey::read).transpose()?;
    let signature = key.map_or(Signature::None, |key| Signature::By(key, dir.name()));
    let (mut store, _lock) = open(&dir).await?;
    check_idle(&dir, &mut store).await?;
    let snapshot = RunSnapshot::read_settings(&dir.resolved())?;
    check_secrets(&snapshot, &arguments.not_secret)?;
    let with = kinds(arguments);
    let made = tempfile::tempdir()?;
    let mixed = if arguments.accept_code_change { Mixed::Noted } else { Mixed::Refused };
    let Drawn { written: drawn, images, .. } =
        report::draw(&dir, &mut store, mixed, &made.path().join(REPORT)).await?;
    let selection = Selection { with: with.clone(), shown_artifacts: images };
    let mut contents = Contents::of_run(&dir, &mut store, &selection).await?;
    let left_out = contents.left_out();
    contents.add_folder(&made.path().join(REPORT), REPORT)?;
    let description = Description::new(dir.name(), with.into_iter().collect(), left_out);
    let metadata = bundle::ro_crate::describe(&dir, &mut store, &snapshot, &contents.files).await?;
    store.close().await?;
    add(&mut contents, &made, RO_CRATE, &atomic_file::to_json(&metadata))?;
    add(&mut contents, &made, DESCRIPTION, &atomic_file::to_json(&description))?;
    let manifest = write(&contents, &signature, &out)?;

    let incomplete = drawn.is_incomplete();
    if arguments.json {
        print_json(&json!({
            "schema": 1,
            "run": dir.name(),
            "bundle": out,
            "files": manifest.0.len(),
            "manifest_sha256": manifest.fingerprint(),
            "signed": arguments.sign.is_some(),
            "incomplete": incomplete,
            "left_out": description.left_out,
        }))?;
    } else if !global.quiet {
        print_metric_gaps(&drawn.metric_gaps);
        for problem in &drawn.problems {
            print_message(&format!("note: {problem}"));
        }
        for line in lines(&description, &manifest, incomplete, &out) {
            print_message(&line);
        }
    }
    let accepted = !incomplete || arguments.allow_partial;
    Ok(if accepted { exit::OK } else { exit::INCOMPLETE })
}

/// The records, and the lock that keeps them as they are; no lock where the folder cannot be written to.
async fn open(dir: &RunDir) -> Result<(Store, Option<SupervisorLock>)> {
    let lock = match dir.lock() {
        Ok(lock) => lock,
        Err(error @ RunDirError::Supervised { .. }) => return Err(error.into()),
        Err(_) => return Ok((open_intact(dir).await?, None)),
    };
    let store = sync::for_writing(dir, &lock).await?;
    if store.damage.is_empty() {
        Ok((store, Some(lock)))
    } else {
        Err(DamagedRecords::new(dir, store.damage).into())
    }
}

/// An error if a trial is running, even without a supervisor.
async fn check_idle(dir: &RunDir, store: &mut Store) -> Result<()> {
    let trials = store.trials_without_origins().await?;
    let count = trials.iter().filter(|trial| trial.state.active_attempt().is_some()).count();
    if count > 0 {
        return Err(BundleError::Running { run: dir.name(), count }.into());
    }
    Ok(())
}

/// An error if the experiment's file sets a variable that looks like a secret.
fn check_secrets(snapshot: &RunSnapshot, not_secret: &[String]) -> Result<(), BundleError> {
    let mut names = snapshot.run.worker.env.keys();
    match names.find(|name| is_secret(name) && !not_secret.contains(name)) {
        Some(name) => Err(BundleError::Secret { name: name.clone() }),
        None => Ok(()),
    }
}

fn kinds(arguments: &args::Bundle) -> BTreeSet<Kind> {
    let requested = [
        (Kind::Logs, arguments.logs),
        (Kind::Checkpoints, arguments.checkpoints),
        (Kind::Artifacts, arguments.artifacts),
    ];
    requested.into_iter().filter(|(_, is_requested)| *is_requested).map(|(kind, _)| kind).collect()
}

/// Adds a file with this content, which lies in the folder `made`.
fn add(contents: &mut Contents, made: &TempDir, name: &str, content: &[u8]) -> Result<()> {
    let path = made.path().join(name);
    std::fs::write(&path, content)?;
    contents.files.insert(name.to_owned(), path);
    Ok(())
}

/// Writes the bundle: an archive, or, if the name is not that of one, a folder.
fn write(contents: &Contents, signature: &Signature, out: &Path) -> Result<Manifest> {
    if out.extension().is_none_or(|extension| extension != "zip") {
        return Ok(bundle::write_folder(&contents.files, signature, out)?);
    }
    let mut file = TemporaryFile::create(out)?;
    let manifest = bundle::write_zip(&contents.files, signature, &mut file, out)?;
    file.persist()?;
    Ok(manifest)
}

/// The result for people.
fn lines(
    description: &Description,
    manifest: &Manifest,
    incomplete: bool,
    out: &Path,
) -> Vec<String> {
    let (run, files, out) = (&description.run, manifest.0.len(), out.display());
    let mut lines = vec![format!("`{out}` has the {files} files of `{run}`")];
    for left_out in &description.left_out {
        let (kind, files) = (left_out.kind.name(), left_out.files);
        let size = Memory(left_out.bytes);
        lines.push(format!("left out: {kind}, {files} files of {size}; `--{kind}` adds them"));
    }
    if incomplete {
        lines
            .push("the report is incomplete: trials or metrics are missing, as it says".to_owned());
    }
    lines.push(format!("SHA-256 of its manifest: {}", manifest.fingerprint()));
    lines
}
