//! Draws curves: axes and grid by plotters' chart, lines, bands and labels on top of it.

use plotters::chart::ChartBuilder;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::{CoordTranslate as _, Shift};
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{DashedPathElement, PathElement, Polygon};
use plotters::prelude::SVGBackend;
use plotters::style::{Color as _, FontStyle, TRANSPARENT, WHITE};

use super::axis::Axis;
use super::curve::{Curves, Line};
use super::font;
use super::labels::spread;
use super::picture::{Picture, PictureError};
use super::style::{self, px};
use crate::statistics::Summary;

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Pixel = (i32, i32);

/// About how many intervals an axis has.
const INTERVALS: usize = 6;
/// Most markers on one line; more would hide it.
const MARKERS: usize = 13;
/// From the right edge of the plot to where a tie ends, and to where a label begins.
const TIE: f64 = 16.0;
const LABEL_OFFSET: f64 = 30.0;

/// Draws the curves, which must have at least one point.
pub(super) fn plot(curves: &Curves) -> Result<Picture, PictureError> {
    let labels = curves.lines.iter().map(|l| &l.label);
    let labels = labels.chain(curves.reference.iter().map(|r| &r.label));
    let label_width = widest(labels, style::LABEL_SIZE);
    let (width, height) = style::PLOT_SIZE;
    let size = ((width + LABEL_OFFSET + label_width + style::MARGIN).ceil(), height);

    let mut svg = String::new();
    {
        let pixels = (px(size.0).unsigned_abs(), px(size.1).unsigned_abs());
        let canvas = SVGBackend::with_string(&mut svg, pixels).into_drawing_area();
        canvas.fill(&WHITE)?;
        let plot = Plot::new(canvas, curves, size.0 - width)?;
        for line in &curves.lines {
            plot.band(line)?;
        }
        plot.reference(curves)?;
        for line in &curves.lines {
            plot.line(line)?;
        }
        plot.labels(curves)?;
        plot.canvas.present()?;
    }
    Picture::parse(&style::shrink(&svg, size))
}

/// A canvas on which the axes are drawn.
struct Plot<'a> {
    canvas: Canvas<'a>,
    coordinates: Cartesian2d<Axis, Axis>,
}

impl<'a> Plot<'a> {
    /// Titles and axes, with `right` free beside them.
    fn new(canvas: Canvas<'a>, curves: &Curves, right: f64) -> Result<Self, PictureError> {
        let (x, y) = axes(curves);
        let left = style::MARGIN + 30.0 + widest(y.texts().iter(), style::TICK_SIZE);
        let top = titles(&canvas, curves, left)?;
        let mut chart = ChartBuilder::on(&canvas)
            .margin_top(px(top))
            .margin_right(px(right))
            .margin_bottom(px(style::MARGIN))
            .margin_left(px(style::MARGIN))
            .x_label_area_size(px(38.0))
            .y_label_area_size(px(left - style::MARGIN))
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(style::stroke(style::GRID, 1.0))
            .axis_style(style::stroke(style::AXIS, 1.0))
            .set_all_tick_mark_size(px(4.0))
            .label_style(style::text(style::TICK_SIZE, style::INK))
            .axis_desc_style(style::text(style::LABEL_SIZE, style::INK))
            .x_desc(&curves.x_label)
            .y_desc(&curves.y_label)
            .draw()?;
        let coordinates = chart.as_coord_spec().clone();
        Ok(Self { canvas, coordinates })
    }

    fn pixel(&self, step: u64, value: f64) -> Pixel {
        self.coordinates.translate(&(step as f64, value))
    }

    /// One standard deviation to either side.
    fn band(&self, line: &Line) -> Result<(), PictureError> {
        let fill = style::colour(line.index).mix(style::BAND_OPACITY).filled();
        for run in runs(line).filter(|run| run.iter().any(|(_, s)| s.sd.is_some())) {
            let edge = |sign: f64| {
                run.iter().map(move |(step, s)| (*step, s.mean + sign * s.sd.unwrap_or(0.0)))
            };
            let outline = edge(1.0).chain(edge(-1.0).rev());
            let outline: Vec<Pixel> = outline.map(|(step, v)| self.pixel(step, v)).collect();
            self.canvas.draw(&Polygon::new(outline, fill))?;
        }
        Ok(())
    }

    fn line(&self, line: &Line) -> Result<(), PictureError> {
        let stroke = style::stroke(style::colour(line.index), style::LINE_WIDTH);
        let mut drawn = Vec::new();
        for run in runs(line) {
            let path = run.iter().map(|(step, s)| self.pixel(*step, s.mean));
            let path: Vec<Pixel> = path.collect();
            drawn.extend_from_slice(&path);
            self.canvas.draw(&PathElement::new(path, stroke))?;
        }
        let every = drawn.len().div_ceil(MARKERS).max(1);
        // Counted from the end, so that the last point, beside the label, has its marker.
        drawn.iter().rev().step_by(every).try_for_each(|at| self.marker(line.index, *at))
    }

