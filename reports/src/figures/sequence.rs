//! A claim under a design: estimate and interval of its comparisons against the number of seeds, with the
//! look at which the verdict was reached.

use std::io;

use experiments::schema::report::Sequence;
use plotters::style::Color as _;

use super::canvas::axis::Axis;
use super::canvas::frame::Frame;
use super::canvas::labels::separate;
use super::canvas::legend::{Legend, LegendEntry};
use super::canvas::picture::{PictureError, add};
use super::canvas::plot::{self, Grid, PlotSpec, RightOfAxes, plot_height};
use super::canvas::style::{self, px};
use super::source::Source;
use crate::files::Files;
use crate::statistics::Interval;
use crate::table::optional_number;

/// From the right edge of the axes to a label.
const LABEL_OFFSET: f64 = 14.0;
/// Half the width of an interval's caps.
const CAP: f64 = 3.0;
/// Width, as a share of the axis, that the intervals of one look are spread over.
const SPREAD: f64 = 0.035;
/// Intervals are cut where they reach further from the estimates than so many of the narrowest's half widths.
const WIDEST: f64 = 4.0;

/// A claim's comparisons by their looks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClaimCourse {
    /// The claim's comparison as the file has it.
    pub(crate) compare: String,
    pub(crate) metric: String,
    /// Of the estimates; None where they have none, or are ratios.
    pub(crate) unit: Option<String>,
    /// The verdict in words.
    pub(crate) verdict: &'static str,
    /// The number of seeds after which it was reached; None if it is open.
    pub(crate) stopped_at: Option<usize>,
    /// Share of the sequences that the intervals of all looks hold the truth in.
    pub(crate) confidence: f64,
    /// The estimate of two equal rows: 0 of a difference, 1 of a ratio.
    pub(crate) equal: f64,
    /// The estimates that are as good as equal.
    pub(crate) margin: Option<Interval>,
    pub(crate) lines: Vec<CourseLine>,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CourseLine {
    /// The label of the other row.
    pub(crate) label: String,
    pub(crate) points: Vec<CoursePoint>,
}

/// One look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CoursePoint {
    pub(crate) seeds: usize,
    pub(crate) estimate: f64,
    pub(crate) interval: Option<Interval>,
}

/// Draws the figure and its data into `files`. Returns a sentence for each thing that is missing.
pub(super) fn draw(
    spec: &Sequence,
    courses: &[ClaimCourse],
    source: Source,
    files: &mut Files,
) -> Vec<String> {
    let Some(course) = courses.iter().find(|course| course.compare == spec.claim) else {
        return vec![format!("no claim compares `{}` under a design", spec.claim)];
    };
    let mut course = course.clone();
    course.lines.retain(|line| !line.points.is_empty());
    if course.lines.is_empty() {
        return vec![format!("`{}` has too few seeds for its first look", spec.claim)];
    }
    let legend = Legend::new(course.lines.iter().map(|line| entry(line, source)).collect(), false);
    let (plot, shown) = plot_spec(spec, &course, &legend, source);
    let indices: Vec<usize> = course.lines.iter().map(|line| style_index(line, source)).collect();
    add(
        source.figure(&spec.name, &plot.title, &plot.subtitle),
        || {
            plot::draw(&plot, |frame| {
                draw_course(frame, &course, &indices, shown)?;
                if frame.is_legend_beside {
                    labels(frame, &legend, &course, source)
                } else {
                    Ok(())
                }
            })
        },
        |out| write_csv(&course, out),
        files,
    )
}

fn entry(line: &CourseLine, source: Source) -> LegendEntry {
    LegendEntry { label: line.label.clone(), style_index: Some(style_index(line, source)) }
}

/// The style of the row that the subject is compared with.
fn style_index(line: &CourseLine, source: Source) -> usize {
    let other = source.records.variants.iter().find(|variant| variant.label == line.label);
    other.map_or(0, |variant| source.style_index(&variant.name))
}

/// The plot, and the values that it shows.
fn plot_spec(
    spec: &Sequence,
    course: &ClaimCourse,
    legend: &Legend,
    source: Source,
) -> (PlotSpec, Interval) {
    let points = || course.lines.iter().flat_map(|line| &line.points);
    let most = points().map(|point| point.seeds).max().unwrap_or_default();
    let shown = shown(course);
    let label = source.label(&course.metric);
    let is_ratio = course.equal > 0.0;
    let y = match &course.unit {
        _ if is_ratio => format!("Ratio of {label}"),
        Some(unit) => format!("Difference in {label} ({unit})"),
        None => format!("Difference in {label}"),
    };
    let mut notes = vec![match course.stopped_at {
        Some(seeds) => format!("{} after {seeds} seeds (dashed)", course.verdict),
        None => course.verdict.to_owned(),
    }];
    let percent = (course.confidence * 1e4).round() / 1e2;
    notes.push(format!("bars: {percent} % over all looks"));
    notes.extend(course.margin.map(|_| "grey: within the margin".to_owned()));
    let size = spec.size.unwrap_or_default();
    let plot = PlotSpec {
        title: spec.title.clone(),
        subtitle: notes.join(" · "),
        x: ("Seeds".to_owned(), Axis::from_zero(most as f64 * 1.06, 6)),
        y: (y, Axis::around(shown.low, shown.high, 5)),
        grid: Grid::Horizontal,
        right: RightOfAxes::Legend(legend.clone(), LABEL_OFFSET),
        size,
        height: plot_height(size),
    };
    (plot, shown)
}

