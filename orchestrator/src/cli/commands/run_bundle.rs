//! `orch run BUNDLE`: continues the run that a bundle is of, or runs its experiment from scratch.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::any_run::open_bundle;
use super::error::Result;
use super::output::print_message;
use super::run_validated::run_validated;
use super::validated_run::ValidatedRun;
use crate::bundle::{BundleError, DESCRIPTION, Kind, REPORT, RO_CRATE, Unpacked};
use crate::cli::args::{self, Global};
use crate::platform::filesystem::files_below;
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::Store;

/// Folders of attempts are readable by their user only.
const PRIVATE_FOLDER: u32 = 0o700;

/// First bytes of files that the system runs as programs.
const PROGRAMS: [&[u8]; 2] = [b"#!", b"\x7fELF"];

/// Runs the verb.
pub(super) async fn run(arguments: &args::Run, global: &Global) -> Result<u8> {
    let (bundle, mut store) = open_bundle(&arguments.file).await?;
    let snapshot = RunSnapshot::read_settings(&bundle.run().resolved())?;
    let code = newest_code(&bundle, &mut store).await?;
    store.close().await?;
    let mut global = global.clone();
    // A preview leaves no trace: it reads the temporary folder.
    if arguments.dry_run {
        if arguments.from_scratch {
            let journal = bundle.run().journal();
            fs::remove_file(&journal).map_err(BundleError::io(&journal))?;
        }
        global.runs = bundle.temporary().join("runs");
    } else {
        place(&bundle, &arguments.file, arguments.from_scratch, &global.runs)?;
    }
    let folder = match code {
        Some(code) if !arguments.dry_run => place_code(&code, &bundle.description.run)?,
        Some(code) => code,
        None => std::env::current_dir()?,
    };
    if !global.quiet && !global.background {
        print_message(&origin(&snapshot, &folder));
    }
    let dir = RunDir::new(&global.runs, &bundle.description.run);
    let arguments = args::Run { file: dir.experiment_file(), ..arguments.clone() };
    let validated = ValidatedRun::new(&arguments, Some(&folder), &global)?;
    let code = run_validated(validated, &arguments, &global).await?;
    drop(bundle);
    Ok(code)
}

/// A sentence on the folder from which the file's paths count.
fn origin(snapshot: &RunSnapshot, folder: &Path) -> String {
    let file = snapshot.file.as_ref().and_then(|file| file.file_name());
    let file = file.map_or("the file".into(), |name| format!("`{}`", name.display()));
    format!("relative paths of {file} count from `{}`", folder.display())
}

/// The folder in `bundle` with the copy of the code that its newest attempt with a copy ran from; `None`
/// without one.
async fn newest_code(bundle: &Unpacked, store: &mut Store) -> Result<Option<PathBuf>> {
    let mut newest = None;
    for trial in store.trials_without_origins().await? {
        for attempt in store.attempts_of(&trial.id).await? {
            let dir = bundle.run().attempt(&trial.id, attempt.number);
            let Ok(Some(code)) = dir.read_code() else { continue };
            let Some(copy) = bundle.run().code_copy(&code) else { continue };
            if newest.as_ref().is_none_or(|(time, _)| *time < attempt.started_ms) {
                newest = Some((attempt.started_ms, copy));
            }
        }
    }
    Ok(newest.map(|(_, copy)| copy))
}

/// Puts the run into `runs`, unless it is there from the same bundle; without its records if it is to run
/// `from_scratch`.
fn place(
    bundle: &Unpacked,
    path: &Path,
    from_scratch: bool,
    runs: &Path,
) -> Result<(), BundleError> {
    let name = &bundle.description.run;
    let dir = RunDir::new(runs, name);
    let journal = bundle.run().journal();
    if dir.path().exists() {
        let same_file = is_start_of(&bundle.run().experiment_file(), &dir.experiment_file());
        let continued = is_start_of(&journal, &dir.journal());
        return if same_file && continued != from_scratch {
            Ok(())
        } else {
            Err(BundleError::OtherRun { run: name.clone(), runs: runs.to_owned() })
        };
    }
    if !from_scratch && let Some(left_out) = left_out_artifacts(bundle) {
        return Err(BundleError::WithoutArtifacts { path: path.to_owned(), files: left_out });
    }
    let partial = RunDir::new(runs, &format!(".{name}.partial"));
    match fs::remove_dir_all(partial.path()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(BundleError::io(partial.path())(error));
        }
        _ => {}
    }
    let wanted = |file: &str| match file {
        "experiment.yaml" | "resolved.yaml" => true,
        DESCRIPTION | RO_CRATE => false,
        _ => !from_scratch && file.split_once('/').is_none_or(|(folder, _)| folder != REPORT),
    };
    for (file, from) in bundle.files().iter().filter(|(file, _)| wanted(file)) {
        copy(from, &partial.path().join(file)).map_err(BundleError::io(from))?;
    }
    fs::rename(partial.path(), dir.path()).map_err(BundleError::io(dir.path()))
}

fn left_out_artifacts(bundle: &Unpacked) -> Option<u64> {
    let mut left_out = bundle.description.left_out.iter();
    left_out.find(|left_out| left_out.kind == Kind::Artifacts).map(|artifacts| artifacts.files)
}

/// Puts the copy of the code of the run `name` into the working directory, unless it is there.
fn place_code(copied: &Path, name: &str) -> Result<PathBuf> {
    let folder = std::env::current_dir()?.join(format!("{name}.code"));
    if folder.is_dir() {
        return Ok(folder);
    }
    let partial = folder.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    for file in files_below(copied)? {
        let to = partial.join(file.strip_prefix(copied).unwrap_or(&file));
        copy(&file, &to)?;
        if is_program(&file)? {
            fs::set_permissions(&to, Permissions::from_mode(0o755))?;
        }
    }
    fs::rename(&partial, &folder)?;
    Ok(folder)
}

fn is_program(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut start)?;
    Ok(PROGRAMS.iter().any(|program| start.starts_with(program)))
}

/// Copies a file, with the folders above it: those of attempts for their user only.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with("attempt-") {
        fs::set_permissions(folder, Permissions::from_mode(PRIVATE_FOLDER))?;
    }
    fs::copy(from, to).map(|_| ())
}

/// True if the file at `longer` starts with the content of the one at `shorter`.
fn is_start_of(shorter: &Path, longer: &Path) -> bool {
    let read = |path: &Path| fs::read(path).ok();
    read(longer).zip(read(shorter)).is_some_and(|(longer, shorter)| longer.starts_with(&shorter))
}
