//! The surface of every drawing: plotters' SVG backend, measured in the layout's pixels.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::prelude::SVGBackend;
use plotters::style::WHITE;

use super::picture::PictureError;
use super::style::px;

pub(crate) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// An SVG of `size`, width and height in the layout's pixels, drawn on white.
pub(crate) fn svg(
    size: (f64, f64),
    draw: impl FnOnce(&Canvas) -> Result<(), PictureError>,
) -> Result<String, PictureError> {
    let (width, height) = (px(size.0), px(size.1));
    let mut svg = String::new();
    let backend = SVGBackend::with_string(&mut svg, (width.unsigned_abs(), height.unsigned_abs()));
    let canvas = backend.into_drawing_area();
    canvas.fill(&WHITE)?;
    draw(&canvas)?;
    canvas.present()?;
    drop(canvas);
    // Plotters wrote the size in its own units. Lines get round corners, and fill nothing.
    let drawn = format!("<svg width=\"{width}\" height=\"{height}\"");
    let shown = format!(
        "<svg width=\"{}\" height=\"{}\" stroke-linejoin=\"round\" fill=\"none\"",
        size.0, size.1
    );
    Ok(svg.replacen(&drawn, &shown, 1))
}
