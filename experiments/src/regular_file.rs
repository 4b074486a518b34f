//! Opening and reading files that anything may have made, in bounded time and memory.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// Opens the file at `path` for reading. Anything but a regular file is an error: to open or to read a
/// pipe could wait for ever, and a device need not end.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(File::options().read(true), path)
}

/// The same with other `options`. A file that they create is a regular one.
pub fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // Before it is opened, since that alone can affect a device; and after, since it can have been
    // replaced in between.
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        metadata => check(&metadata?)?,
    }
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options.custom_flags(flags.bits() as i32).open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

fn check(metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    let name = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    let message = format!("it is {name}, not a regular file");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

/// The content of the regular file at `path`. One of more than `limit` bytes is an error.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let too_large = || {
        let message = format!("it is larger than {} MiB", limit >> 20);
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    let length = file.metadata()?.len();
    if length > limit {
        return Err(too_large());
    }
    // With room to notice its end in the same read.
    let mut bytes = Vec::with_capacity(length as usize + 1);
    // It may grow meanwhile, and files of the kernel have no length.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
}

/// True if an error of these functions lies in the file itself, and not in the system that was to read
/// it: reading it again will not help.
pub fn is_fault_of_file(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput
            | io::ErrorKind::FileTooLarge
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::NotADirectory
    ) || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    #[test]
    fn nothing_but_a_regular_file_is_opened_and_each_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        let _socket = UnixListener::bind(path("socket")).unwrap();
        symlink("/dev/zero", path("zero")).unwrap();
        symlink("loop", path("loop")).unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        for (name, message) in [
            ("pipe", "it is a named pipe, not a regular file"),
            ("socket", "it is a socket, not a regular file"),
            ("zero", "it is a device, not a regular file"),
            ("folder", "it is a folder, not a regular file"),
            ("loop", ""),
        ] {
            let opened = [
                open(&path(name)),
                open_with(File::options().append(true).create(true), &path(name)),
            ];
            for error in opened.map(Result::unwrap_err) {
                assert!(error.to_string().starts_with(message), "{name}: {error}");
                assert!(is_fault_of_file(&error), "{name}: {error}");
            }
        }
        assert!(!is_fault_of_file(&open(&path("missing")).unwrap_err()));
        open_with(File::options().append(true).create(true), &path("new")).unwrap();
        assert_eq!(read(&path("new"), 0).unwrap(), b"");
    }

    #[test]
    fn a_file_of_more_bytes_than_the_limit_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        let error = read(&path, 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(is_fault_of_file(&error));
        // Of no length, as far as the kernel tells.
        assert!(read(Path::new("/proc/self/maps"), 1 << 20).unwrap().len() > 10);
        assert!(read(Path::new("/proc/self/maps"), 10).is_err());
    }
}
