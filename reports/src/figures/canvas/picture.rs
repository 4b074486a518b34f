//! From an SVG with text to files: the SVG with its text as outlines, so that it looks the same in
//! a browser, in Inkscape and in a paper without the font, or as text to edit; a PNG of the very same
//! outlines; and a PDF with text and font.

use std::io;
use std::panic::resume_unwind;
use std::thread;

use experiments::schema::report::SvgText;
use krilla::error::KrillaError;
use krilla::geom::Size;
use krilla::page::PageSettings;
use krilla_svg::{SurfaceExt as _, SvgSettings};
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
    /// No point is within the axes.
    #[error(
        "nothing is within the limits of the axes, or above zero, where a logarithmic one begins"
    )]
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
    /// It has no area.
    #[error("has no area")]
    Empty,
    /// The PDF could not be written.
    #[error("cannot be a PDF")]
    Pdf(#[source] KrillaError),
    /// The PNG encoder failed.
    #[error("cannot be encoded")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A drawing whose text is laid out.
pub(crate) struct Picture {
    tree: Tree,
    /// Width on paper, in millimeters.
    width: f64,
}

/// The files of a figure.
pub(crate) struct FigureFile<'a> {
    pub(crate) name: &'a str,
    /// In TeX.
    pub(crate) caption: String,
    pub(crate) svg_text: SvgText,
}

impl Picture {
    pub(crate) fn parse(svg: &str, width: f64) -> Result<Self, PictureError> {
        Ok(Self { tree: Tree::from_str(&displayable(svg), font::options())?, width })
    }

    /// The drawing in its size on paper; text is text, or outlines.
    pub(crate) fn svg(&self, text: SvgText) -> String {
        let preserve_text = text == SvgText::Text;
        let options =
            WriteOptions { coordinates_precision: 1, preserve_text, ..WriteOptions::default() };
        let size = self.tree.size();
        let drawn = format!("width=\"{}\" height=\"{}\"", size.width(), size.height());
        let [width, height] = self.size_on_paper();
        let shown = format!(
            "width=\"{width:.2}mm\" height=\"{height:.2}mm\" viewBox=\"0 0 {} {}\"",
            size.width(),
            size.height()
        );
        let svg = self.tree.to_string(&options).replacen(&drawn, &shown, 1);
        // For a reader without the font.
        let family = format!("font-family=\"{}\"", font::FAMILY);
        svg.replace(
            &family,
            &format!("font-family=\"{}, Helvetica, Arial, sans-serif\"", font::FAMILY),
        )
    }

    /// The drawing as the only page of a PDF, with its text as text in the bundled font.
    pub(crate) fn pdf(&self) -> Result<Vec<u8>, PictureError> {
        let [width, height] = self.size_on_paper().map(|side| (side / 25.4 * 72.0) as f32);
        let (size, settings) = Size::from_wh(width, height)
            .zip(PageSettings::from_wh(width, height))
            .ok_or(PictureError::Empty)?;
        let mut document = krilla::Document::new();
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        surface.draw_svg(&self.tree, size, SvgSettings::default()).ok_or(PictureError::Empty)?;
        surface.finish();
        page.finish();
        document.finish().map_err(PictureError::Pdf)
    }

    /// Width and height in millimeters.
    fn size_on_paper(&self) -> [f64; 2] {
        let size = self.tree.size();
        [self.width, self.width * f64::from(size.height()) / f64::from(size.width())]
    }

    /// The drawing on white, [`ZOOM`] pixels to one of the layout.
    pub(crate) fn pixmap(&self) -> Result<Pixmap, PictureError> {
        let size = self.tree.size().to_int_size();
        let [width, height] =
            [size.width(), size.height()].map(|side| u64::from(side) * u64::from(ZOOM));
        let pixmap = || Pixmap::new(u32::try_from(width).ok()?, u32::try_from(height).ok()?);
        let is_small = width.saturating_mul(height) <= MOST_PIXELS;
        let pixmap = is_small.then(pixmap).flatten();
        let mut pixmap = pixmap.ok_or(PictureError::Size { width, height })?;
        pixmap.fill(Color::WHITE);
        let zoom = Transform::from_scale(ZOOM as f32, ZOOM as f32);
        resvg::render(&self.tree, zoom, &mut pixmap.as_mut());
        Ok(pixmap)
    }
}

/// Adds a figure to `files`: the drawing as SVG, PNG and PDF, its caption, and its data, which is written
/// while the drawing is made; the SVG alone where only drawings are made. Returns the error as a sentence;
/// there is no file then.
pub(crate) fn add(
    file: FigureFile,
    draw: impl FnOnce() -> Result<Picture, PictureError> + Send,
    csv: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    files: &mut Files,
) -> Vec<String> {
    let FigureFile { name, caption, svg_text } = file;
    let drawing = format!("figures/{name}.svg");
    if files.are_drawings() {
        return match draw() {
            Ok(picture) => {
                files.add(drawing, picture.svg(svg_text).into_bytes());
                Vec::new()
            }
            Err(e) => vec![e.to_string()],
        };
    }
    let data = format!("data/{name}.csv");
    let pictures = thread::scope(|scope| {
        let pictures = scope.spawn(|| {
            let picture = draw()?;
            Ok::<_, PictureError>((picture.svg(svg_text), png(&picture.pixmap()?)?, picture.pdf()?))
        });
        files.add_data(&data, csv);
        pictures.join().unwrap_or_else(|panic| resume_unwind(panic))
    });
    match pictures {
        Ok((svg, png, pdf)) => {
            files.add(drawing, svg.into_bytes());
            files.add(format!("figures/{name}.png"), png);
            files.add(format!("figures/{name}.pdf"), pdf);
            files.add_caption(name, &caption);
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
