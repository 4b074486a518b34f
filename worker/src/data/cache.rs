//! The cache of prepared data: a folder outside the user's own, safe to delete at any time.
//!
//! A file appears in it whole or not at all: it is written to a temporary file, synced and
//! renamed. Of several processes that need the same file, one makes it while the others wait; the lock
//! of a killed process is released, and its temporary file is overwritten.

use std::env;
use std::fs::TryLockError;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use fs_err::{self as fs, File};
use memmap2::Mmap;

use super::{DataError, PrepareContext};

/// Environment variable with the folder for prepared images, instead of `orch` in the user's cache.
pub(crate) const ENV_CACHE: &str = "ORCH_CACHE";

/// Interval at which a process that waits for another one polls.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
const BUFFER_BYTES: usize = 1 << 20;

/// The folder that `ORCH_CACHE` names, else `orch` in `XDG_CACHE_HOME` or in `~/.cache`; none if no
/// home is known either.
pub(crate) fn folder() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set(ENV_CACHE).or_else(|| {
        let caches = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let caches = caches.or_else(|| env::home_dir().map(|home| home.join(".cache")))?;
        Some(caches.join("orch"))
    })
}

/// Maps the file `path` of the cache, which is made by `build` unless it is there.
pub(super) fn mapped(
    path: &Path,
    context: &mut PrepareContext,
    build: impl FnOnce(&mut PrepareContext, &mut BufWriter<File>) -> Result<(), DataError>,
) -> Result<Mmap, DataError> {
    let failed = |source| DataError::Cache { path: path.to_owned(), source };
    if !path.exists() {
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        let lock = File::create(path.with_extension("lock")).map_err(failed)?;
        wait_for(&lock, context, failed)?;
        // Another process may have made it meanwhile.
        if !path.exists() {
            make(path, failed, |file| build(context, file))?;
        }
    }
    map(path).map_err(failed)
}

fn make(
    path: &Path,
    failed: impl Fn(io::Error) -> DataError,
    build: impl FnOnce(&mut BufWriter<File>) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let partial = path.with_extension("partial");
    let file = File::create(&partial).map_err(&failed)?;
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, file);
    build(&mut file).inspect_err(|_| {
        // What stopped the work matters more than whether this succeeds.
        let _unlinked = fs::remove_file(&partial);
    })?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(&failed)?;
    fs::rename(&partial, path).map_err(failed)
}

/// Puts `bytes` into the file `path` of the cache, in one piece.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    write_synced(path, bytes).map_err(|source| DataError::Cache { path: path.to_owned(), source })
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let partial = path.with_extension(format!("{}.partial", process::id()));
    let mut file = File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&partial, path)
}

fn wait_for(
    lock: &File,
    context: &mut PrepareContext,
    failed: impl Fn(io::Error) -> DataError,
) -> Result<(), DataError> {
    loop {
        match lock.file().try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {
                context.tick(0, 0)?;
                std::thread::sleep(POLL_INTERVAL);
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

#[expect(unsafe_code, reason = "a map of a file whose contents stay as they are")]
fn map(path: &Path) -> io::Result<Mmap> {
    let file = File::open(path)?;
    // SAFETY: the file was complete when it got its name, and nothing here ever writes to a named
    // file again. The user must not write to it either; deleting it does no harm.
    unsafe { Mmap::map(file.file()) }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    fn make(path: &Path, contents: impl FnOnce() -> Vec<u8>) -> Result<Mmap, DataError> {
        let mut go_on = |_, _| ControlFlow::Continue(());
        let context = &mut PrepareContext::new(None, 1, &mut go_on);
        mapped(path, context, |_, file| {
            file.write_all(&contents()).unwrap();
            Ok(())
        })
    }

    #[test]
    fn of_two_at_once_one_makes_the_file_and_the_other_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = &folder.path().join("a/file.pack");
        let (made, both) = (&AtomicUsize::new(0), &Barrier::new(2));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    both.wait();
                    let map = make(path, || {
                        made.fetch_add(1, Ordering::Relaxed);
                        thread::sleep(3 * POLL_INTERVAL);
                        vec![7; 5000]
                    });
                    assert_eq!(map.unwrap()[..], [7; 5000]);
                });
            }
        });
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn an_unfinished_file_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.pack");
        fs::write(path.with_extension("partial"), [1; 100]).unwrap();
        assert_eq!(make(&path, || vec![2; 10]).unwrap()[..], [2; 10]);
        assert!(!path.with_extension("partial").exists());
    }

    #[test]
    fn a_waiting_process_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.pack");
        let lock = File::create(path.with_extension("lock")).unwrap();
        lock.file().lock().unwrap();
        let mut polls = 0;
        let mut twice = |_, _| {
            polls += 1;
            if polls < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let stopped = mapped(&path, &mut PrepareContext::new(None, 1, &mut twice), |_, _| Ok(()));
        assert!(matches!(stopped, Err(DataError::Stopped)));
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_with_advice() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "no folder").unwrap();
        let error = make(&folder.path().join("a/file.pack"), Vec::new).unwrap_err().to_string();
        assert!(error.contains("ORCH_CACHE"), "{error}");
    }
}