    /// A filled marker with a white rim, which keeps crossing lines apart.
    fn marker(&self, index: usize, at: Pixel) -> Result<(), PictureError> {
        let rim = (style::MARKER_RADIUS + 0.9, WHITE);
        for (radius, fill) in [rim, (style::MARKER_RADIUS, style::colour(index))] {
            let corner = |(x, y): (f64, f64)| (at.0 + px(x * radius), at.1 + px(y * radius));
            let outline: Vec<Pixel> = style::marker(index).into_iter().map(corner).collect();
            self.canvas.draw(&Polygon::new(outline, fill.filled()))?;
        }
        Ok(())
    }

    fn reference(&self, curves: &Curves) -> Result<(), PictureError> {
        let Some(level) = &curves.reference else { return Ok(()) };
        let x = self.coordinates.get_x_axis_pixel_range();
        let y = self.pixel(0, level.value).1;
        self.dashes([(x.start, y), (x.end, y)])
    }

    fn dashes(&self, ends: [Pixel; 2]) -> Result<(), PictureError> {
        let stroke = style::stroke(style::FAINT_INK, 1.3);
        self.canvas.draw(&DashedPathElement::new(ends, px(5.0), px(3.5), stroke))?;
        Ok(())
    }

    /// Labels to the right of the plot, each with its line's marker and tied to the line's end.
    /// A line that ends early has no tie, which would look like more of the line.
    fn labels(&self, curves: &Curves) -> Result<(), PictureError> {
        let right = self.coordinates.get_x_axis_pixel_range().end;
        let mut labels = Vec::new();
        for line in &curves.lines {
            if let Some((step, s)) = runs(line).flatten().last() {
                labels.push((&line.label, Some(line.index), self.pixel(step, s.mean)));
            }
        }
        labels.extend(
            curves
                .reference
                .iter()
                .map(|level| (&level.label, None, (right, self.pixel(0, level.value).1))),
        );

        let wanted: Vec<f64> = labels.iter().map(|(_, _, (_, y))| f64::from(*y)).collect();
        let range = self.coordinates.get_y_axis_pixel_range();
        let range = f64::from(range.start)..=f64::from(range.end);
        let placed = spread(&wanted, f64::from(px(style::LABEL_SIZE * 1.35)), range);
        for ((label, index, (x, y)), at) in labels.into_iter().zip(placed) {
            let at = at.round() as i32;
            let colour = index.map_or(style::FAINT_INK, style::colour);
            if x == right {
                let tie = [(x + px(5.0), y), (right + px(TIE), at)];
                self.canvas.draw(&PathElement::new(tie, style::stroke(colour, 0.8)))?;
            }
            match index {
                Some(index) => self.marker(index, (right + px(TIE + 6.0), at))?,
                None => self.dashes([(right + px(TIE + 0.5), at), (right + px(TIE + 11.5), at)])?,
            }
            let text = style::text(style::LABEL_SIZE, style::INK);
            self.canvas.draw_text(label, &text, (right + px(LABEL_OFFSET), at))?;
        }
        Ok(())
    }
}

/// An axis of steps and one of values that hold every point, band and the reference.
fn axes(curves: &Curves) -> (Axis, Axis) {
    let points = || curves.lines.iter().flat_map(|line| &line.points);
    let last_step = points().map(|(step, _)| *step).max().unwrap_or_default().max(1);
    let spread = |s: Summary| [s.mean - s.sd.unwrap_or(0.0), s.mean + s.sd.unwrap_or(0.0)];
    let values = points().filter_map(|(_, s)| *s).flat_map(spread);
    let values = values.chain(curves.reference.iter().map(|level| level.value));
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    (Axis::from_zero(last_step as f64, INTERVALS), Axis::around(low, high, INTERVALS))
}

/// Title and subtitle from the plot's left edge; returns the height below them.
fn titles(canvas: &Canvas, curves: &Curves, left: f64) -> Result<f64, PictureError> {
    let title = style::bold_text(style::TITLE_SIZE, style::INK);
    let subtitle = style::text(style::TICK_SIZE, style::FAINT_INK);
    let mut y = style::MARGIN;
    for (text, style) in [(&curves.title, title), (&curves.subtitle, subtitle)] {
        if !text.is_empty() {
            canvas.draw_text(text, &style, (px(left), px(y + 8.0)))?;
            y += 21.0;
        }
    }
    Ok(y + 6.0)
}

/// Stretches of neighbouring points that all have a value.
fn runs(line: &Line) -> impl Iterator<Item = Vec<(u64, Summary)>> {
    let runs = line.points.split(|(_, summary)| summary.is_none()).filter(|run| !run.is_empty());
    runs.map(|run| run.iter().filter_map(|(step, s)| Some((*step, (*s)?))).collect())
}

fn widest<T: AsRef<str>>(texts: impl Iterator<Item = T>, size: f64) -> f64 {
    texts.map(|t| font::width(t.as_ref(), size, FontStyle::Normal)).fold(0.0, f64::max)
}
