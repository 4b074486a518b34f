//! A plot: its titles, axes and grid by plotters' chart, its legend, and its size on paper.

use experiments::schema::report::FigureSize;
use plotters::chart::ChartBuilder;
use plotters::style::TRANSPARENT;

use super::axis::Axis;
use super::font;
use super::frame::Frame;
use super::legend::Legend;
use super::picture::{Picture, PictureError};
use super::style::{self, px};
use super::surface::{Canvas, svg};
use super::title::TitleBlock;

/// Height of the horizontal axis's ticks and label.
const BELOW_AXES: f64 = 38.0;
/// Most of the width that a legend takes beside the axes.
const MAX_LEGEND: f64 = 1.0 / 3.0;

/// Titles, axes and size of a plot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlotSpec {
    pub(crate) title: String,
    /// Facts about the data and about how it is drawn.
    pub(crate) subtitle: String,
    pub(crate) x: (String, Axis),
    pub(crate) y: (String, Axis),
    pub(crate) grid: Grid,
    pub(crate) right: RightOfAxes,
    /// On paper.
    pub(crate) size: FigureSize,
    /// Height of the picture where the size has none; it grows where the labels need more.
    pub(crate) height: f64,
}

/// The labels to the right of the axes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RightOfAxes {
    /// Text that has its place there, of this width.
    Text(f64),
    /// A legend, this far from the axes; in rows below them where it would be too wide.
    Legend(Legend, f64),
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

/// Positions in the layout's pixels.
struct Layout {
    size: (f64, f64),
    /// Distances of the axes from the edges of the picture.
    left: f64,
    right: f64,
    /// Height of the rows of the legend; None if it is beside the axes.
    legend: Option<f64>,
}

impl Layout {
    fn new(spec: &PlotSpec) -> Self {
        let asked = spec.size.width() * style::PX_PER_MM;
        let left = left(spec);
        let (is_below, beside, min_axes_height) = match &spec.right {
            RightOfAxes::Text(width) => (false, width + style::MARGIN, 0.0),
            RightOfAxes::Legend(legend, offset) => {
                let width = offset + legend.width() + style::MARGIN;
                (width > asked * MAX_LEGEND, width, legend.height())
            }
        };
        let right = if is_below { 2.0 * style::MARGIN } else { beside };
        let width = asked.max(left + style::MIN_AXES_WIDTH + right).ceil();
        let legend = match &spec.right {
            RightOfAxes::Legend(legend, _) if is_below => Some(legend.height_below(width)),
            _ => None,
        };
        let title = TitleBlock::new(&spec.title, &spec.subtitle, width).height();
        let min_axes_height = if is_below { style::MIN_AXES_HEIGHT } else { min_axes_height };
        let around = title + BELOW_AXES + style::MARGIN + legend.unwrap_or_default();
        let height = match spec.size.height() {
            Some(height) => height / spec.size.width() * width,
            None => spec.height + legend.unwrap_or_default(),
        };
        let size = (width, height.max(around + min_axes_height).ceil());
        Self { size, left, right, legend }
    }
}

/// Draws titles and axes, then the data with `draw_data`.
pub(crate) fn draw(
    spec: &PlotSpec,
    draw_data: impl FnOnce(&Frame) -> Result<(), PictureError>,
) -> Result<Picture, PictureError> {
    let layout = Layout::new(spec);
    let svg = svg(layout.size, |canvas| {
        let frame = frame(canvas, spec, &layout)?;
        draw_data(&frame)?;
        match (&spec.right, layout.legend) {
            (RightOfAxes::Legend(legend, _), Some(height)) => {
                let (width, top) = (layout.size.0, layout.size.1 - style::MARGIN - height);
                frame.legend_below(legend, top, width)
            }
            _ => Ok(()),
        }
    })?;
    Picture::parse(&svg, spec.size.width())
}

/// Height of a plot as wide as `size`, in the layout's pixels: a wider one is flatter.
pub(crate) fn plot_height(size: FigureSize) -> f64 {
    let (width, height) = style::PLOT_SIZE;
    height * (size.width() * style::PX_PER_MM / width).sqrt()
}

/// Distance from the left edge of the picture to the axes.
fn left(spec: &PlotSpec) -> f64 {
    let (label, axis) = &spec.y;
    let label = if label.is_empty() { 10.0 } else { 30.0 };
    style::MARGIN + label + font::widest(axis.texts(), style::TICK_SIZE)
}

/// Draws titles and axes on `canvas`.
fn frame<'a>(
    canvas: &Canvas<'a>,
    spec: &PlotSpec,
    layout: &Layout,
) -> Result<Frame<'a>, PictureError> {
    let title = TitleBlock::new(&spec.title, &spec.subtitle, layout.size.0);
    title.draw(canvas)?;
    let mut chart = ChartBuilder::on(canvas)
        .margin_top(px(title.height()))
        .margin_right(px(layout.right))
        .margin_bottom(px(style::MARGIN + layout.legend.unwrap_or_default()))
        .margin_left(px(style::MARGIN))
        .x_label_area_size(px(BELOW_AXES))
        .y_label_area_size(px(layout.left - style::MARGIN))
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
    Ok(Frame::new(canvas.clone(), coordinates, layout.legend.is_none()))
}
