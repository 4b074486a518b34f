//! The kind of file system that a folder is on, and checks of the guarantees that `orch` relies on.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

/// A kind of file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// On a disk of this machine, or of an unknown kind.
    Local(&'static str),
    /// In memory: gone with the next boot.
    Memory(&'static str),
    /// On another machine, or unknown to the kernel (FUSE).
    Network(&'static str),
}

/// The kind of the file system that `folder` is on, by the magic numbers of statfs(2).
pub(crate) fn kind(folder: &Path) -> io::Result<Kind> {
    // Their type differs between architectures; all of them fit in 32 bits.
    Ok(by_magic(rustix::fs::statfs(folder)?.f_type as u32))
}

/// The name of `folder`'s file system if it is a network one.
pub(crate) fn network(folder: &Path) -> Option<&'static str> {
    match kind(folder) {
        Ok(Kind::Network(name)) => Some(name),
        Ok(Kind::Local(_) | Kind::Memory(_)) | Err(_) => None,
    }
}

fn by_magic(magic: u32) -> Kind {
    match magic {
        0x0000_6969 => Kind::Network("NFS"),
        0xFF53_4D42 | 0xFE53_4D42 | 0x0000_517B => Kind::Network("SMB"),
        0x0BD0_0BD0 => Kind::Network("Lustre"),
        0x4750_4653 => Kind::Network("GPFS"),
        0x1983_0326 => Kind::Network("BeeGFS"),
        0x00C3_6400 => Kind::Network("CephFS"),
        0x5346_414F | 0x6B41_4653 => Kind::Network("AFS"),
        0x0102_1997 => Kind::Network("9P"),
        0x6573_5546 => Kind::Network("FUSE"),
        0x0102_1994 => Kind::Memory("tmpfs"),
        0x8584_58F6 => Kind::Memory("ramfs"),
        0x0000_EF53 => Kind::Local("ext4"),
        0x5846_5342 => Kind::Local("XFS"),
        0x9123_683E => Kind::Local("Btrfs"),
        0x2FC1_2FC1 => Kind::Local("ZFS"),
        0x794C_7630 => Kind::Local("overlayfs"),
        0xF2F5_2010 => Kind::Local("F2FS"),
        _ => Kind::Local("of an unknown kind"),
    }
}

/// Device and inode: two paths with the same are one file.
pub(crate) type FileId = (u64, u64);

/// The identity of a file.
pub(crate) fn id(file: &Metadata) -> FileId {
    (file.dev(), file.ino())
}

/// Checks in `folder` what ownership and slots rely on: that a lock excludes a second one until it is
/// released, and that hard links work. Returns the problem, if there is one.
pub(crate) fn try_locks(folder: &Path) -> io::Result<Option<&'static str>> {
    let file = NamedTempFile::new_in(folder)?;
    file.as_file().try_lock()?;
    let second = File::open(file.path())?;
    if second.try_lock_shared().is_ok() {
        return Ok(Some("a locked file can be locked once more"));
    }
    let link = file.path().with_extension("link");
    let linked = fs::hard_link(file.path(), &link).and_then(|()| fs::remove_file(&link));
    if linked.is_err() {
        return Ok(Some("files cannot have a second name (hard link)"));
    }
    drop(file);
    Ok(second.try_lock_shared().is_err().then_some("a lock outlives its holder"))
}

/// The difference between the time that `folder` gives a new file and this machine's.
pub(crate) fn clock_difference(folder: &Path) -> io::Result<Duration> {
    let before = SystemTime::now();
    let file = NamedTempFile::new_in(folder)?;
    let stamped = file.as_file().metadata()?.modified()?;
    let after = SystemTime::now();
    let (early, late) = (before.duration_since(stamped), stamped.duration_since(after));
    Ok(early.or(late).unwrap_or_default())
}

/// The file at `path`, or all files below the folder there; links are not followed.
pub(crate) fn files_below(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs_err::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_folder_passes_every_check() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(try_locks(folder.path()).unwrap(), None);
        assert!(clock_difference(folder.path()).unwrap() < Duration::from_secs(5));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something is left behind");
    }

    #[test]
    fn network_file_systems_are_known_by_their_magic_numbers() {
        // Numbers of linux/magic.h, and of the file systems' own sources.
        let network = [
            (0x6969, "NFS"),
            (0xFF53_4D42, "SMB"),
            (0xFE53_4D42, "SMB"),
            (0x517B, "SMB"),
            (0x0BD0_0BD0, "Lustre"),
            (0x4750_4653, "GPFS"),
            (0x1983_0326, "BeeGFS"),
            (0x00C3_6400, "CephFS"),
            (0x5346_414F, "AFS"),
            (0x0102_1997, "9P"),
            (0x6573_5546, "FUSE"),
        ];
        for (magic, name) in network {
            assert_eq!(by_magic(magic), Kind::Network(name));
        }
        for here in [0xEF53, 0x5846_5342, 0x9123_683E, 0x794C_7630, 0x0102_1994, 0x1234_5678] {
            assert!(!matches!(by_magic(here), Kind::Network(_)), "{here:x}");
        }
    }

    #[test]
    fn kinds_agree_with_stat() {
        for folder in ["/proc", "/dev/shm", "/tmp", "."] {
            let asked =
                std::process::Command::new("stat").args(["-f", "-c", "%T", folder]).output();
            let name = String::from_utf8(asked.unwrap().stdout).unwrap();
            let kind = kind(Path::new(folder)).ok();
            match name.trim() {
                "tmpfs" => assert_eq!(kind, Some(Kind::Memory("tmpfs"))),
                "nfs" => assert_eq!(kind, Some(Kind::Network("NFS"))),
                "overlayfs" => assert_eq!(kind, Some(Kind::Local("overlayfs"))),
                "ext2/ext3" => assert_eq!(kind, Some(Kind::Local("ext4"))),
                "proc" => assert_eq!(kind, Some(Kind::Local("of an unknown kind"))),
                _ => {}
            }
        }
    }
}
