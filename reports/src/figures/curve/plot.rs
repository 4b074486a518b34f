//! Draws curves: bands, lines and their labels.

use std::io;

use experiments::schema::report::{Band, Scale};
use plotters::style::Color as _;

use super::data::Curves;
use super::legend::{LEADER_LENGTH, draw_beside, legend};
use super::line::Line;
use super::plot_point::PlotPoint;
use super::smoothing::downsample;
use crate::figures::canvas::axis::{Axis, INTERVALS};
use crate::figures::canvas::frame::{Frame, Pixel};
use crate::figures::canvas::picture::{Picture, PictureError, ZOOM};
use crate::figures::canvas::plot::{self, Grid, PlotSpec, RightOfAxes, plot_height};
use crate::figures::canvas::style::{self, px};

/// Maximum count of markers on one line; more would hide it.
const MAX_MARKERS: usize = 10;
/// A line of more points is downsampled to the pixel columns of its picture.
pub(super) const MAX_POINTS: usize = 2000;

/// A line with its extent on both axes.
struct PlottedLine<'a> {
    line: &'a Line<'a>,
    curves: &'a Curves<'a>,
    /// Smallest and largest value drawn on each axis, bands and raw points included.
    x: (f64, f64),
    y: (f64, f64),
    /// The last visible point; None if there is none.
    last: Option<PlotPoint>,
}

/// A run of points without a gap, in pixels.
struct Segment {
    line: Vec<Pixel>,
    /// The outline of the band; None if the line has no band.
    band: Option<Vec<Pixel>>,
}

/// A path under construction, downsampled whenever it grows long.
#[derive(Default)]
struct Path {
    pixels: Vec<Pixel>,
    /// The count of points pushed; `pixels` may hold fewer.
    count: usize,
}

/// Draws the curves, which must have at least one point.
pub(super) fn plot(curves: &Curves) -> Result<Picture, PictureError> {
    let lines = curves.drawn().map(|line| PlottedLine::new(line, curves));
    let lines: Vec<PlottedLine> = lines.collect::<Result<_, _>>()?;
    if lines.iter().all(|plotted| plotted.last.is_none()) {
        return Err(PictureError::NothingVisible);
    }
    let legend = legend(curves);
    let spec = PlotSpec {
        title: curves.title.clone(),
        subtitle: curves.subtitle.clone(),
        x: (curves.x_label.clone(), x_axis(curves, &lines)),
        y: (curves.y_label.clone(), y_axis(curves, &lines)),
        grid: Grid::Horizontal,
        right: RightOfAxes::Legend(legend.clone(), LEADER_LENGTH),
        size: curves.size,
        height: plot_height(curves.size),
    };
    plot::draw(&spec, |frame| {
        let segments = lines.iter().map(|plotted| plotted.segments(plotted.points(), frame));
        let segments: Vec<Vec<Segment>> = segments.collect::<io::Result<_>>()?;
        for (PlottedLine { line, .. }, segments) in lines.iter().zip(&segments) {
            let fill = style::colour(line.style_index).mix(style::BAND_OPACITY).filled();
            let mut bands = segments.iter().filter_map(|segment| segment.band.clone());
            bands.try_for_each(|outline| frame.area(outline, fill))?;
        }
        if let Some(reference) = &curves.reference {
            let ((left, right), y) = (frame.width(), frame.pixel(curves.end, reference.value).1);
            frame.dashes(vec![(left, y), (right, y)])?;
        }
        for plotted in lines.iter().filter(|_| curves.smooth.is_some()) {
            let pale = style::colour(plotted.line.style_index).mix(style::RAW_OPACITY);
            let stroke = pale.stroke_width(px(style::LINE_WIDTH / 2.0).unsigned_abs());
            let raw = plotted.segments(plotted.line.plot_points(Band::None), frame)?;
            raw.into_iter().try_for_each(|segment| frame.path(segment.line, stroke))?;
        }
        for (PlottedLine { line, .. }, segments) in lines.iter().zip(&segments) {
            let mut paths = segments.iter().map(|segment| segment.line.clone());
            paths.try_for_each(|path| frame.line(line.style_index, path))?;
            let pixels: Vec<&Pixel> = segments.iter().flat_map(|segment| &segment.line).collect();
            let every = pixels.len().div_ceil(MAX_MARKERS).max(1);
            // Counted from the end, so that the last point, beside the label, has its marker.
            let mut marked = pixels.into_iter().rev().step_by(every);
            marked.try_for_each(|at| frame.marker(line.style_index, *at))?;
        }
        if !frame.is_legend_beside {
            return Ok(());
        }
        draw_beside(&legend, curves, frame, lines.iter().map(|plotted| plotted.last))
    })
}

