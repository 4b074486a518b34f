//! A zip archive that depends on the content alone: fixed times, permissions and compression.

use std::ffi::OsStr;
use std::io::{self, Seek, Write};
use std::path::Path;

use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

/// Level of compression. Another one would make other bytes of the same run.
const LEVEL: i64 = 6;

/// Files from this size on have a header for large ones.
const LARGE: u64 = u32::MAX as u64;

/// Endings of files that are compressed already, or are numbers that hardly can be.
const INCOMPRESSIBLE: [&str; 12] =
    ["png", "jpg", "jpeg", "webp", "gz", "xz", "zst", "zip", "npz", "safetensors", "pt", "ckpt"];

/// An archive that is being written.
pub(super) struct ZipFile<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> ZipFile<W> {
    pub(super) fn new(out: W) -> Self {
        Self(ZipWriter::new(out))
    }

    /// Begins the next entry, of a file of this many bytes, which are then written to it.
    pub(super) fn start(&mut self, name: &str, bytes: u64) -> ZipResult<()> {
        let method = if is_compressed(name) {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .compression_level((method == CompressionMethod::Deflated).then_some(LEVEL))
            .last_modified_time(DateTime::DEFAULT)
            .system(System::Unix)
            .unix_permissions(0o644)
            .large_file(bytes >= LARGE);
        self.0.start_file(name, options)
    }

    /// Completes the archive.
    pub(super) fn finish(self) -> ZipResult<()> {
        self.0.finish()?.flush().map_err(Into::into)
    }
}

impl<W: Write + Seek> Write for ZipFile<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn is_compressed(name: &str) -> bool {
    let extension = Path::new(name).extension().map(OsStr::to_ascii_lowercase);
    extension.is_some_and(|extension| INCOMPRESSIBLE.iter().any(|known| extension == *known))
}
