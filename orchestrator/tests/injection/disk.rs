//! A small disk that can be filled: a file system in memory, mounted at the folder of runs.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::Command;

use crate::common::test_run::TestRun;

/// A mounted disk; unmounted when dropped.
pub(crate) struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts it; `None` where that is not permitted.
    pub(crate) fn mount(test: &TestRun) -> Option<Self> {
        let folder = test.path("runs");
        fs::create_dir(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(&folder);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self { folder })
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        let mut filler = fs::File::create(self.filler()).unwrap();
        let error = loop {
            if let Err(error) = filler.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }

    /// Fills `bytes` of it.
    pub(crate) fn fill_partly(&self, bytes: usize) {
        fs::write(self.filler(), vec![0; bytes]).unwrap();
    }

    /// Frees the space.
    pub(crate) fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Processes that still use it are ended after this.
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
    }
}
