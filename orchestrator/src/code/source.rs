//! The source of a worker's code, and its content.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use experiments::expand::RunConfig;
use experiments::expand::interpreter::interpreter;
use experiments::protocol::events::{Code, Interpreter};
use serde::{Deserialize, Serialize};

use super::content::hash;
use super::difference::Difference;
use super::error::CodeError;
use super::git;
use super::named::{self, Named};
use super::project::Listing;

/// The places in which a worker's code is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSource {
    /// The worker's command, before the config is filled in.
    command: Vec<String>,
    /// The file of its program.
    program: PathBuf,
    /// Its working directory, absolute.
    directory: PathBuf,
    /// As [`Worker::code`](experiments::schema::worker::Worker::code).
    paths: Option<Vec<PathBuf>>,
    /// As [`Worker::include`](experiments::schema::worker::Worker::include).
    include: Vec<PathBuf>,
    /// True if the worker reports a build, which then stands for its program.
    reports_build: bool,
    /// The folder of all runs, which is no code.
    runs: PathBuf,
}

impl CodeSource {
    /// The source of the code of `run`'s worker, whose program is the file `program`; `runs` is the folder of
    /// all runs.
    pub fn new(run: &RunConfig, program: &Path, reports_build: bool, runs: &Path) -> Self {
        let worker = &run.worker;
        let folder = run.folder.to_string_lossy();
        let command = worker.command.iter().map(|word| word.replace("{file.dir}", &folder));
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            command: command.collect(),
            program: program.to_owned(),
            directory: absolute(&run.shared_directory()),
            paths: worker.code.clone(),
            include: worker.include.clone(),
            reports_build,
            runs: absolute(runs),
        }
    }

    /// True if `worker.code` is empty: the file opts out.
    pub(crate) fn is_off(&self) -> bool {
        self.paths.as_ref().is_some_and(Vec::is_empty) && self.include.is_empty()
    }

    /// The code as it is now; without files if none is known.
    pub fn read(&self) -> Result<Code, CodeError> {
        let interpreter = self.interpreter();
        if self.is_off() {
            return Ok(Code { interpreter, ..Code::default() });
        }
        let listing = self.list()?;
        let root = self.root(&listing);
        let mut files = BTreeMap::new();
        for path in &listing.files {
            if let Some(hash) = hash(path)? {
                files.insert(relative(path, &root), hash);
            }
        }
        let root = root.to_string_lossy().into_owned();
        Ok(Code { root, files, commit: listing.commit, dirty: listing.dirty, interpreter })
    }

    /// The working directory if all files are below it, so that a project may become a repository; else
    /// the repository or project.
    fn root(&self, listing: &Listing) -> PathBuf {
        let directory = self.directory.canonicalize().unwrap_or_else(|_| self.directory.clone());
        match &listing.root {
            Some(root) if !listing.files.iter().all(|file| file.starts_with(&directory)) => {
                root.clone()
            }
            _ => directory,
        }
    }

    fn list(&self) -> Result<Listing, CodeError> {
        let mut listing = Listing::new(&self.runs);
        if let Some(paths) = &self.paths {
            self.add_all("code", paths, &mut listing)?;
            // Without it, its own changes would go unnoticed.
            let named = self.named();
            for script in named.scripts().filter(|_| !paths.is_empty()) {
                listing.add_file(script)?;
            }
        } else {
            self.add_found(&mut listing)?;
        }
        self.add_all("include", &self.include, &mut listing)?;
        Ok(listing)
    }

    /// Adds the files that the command names, with the projects of the scripts among them; of a program
    /// of its own, that program.
    fn add_found(&self, listing: &mut Listing) -> Result<(), CodeError> {
        let named = self.named();
        for folder in named.projects() {
            listing.add_project(&folder)?;
        }
        for file in &named.files {
            listing.add_file(file)?;
        }
        let is_own_program = interpreter(&self.command[0]).is_none() && !self.reports_build;
        if listing.files.is_empty() && is_own_program {
            listing.add_file(&self.program)?;
        }
        Ok(())
    }

    fn named(&self) -> Named {
        named::files(&self.command, &self.program, &self.directory)
    }

    /// Adds what the file lists below `key`.
    fn add_all(
        &self,
        key: &'static str,
        paths: &[PathBuf],
        listing: &mut Listing,
    ) -> Result<(), CodeError> {
        for path in paths {
            let full = self.directory.join(path);
            if full.is_dir() {
                listing.add_folder(&full)?;
            } else if full.is_file() {
                listing.add_file(&full)?;
            } else {
                let directory = self.directory.clone();
                return Err(CodeError::Missing { key, path: path.clone(), directory });
            }
        }
        Ok(())
    }

    /// The files and folders that `code` was read from; a folder changes with the names in it. `None` where
    /// not all of them are known.
    pub(super) fn read_from(&self, code: &Code) -> Option<BTreeSet<PathBuf>> {
        let root = Path::new(&code.root);
        let files = code.files.keys().map(|path| root.join(path));
        let files: BTreeSet<_> = files.chain([self.program.clone()]).collect();
        let folders = files.iter().filter_map(|file| file.parent()).map(Path::to_owned);
        let folders: BTreeSet<_> = folders.chain([self.directory.clone()]).collect();
        let mut paths = files;
        for folder in folders {
            paths.extend(git::repository_files(&folder)?);
            paths.insert(folder);
        }
        Some(paths)
    }

    fn interpreter(&self) -> Option<Interpreter> {
        interpreter(&self.command[0])?;
        let sha256 = hash(&self.program).ok().flatten()?;
        Some(Interpreter { path: self.program.to_string_lossy().into_owned(), sha256 })
    }
}

impl CodeSource {
    /// For each state of the code in `recorded`, SHA-256 by path, the files of it that are different now.
    /// None where the code is not recorded any more.
    pub(crate) fn changed<'a>(
        &self,
        now: &Code,
        recorded: impl IntoIterator<Item = &'a BTreeMap<String, String>>,
    ) -> Result<Vec<BTreeSet<String>>, CodeError> {
        let mut now_files = now.files.clone();
        let mut changed = Vec::new();
        for then in recorded {
            if self.is_off() {
                changed.push(BTreeSet::new());
                continue;
            }
            // Modules from elsewhere, which only the program itself can name.
            let unlisted = then.keys().filter(|path| !now.files.contains_key(*path));
            for path in unlisted.filter(|_| self.paths.is_none()) {
                if let Some(hash) = hash(&Path::new(&now.root).join(path))? {
                    now_files.entry(path.clone()).or_insert(hash);
                }
            }
            changed.push(Difference::of(then, &now_files).files);
        }
        Ok(changed)
    }
}

/// `path` below `root`; itself where it is elsewhere.
fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}
