//! Draws curves: bands, lines and their labels.

use std::io;

use plotters::style::Color as _;

use super::data::Curves;
use super::labels::spread;
use super::line::Line;
use super::mark::Mark;
use super::smooth::thinned;
use crate::figures::canvas::axis::Axis;
use crate::figures::canvas::font;
use crate::figures::canvas::frame::{Frame, Grid, Pixel, Surround, draw};
use crate::figures::canvas::picture::{Picture, PictureError, ZOOM};
use crate::figures::canvas::style::{self, px};
use experiments::schema::report::{Band, Scale};

/// About how many intervals an axis has.
const INTERVALS: usize = 5;
/// Most markers on one line; more would hide it.
const MARKERS: usize = 10;
/// A line of more points is drawn by the columns of its picture.
pub(super) const MOST_POINTS: usize = 2000;
/// From the right edge of the plot to where a tie ends, and to where a label begins.
const TIE: f64 = 16.0;
const LABEL_OFFSET: f64 = 30.0;

/// A line that is drawn.
struct Drawn<'a> {
    line: &'a Line<'a>,
    curves: &'a Curves<'a>,
    /// From the lowest to the highest place that something of it is drawn at, on each axis.
    x: (f64, f64),
    y: (f64, f64),
    /// Where it ends.
    last: Option<Mark>,
}

/// What is drawn of neighbouring points.
struct Stretch {
    line: Vec<Pixel>,
    /// The outline of its band.
    band: Option<Vec<Pixel>>,
}

/// A path as it grows: all of it, or once it is long, of every column of the picture what can be seen.
#[derive(Default)]
struct Path {
    pixels: Vec<Pixel>,
    count: usize,
}

/// Draws the curves, which must have at least one point.
pub(super) fn plot(curves: &Curves) -> Result<Picture, PictureError> {
    let lines = curves.lines.iter().map(|line| Drawn::new(line, curves));
    let lines: Vec<Drawn> = lines.collect::<Result<_, _>>()?;
    if lines.iter().all(|line| line.last.is_none()) {
        return Err(PictureError::NothingVisible);
    }
    let labels = lines.iter().map(|drawn| drawn.line.label.as_str());
    let labels = labels.chain(curves.reference.iter().map(|r| r.label.as_str()));
    let surround = Surround {
        title: curves.title.clone(),
        subtitle: curves.subtitle.clone(),
        x: (curves.x_label.clone(), x_axis(curves, &lines)),
        y: (curves.y_label.clone(), y_axis(curves, &lines)),
        grid: Grid::Horizontal,
        right: LABEL_OFFSET + font::widest(labels, style::LABEL_SIZE) + style::MARGIN,
        height: style::PLOT_SIZE.1,
    };
    draw(&surround, |frame| {
        let paths = lines.iter().map(|drawn| drawn.stretches(drawn.marks(), frame));
        let paths: Vec<_> = paths.collect::<io::Result<_>>()?;
        let paths = || lines.iter().map(|drawn| drawn.line).zip(&paths);
        for (line, stretches) in paths() {
            let fill = style::colour(line.index).mix(style::BAND_OPACITY).filled();
            let mut bands = stretches.iter().filter_map(|stretch| stretch.band.clone());
            bands.try_for_each(|outline| frame.area(outline, fill))?;
        }
        if let Some(level) = &curves.reference {
            let ((left, right), y) = (frame.width(), frame.pixel(curves.end, level.value).1);
            frame.dashes(vec![(left, y), (right, y)])?;
        }
        for drawn in lines.iter().filter(|_| curves.smooth.is_some()) {
            let pale = style::colour(drawn.line.index).mix(style::RAW_OPACITY);
            let stroke = pale.stroke_width(px(style::LINE_WIDTH / 2.0).unsigned_abs());
            let raw = drawn.stretches(drawn.line.marks(Band::None), frame)?;
            raw.into_iter().try_for_each(|stretch| frame.path(stretch.line, stroke))?;
        }
        for (line, stretches) in paths() {
            let stroke = style::stroke(style::colour(line.index), style::LINE_WIDTH);
            let mut lines = stretches.iter().map(|stretch| stretch.line.clone());
            lines.try_for_each(|path| frame.path(path, stroke))?;
            let marked = stretches.iter().flat_map(|stretch| &stretch.line);
            let marked: Vec<Pixel> = marked.copied().collect();
            let every = marked.len().div_ceil(MARKERS).max(1);
            // Counted from the end, so that the last point, beside the label, has its marker.
            let mut marked = marked.iter().rev().step_by(every);
            marked.try_for_each(|at| frame.marker(line.index, *at))?;
        }
        labels_beside(frame, curves, &lines)
    })
}

impl<'a> Drawn<'a> {
    fn new(line: &'a Line<'a>, curves: &'a Curves<'a>) -> io::Result<Self> {
        let none = (f64::INFINITY, f64::NEG_INFINITY);
        let mut drawn = Self { line, curves, x: none, y: none, last: None };
        drawn.last = drawn.make_room_for(drawn.marks())?;
        if curves.smooth.is_some() {
            drawn.make_room_for(line.marks(curves.band))?;
        }
        Ok(drawn)
    }

    /// The mark in the horizontal axis's unit, if it has a place on both axes.
    fn placed(&self, mark: Mark) -> Option<Mark> {
        let Curves { x_scale, y_scale, x_unit, .. } = *self.curves;
        let has_place = |scale, at: f64| scale == Scale::Linear || at > 0.0;
        let is_visible = has_place(x_scale, mark.x) && has_place(y_scale, mark.y);
        is_visible.then_some(Mark { x: mark.x / x_unit, ..mark })
    }

