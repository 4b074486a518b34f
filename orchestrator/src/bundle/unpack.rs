//! Unpacking a bundle that anybody may have made: into a new folder, in bounded time, memory and space.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use experiments::regular_file;
use experiments::schema::resources::Memory;
use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use super::BundleError;
use super::entry_name::EntryNames;
use super::pack::create;
use crate::platform::{disk_space, hash};

/// The limits of a bundle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Entries at most.
    pub(crate) entries: u64,
    /// Bytes of all files at most.
    pub(crate) bytes: u64,
    /// Bytes of all files at most for each byte of the archive. Records are compressed to a tenth.
    pub(crate) ratio: u64,
}

/// Bytes that an archive may always have, whatever the ratio.
const ANY_RATIO: u64 = 16 << 20;

/// Folders at most, one in the other, of a bundle that is a folder.
const DEEPEST: usize = 64;

/// Bytes of a zip archive's last record, where it has no comment.
const END: usize = 22;

/// Bytes of the two records before it of an archive with many entries.
const END_64: usize = 56 + 20;

impl Limits {
    /// The limits of a bundle that is unpacked into `folder`: what is free there, and a quarter of a million
    /// files, which are those of some twenty thousand trials.
    pub(crate) fn of(folder: &Path) -> Self {
        let free = disk_space::free(folder).map_or(u64::MAX, |free| free.0);
        Self { entries: 250_000, bytes: free, ratio: 200 }
    }
}

/// Unpacks the bundle at `path`, an archive or a folder, into the new folder `into`: the SHA-256 of every
/// file by its name.
pub(crate) fn unpack(
    path: &Path,
    into: &Path,
    limits: &Limits,
) -> Result<BTreeMap<String, String>, BundleError> {
    let unpacking = Unpacking {
        path,
        into,
        limits,
        names: EntryNames::default(),
        files: BTreeMap::new(),
        bytes: 0,
    };
    match path.metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Err(BundleError::Missing { path: path.to_owned() })
        }
        Err(e) => Err(BundleError::io(path)(e)),
        Ok(found) if found.is_dir() => unpacking.copy_folder(),
        Ok(_) => unpacking.unpack_archive(),
    }
}

/// A bundle that is being unpacked.
struct Unpacking<'a> {
    path: &'a Path,
    into: &'a Path,
    limits: &'a Limits,
    names: EntryNames,
    files: BTreeMap<String, String>,
    bytes: u64,
}

impl Unpacking<'_> {
    fn unpack_archive(mut self) -> Result<BTreeMap<String, String>, BundleError> {
        let mut file = regular_file::open(self.path).map_err(BundleError::io(self.path))?;
        let length = file.metadata().map_err(BundleError::io(self.path))?.len();
        // Before the list of entries is read into memory.
        let entries = entries(&mut file, length).map_err(BundleError::io(self.path))?;
        let entries =
            entries.ok_or_else(|| self.refused("it does not end as a zip archive does"))?;
        self.check_entries(entries)?;
        let most = length.saturating_mul(self.limits.ratio).max(ANY_RATIO).min(self.limits.bytes);
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let mut archive = ZipArchive::with_config(config, io::BufReader::new(file))
            .map_err(BundleError::read(self.path))?;
        if archive.has_duplicate_names() {
            return Err(self.refused("two of its entries have the same name"));
        }
        if archive.len() as u64 != entries {
            return Err(self.refused("it says another number of entries than it has"));
        }
        let consistent = archive.validate_header_consistency();
        consistent.map_err(BundleError::read(self.path))?;
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(BundleError::read(self.path))?;
            let name = self.check_name(entry.name_raw())?;
            let is_file = entry.unix_mode().is_none_or(|mode| mode & 0o170_000 == 0o100_000);
            if !entry.is_file() || !is_file {
                return Err(self.refused(format!("`{name}` is a link, a folder or a device")));
            }
            if !matches!(
                entry.compression(),
                CompressionMethod::Stored | CompressionMethod::Deflated
            ) {
                return Err(self.refused(format!("`{name}` is compressed by another method")));
            }
            self.write(name, entry, most)?;
        }
        Ok(self.files)
    }

    fn copy_folder(mut self) -> Result<BTreeMap<String, String>, BundleError> {
        let mut folders = vec![self.path.to_owned()];
        let mut entries = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(&folder).map_err(BundleError::io(&folder))? {
                let entry = entry.map_err(BundleError::io(&folder))?;
                entries += 1;
                self.check_entries(entries)?;
                let path = entry.path();
                let below = path.strip_prefix(self.path).unwrap_or(&path);
                let name = self.check_name(below.as_os_str().as_encoded_bytes())?;
                let kind = entry.file_type().map_err(BundleError::io(&path))?;
                if kind.is_dir() && below.components().count() <= DEEPEST {
                    folders.push(path);
                } else if kind.is_file() {
                    let file = regular_file::open(&path).map_err(BundleError::io(&path))?;
                    self.write(name, file, self.limits.bytes)?;
                } else {
                    return Err(self.refused(format!("`{name}` is a link, a device or too deep")));
                }
            }
        }
        Ok(self.files)
    }

    fn check_entries(&self, entries: u64) -> Result<(), BundleError> {
        let most = self.limits.entries;
        if entries > most {
            return Err(self.refused(format!("it has {entries} entries, and {most} are the most")));
        }
        Ok(())
    }

    fn check_name(&mut self, name: &[u8]) -> Result<String, BundleError> {
        let added = self.names.add(name);
        added.map_err(|problem| {
            self.refused(format!("`{}`: {problem}", String::from_utf8_lossy(name)))
        })
    }

    /// Writes a file, unless all files then have more than `most` bytes.
    fn write(&mut self, name: String, from: impl Read, most: u64) -> Result<(), BundleError> {
        let path = self.into.join(&name);
        let left = most - self.bytes;
        let copied =
            create(&path).and_then(|file| hash::copy(from.take(left.saturating_add(1)), file));
        let (bytes, sha256) = copied.map_err(|e| match e.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::PermissionDenied => BundleError::io(&path)(e),
            // It is damaged, or the name of a file and of a folder.
            _ => self.refused(format!("`{name}`: {e}")),
        })?;
        if bytes > left {
            return Err(self.refused(format!(
                "its files have more than {}, which is more than `orch` unpacks of it here\n\nhint: if it \
                 comes from whom you trust, unpack it with `unzip` and name the folder; `TMPDIR` names \
                 the folder for temporary files",
                Memory(most)
            )));
        }
        self.bytes += bytes;
        self.files.insert(name, sha256);
        Ok(())
    }

    fn refused(&self, problem: impl Into<String>) -> BundleError {
        BundleError::refused(self.path, problem)
    }
}

/// The number of entries as the end of the archive tells it; `None` if that is not the end of one. A bundle
/// has no comment after its last record.
fn entries(file: &mut File, length: u64) -> io::Result<Option<u64>> {
    let mut bytes = [0; END_64 + END];
    let known = bytes.len().min(length as usize);
    let tail = &mut bytes[END_64 + END - known..];
    file.seek(SeekFrom::Start(length - known as u64))?;
    file.read_exact(tail)?;
    file.rewind()?;
    let (before, end) = bytes.split_at(END_64);
    if !end.starts_with(b"PK\x05\x06") {
        return Ok(None);
    }
    let count = u16::from_le_bytes([end[10], end[11]]);
    if count < u16::MAX {
        return Ok(Some(u64::from(count)));
    }
    let count = before[32..40].try_into().map(u64::from_le_bytes).expect("eight bytes");
    Ok(before.starts_with(b"PK\x06\x06").then_some(count))
}
