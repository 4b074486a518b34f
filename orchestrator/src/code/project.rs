//! The files of a project: what git tracks or would track; elsewhere the text of programs.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use experiments::regular_file;

use super::error::{CodeError, MOST_FILES};
use super::git::Repository;

/// Endings of the text of programs and of their settings.
const PROGRAM_TEXT: [&str; 38] = [
    "R", "bash", "c", "cc", "cfg", "cpp", "cu", "cuh", "cxx", "f90", "go", "h", "hpp", "hs", "ini",
    "java", "jl", "js", "kt", "lua", "m", "mjs", "ml", "pl", "py", "pyi", "pyx", "r", "rb", "rs",
    "scala", "sh", "swift", "toml", "ts", "yaml", "yml", "zsh",
];

/// The folder of what Python makes of a module when it is imported.
pub(super) const BYTECODE: &str = "__pycache__";

/// Folders of installed packages, and of what trainings write, wherever git does not ignore them.
const NO_CODE: [&str; 9] = [
    BYTECODE,
    "lightning_logs",
    "mlruns",
    "multirun",
    "node_modules",
    "outputs",
    "site-packages",
    "target",
    "wandb",
];

/// Entries of a folder among which a program is looked for.
const FIRST: usize = 1_000;

/// Bytes at a file's beginning in which a key that makes it an experiment is looked for.
const BEGINNING: u64 = 4 << 20;

/// Beginnings of the names of files that are for people, in lower case.
const FOR_PEOPLE: [&str; 6] =
    ["authors", "changelog", "citation", "contributing", "license", "readme"];

/// True for the text of a program or of its settings, by its name.
pub(super) fn is_program_text(path: &Path) -> bool {
    path.extension().is_some_and(|ending| PROGRAM_TEXT.iter().any(|known| ending == *known))
}

/// Files that are collected as a worker's code.
#[derive(Debug)]
pub(super) struct Listing {
    /// By absolute path.
    pub(super) files: BTreeSet<PathBuf>,
    /// The folder that names are relative to: the first repository, else the first project.
    pub(super) root: Option<PathBuf>,
    /// The commit of the first repository.
    pub(super) commit: Option<String>,
    /// True if one of the files differs from its commit, or is in none.
    pub(super) dirty: bool,
    /// Not looked into.
    runs: PathBuf,
    /// The folders that links lead to, so that none is walked twice.
    linked: BTreeSet<PathBuf>,
}

impl Listing {
    /// A listing without files, which leaves the folder `runs` out.
    pub(super) fn new(runs: &Path) -> Self {
        let runs = runs.canonicalize().unwrap_or_else(|_| runs.to_owned());
        Self {
            files: BTreeSet::new(),
            root: None,
            commit: None,
            dirty: false,
            runs,
            linked: BTreeSet::new(),
        }
    }

