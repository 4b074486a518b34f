//! An image of a sheet: a PNG that a worker wrote, not larger than memory allows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use experiments::regular_file;
use resvg::tiny_skia::Pixmap;

use crate::records::Artifact;

/// Most pixels of an image: twice 4096×4096, 128 MiB once it is decoded.
const MOST_PIXELS: u64 = 1 << 25;
/// Most bytes of a file, several for each pixel.
const MOST_BYTES: u64 = 4 * MOST_PIXELS;

/// An image as the worker wrote it.
pub(super) struct SheetImage<'a> {
    pub(super) artifact: &'a Artifact,
    png: Vec<u8>,
    /// Width and height in the image's own pixels.
    pub(super) size: (u32, u32),
}

impl<'a> SheetImage<'a> {
    /// Reads and checks the file; the error is a sentence that names it.
    pub(super) fn load(artifact: &'a Artifact) -> Result<Self, String> {
        let path = &artifact.path;
        let png = regular_file::read(path, MOST_BYTES)
            .map_err(|e| format!("cannot read `{}`: {e}", path.display()))?;
        let broken = |e: &dyn std::fmt::Display| format!("`{}` is not a PNG: {e}", path.display());
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&png));
        let size = decoder.read_header_info().map_err(|e| broken(&e))?.size();
        if u64::from(size.0) * u64::from(size.1) > MOST_PIXELS {
            return Err(format!(
                "`{}` has {}×{} pixels, more than the {MOST_PIXELS} of an image that is shown",
                path.display(),
                size.0,
                size.1,
            ));
        }
        Pixmap::decode_png(&png).map_err(|e| broken(&e))?;
        Ok(Self { artifact, png, size })
    }

    /// The file's bytes as the address of an image in an SVG.
    pub(super) fn data_url(&self) -> String {
        format!("data:image/png;base64,{}", STANDARD.encode(&self.png))
    }
}
