//! The code as it was last read. It is read again, which asks git several times and hashes every file,
//! only once something has changed that it was read from.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use experiments::protocol::events::Code;

use super::attempt_code::AttemptCode;
use super::error::CodeError;
use super::git::diff;
use crate::platform::file_stamp::FileStamp;
use crate::platform::{clock, filesystem};

/// Milliseconds within which a second write to a file may leave its stamp as it is: the clock of a local file
/// system ticks every 10 ms at least.
const RACY_MS: i64 = 50;

/// The same where times are whole seconds, or those of another machine.
const RACY_ANYWHERE_MS: i64 = 2_000;

/// The part of the time of who asks that reading may take, as its reciprocal.
const READ_SHARE: u32 = 10;

/// Code, and its difference from its commit as [`diff`] has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CodeAndDiff {
    pub(crate) code: Code,
    pub(crate) diff: Option<Vec<u8>>,
}

impl CodeAndDiff {
    /// The code as it is now.
    pub(crate) fn read(from: &AttemptCode) -> Result<Self, CodeError> {
        let code = from.read()?;
        Ok(Self { diff: diff(&code), code })
    }
}

/// The code that was read last, with the stamps of what it was read from.
#[derive(Debug, Default)]
pub(crate) struct CodeCache {
    last: Option<Cached>,
    /// It is not read again before.
    next_read: Option<Instant>,
}

#[derive(Debug)]
struct Cached {
    from: AttemptCode,
    read: Rc<CodeAndDiff>,
    stamps: Vec<(Option<FileStamp>, PathBuf)>,
}

impl CodeCache {
    /// The code as it is now, if that is known without reading it, or has not been read for a while; `None`
    /// where somebody else may as well read it, who has the time.
    pub(crate) fn known(&mut self, from: &AttemptCode) -> Option<Rc<CodeAndDiff>> {
        if let Some(cached) = self.last.as_ref().filter(|cached| cached.holds(from)) {
            return Some(Rc::clone(&cached.read));
        }
        let (start, start_ms) = (Instant::now(), clock::now_ms());
        if self.next_read.is_some_and(|next| start < next) {
            return None;
        }
        let read = CodeAndDiff::read(from);
        let pause = (start.elapsed() * READ_SHARE).max(Duration::from_millis(RACY_MS as u64));
        self.next_read = Some(Instant::now() + pause);
        let read = Rc::new(read.ok()?);
        self.last = Cached::new(from, &read).filter(|cached| cached.is_settled(start_ms));
        Some(read)
    }
}

impl Cached {
    /// `None` where not all is known that the code was read from.
    fn new(from: &AttemptCode, read: &Rc<CodeAndDiff>) -> Option<Self> {
        let paths = from.read_from(&read.code)?.into_iter();
        let stamps = paths.map(|path| (FileStamp::of(&path), path)).collect();
        Some(Self { from: from.clone(), read: Rc::clone(read), stamps })
    }

    /// True if any write after `time_ms`, in milliseconds since the Unix epoch, changes a stamp.
    fn is_settled(&self, time_ms: i64) -> bool {
        self.stamps.iter().all(|(stamp, path)| {
            stamp.as_ref().is_none_or(|stamp| {
                stamp.is_older_than(time_ms - RACY_ANYWHERE_MS)
                    || stamp.is_older_than(time_ms - RACY_MS) && has_fine_clock(stamp, path)
            })
        })
    }

    fn holds(&self, from: &AttemptCode) -> bool {
        self.from == *from && self.stamps.iter().all(|(stamp, path)| FileStamp::of(path) == *stamp)
    }
}

/// True if the file system of the file at `path`, which has this stamp, takes times from this machine's clock
/// and by less than seconds.
fn has_fine_clock(stamp: &FileStamp, path: &Path) -> bool {
    !stamp.is_in_seconds() && filesystem::network(path).is_none()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;
    use std::time::UNIX_EPOCH;

    use experiments::expand::Experiment;

    use super::*;
    use crate::code::CodeSource;

    fn git(folder: &Path, arguments: &[&str]) {
        let config = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let run = Command::new("git").arg("-C").arg(folder).args(config).args(arguments).output();
        assert!(run.unwrap().status.success(), "{arguments:?}");
    }

    #[test]
    fn every_change_is_noticed_and_without_one_nothing_is_read() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("project");
        fs::create_dir_all(folder.join("lib")).unwrap();
        for (file, text) in [("train.sh", "a"), ("lib/helper.sh", "b")] {
            fs::write(folder.join(file), text).unwrap();
        }
        let file = folder.join("file.yaml");
        let text =
            "orch: 1\nname: a\nworker: {command: [sh, train.sh]}\nvariants: {a: {}}\nseeds: [0]\n";
        fs::write(&file, text).unwrap();
        let mut run = Experiment::load(&file).unwrap().expand(None, &[]).unwrap();
        run.config.folder.clone_from(&folder);
        let source =
            CodeSource::new(&run.config, Path::new("/bin/sh"), false, &root.path().join("runs"));
        let from = AttemptCode::Source(source);
        let mut cache = CodeCache::default();
        let changes: [&dyn Fn(); 6] = [
            &|| {},
            &|| fs::write(folder.join("lib/helper.sh"), "c").unwrap(),
            &|| fs::write(folder.join("lib/new.sh"), "d").unwrap(),
            &|| git(&folder, &["init", "-q"]),
            &|| git(&folder, &["add", "."]),
            &|| git(&folder, &["commit", "-q", "-m", "all"]),
        ];
        for change in changes {
            change();
            std::thread::sleep(Duration::from_millis(2 * RACY_MS as u64));
            cache.next_read = None;
            for _ in 0..2 {
                let known = cache.known(&from).unwrap();
                assert_eq!(*known, CodeAndDiff::read(&from).unwrap());
                assert!(cache.last.as_ref().is_some_and(|cached| cached.holds(&from)));
            }
        }
        // The next change is read by others for a while.
        let read = cache.known(&from).unwrap();
        cache.next_read = Some(Instant::now() + Duration::from_hours(1));
        fs::write(folder.join("train.sh"), "e").unwrap();
        assert_eq!(cache.known(&from), None);
        let written = fs::metadata(folder.join("train.sh")).unwrap().modified().unwrap();
        let written_ms = written.duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        let cached = Cached::new(&from, &read).unwrap();
        assert!(!cached.is_settled(written_ms + RACY_MS));
        assert_eq!(
            cached.is_settled(written_ms + RACY_MS + 1),
            filesystem::network(&folder).is_none()
        );
        assert!(cached.is_settled(written_ms + RACY_ANYWHERE_MS + 1));
    }
}
