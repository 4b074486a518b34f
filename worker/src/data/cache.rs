//! The cache of prepared data: a folder outside the user's own, safe to delete at any time.
//!
//! A file appears in it whole or not at all: it is written to a temporary file, synced and
//! renamed. One that is damaged later is not used but made again. Of several processes that need the same file, one makes it while the others wait; the lock
//! of a killed process is released, and its temporary file is overwritten.

use std::env;
use std::fs::TryLockError;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use fs_err::{self as fs, File};
use memmap2::Mmap;

use super::{DataError, PrepareContext};
use crate::filesystem;
use crate::sha256::sha256;

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

/// Maps the file `path` of the cache, which is made by `build` unless it is there and `is_intact`.
pub(super) fn mapped(
    path: &Path,
    context: &mut PrepareContext,
    is_intact: impl Fn(&mut PrepareContext, &[u8]) -> Result<bool, DataError>,
    build: impl FnOnce(&mut PrepareContext, &mut BufWriter<File>) -> Result<(), DataError>,
) -> Result<Mmap, DataError> {
    let failed = |source| DataError::Cache { path: path.to_owned(), source };
    let intact = |context: &mut PrepareContext| {
        if !path.exists() {
            return Ok(None);
        }
        let mapped = map(path).map_err(failed)?;
        Ok(is_intact(context, &mapped)?.then_some(mapped))
    };
    if let Some(mapped) = intact(context)? {
        return Ok(mapped);
    }
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
    let lock = File::create(path.with_extension("lock")).map_err(failed)?;
    wait_for(&lock, context, failed)?;
    // Another process may have made it meanwhile.
    if let Some(mapped) = intact(context)? {
        return Ok(mapped);
    }
    if path.exists() {
        tracing::warn!("`{}` is damaged and is made again", path.display());
    }
    make(path, failed, |file| build(context, file))?;
    intact(context)?.ok_or_else(|| DataError::Damaged { path: path.to_owned() })
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
    file.into_inner().map_err(|error| failed(error.into_error()))?;
    filesystem::publish(&partial, path).map_err(failed)
}

/// Puts `text` into the file `path` of the cache, in one piece, below a line with its SHA-256.
pub(super) fn put(path: &Path, text: &str) -> Result<(), DataError> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let partial = path.with_extension(format!("{}.partial", process::id()));
        fs::write(&partial, format!("{}\n{text}", sha256(text)))?;
        filesystem::publish(&partial, path)
    };
    write().map_err(|source| DataError::Cache { path: path.to_owned(), source })
}

/// What was [`put`] into the file `path`; none if it is not there or is damaged.
pub(super) fn get(path: &Path) -> Option<String> {
    let contents = String::from_utf8(filesystem::read(path).ok()?).ok()?;
    let (digest, text) = contents.split_once('\n')?;
    (sha256(text) == digest).then(|| text.to_owned())
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
    use std::io::Write;
    use std::ops::ControlFlow;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    fn make(path: &Path, contents: impl FnOnce() -> Vec<u8>) -> Result<Mmap, DataError> {
        let mut go_on = |_, _| ControlFlow::Continue(());
        let context = &mut PrepareContext::new(None, 1, &mut go_on);
        // A first byte of 0 is a damaged file's.
        let is_intact = |_: &mut PrepareContext, contents: &[u8]| Ok(contents[0] != 0);
        mapped(path, context, is_intact, |_, file| {
            file.write_all(&contents()).unwrap();
            Ok(())
        })
    }

    #[test]
    fn a_damaged_file_is_made_again_and_is_never_returned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.pack");
        assert_eq!(make(&path, || vec![7; 10]).unwrap()[..], [7; 10]);
        assert_eq!(make(&path, || vec![8; 10]).unwrap()[..], [7; 10]);
        fs::write(&path, [0; 10]).unwrap();
        assert_eq!(make(&path, || vec![8; 10]).unwrap()[..], [8; 10]);
        fs::write(&path, [0; 10]).unwrap();
        assert!(matches!(make(&path, || vec![0; 10]), Err(DataError::Damaged { .. })));
    }

    #[test]
    fn a_damaged_text_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/text.json");
        assert_eq!(get(&path), None);
        put(&path, "some\ntext").unwrap();
        assert_eq!(get(&path).as_deref(), Some("some\ntext"));
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&path, flipped).unwrap();
            assert_eq!(get(&path), None, "{at}");
        }
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
        let context = &mut PrepareContext::new(None, 1, &mut twice);
        let stopped = mapped(&path, context, |_, _| Ok(true), |_, _| Ok(()));
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
