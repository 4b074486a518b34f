//! Files: only regular ones are opened, and a new one is complete and on the disk when its name
//! appears.

use std::io::{self, Read};
use std::path::Path;

use experiments::regular_file;
use fs_err as fs;

/// Most bytes that are read of a file that is held in memory as a whole.
const MOST_BYTES: u64 = 1 << 30;

/// Opens a regular file. Pipes and devices are refused, for they may never begin or never end.
pub(crate) fn open(path: &Path) -> io::Result<fs::File> {
    let opened = regular_file::open(path);
    let named =
        |e: io::Error| io::Error::new(e.kind(), format!("cannot open `{}`: {e}", path.display()));
    Ok(fs::File::from_parts(opened.map_err(named)?, path))
}

/// The contents of a regular file of at most 1 GiB.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    let mut file = open(path)?;
    let bytes = file.metadata()?.len();
    if bytes <= MOST_BYTES {
        contents.reserve_exact(bytes as usize);
        file.by_ref().take(MOST_BYTES + 1).read_to_end(&mut contents)?;
    }
    if bytes.max(contents.len() as u64) > MOST_BYTES {
        return Err(refused(path, &format!("has {bytes} bytes, more than the 1 GiB that is read")));
    }
    Ok(contents)
}

/// Gives the finished file `partial` its name `path` in the same folder, once its contents are on
/// the disk. The name is on the disk too afterwards.
pub(crate) fn publish(partial: &Path, path: &Path) -> io::Result<()> {
    fs::File::open(partial)?.sync_all()?;
    fs::rename(partial, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn refused(path: &Path, reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn pipes_devices_and_folders_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.png");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
            let error = read(path).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()) && error.contains("regular"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse.png");
        fs::File::create(&path).unwrap().set_len(MOST_BYTES + 1).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("sparse.png") && error.contains("1073741825 bytes"), "{error}");
        fs::write(&path, "whole").unwrap();
        assert_eq!(read(&path).unwrap(), b"whole");
    }
}
