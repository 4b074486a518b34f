//! What an attempt is run with, as its supervisor knows it: the code, the worker's program, the
//! GPUs. For people who look for what was different; nothing is decided by it. Where and with which
//! environment it then ran is for its holder to record ([`crate::attempt::Environment`]).

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::slots::Inventory;

/// Version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `provenance.json` in an attempt's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of `orch`.
    pub orch: String,
    /// The code in the folder that the worker is started in, if it is a git repository.
    pub git: Option<Git>,
    /// The worker's program.
    pub worker: Option<Program>,
    /// The GPUs that the attempt was given parts of.
    pub gpus: Vec<GivenGpu>,
    /// Version of the GPUs' driver.
    pub driver: Option<String>,
    /// The file that made the GPUs up, if one did.
    pub made_up: Option<PathBuf>,
    /// Where its points come from, if nothing was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Imported>,
}

/// What was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The files that were read.
    pub files: Vec<Program>,
    /// Metrics by the names that they had there, where these are others.
    pub metrics: BTreeMap<String, String>,
    /// Whether the last values were taken for final ones.
    pub last_is_final: bool,
}

/// A state of a git repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Git {
    /// The commit that is checked out.
    pub commit: String,
    /// Whether files that git knows differ from that commit.
    pub dirty: bool,
    /// SHA-256 of `git diff --binary HEAD`, if they do.
    pub diff_sha256: Option<String>,
}

/// A program, or another file, that made a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its path.
    pub path: PathBuf,
    /// SHA-256 of its content.
    pub sha256: String,
}

/// A GPU by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenGpu {
    /// For `CUDA_VISIBLE_DEVICES`.
    pub uuid: String,
    /// For people.
    pub name: String,
}

impl Provenance {
    /// Of points that nothing ran for here.
    pub fn of_import(imported: Imported) -> Self {
        Self {
            orch: VERSION.to_owned(),
            git: None,
            worker: None,
            gpus: Vec::new(),
            driver: None,
            made_up: None,
            imported: Some(imported),
        }
    }
}

/// Finds out once what is the same for all attempts of a supervisor.
#[derive(Debug)]
pub struct Recorder {
    git: Option<Git>,
    /// Every program that was hashed, and what its file was like then.
    programs: BTreeMap<PathBuf, (Stamp, String)>,
}

/// Changes when a file is replaced or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp(u64, u64, i64, i64);

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self(metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec())
    }
}

impl Recorder {
    /// Looks at the code in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { git: git(folder), programs: BTreeMap::new() }
    }

    /// What an attempt of the worker `program` is run with that was `granted` these slots.
    pub fn record(&mut self, program: &Path, granted: &Inventory) -> Provenance {
        let gpus = granted.gpus.iter();
        Provenance {
            orch: VERSION.to_owned(),
            git: self.git.clone(),
            // One that may be run and not be read has no hash.
            worker: self.program(program).ok(),
            gpus: gpus.map(|g| GivenGpu { uuid: g.uuid.clone(), name: g.name.clone() }).collect(),
            driver: granted.driver.clone(),
            made_up: granted.made_up.clone(),
            imported: None,
        }
    }

    /// The program, hashed again only if its file has changed.
    fn program(&mut self, path: &Path) -> io::Result<Program> {
        let file = File::open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        let known = self.programs.get(path).filter(|(then, _)| *then == stamp);
        let sha256 = match known {
            Some((_, sha256)) => sha256.clone(),
            None => hash(file)?.1,
        };
        self.programs.insert(path.to_owned(), (stamp, sha256.clone()));
        Ok(Program { path: path.to_owned(), sha256 })
    }
}

/// The code in `folder`; nothing if it is no repository or there is no `git`.
fn git(folder: &Path) -> Option<Git> {
    let head = command(folder, &["rev-parse", "--verify", "HEAD"]).output().ok()?;
    if !head.status.success() {
        return None;
    }
    let commit = String::from_utf8(head.stdout).ok()?.trim().to_owned();
    let arguments = ["diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD"];
    let mut diff = command(folder, &arguments).spawn().ok()?;
    let (length, sha256) = hash(diff.stdout.take()?).ok()?;
    diff.wait().ok().filter(ExitStatus::success)?;
    let dirty = length > 0;
    Some(Git { commit, dirty, diff_sha256: dirty.then_some(sha256) })
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(arguments)
        // Looking changes nothing, the index neither.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// How much there is to read, and its SHA-256 in hexadecimal.
pub(crate) fn hash(mut from: impl Read) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut length = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buffer[..n]);
                length += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok((length, base16ct::lower::encode_string(&hasher.finalize())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_hashed_again_when_its_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker");
        let mut recorder = Recorder::new(folder.path());
        let mut sha256 = |content: &str| {
            std::fs::write(&path, content).unwrap();
            let provenance = recorder.record(&path, &Inventory::default());
            provenance.worker.unwrap().sha256
        };
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256("abc"), abc);
        let longer = sha256("abcd");
        assert_ne!(longer, abc);
        assert_eq!(recorder.record(Path::new("/nowhere"), &Inventory::default()).worker, None);
    }

    #[test]
    fn the_code_is_a_commit_and_what_differs_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| {
            let author = ["-c", "user.name=a", "-c", "user.email=a@b"];
            command(folder.path(), &[&author[..], arguments].concat()).status()
        };
        assert_eq!(git(folder.path()), None, "no repository");
        if run(&["--version"]).is_err() {
            return; // There is no `git` here, and nothing more to find out.
        }
        let file = folder.path().join("train.py");
        std::fs::write(&file, "steps = 1\n").unwrap();
        run(&["init", "--quiet"]).unwrap();
        assert_eq!(git(folder.path()), None, "no commit");
        run(&["add", "."]).unwrap();
        run(&["commit", "--quiet", "-m", "first"]).unwrap();
        let clean = git(folder.path()).unwrap();
        assert!(clean.commit.len() >= 40 && !clean.dirty && clean.diff_sha256.is_none());
        // What git does not know, such as the runs themselves, makes nothing dirty.
        std::fs::write(folder.path().join("orch.db"), "").unwrap();
        assert_eq!(git(folder.path()).unwrap(), clean);
        let changed = |text: &str| {
            std::fs::write(&file, text).unwrap();
            git(folder.path()).unwrap()
        };
        let (two, three) = (changed("steps = 2\n"), changed("steps = 3\n"));
        assert!(two.dirty && two.commit == clean.commit);
        assert_ne!(two.diff_sha256, three.diff_sha256);
        assert_eq!(changed("steps = 2\n"), two);
    }
}
