//! Draws curves: bands, lines and their labels.

use plotters::style::Color as _;

use super::axis::Axis;
use super::curve::Curves;
use super::font;
use super::frame::{Frame, Grid, Pixel, Surround, draw};
use super::labels::spread;
use super::picture::{Picture, PictureError, ZOOM};
use super::series::{Line, Mark, smoothed};
use super::smooth::thinned;
use super::style::{self, px};
use experiments::report::Scale;

/// About how many intervals an axis has.
const INTERVALS: usize = 5;
/// Most markers on one line; more would hide it.
const MARKERS: usize = 10;
/// A line of more points is drawn by the columns of its picture.
pub(super) const MOST_POINTS: usize = 2000;
/// From the right edge of the plot to where a tie ends, and to where a label begins.
const TIE: f64 = 16.0;
const LABEL_OFFSET: f64 = 30.0;

/// A line that is drawn. Its marks are made anew whenever they are needed, and not all held at once.
struct Drawn<'a> {
    label: &'a str,
    index: usize,
    line: &'a Line,
    curves: &'a Curves,
    /// From the lowest to the highest place that something of it is drawn at, on each axis.
    x: (f64, f64),
    y: (f64, f64),
    /// Where it ends.
    last: Option<Mark>,
}

/// Stretches of a line that have a value.
struct Marks {
    runs: Vec<Vec<Mark>>,
    /// The points behind a smoothed line.
    raw: Vec<Vec<Mark>>,
}

/// Draws the curves, which must have at least one point.
pub(super) fn plot(curves: &Curves) -> Result<Picture, PictureError> {
    let lines: Vec<Drawn> = curves.lines.iter().map(|line| Drawn::new(line, curves)).collect();
    let labels = lines.iter().map(|l| l.label);
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
        for line in &lines {
            line.band(frame)?;
        }
        if let Some(level) = &curves.reference {
            let ((left, right), y) = (frame.width(), frame.pixel(curves.end, level.value).1);
            frame.dashes(vec![(left, y), (right, y)])?;
        }
        for line in &lines {
            line.raw(frame)?;
        }
        for line in &lines {
            line.draw(frame)?;
        }
        labels_beside(frame, curves, &lines)
    })
}

impl Marks {
    fn new(line: &Line, curves: &Curves) -> Self {
        let visible = |mark: &Mark| {
            (curves.x_scale == Scale::Linear || mark.x > 0.0)
                && (curves.y_scale == Scale::Linear || mark.y > 0.0)
        };
        let (mut runs, mut raw) = (line.runs(curves.band), Vec::new());
        if let Some(points) = curves.smooth {
            raw = runs;
            runs = smoothed(&raw, points);
        }
        for run in runs.iter_mut().chain(&mut raw) {
            run.retain(visible);
            for mark in run {
                mark.x /= curves.x_unit;
            }
        }
        runs.retain(|run| !run.is_empty());
        Self { runs, raw }
    }
}

impl<'a> Drawn<'a> {
    fn new(line: &'a Line, curves: &'a Curves) -> Self {
        let Marks { runs, raw } = Marks::new(line, curves);
        let marks = || runs.iter().chain(&raw).flatten();
        let edges = |mark: &Mark| {
            let (low, high) = mark.band.unwrap_or((mark.y, mark.y));
            [low, mark.y, high]
        };
        let values = marks().flat_map(edges);
        let is_placed = |value: &f64| curves.y_scale == Scale::Linear || *value > 0.0;
        Self {
            label: &line.label,
            index: line.index,
            line,
            curves,
            x: extremes(marks().map(|mark| mark.x)),
            y: extremes(values.filter(is_placed)),
            last: runs.iter().flatten().last().copied(),
        }
    }

    fn marks(&self) -> Marks {
        Marks::new(self.line, self.curves)
    }

    fn band(&self, frame: &Frame) -> Result<(), PictureError> {
        let fill = style::colour(self.index).mix(style::BAND_OPACITY).filled();
        let Marks { runs, .. } = self.marks();
        for run in runs.iter().filter(|run| run.iter().any(|mark| mark.band.is_some())) {
            let edge = |of: fn((f64, f64)) -> f64| {
                let place = |m: &Mark| frame.pixel(m.x, of(m.band.unwrap_or((m.y, m.y))));
                path(run.iter().map(place).collect())
            };
            let mut outline = edge(|(_, high)| high);
            outline.extend(edge(|(low, _)| low).into_iter().rev());
            frame.area(outline, fill)?;
        }
        Ok(())
    }

    fn raw(&self, frame: &Frame) -> Result<(), PictureError> {
        let pale = style::colour(self.index).mix(style::RAW_OPACITY);
        let stroke = pale.stroke_width(px(style::LINE_WIDTH / 2.0).unsigned_abs());
        for run in &self.marks().raw {
            frame.path(path(run.iter().map(|m| frame.pixel(m.x, m.y)).collect()), stroke)?;
        }
        Ok(())
    }

    fn draw(&self, frame: &Frame) -> Result<(), PictureError> {
        let stroke = style::stroke(style::colour(self.index), style::LINE_WIDTH);
        let mut drawn = Vec::new();
        for run in &self.marks().runs {
            let path = path(run.iter().map(|m| frame.pixel(m.x, m.y)).collect());
            drawn.extend_from_slice(&path);
            frame.path(path, stroke)?;
        }
        let every = drawn.len().div_ceil(MARKERS).max(1);
        // Counted from the end, so that the last point, beside the label, has its marker.
        drawn.iter().rev().step_by(every).try_for_each(|at| frame.marker(self.index, *at))
    }
}

/// What is drawn of a path: all of it, or of every column of the picture what can be seen.
fn path(path: Vec<Pixel>) -> Vec<Pixel> {
    if path.len() <= MOST_POINTS {
        return path;
    }
    thinned(&path, px(1.0) / ZOOM as i32)
}

/// Labels to the right of the plot, each with its line's marker and tied to the line's end. A line
/// that ends early has no tie, which would look like more of the line.
fn labels_beside(frame: &Frame, curves: &Curves, lines: &[Drawn]) -> Result<(), PictureError> {
    let right = frame.width().1;
    let mut labels = Vec::new();
    for line in lines {
        if let Some(last) = line.last {
            labels.push((line.label, Some(line.index), frame.pixel(last.x, last.y)));
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