/// The values that the vertical axis shows: the estimates, equality and the margin, and of the intervals what is
/// not too far from the estimates.
fn shown(course: &ClaimCourse) -> Interval {
    let points = || course.lines.iter().flat_map(|line| &line.points);
    let half = |interval: Interval| (interval.high - interval.low) / 2.0;
    let narrowest = points().filter_map(|point| point.interval.map(half)).fold(f64::MAX, f64::min);
    let reach = WIDEST * narrowest;
    let fixed = course.margin.iter().flat_map(|margin| [margin.low, margin.high]);
    let fixed = fixed.chain([course.equal]);
    let ends = points().flat_map(|point| {
        let estimate = point.estimate;
        let ends = point.interval.map(|interval| {
            [interval.low.max(estimate - reach), interval.high.min(estimate + reach)]
        });
        [estimate].into_iter().chain(ends.into_iter().flatten())
    });
    let (low, high) = fixed
        .chain(ends)
        .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    Interval { low, high }
}

fn draw_course(
    frame: &Frame,
    course: &ClaimCourse,
    indices: &[usize],
    shown: Interval,
) -> Result<(), PictureError> {
    let (left, right) = frame.width();
    if let Some(margin) = course.margin {
        let [(_, top), (_, bottom)] = [margin.high, margin.low].map(|y| frame.pixel(0.0, y));
        let fill = style::FAINT_INK.mix(style::BAND_OPACITY).filled();
        frame.area(vec![(left, top), (right, top), (right, bottom), (left, bottom)], fill)?;
    }
    let (_, equal) = frame.pixel(0.0, course.equal);
    frame.path(vec![(left, equal), (right, equal)], style::stroke(style::INK, 1.0))?;
    if let Some(seeds) = course.stopped_at {
        let (x, _) = frame.pixel(seeds as f64, course.equal);
        let (top, bottom) = frame.height();
        frame.dashes(vec![(x, top), (x, bottom)])?;
    }
    let offsets = offsets(course.lines.len(), right - left);
    let lines = || course.lines.iter().zip(indices).zip(&offsets);
    for ((line, index), offset) in lines() {
        let points = line.points.iter();
        let marks = points
            .clone()
            .map(|point| shifted(frame.pixel(point.seeds as f64, point.estimate), *offset));
        let marks: Vec<_> = marks.collect();
        frame.line(*index, marks.clone())?;
        marks.into_iter().try_for_each(|at| frame.marker(*index, at))?;
    }
    // In front of all markers.
    for ((line, index), offset) in lines() {
        line.points.iter().try_for_each(|point| bar(frame, point, *index, *offset, shown))?;
    }
    Ok(())
}

/// The distances of the lines' marks from their number of seeds.
fn offsets(lines: usize, width: i32) -> Vec<i32> {
    let step = f64::from(width) * SPREAD / (lines.max(2) - 1) as f64;
    let middle = (lines - 1) as f64 / 2.0;
    (0..lines).map(|line| ((line as f64 - middle) * step) as i32).collect()
}

fn shifted((x, y): (i32, i32), offset: i32) -> (i32, i32) {
    (x + offset, y)
}

/// The interval of one look, with caps where it ends within the axes.
fn bar(
    frame: &Frame,
    point: &CoursePoint,
    index: usize,
    offset: i32,
    shown: Interval,
) -> Result<(), PictureError> {
    let Some(interval) = point.interval else { return Ok(()) };
    let stroke = style::stroke(style::colour(index), 1.2);
    let at = |y: f64| shifted(frame.pixel(point.seeds as f64, y), offset);
    let ends = [interval.low.max(shown.low), interval.high.min(shown.high)];
    frame.path(ends.map(at).to_vec(), stroke)?;
    let is_inside = |y: &f64| (shown.low..=shown.high).contains(y);
    for (x, y) in [interval.low, interval.high].into_iter().filter(is_inside).map(at) {
        frame.path(vec![(x - px(CAP), y), (x + px(CAP), y)], stroke)?;
    }
    Ok(())
}

/// The other rows beside the axes, each about as high as its last estimate.
fn labels(
    frame: &Frame,
    legend: &Legend,
    course: &ClaimCourse,
    source: Source,
) -> Result<(), PictureError> {
    let last = |line: &CourseLine| line.points.last().map_or(course.equal, |point| point.estimate);
    let wanted = course.lines.iter().map(|line| f64::from(frame.pixel(0.0, last(line)).1));
    let wanted: Vec<f64> = wanted.collect();
    let (top, bottom) = frame.height();
    let gap = f64::from(px(style::LABEL_LINE));
    let at = separate(&wanted, gap, f64::from(top)..=f64::from(bottom));
    let right = frame.width().1;
    for (line, y) in course.lines.iter().zip(at) {
        let at = (right + px(LABEL_OFFSET), y.round() as i32);
        frame.legend_entry(legend, &entry(line, source), at)?;
    }
    Ok(())
}

/// A line per look; the last field is `yes` at the look that the verdict was reached at.
fn write_csv(course: &ClaimCourse, out: &mut dyn io::Write) -> io::Result<()> {
    let mut out = csv::Writer::from_writer(out);
    out.write_record(["against", "seeds", "estimate", "low", "high", "stopped"])?;
    for line in &course.lines {
        for point in &line.points {
            let stopped = if course.stopped_at == Some(point.seeds) { "yes" } else { "no" };
            out.write_record([
                line.label.as_str(),
                &point.seeds.to_string(),
                &point.estimate.to_string(),
                &optional_number(point.interval.map(|interval| interval.low)),
                &optional_number(point.interval.map(|interval| interval.high)),
                stopped,
            ])?;
        }
    }
    out.flush()
}