    /// Adds the file at `path`, as named by a user.
    pub(super) fn add_file(&mut self, path: &Path) -> Result<(), CodeError> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().unwrap_or(&path).to_owned();
        if !self.files.contains(&path) {
            match Repository::of(&folder) {
                Some(repository) => {
                    self.dirty |= repository.has_changed(&path);
                    self.enter(&repository);
                }
                None => _ = self.root.get_or_insert(folder),
            }
        }
        self.insert(path)
    }

    /// Adds the project in `folder`: the files that git tracks, except for those for people, and the text
    /// of programs that it does not track or that is outside of a repository.
    pub(super) fn add_project(&mut self, folder: &Path) -> Result<(), CodeError> {
        self.add(folder, is_program_text)
    }

    /// Adds all that is in `folder`, as named by a user, except for what git ignores.
    pub(super) fn add_folder(&mut self, folder: &Path) -> Result<(), CodeError> {
        self.add(&folder.canonicalize().unwrap_or_else(|_| folder.to_owned()), |_| true)
    }

    fn add(&mut self, folder: &Path, untracked: fn(&Path) -> bool) -> Result<(), CodeError> {
        let Some(repository) = Repository::of(folder) else {
            self.root.get_or_insert_with(|| folder.to_owned());
            return self.walk(folder, untracked);
        };
        for path in repository.tracked(folder) {
            let is_code = !is_for_people(&path) && !is_bytecode(&path) && !is_experiment(&path);
            if is_code && path.is_file() {
                self.insert(path)?;
            } else if is_code {
                self.follow(&path)?;
            }
        }
        for path in repository.untracked(folder) {
            let within = path.strip_prefix(folder).unwrap_or(&path);
            let no_code =
                within.components().any(|part| is_no_code(part.as_os_str().as_encoded_bytes()));
            if no_code || path.starts_with(&self.runs) {
                continue;
            }
            if path.is_dir() {
                self.follow(&path)?;
            } else if untracked(&path) && !is_experiment(&path) {
                self.dirty = true;
                self.insert(path)?;
            }
        }
        self.dirty |= repository.changed(folder).iter().any(|path| self.files.contains(path));
        self.enter(&repository);
        Ok(())
    }

    fn enter(&mut self, repository: &Repository) {
        self.commit = self.commit.take().or_else(|| repository.commit().map(str::to_owned));
        self.root.get_or_insert_with(|| repository.root().to_owned());
    }

    /// Adds the text of programs in the folder that the link at `path` leads to: of a folder with a program, which is
    /// more likely code than data. Nothing if it is something else.
    fn follow(&mut self, path: &Path) -> Result<(), CodeError> {
        let Ok(folder) = path.canonicalize() else { return Ok(()) };
        let is_outside = !path.starts_with(&folder) && !folder.starts_with(&self.runs);
        if path.is_symlink() && is_outside && has_program(&folder) && self.linked.insert(folder) {
            self.walk(path, is_program_text)?;
        }
        Ok(())
    }

    /// Adds the files below `folder` that `wanted` accepts; hidden ones are skipped.
    fn walk(&mut self, folder: &Path, wanted: fn(&Path) -> bool) -> Result<(), CodeError> {
        let failed = |source| CodeError::Read { path: folder.to_owned(), source };
        let mut entries = fs::read_dir(folder)
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(failed)?;
        if entries.iter().any(|entry| entry.file_name() == "pyvenv.cfg") {
            return Ok(());
        }
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let kind = entry.file_type().map_err(failed)?;
            if is_no_code(entry.file_name().as_encoded_bytes()) || path == self.runs {
                continue;
            }
            if kind.is_dir() {
                self.walk(&path, wanted)?;
            } else if path.is_file() && wanted(&path) && !is_experiment(&path) {
                self.insert(path)?;
            } else if kind.is_symlink() {
                self.follow(&path)?;
            }
        }
        Ok(())
    }

    fn insert(&mut self, path: PathBuf) -> Result<(), CodeError> {
        if self.files.len() >= MOST_FILES && !self.files.contains(&path) {
            let folder = self.root.clone().unwrap_or(path);
            return Err(CodeError::TooMany { folder });
        }
        self.files.insert(path);
        Ok(())
    }
}

/// True if one of the first files in `folder` is the text of a program.
fn has_program(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.take(FIRST).any(|entry| is_program_text(Path::new(&entry.file_name())))
}

/// True for the name of a hidden file or folder, or of a folder in [`NO_CODE`].
fn is_no_code(name: &[u8]) -> bool {
    name.starts_with(b".") || NO_CODE.iter().any(|folder| name == folder.as_bytes())
}

/// True for a tracked file that no program reads, by its name.
fn is_for_people(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.starts_with(".git") || FOR_PEOPLE.iter().any(|start| name.starts_with(start))
}

/// True for a module's bytecode, which each import may make again; some repositories track it by mistake.
fn is_bytecode(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with(BYTECODE))
}

/// True for an experiment file, whose settings are recorded with each trial: a key `orch` at its top.
fn is_experiment(path: &Path) -> bool {
    let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    let file = is_yaml.then(|| regular_file::open(path).ok()).flatten();
    let Some(file) = file else { return false };
    let lines = BufReader::new(file.take(BEGINNING)).lines();
    lines.map_while(Result::ok).any(|line| line.starts_with("orch:"))
}
