//! Files and their state in git.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use experiments::protocol::events::Code;
use experiments::regular_file;

/// A git repository with a work tree.
#[derive(Debug)]
pub(super) struct Repository {
    root: PathBuf,
    commit: Option<String>,
}

/// Bytes of a file in which a zero makes it binary.
const BEGINNING: u64 = 8_000;

/// Bytes of a recorded difference; the rest is cut off.
const LONGEST_DIFF: usize = 8 << 20;

impl Repository {
    /// The repository that `folder` is in; `None` outside of one, or without `git`.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let root = output(folder, &["rev-parse", "--show-toplevel"])?;
        let root = PathBuf::from(OsStr::from_bytes(root.strip_suffix(b"\n").unwrap_or(&root)));
        let commit = output(folder, &["rev-parse", "--verify", "--quiet", "HEAD"]);
        let commit = commit.and_then(|text| String::from_utf8(text).ok());
        Some(Self { root, commit: commit.map(|text| text.trim().to_owned()) })
    }

    /// The folder of its work tree.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The commit that is checked out; `None` before the first one.
    pub(super) fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    /// The tracked files at or below `path`, removed ones among them.
    pub(super) fn tracked(&self, path: &Path) -> Vec<PathBuf> {
        self.paths(&["ls-files", "-z", "--"], path)
    }

    /// The files below `folder` that are neither tracked nor ignored.
    pub(super) fn untracked(&self, folder: &Path) -> Vec<PathBuf> {
        self.paths(&["ls-files", "-z", "--others", "--exclude-standard", "--"], folder)
    }

    /// The tracked files at or below `path` that differ from the commit; before the first one, all.
    pub(super) fn changed(&self, path: &Path) -> BTreeSet<PathBuf> {
        let changed = if self.commit.is_some() {
            self.paths(&["diff", "-z", "--name-only", "--no-ext-diff", "HEAD", "--"], path)
        } else {
            self.tracked(path)
        };
        changed.into_iter().collect()
    }

    /// True if `file` differs from the commit, or is not part of it.
    pub(super) fn has_changed(&self, file: &Path) -> bool {
        self.tracked(file).is_empty() || !self.changed(file).is_empty()
    }

    /// The paths that git prints about `path`.
    fn paths(&self, arguments: &[&str], path: &Path) -> Vec<PathBuf> {
        let path = path.to_string_lossy();
        paths(&self.root, &self.root, &[arguments, &[path.as_ref()]].concat())
    }
}

/// The files of the repository that `folder` is in which change with its commit and its index, or the
/// names that would make it one; `None` where the repository is elsewhere (`git worktree`, a submodule).
pub(super) fn repository_files(folder: &Path) -> Option<Vec<PathBuf>> {
    let places: Vec<_> = folder.ancestors().map(|folder| folder.join(".git")).collect();
    let Some(git) = places.iter().find(|place| place.exists()) else { return Some(places) };
    if !git.is_dir() {
        return None;
    }
    let head = std::fs::read_to_string(git.join("HEAD")).unwrap_or_default();
    let branch = head.strip_prefix("ref: ").map(|name| git.join(name.trim()));
    let others = ["HEAD", "index", "packed-refs", "info/exclude"].map(|name| git.join(name));
    Some(branch.into_iter().chain(others).collect())
}

/// The difference of `code` from its commit, in the format of `git diff`, with files that the commit
/// lacks, unless they are binary: a program that was built is known by its hash. `None` if there is none,
/// or the code is not in a repository.
pub(crate) fn diff(code: &Code) -> Option<Vec<u8>> {
    let root = Path::new(&code.root);
    if !code.dirty || code.commit.is_none() {
        return None;
    }
    let files: Vec<&str> =
        code.files.keys().map(String::as_str).filter(|f| !f.starts_with('/')).collect();
    let mut text = Vec::new();
    // In portions: a command line has a limit.
    for some in files.chunks(500) {
        let tracked =
            [&["diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD", "--"], some].concat();
        text.extend(output(root, &tracked).unwrap_or_default());
        let others = [&["ls-files", "-z", "--others", "--"], some].concat();
        for path in paths(root, Path::new(""), &others) {
            if is_binary(&root.join(&path)) {
                continue;
            }
            let path = path.to_string_lossy();
            let arguments = ["diff", "--no-index", "--binary", "--", "/dev/null", &path];
            // It exits with 1 where files differ.
            text.extend(command(root, &arguments).output().ok()?.stdout);
        }
    }
    text.truncate(LONGEST_DIFF);
    Some(text)
}

/// True for a file with a zero byte in its beginning, by which git tells a binary file; also for one that
/// cannot be read.
fn is_binary(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let file = regular_file::open(path);
    let read = file.and_then(|file| file.take(BEGINNING).read_to_end(&mut beginning));
    read.is_err() || beginning.contains(&0)
}

/// The paths, each ended by a zero byte, that git prints; relative to `base`.
fn paths(folder: &Path, base: &Path, arguments: &[&str]) -> Vec<PathBuf> {
    let text = output(folder, arguments).unwrap_or_default();
    let names = text.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| base.join(OsStr::from_bytes(name))).collect()
}

/// The output of git in `folder`; `None` if it fails.
fn output(folder: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = command(folder, arguments).output().ok()?;
    output.status.success().then_some(output.stdout)
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
        .stderr(Stdio::null());
    command
}
