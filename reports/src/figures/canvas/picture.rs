//! From an SVG with text to files: the SVG with its text as outlines, so that it looks the same in
//! a browser, in Inkscape and in a paper without the font, and a PNG of the very same outlines.

use std::io;
use std::panic::resume_unwind;
use std::thread;

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Tree, WriteOptions};

use super::font;
use crate::files::Files;
use crate::table::displayable;

/// Pixels of a PNG per pixel of the layout, sharp enough for print at column width.
pub(crate) const ZOOM: u32 = 2;

/// Most pixels of a PNG, which take 512 MiB while it is drawn.
const MOST_PIXELS: u64 = 1 << 27;

/// A drawing that did not become a picture.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PictureError {
    /// Plotters could not lay it out.
    #[error("cannot be laid out")]
    Layout(#[from] plotters::drawing::DrawingAreaErrorKind<std::io::Error>),
    /// It was not drawn as XML.
    #[error("is not a valid SVG")]
    Svg(#[from] resvg::usvg::Error),
    /// No point is visible on logarithmic axes.
    #[error("nothing is above zero, where a logarithmic axis begins")]
    NothingVisible,
    /// Points that were spilled to disk cannot be read back.
    #[error("the points cannot be read back")]
    Points(#[from] io::Error),
    /// Too large for memory.
    #[error(
        "would have {width}×{height} pixels, more than the {MOST_PIXELS} of a picture; show fewer or \
         smaller ones"
    )]
    Size {
        /// Of the PNG.
        width: u64,
        /// Of the PNG.
        height: u64,
    },
    /// The PNG encoder failed.
    #[error("cannot be encoded")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A drawing whose text is laid out.
pub(crate) struct Picture(Tree);

impl Picture {
    pub(crate) fn parse(svg: &str) -> Result<Self, PictureError> {
        Ok(Self(Tree::from_str(&displayable(svg), font::options())?))
    }

    /// The drawing without any text, only outlines.
    pub(crate) fn svg(&self) -> String {
        self.0.to_string(&WriteOptions { coordinates_precision: 1, ..WriteOptions::default() })
    }

    /// The drawing on white, [`ZOOM`] pixels to one of the layout.
    pub(crate) fn pixmap(&self) -> Result<Pixmap, PictureError> {
        let size = self.0.size().to_int_size();
        let [width, height] =
            [size.width(), size.height()].map(|side| u64::from(side) * u64::from(ZOOM));
        let pixmap = || Pixmap::new(u32::try_from(width).ok()?, u32::try_from(height).ok()?);
        let is_small = width.saturating_mul(height) <= MOST_PIXELS;
        let pixmap = is_small.then(pixmap).flatten();
        let mut pixmap = pixmap.ok_or(PictureError::Size { width, height })?;
        pixmap.fill(Color::WHITE);
        let zoom = Transform::from_scale(ZOOM as f32, ZOOM as f32);
        resvg::render(&self.0, zoom, &mut pixmap.as_mut());
        Ok(pixmap)
    }
}

/// Adds the figure `name` to `files`: the drawing as SVG and PNG, and its data, which is written
/// while the other two are drawn. Returns the error as a sentence; there is no file then.
pub(crate) fn add(
    name: &str,
    draw: impl FnOnce() -> Result<Picture, PictureError> + Send,
    csv: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    files: &mut Files,
) -> Vec<String> {
    let data = format!("data/{name}.csv");
    let pictures = thread::scope(|scope| {
        let pictures = scope.spawn(|| {
            let picture = draw()?;
            Ok::<_, PictureError>((picture.svg(), png(&picture.pixmap()?)?))
        });
        files.add_data(&data, csv);
        pictures.join().unwrap_or_else(|panic| resume_unwind(panic))
    });
    match pictures {
        Ok((svg, png)) => {
            files.add(format!("figures/{name}.svg"), svg.into_bytes());
            files.add(format!("figures/{name}.png"), png);
            Vec::new()
        }
        Err(e) => {
            files.discard(data.as_ref());
            vec![e.to_string()]
        }
    }
}

/// `pixmap` as the bytes of a PNG file.
pub(crate) fn png(pixmap: &Pixmap) -> Result<Vec<u8>, PictureError> {
    pixmap.encode_png().map_err(|e| PictureError::Encode(Box::new(e)))
}