impl<'a> PlottedLine<'a> {
    fn new(line: &'a Line<'a>, curves: &'a Curves<'a>) -> io::Result<Self> {
        let none = (f64::INFINITY, f64::NEG_INFINITY);
        let mut plotted = Self { line, curves, x: none, y: none, last: None };
        plotted.last = plotted.extend(plotted.points())?;
        if curves.smooth.is_some() {
            plotted.extend(line.plot_points(curves.band))?;
        }
        Ok(plotted)
    }

    /// The point in the horizontal axis's unit; None if a logarithmic axis cannot show it.
    fn visible(&self, point: PlotPoint) -> Option<PlotPoint> {
        let Curves { x_scale, y_scale, x_unit, .. } = *self.curves;
        let is_on_axis = |scale, value: f64| scale == Scale::Linear || value > 0.0;
        let is_visible = is_on_axis(x_scale, point.x) && is_on_axis(y_scale, point.y);
        is_visible.then_some(PlotPoint { x: point.x / x_unit, ..point })
    }

    /// Extends both ranges to hold `points`, and returns the last visible one. Points beyond the limits of the
    /// horizontal axis do not count.
    fn extend(
        &mut self,
        points: impl Iterator<Item = io::Result<Option<PlotPoint>>>,
    ) -> io::Result<Option<PlotPoint>> {
        let mut last = None;
        for point in points {
            let Some(point) = point?.and_then(|point| self.visible(point)) else { continue };
            let [from, to] = self.curves.x_limits.0;
            if from.is_some_and(|from| point.x < from) || to.is_some_and(|to| point.x > to) {
                continue;
            }
            let (low, high) = point.band.unwrap_or((point.y, point.y));
            self.x = (self.x.0.min(point.x), self.x.1.max(point.x));
            for y in [low, point.y, high] {
                if self.curves.y_scale == Scale::Linear || y > 0.0 {
                    self.y = (self.y.0.min(y), self.y.1.max(y));
                }
            }
            last = Some(point);
        }
        Ok(last)
    }

    /// The points of the line itself, smoothed if the figure asks for it.
    fn points(&self) -> impl Iterator<Item = io::Result<Option<PlotPoint>>> + use<'a> {
        self.line.smoothed(self.curves.band, self.curves.smooth)
    }

    /// The segments of `points` in pixels; each None ends one.
    fn segments(
        &self,
        points: impl Iterator<Item = io::Result<Option<PlotPoint>>>,
        frame: &Frame,
    ) -> io::Result<Vec<Segment>> {
        let mut segments = Vec::new();
        let [mut line, mut high, mut low] = <[Path; 3]>::default();
        for point in points.chain([Ok(None)]) {
            if let Some(point) = point? {
                let Some(PlotPoint { x, y, band }) = self.visible(point) else { continue };
                line.push(frame.pixel(x, y));
                // All points of a line have a band, or none has.
                if let Some((lower, upper)) = band {
                    high.push(frame.pixel(x, upper));
                    low.push(frame.pixel(x, lower));
                }
            } else if line.count > 0 {
                let has_band = high.count > 0;
                let outline = high.take().into_iter().chain(low.take().into_iter().rev()).collect();
                segments.push(Segment { line: line.take(), band: has_band.then_some(outline) });
            }
        }
        Ok(segments)
    }
}

impl Path {
    fn push(&mut self, pixel: Pixel) {
        self.pixels.push(pixel);
        self.count += 1;
        // Downsampled again at the end, it keeps what it would have kept all at once.
        if self.pixels.len() > 4 * MAX_POINTS {
            self.pixels = self.downsampled();
        }
    }

    fn downsampled(&self) -> Vec<Pixel> {
        downsample(&self.pixels, px(1.0) / ZOOM as i32)
    }

    /// Returns the path and leaves an empty one.
    fn take(&mut self) -> Vec<Pixel> {
        let path = std::mem::take(self);
        if path.count > MAX_POINTS { path.downsampled() } else { path.pixels }
    }
}

/// From zero, or from the first visible value on a logarithmic axis, to the last value, as far as the file gives
/// no limits.
fn x_axis(curves: &Curves, lines: &[PlottedLine]) -> Axis {
    let (low, high) = extremes(lines.iter().flat_map(|line| [line.x.0, line.x.1]));
    let limits = curves.x_limits;
    match curves.x_scale {
        Scale::Linear if limits.is_none() => {
            Axis::from_zero(if high > 0.0 { high } else { 1.0 }, INTERVALS)
        }
        Scale::Linear => Axis::limited(Scale::Linear, limits, (0.0, high)),
        Scale::Log => Axis::limited(Scale::Log, limits, (low, high)),
    }
}

/// Around all points, bands and the reference, as far as the file gives no limits.
fn y_axis(curves: &Curves, lines: &[PlottedLine]) -> Axis {
    let values = lines.iter().flat_map(|line| [line.y.0, line.y.1]);
    let (low, high) = extremes(values.chain(curves.reference.iter().map(|line| line.value)));
    Axis::limited(curves.y_scale, curves.y_limits, (low, high))
}

fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}
