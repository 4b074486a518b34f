//! The frame of every plot: titles, axes and grid by plotters' chart, and the drawing primitives
//! that all plots share.

use plotters::chart::ChartBuilder;
use plotters::coord::CoordTranslate as _;
use plotters::coord::cartesian::Cartesian2d;
use plotters::element::{DashedPathElement, PathElement, Polygon};
use plotters::style::{Color as _, RGBColor};
use plotters::style::{ShapeStyle, TRANSPARENT, WHITE};

use super::axis::Axis;
use super::font;
use super::picture::{Picture, PictureError};
use super::style::{self, px};
use super::surface::{Canvas, svg};
use super::title::TitleBlock;

pub(crate) type Pixel = (i32, i32);

/// Height of the horizontal axis's ticks and label.
const BELOW_AXES: f64 = 38.0;

/// Titles, axes and size of a plot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlotSpec {
    pub(crate) title: String,
    /// Facts about the data and about how it is drawn.
    pub(crate) subtitle: String,
    pub(crate) x: (String, Axis),
    pub(crate) y: (String, Axis),
    pub(crate) grid: Grid,
    /// Width to the right of the axes, for labels.
    pub(crate) right: f64,
    /// Height of the picture, which grows where the axes would be lower than `min_axes_height`.
    pub(crate) height: f64,
    /// Height that the labels to the right need.
    pub(crate) min_axes_height: f64,
}

/// Grid lines across a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grid {
    /// At the vertical axis's ticks.
    Horizontal,
    /// At the horizontal axis's ticks.
    Vertical,
    Both,
}

/// A canvas with titles and axes, ready for data.
pub(crate) struct Frame<'a> {
    canvas: Canvas<'a>,
    coordinates: Cartesian2d<Axis, Axis>,
}

/// Draws titles and axes, then the data with `draw_data`.
pub(crate) fn draw(
    spec: &PlotSpec,
    draw_data: impl FnOnce(&Frame) -> Result<(), PictureError>,
) -> Result<Picture, PictureError> {
    let left = left(spec);
    let min_width = left + style::MIN_AXES_WIDTH + spec.right;
    let width = style::PLOT_SIZE.0.max(min_width).ceil();
    let title = TitleBlock::new(&spec.title, &spec.subtitle, width).height();
    let min_height = title + spec.min_axes_height + BELOW_AXES + style::MARGIN;
    let size = (width, spec.height.max(min_height).ceil());
    let svg = svg(size, |canvas| draw_data(&Frame::new(canvas.clone(), spec, left, size.0)?))?;
    Picture::parse(&svg)
}

/// Distance from the left edge of the picture to the axes.
fn left(spec: &PlotSpec) -> f64 {
    let (label, axis) = &spec.y;
    let label = if label.is_empty() { 10.0 } else { 30.0 };
    style::MARGIN + label + font::widest(axis.texts(), style::TICK_SIZE)
}

impl<'a> Frame<'a> {
    fn new(
        canvas: Canvas<'a>,
        spec: &PlotSpec,
        left: f64,
        width: f64,
    ) -> Result<Self, PictureError> {
        let title = TitleBlock::new(&spec.title, &spec.subtitle, width);
        title.draw(&canvas)?;
        let mut chart = ChartBuilder::on(&canvas)
            .margin_top(px(title.height()))
            .margin_right(px(spec.right))
            .margin_bottom(px(style::MARGIN))
            .margin_left(px(style::MARGIN))
            .x_label_area_size(px(BELOW_AXES))
            .y_label_area_size(px(left - style::MARGIN))
            .build_cartesian_2d(spec.x.1.clone(), spec.y.1.clone())?;
        let mut mesh = chart.configure_mesh();
        match spec.grid {
            Grid::Horizontal => mesh.disable_x_mesh(),
            Grid::Vertical => mesh.disable_y_mesh(),
            Grid::Both => &mut mesh,
        };
        mesh.light_line_style(TRANSPARENT)
            .bold_line_style(style::stroke(style::GRID, 1.0))
            .axis_style(style::stroke(style::AXIS, 1.0))
            .set_all_tick_mark_size(px(4.0))
            .label_style(style::text(style::TICK_SIZE, style::INK))
            .axis_desc_style(style::text(style::LABEL_SIZE, style::INK))
            .x_desc(&spec.x.0)
            .y_desc(&spec.y.0)
            .draw()?;
        let coordinates = chart.as_coord_spec().clone();
        Ok(Self { canvas, coordinates })
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
        if path.windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(());
        }
        Ok(self.canvas.draw(&PathElement::new(path, style))?)
    }

    pub(crate) fn area(&self, outline: Vec<Pixel>, style: ShapeStyle) -> Result<(), PictureError> {
        Ok(self.canvas.draw(&Polygon::new(outline, style))?)
    }

    /// A line in the style of the variant at `index`, dashed or not.
    pub(crate) fn line(&self, index: usize, path: Vec<Pixel>) -> Result<(), PictureError> {
        let stroke = style::stroke(style::colour(index), style::LINE_WIDTH);
        match style::dashes(index) {
            None => self.path(path, stroke),
            Some((dash, gap)) => {
                Ok(self.canvas.draw(&DashedPathElement::new(path, px(dash), px(gap), stroke))?)
            }
        }
    }

    pub(crate) fn dashes(&self, path: Vec<Pixel>) -> Result<(), PictureError> {
        let stroke = style::stroke(style::FAINT_INK, 1.3);
        Ok(self.canvas.draw(&DashedPathElement::new(path, px(5.0), px(3.5), stroke))?)
    }

    /// A filled marker with a white rim, which keeps crossing lines apart.
    pub(crate) fn marker(&self, index: usize, at: Pixel) -> Result<(), PictureError> {
        let rim = (style::MARKER_RADIUS + 0.9, WHITE);
        for (radius, fill) in [rim, (style::MARKER_RADIUS, style::colour(index))] {
            let outline = style::marker(index);
            let outline =
                outline.iter().map(|(x, y)| (at.0 + px(x * radius), at.1 + px(y * radius)));
            self.area(outline.collect(), fill.filled())?;
        }
        Ok(())
    }

    /// A label set from its left edge and its middle.
    pub(crate) fn text(&self, text: &str, at: Pixel, colour: RGBColor) -> Result<(), PictureError> {
        Ok(self.canvas.draw_text(text, &style::text(style::LABEL_SIZE, colour), at)?)
    }
}
