//! Pictures as their pixels.

use std::path::Path;

use resvg::tiny_skia::Pixmap;

pub(crate) type Rgb = (u8, u8, u8);

pub(crate) fn decode(path: &Path) -> Pixmap {
    Pixmap::decode_png(&fs_err::read(path).unwrap()).unwrap()
}

pub(crate) fn at(pixmap: &Pixmap, x: u32, y: u32) -> Rgb {
    let pixel = pixmap.pixel(x, y).unwrap();
    (pixel.red(), pixel.green(), pixel.blue())
}

pub(crate) fn near(a: Rgb, b: Rgb) -> bool {
    a.0.abs_diff(b.0) < 8 && a.1.abs_diff(b.1) < 8 && a.2.abs_diff(b.2) < 8
}
