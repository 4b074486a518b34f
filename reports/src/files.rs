//! The report's files: each is written to a temporary file beside its path, and all are renamed at
//! the end, so that a reader meets an old file or a new one and never half of one.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Data files up to this many bytes are also held in memory, for the page to embed.
const MAX_EMBEDDED: u64 = 64 * 1024;

/// Files by path relative to the report's folder, in the order they were added.
#[derive(Debug)]
pub(crate) struct Files {
    destination: Destination,
    pending: Vec<PendingFile>,
    /// The first error of any file; [`Files::write`] returns it.
    failed: Option<io::Error>,
}

/// The place of a report's files.
#[derive(Debug, PartialEq, Eq)]
enum Destination {
    /// All of them are written to this folder.
    Folder(PathBuf),
    /// Only drawings are made, and they stay in memory.
    Memory,
}

/// A file whose content lies in its temporary file.
#[derive(Debug)]
struct PendingFile {
    path: PathBuf,
    /// None for a data file larger than [`MAX_EMBEDDED`].
    content: Option<Vec<u8>>,
}

impl Files {
    /// An empty report in `folder`, which is created by its first file.
    pub(crate) fn new(folder: &Path) -> Self {
        let destination = Destination::Folder(folder.to_owned());
        Self { destination, pending: Vec::new(), failed: None }
    }

    /// No files, but drawings in memory.
    pub(crate) fn drawings() -> Self {
        Self { destination: Destination::Memory, pending: Vec::new(), failed: None }
    }

    /// True if only drawings are made: figures as SVG, without other formats and without data.
    pub(crate) fn are_drawings(&self) -> bool {
        self.destination == Destination::Memory
    }

    /// Adds a file; a later one of the same path replaces an earlier one.
    pub(crate) fn add(&mut self, path: impl Into<PathBuf>, bytes: Vec<u8>) {
        let path = path.into();
        self.create(&path, |out| out.write_all(&bytes));
        self.insert(path, Some(bytes));
    }

    /// Adds the caption of the table or figure `name`, in TeX and without a line's end, which would be a space.
    pub(crate) fn add_caption(&mut self, name: &str, tex: &str) {
        self.add(caption_path(name), format!("{tex}%\n").into_bytes());
    }

    /// Adds a file that is streamed to disk, because it may be large.
    pub(crate) fn add_data(
        &mut self,
        path: impl Into<PathBuf>,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) {
        let Destination::Folder(folder) = &self.destination else { return };
        let path = path.into();
        let temporary = temporary_path(&folder.join(&path));
        self.create(&path, write);
        let is_small = fs_err::metadata(&temporary).is_ok_and(|data| data.len() <= MAX_EMBEDDED);
        let content = is_small.then(|| fs_err::read(&temporary).ok()).flatten();
        self.insert(path, content);
    }

    /// Removes a file that was added.
    pub(crate) fn discard(&mut self, path: &Path) {
        self.pending.retain(|file| file.path != path);
        self.remove_temporary(path);
    }

    /// The content of a file; None if there is no such file, or it is too large to embed.
    pub(crate) fn get(&self, path: &Path) -> Option<&[u8]> {
        self.pending.iter().find(|file| file.path == path)?.content.as_deref()
    }

    pub(crate) fn contains(&self, path: &Path) -> bool {
        self.pending.iter().any(|file| file.path == path)
    }

    /// Renames all temporary files to their paths and returns the paths; none of drawings in memory.
    pub(crate) fn write(mut self) -> io::Result<Vec<PathBuf>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut paths = Vec::new();
        let Destination::Folder(folder) = &self.destination else { return Ok(paths) };
        for PendingFile { path, .. } in &self.pending {
            let path = folder.join(path);
            fs_err::rename(temporary_path(&path), &path)?;
            paths.push(path);
        }
        Ok(paths)
    }

    fn insert(&mut self, path: PathBuf, content: Option<Vec<u8>>) {
        self.pending.retain(|file| file.path != path);
        self.pending.push(PendingFile { path, content });
    }

    fn create(&mut self, path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if let Destination::Folder(folder) = &self.destination
            && let Err(error) = write_temporary(&folder.join(path), write)
        {
            self.failed.get_or_insert(error);
        }
    }

    fn remove_temporary(&self, path: &Path) {
        if let Destination::Folder(folder) = &self.destination {
            let _ = fs_err::remove_file(temporary_path(&folder.join(path)));
        }
    }
}

impl Drop for Files {
    /// Removes the temporary files of a report that was not written.
    fn drop(&mut self) {
        for file in &self.pending {
            self.remove_temporary(&file.path);
        }
    }
}

/// The file of the caption of a table or figure.
pub(crate) fn caption_path(name: &str) -> PathBuf {
    format!("captions/{name}.tex").into()
}

fn write_temporary(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs_err::create_dir_all(parent)?;
    }
    let mut out = BufWriter::new(fs_err::File::create(temporary_path(path))?);
    write(&mut out)?;
    out.flush()
}

fn temporary_path(path: &Path) -> PathBuf {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    temporary.into()
}
