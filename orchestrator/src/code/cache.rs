//! The code as it was last read. It is read again, which asks git several times and hashes every file,
//! only once something has changed that it was read from.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use experiments::protocol::events::Code;

use super::attempt_code::AttemptCode;
use super::error::CodeError;
use super::git::diff;
use crate::platform::clock;
use crate::platform::file_stamp::FileStamp;

/// Time within which a second write to a file may leave its stamp as it is, on any file system.
const RACY: Duration = Duration::from_secs(2);

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
    /// The time of the last try to read it.
    tried: Option<Instant>,
}

#[derive(Debug)]
struct Cached {
    from: AttemptCode,
    read: Rc<CodeAndDiff>,
    stamps: Vec<(Option<FileStamp>, PathBuf)>,
}

impl CodeCache {
    /// The code as it is now, if that is known without reading it, or has not been tried for a while; `None`
    /// where somebody else may as well read it, who has the time.
    pub(crate) fn known(&mut self, from: &AttemptCode) -> Option<Rc<CodeAndDiff>> {
        self.known_with(from, RACY)
    }

    fn known_with(&mut self, from: &AttemptCode, racy: Duration) -> Option<Rc<CodeAndDiff>> {
        if let Some(cached) = self.last.as_ref().filter(|cached| cached.holds(from)) {
            return Some(Rc::clone(&cached.read));
        }
        if self.tried.is_some_and(|tried| tried.elapsed() < racy) {
            return None;
        }
        self.tried = Some(Instant::now());
        let settled_ms = clock::now_ms().saturating_sub(racy.as_millis() as i64);
        let read = Rc::new(CodeAndDiff::read(from).ok()?);
        self.last = Cached::new(from, &read).filter(|cached| cached.is_older_than(settled_ms));
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

    /// True if all of it was last written to before this time, in milliseconds since the Unix epoch.
    fn is_older_than(&self, time_ms: i64) -> bool {
        let mut stamps = self.stamps.iter().filter_map(|(stamp, _)| stamp.as_ref());
        stamps.all(|stamp| stamp.is_older_than(time_ms))
    }

    fn holds(&self, from: &AttemptCode) -> bool {
        self.from == *from && self.stamps.iter().all(|(stamp, path)| FileStamp::of(path) == *stamp)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use experiments::expand::Experiment;

    use super::*;
    use crate::code::CodeSource;

    fn git(folder: &Path, arguments: &[&str]) {
        let config = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let run = Command::new("git").arg("-C").arg(folder).args(config).args(arguments).output();
        assert!(run.unwrap().status.success(), "{arguments:?}");
    }

    /// As [`RACY`], on a file system whose clock is as fine as this machine's.
    const RACY_HERE: Duration = Duration::from_millis(50);

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
            std::thread::sleep(2 * RACY_HERE);
            for _ in 0..2 {
                let known = cache.known_with(&from, RACY_HERE).unwrap();
                assert_eq!(*known, CodeAndDiff::read(&from).unwrap());
                assert!(cache.last.as_ref().is_some_and(|cached| cached.holds(&from)));
            }
        }
        // A file written just now is read again the next time, by others meanwhile.
        fs::write(folder.join("train.sh"), "e").unwrap();
        assert_eq!(cache.known_with(&from, Duration::MAX), None);
        let mut cache = CodeCache::default();
        let long = Duration::from_hours(1);
        assert_eq!(*cache.known_with(&from, long).unwrap(), CodeAndDiff::read(&from).unwrap());
        assert!(cache.last.is_none());
    }
}
