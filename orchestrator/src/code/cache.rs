//! The code as it was last read. It is read again, which asks git several times and hashes every file,
//! only once something has changed that it was read from.

use std::path::PathBuf;

use experiments::protocol::events::Code;

use super::attempt_code::AttemptCode;
use super::error::CodeError;
use super::git::diff;
use crate::platform::clock;
use crate::platform::file_stamp::FileStamp;

/// Time within which a second write to a file may leave its stamp as it is, on any file system.
const RACY_MS: i64 = 2_000;

/// The code that was read last, with the stamps of what it was read from.
#[derive(Debug, Default)]
pub(crate) struct CodeCache(Option<Cached>);

/// Code, and its difference from its commit as [`diff`] has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CodeAndDiff {
    pub(crate) code: Code,
    pub(crate) diff: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Cached {
    from: AttemptCode,
    read: CodeAndDiff,
    stamps: Vec<(Option<FileStamp>, PathBuf)>,
}

impl CodeCache {
    /// The code as it is now.
    pub(crate) fn read(&mut self, from: &AttemptCode) -> Result<CodeAndDiff, CodeError> {
        self.read_with(from, RACY_MS)
    }

    fn read_with(&mut self, from: &AttemptCode, racy_ms: i64) -> Result<CodeAndDiff, CodeError> {
        if let Some(cached) = self.0.as_ref().filter(|cached| cached.holds(from)) {
            return Ok(cached.read.clone());
        }
        let settled_ms = clock::now_ms() - racy_ms;
        let code = from.read()?;
        let paths = from.read_from(&code);
        let read = CodeAndDiff { diff: diff(&code), code };
        let stamps = paths.map(|paths| {
            paths.into_iter().map(|path| (FileStamp::of(&path), path)).collect::<Vec<_>>()
        });
        let is_settled = |(stamp, _): &(Option<FileStamp>, PathBuf)| {
            stamp.is_none_or(|stamp| stamp.is_older_than(settled_ms))
        };
        let stamps = stamps.filter(|stamps| stamps.iter().all(is_settled));
        self.0 = stamps.map(|stamps| Cached { from: from.clone(), read: read.clone(), stamps });
        Ok(read)
    }
}

impl Cached {
    fn holds(&self, from: &AttemptCode) -> bool {
        self.from == *from && self.stamps.iter().all(|(stamp, path)| FileStamp::of(path) == *stamp)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    use experiments::expand::Experiment;

    use super::*;
    use crate::code::CodeSource;

    fn git(folder: &Path, arguments: &[&str]) {
        let config = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let run = Command::new("git").arg("-C").arg(folder).args(config).args(arguments).output();
        assert!(run.unwrap().status.success(), "{arguments:?}");
    }

    /// As [`RACY_MS`], on a file system whose clock is as fine as this machine's.
    const RACY_HERE_MS: i64 = 50;

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
            std::thread::sleep(Duration::from_millis(2 * RACY_HERE_MS as u64));
            for _ in 0..2 {
                let read = cache.read_with(&from, RACY_HERE_MS).unwrap();
                assert_eq!(read.code, from.read().unwrap());
                assert_eq!(read.diff, diff(&read.code));
                assert!(cache.0.as_ref().is_some_and(|cached| cached.holds(&from)));
            }
        }
        // What was written just now is read again the next time.
        fs::write(folder.join("train.sh"), "e").unwrap();
        assert_eq!(cache.read(&from).unwrap().code, from.read().unwrap());
        assert!(cache.0.is_none());
    }
}
