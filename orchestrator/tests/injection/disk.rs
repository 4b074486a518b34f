//! A small disk that can be filled: a file system in memory, mounted where runs lie.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::Command;

use crate::common::test_run::TestRun;

/// Mounted while this value lives.
pub(crate) struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts it; `None` where we may not.
    pub(crate) fn mount(test: &TestRun) -> Option<Self> {
        let folder = test.path("runs");
        fs::create_dir(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(&folder);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self { folder })
    }

    /// Leaves no byte free.
    pub(crate) fn fill(&self) {
        let mut filler = fs::File::create(self.filler()).unwrap();
        let error = loop {
            if let Err(error) = filler.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }

    /// Takes so many bytes.
    pub(crate) fn fill_up_to(&self, bytes: usize) {
        fs::write(self.filler(), vec![0; bytes]).unwrap();
    }

    /// Gives the space back.
    pub(crate) fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whoever still uses it is ended after this.
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
    }
}
