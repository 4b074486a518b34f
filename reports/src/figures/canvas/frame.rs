//! The axes of a plot, and the drawing primitives that all plots share.

use plotters::coord::CoordTranslate as _;
use plotters::coord::cartesian::Cartesian2d;
use plotters::element::{DashedPathElement, PathElement, Polygon};
use plotters::style::{Color as _, RGBColor, ShapeStyle, WHITE};

use super::axis::Axis;
use super::clip::Clip;
use super::legend::{Legend, LegendEntry};
use super::picture::PictureError;
use super::style::{self, px};
use super::surface::Canvas;

pub(crate) use super::clip::Pixel;

/// A canvas with titles and axes, ready for data.
pub(crate) struct Frame<'a> {
    canvas: Canvas<'a>,
    coordinates: Cartesian2d<Axis, Axis>,
    /// Drawings are cut there; None outside the axes.
    clip: Option<Clip>,
    /// True if the legend is beside the axes, where the plot draws it.
    pub(crate) is_legend_beside: bool,
}

impl<'a> Frame<'a> {
    /// Around axes that are drawn on `canvas`.
    pub(crate) fn new(
        canvas: Canvas<'a>,
        coordinates: Cartesian2d<Axis, Axis>,
        is_legend_beside: bool,
    ) -> Self {
        let mut frame = Self { canvas, coordinates, clip: None, is_legend_beside };
        let ((left, right), (top, bottom)) = (frame.width(), frame.height());
        frame.clip = Some(Clip { left, top, right, bottom });
        frame
    }

    /// The same, for what is drawn outside the axes.
    pub(crate) fn unclipped(&self) -> Self {
        Self {
            clip: None,
            canvas: self.canvas.clone(),
            coordinates: self.coordinates.clone(),
            ..*self
        }
    }

    pub(crate) fn pixel(&self, x: f64, y: f64) -> Pixel {
        self.coordinates.translate(&(x, y))
    }

    /// Left and right edge of the axes.
    pub(crate) fn width(&self) -> (i32, i32) {
        let range = self.coordinates.get_x_axis_pixel_range();
        (range.start, range.end)
    }

    /// Upper and lower edge of the axes.
    pub(crate) fn height(&self) -> (i32, i32) {
        let range = self.coordinates.get_y_axis_pixel_range();
        (range.start.min(range.end), range.start.max(range.end))
    }

    /// A line; nothing if it has no length, for renderers warn about such strokes.
    pub(crate) fn path(&self, path: Vec<Pixel>, style: ShapeStyle) -> Result<(), PictureError> {
        for part in self.inside(path) {
            if part.windows(2).any(|pair| pair[0] != pair[1]) {
                self.canvas.draw(&PathElement::new(part, style))?;
            }
        }
        Ok(())
    }

    pub(crate) fn area(&self, outline: Vec<Pixel>, style: ShapeStyle) -> Result<(), PictureError> {
        let outline = match &self.clip {
            Some(clip) => clip.area(outline),
            None => outline,
        };
        if outline.is_empty() {
            return Ok(());
        }
        Ok(self.canvas.draw(&Polygon::new(outline, style))?)
    }

    /// The parts of a line that are drawn.
    fn inside(&self, path: Vec<Pixel>) -> Vec<Vec<Pixel>> {
        match &self.clip {
            Some(clip) => clip.line(&path),
            None => vec![path],
        }
    }

    /// A line in the style of the variant at `index`, dashed or not.
    pub(crate) fn line(&self, index: usize, path: Vec<Pixel>) -> Result<(), PictureError> {
        let stroke = style::stroke(style::colour(index), style::LINE_WIDTH);
        match style::dashes(index) {
            None => self.path(path, stroke),
            Some((dash, gap)) => self.dashed(path, (dash, gap), stroke),
        }
    }

    pub(crate) fn dashes(&self, path: Vec<Pixel>) -> Result<(), PictureError> {
        self.dashed(path, (5.0, 3.5), style::stroke(style::FAINT_INK, 1.3))
    }

    fn dashed(
        &self,
        path: Vec<Pixel>,
        (dash, gap): (f64, f64),
        stroke: ShapeStyle,
    ) -> Result<(), PictureError> {
        for part in self.inside(path) {
            self.canvas.draw(&DashedPathElement::new(part, px(dash), px(gap), stroke))?;
        }
        Ok(())
    }

    /// A filled marker with a white rim, which keeps crossing lines apart; whole, or not at all.
    pub(crate) fn marker(&self, index: usize, at: Pixel) -> Result<(), PictureError> {
        if self.clip.is_some_and(|clip| !clip.contains(at)) {
            return Ok(());
        }
        let whole = self.unclipped();
        let rim = (style::MARKER_RADIUS + 0.9, WHITE);
        for (radius, fill) in [rim, (style::MARKER_RADIUS, style::colour(index))] {
            let outline = style::marker(index);
            let outline =
                outline.iter().map(|(x, y)| (at.0 + px(x * radius), at.1 + px(y * radius)));
            whole.area(outline.collect(), fill.filled())?;
        }
        Ok(())
    }

    /// A label set from its left edge and its middle.
    pub(crate) fn text(&self, text: &str, at: Pixel, colour: RGBColor) -> Result<(), PictureError> {
        Ok(self.canvas.draw_text(text, &style::text(style::LABEL_SIZE, colour), at)?)
    }

    /// Draws a legend in rows from the height `top`, for a picture of `width`, column by column.
    pub(crate) fn legend_below(
        &self,
        legend: &Legend,
        top: f64,
        width: f64,
    ) -> Result<(), PictureError> {
        legend
            .places_below(width)
            .try_for_each(|(entry, (x, y))| self.legend_entry(legend, entry, (px(x), px(top + y))))
    }

    /// Draws one entry of a legend from its left edge and its middle.
    pub(crate) fn legend_entry(
        &self,
        legend: &Legend,
        entry: &LegendEntry,
        (left, y): Pixel,
    ) -> Result<(), PictureError> {
        let frame = self.unclipped();
        let line = vec![(left + px(0.5), y), (left + px(legend.sample() - 0.5), y)];
        match entry.style_index {
            None => frame.dashes(line)?,
            Some(index) => {
                if legend.shows_lines() {
                    frame.line(index, line)?;
                }
                frame.marker(index, (left + px(legend.sample() / 2.0), y))?;
            }
        }
        frame.text(&entry.label, (left + px(legend.label_offset()), y), style::INK)
    }
}
