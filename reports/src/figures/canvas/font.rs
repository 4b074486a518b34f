//! The bundled font, under one name for plotters (which measures) and resvg (which draws). No
//! font of the system is ever looked at.

use std::sync::{Arc, LazyLock};

use plotters::style::{FontStyle, IntoFont as _, register_font};
use resvg::usvg::{Options, fontdb};

pub(crate) const FAMILY: &str = "Inter";

const REGULAR: &[u8] = include_bytes!("../../../fonts/Inter-Regular.ttf");
const SEMI_BOLD: &[u8] = include_bytes!("../../../fonts/Inter-SemiBold.ttf");

/// The SVG backend writes a font of size s as s / 1.24 pixels to the em.
pub(crate) const SIZE_PER_EM: f64 = 1.24;

static REGISTERED: LazyLock<()> = LazyLock::new(|| {
    for (style, bytes) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, SEMI_BOLD)] {
        assert!(register_font(FAMILY, style, bytes).is_ok(), "the bundled font is valid");
    }
});

static OPTIONS: LazyLock<Options<'static>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(SEMI_BOLD.to_vec());
    Options { font_family: FAMILY.to_owned(), fontdb: Arc::new(fonts), ..Options::default() }
});

/// Registers the font with plotters, whose table of fonts is global; repeated calls do nothing.
pub(crate) fn register() {
    LazyLock::force(&REGISTERED);
}

/// Options with which resvg finds the bundled font and no other.
pub(crate) fn options() -> &'static Options<'static> {
    &OPTIONS
}

/// Width of `text` in pixels at `size` pixels to the em.
pub(crate) fn width(text: &str, size: f64, style: FontStyle) -> f64 {
    register();
    // Measured large, for plotters rounds to whole pixels.
    let zoom = 16.0;
    let font = (FAMILY, size * SIZE_PER_EM * zoom, style).into_font();
    let (width, _) = font.box_size(text).expect("the font is registered");
    f64::from(width) / zoom
}

/// `text` in lines of at most `max_width` pixels, broken between words.
pub(crate) fn wrapped(text: &str, max_width: f64, size: f64, style: FontStyle) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let longer = lines.last().map(|line| format!("{line} {word}"));
        match (lines.last_mut(), longer) {
            (Some(line), Some(longer)) if width(&longer, size, style) <= max_width => {
                *line = longer;
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Width of the widest of `texts`.
pub(crate) fn widest<T: AsRef<str>>(texts: impl IntoIterator<Item = T>, size: f64) -> f64 {
    texts.into_iter().map(|t| width(t.as_ref(), size, FontStyle::Normal)).fold(0.0, f64::max)
}
