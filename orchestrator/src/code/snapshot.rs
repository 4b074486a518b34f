//! A copy of a worker's code, from which attempts run while the original is edited.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use experiments::protocol::events::Code;
use serde::{Deserialize, Serialize};

use super::content::hash;
use super::error::CodeError;
use super::project::BYTECODE;
use crate::platform::hash::sha256;

/// Bytes of a copy in all. What is larger is data.
const LARGEST: u64 = 512 << 20;

/// Entries of the original that the copy does not link to.
const NOT_LINKED: [&str; 2] = [".git", BYTECODE];

/// A copy of the code: its files as they were, and links to whatever else is in the same folders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The folder that stands for the code's root.
    folder: PathBuf,
    /// The code as it was; its root is the original's.
    code: Code,
    /// The folder of all runs, of which the copy has nothing.
    runs: PathBuf,
}

/// The code cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There are no files to copy.
    #[error(
        "`worker.snapshot` copies the worker's code, and no file of it is known\n\n\
         hint: list its files and folders, for example `worker: {{code: [train.py, model]}}`"
    )]
    Empty,
    /// A file is not below the root.
    #[error(
        "`worker.snapshot` copies the code below `{}`, and `{}` is elsewhere",
        root.display(), path.display()
    )]
    Outside {
        /// The root of the code.
        root: PathBuf,
        /// The file.
        path: PathBuf,
    },
    /// The files are too large.
    #[error(
        "`worker.snapshot` copies up to {} MiB, and the code has more: {}\n\n\
         hint: let git ignore data, or list what is code, for example `worker: {{code: [train.py, model]}}`",
        LARGEST >> 20, largest.join(", ")
    )]
    TooLarge {
        /// The largest files.
        largest: Vec<String>,
    },
    /// The system refused.
    #[error("cannot copy `{}`", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl Snapshot {
    /// Copies `code` into a folder of `store`, named by its content, unless that is there already. Equal
    /// files of several copies are stored once. `runs`, the folder of all runs, is not linked to.
    pub(crate) fn make(code: &Code, store: &Path, runs: &Path) -> Result<Self, SnapshotError> {
        let root = PathBuf::from(&code.root);
        if code.files.is_empty() {
            return Err(SnapshotError::Empty);
        }
        if let Some(path) = code.files.keys().find(|path| path.starts_with('/')) {
            return Err(SnapshotError::Outside { root, path: path.into() });
        }
        check_size(code, &root)?;
        // Trials run in it from other folders.
        let absolute = fs::create_dir_all(store).and_then(|()| store.canonicalize());
        let copy_failed = |source| SnapshotError::Copy { path: store.to_owned(), source };
        let store = &absolute.map_err(copy_failed)?;
        let runs = runs.canonicalize().unwrap_or_else(|_| runs.to_owned());
        let listed = code.files.iter().map(|(path, hash)| format!("{hash} {path}\n"));
        let name = &sha256(listed.collect::<String>())[..16];
        let snapshot = Self { folder: store.join(name), code: code.clone(), runs };
        if !snapshot.folder.is_dir() {
            let partial = store.join(format!("{name}.partial"));
            let failed = |source| SnapshotError::Copy { path: partial.clone(), source };
            match fs::remove_dir_all(&partial) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
            snapshot.copy_into(&partial, store)?;
            snapshot.link_the_rest(&partial)?;
            fs::rename(&partial, &snapshot.folder).map_err(failed)?;
        }
        Ok(snapshot)
    }

    /// The path in the copy that stands for `path`; itself if that is not in the code's root.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match real.strip_prefix(&self.code.root) {
            Ok(within) if !real.starts_with(&self.runs) => self.folder.join(within),
            _ => path.to_owned(),
        }
    }

    /// The code as the copy has it now; its root is the copy's folder.
    pub(crate) fn read(&self) -> Result<Code, CodeError> {
        let mut code = self.code.clone();
        code.root = self.folder.to_string_lossy().into_owned();
        code.files.clear();
        for path in self.code.files.keys() {
            if let Some(hash) = hash(&self.folder.join(path))? {
                code.files.insert(path.clone(), hash);
            }
        }
        Ok(code)
    }

    fn copy_into(&self, folder: &Path, store: &Path) -> Result<(), SnapshotError> {
        let objects = store.join("objects");
        for (path, hash) in &self.code.files {
            let original = Path::new(&self.code.root).join(path);
            let copied = copy(&original, &objects.join(hash), &folder.join(path));
            copied.map_err(|source| SnapshotError::Copy { path: original, source })?;
        }
        Ok(())
    }

    /// Links whatever else is in the folders of the code: data, and what git ignores.
    fn link_the_rest(&self, copy: &Path) -> Result<(), SnapshotError> {
        let root = Path::new(&self.code.root);
        let files = self.code.files.keys().map(Path::new);
        let folders: BTreeSet<_> = files.flat_map(|path| path.ancestors().skip(1)).collect();
        for folder in folders {
            let original = root.join(folder);
            let failed = |source| SnapshotError::Copy { path: original.clone(), source };
            for entry in fs::read_dir(&original).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let (name, path) = (entry.file_name(), entry.path());
                let link = copy.join(folder).join(&name);
                if NOT_LINKED.iter().all(|skipped| name != *skipped)
                    && path != self.runs
                    && !link.exists()
                {
                    symlink(&path, &link).map_err(failed)?;
                }
            }
        }
        Ok(())
    }
}

/// Copies a file to `object`, unless that is there, and links `path` to it, read-only.
fn copy(original: &Path, object: &Path, path: &Path) -> io::Result<()> {
    for file in [object, path] {
        fs::create_dir_all(file.parent().expect("below the store"))?;
    }
    if !object.exists() {
        let partial = object.with_extension("partial");
        fs::copy(original, &partial)?;
        let mode = partial.metadata()?.permissions().mode();
        fs::set_permissions(&partial, Permissions::from_mode(mode & 0o555))?;
        fs::rename(&partial, object)?;
    }
    fs::hard_link(object, path)
}

fn check_size(code: &Code, root: &Path) -> Result<(), SnapshotError> {
    let size = |path: &String| root.join(path).metadata().map_or(0, |metadata| metadata.len());
    let mut sizes: Vec<_> = code.files.keys().map(|path| (size(path), path)).collect();
    if sizes.iter().map(|(size, _)| size).sum::<u64>() <= LARGEST {
        return Ok(());
    }
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let largest = sizes.iter().take(3).map(|(size, path)| format!("`{path}` ({} MiB)", size >> 20));
    Err(SnapshotError::TooLarge { largest: largest.collect() })
}