    /// Makes the axes reach every one of `marks`, and returns the last that has a place.
    fn make_room_for(
        &mut self,
        marks: impl Iterator<Item = io::Result<Option<Mark>>>,
    ) -> io::Result<Option<Mark>> {
        let mut last = None;
        for mark in marks {
            let Some(mark) = mark?.and_then(|mark| self.placed(mark)) else { continue };
            let (low, high) = mark.band.unwrap_or((mark.y, mark.y));
            self.x = (self.x.0.min(mark.x), self.x.1.max(mark.x));
            for y in [low, mark.y, high] {
                if self.curves.y_scale == Scale::Linear || y > 0.0 {
                    self.y = (self.y.0.min(y), self.y.1.max(y));
                }
            }
            last = Some(mark);
        }
        Ok(last)
    }

    /// The marks of the line itself, smoothed if they are to be.
    fn marks(&self) -> impl Iterator<Item = io::Result<Option<Mark>>> + use<'a> {
        self.line.drawn(self.curves.band, self.curves.smooth)
    }

    /// What is drawn of `marks`, which breaks where there is none.
    fn stretches(
        &self,
        marks: impl Iterator<Item = io::Result<Option<Mark>>>,
        frame: &Frame,
    ) -> io::Result<Vec<Stretch>> {
        let mut stretches = Vec::new();
        let [mut line, mut high, mut low] = <[Path; 3]>::default();
        for mark in marks.chain([Ok(None)]) {
            if let Some(mark) = mark? {
                let Some(Mark { x, y, band }) = self.placed(mark) else { continue };
                line.push(frame.pixel(x, y));
                // Of a line, all marks have a band or none has.
                if let Some((lower, upper)) = band {
                    high.push(frame.pixel(x, upper));
                    low.push(frame.pixel(x, lower));
                }
            } else if line.count > 0 {
                let has_band = high.count > 0;
                let outline = high.end().into_iter().chain(low.end().into_iter().rev()).collect();
                stretches.push(Stretch { line: line.end(), band: has_band.then_some(outline) });
            }
        }
        Ok(stretches)
    }
}

impl Path {
    fn push(&mut self, pixel: Pixel) {
        self.pixels.push(pixel);
        self.count += 1;
        // Thinned again together with what comes, it keeps what it would have kept.
        if self.pixels.len() > 4 * MOST_POINTS {
            self.pixels = self.thinned();
        }
    }

    fn thinned(&self) -> Vec<Pixel> {
        thinned(&self.pixels, px(1.0) / ZOOM as i32)
    }

    /// What is drawn of it. The next point begins another.
    fn end(&mut self) -> Vec<Pixel> {
        let path = std::mem::take(self);
        if path.count > MOST_POINTS { path.thinned() } else { path.pixels }
    }
}

/// Labels to the right of the plot, each with its line's marker and tied to the line's end. A line
/// that ends early has no tie, which would look like more of the line.
fn labels_beside(frame: &Frame, curves: &Curves, lines: &[Drawn]) -> Result<(), PictureError> {
    let right = frame.width().1;
    let mut labels = Vec::new();
    for line in lines {
        if let Some(last) = line.last {
            labels.push((
                line.line.label.as_str(),
                Some(line.line.index),
                frame.pixel(last.x, last.y),
            ));
        }
    }
    labels.extend(curves.reference.iter().map(|level| {
        (level.label.as_str(), None, (right, frame.pixel(curves.end, level.value).1))
    }));

    let wanted: Vec<f64> = labels.iter().map(|(_, _, (_, y))| f64::from(*y)).collect();
    let (top, bottom) = frame.height();
    let range = f64::from(top)..=f64::from(bottom);
    let placed = spread(&wanted, f64::from(px(style::LABEL_SIZE * 1.35)), range);
    for ((label, index, (x, y)), at) in labels.into_iter().zip(placed) {
        let at = at.round() as i32;
        let colour = index.map_or(style::FAINT_INK, style::colour);
        if (right - x).abs() <= px(1.0) {
            let tie = vec![(right + px(5.0), y), (right + px(TIE), at)];
            frame.path(tie, style::stroke(colour, 0.8))?;
        }
        match index {
            Some(index) => frame.marker(index, (right + px(TIE + 6.0), at))?,
            None => {
                frame.dashes(vec![(right + px(TIE + 0.5), at), (right + px(TIE + 11.5), at)])?;
            }
        }
        frame.text(label, (right + px(LABEL_OFFSET), at), style::INK)?;
    }
    Ok(())
}

/// From zero, or from the first place on a logarithmic axis, to the last place.
fn x_axis(curves: &Curves, lines: &[Drawn]) -> Axis {
    let (low, high) = extremes(lines.iter().flat_map(|line| [line.x.0, line.x.1]));
    match curves.x_scale {
        Scale::Log => Axis::log(low, high),
        Scale::Linear => Axis::from_zero(if high > 0.0 { high } else { 1.0 }, INTERVALS),
    }
}

/// Around every point, band and the reference.
fn y_axis(curves: &Curves, lines: &[Drawn]) -> Axis {
    let values = lines.iter().flat_map(|line| [line.y.0, line.y.1]);
    let (low, high) = extremes(values.chain(curves.reference.iter().map(|level| level.value)));
    match curves.y_scale {
        Scale::Log => Axis::log(low, high),
        Scale::Linear => Axis::around(low, high, INTERVALS),
    }
}

fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}
