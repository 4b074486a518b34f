//! Title and subtitle of a drawing, in as many lines as they need.

use plotters::style::FontStyle;

use super::font;
use super::picture::PictureError;
use super::style::{self, px};
use super::surface::Canvas;

/// Title and subtitle above a drawing, wrapped to its width.
pub(crate) struct TitleBlock {
    title: Vec<String>,
    subtitle: Vec<String>,
}

impl TitleBlock {
    /// Wraps both texts for a drawing of `width` pixels of the layout.
    pub(crate) fn new(title: &str, subtitle: &str, width: f64) -> Self {
        let max_width = width - 2.0 * style::MARGIN;
        Self {
            title: font::wrapped(title, max_width, style::TITLE_SIZE, FontStyle::Bold),
            subtitle: font::wrapped(subtitle, max_width, style::TICK_SIZE, FontStyle::Normal),
        }
    }

    /// Each line with its height.
    fn lines(&self) -> impl Iterator<Item = (&str, FontStyle, f64)> {
        let title = self.title.iter().map(|line| (line.as_str(), FontStyle::Bold, 20.0));
        title.chain(small_lines(&self.subtitle))
    }

    /// Height from the drawing's upper edge, both margins included.
    pub(crate) fn height(&self) -> f64 {
        style::MARGIN + self.lines().map(|(_, _, height)| height).sum::<f64>() + 10.0
    }

    pub(crate) fn draw(&self, canvas: &Canvas) -> Result<(), PictureError> {
        draw_lines(canvas, self.lines(), style::MARGIN)
    }
}

/// Lines of small print, each with its height.
pub(crate) fn small_lines(lines: &[String]) -> impl Iterator<Item = (&str, FontStyle, f64)> {
    lines.iter().map(|line| (line.as_str(), FontStyle::Normal, style::SMALL_LINE))
}

/// Draws lines from the height `top` downwards, bold ones as titles and others as small print.
pub(crate) fn draw_lines<'a>(
    canvas: &Canvas,
    lines: impl Iterator<Item = (&'a str, FontStyle, f64)>,
    top: f64,
) -> Result<(), PictureError> {
    let mut y = top;
    for (line, font, height) in lines {
        let style = match font {
            FontStyle::Bold => style::bold_text(style::TITLE_SIZE, style::INK),
            _ => style::text(style::TICK_SIZE, style::FAINT_INK),
        };
        canvas.draw_text(line, &style, (px(style::MARGIN), px(y + height / 2.0)))?;
        y += height;
    }
    Ok(())
}
