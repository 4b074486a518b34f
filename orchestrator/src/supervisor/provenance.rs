//! The provenance of an attempt, as its supervisor knows it: the code, the worker's program, the GPUs.
//! For people who look for a difference; no decision depends on it. The holder records the host and the
//! environment ([`crate::run_dir::attempt::Environment`]).

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::platform::hash::sha256_of;
use crate::run_dir::provenance::{Git, GivenGpu, Program, Provenance, VERSION};
use crate::slots::Inventory;

/// Records provenance, and reads only once what is the same for all attempts.
#[derive(Debug)]
pub(crate) struct Recorder {
    git: Option<Git>,
    /// The hash of every program, with the state of its file at the time.
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
    /// A recorder for the code in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { git: git(folder), programs: BTreeMap::new() }
    }

    /// The provenance of an attempt of the worker `program` with the `granted` slots.
    pub(crate) fn record(&mut self, program: &Path, granted: &Inventory) -> Provenance {
        let gpus = granted.gpus.iter();
        Provenance {
            orch: VERSION.to_owned(),
            git: self.git.clone(),
            // A program that may be executed and not be read has no hash.
            worker: self.program(program).ok(),
            gpus: gpus.map(|g| GivenGpu { uuid: g.uuid.clone(), name: g.name.clone() }).collect(),
            driver: granted.driver.clone(),
            mock: granted.mock.clone(),
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
            None => sha256_of(file)?.1,
        };
        self.programs.insert(path.to_owned(), (stamp, sha256.clone()));
        Ok(Program { path: path.to_owned(), sha256 })
    }
}

/// The code in `folder`; `None` outside a repository, or without `git`.
fn git(folder: &Path) -> Option<Git> {
    let head = command(folder, &["rev-parse", "--verify", "HEAD"]).output().ok()?;
    if !head.status.success() {
        return None;
    }
    let commit = String::from_utf8(head.stdout).ok()?.trim().to_owned();
    let arguments = ["diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD"];
    let mut diff = command(folder, &arguments).spawn().ok()?;
    let (length, sha256) = sha256_of(diff.stdout.take()?).ok()?;
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
        // Nothing is changed by it, not even the index.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
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
            return; // Without `git` nothing more can be tested.
        }
        let file = folder.path().join("train.py");
        std::fs::write(&file, "steps = 1\n").unwrap();
        run(&["init", "--quiet"]).unwrap();
        assert_eq!(git(folder.path()), None, "no commit");
        run(&["add", "."]).unwrap();
        run(&["commit", "--quiet", "-m", "first"]).unwrap();
        let clean = git(folder.path()).unwrap();
        assert!(clean.commit.len() >= 40 && !clean.dirty && clean.diff_sha256.is_none());
        // Untracked files, such as the runs themselves, do not count.
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
