//! One final metric against another, one point per variant, with the Pareto front.

use std::io;

use experiments::schema::report::{Better, Limits, Scale, Scatter};

use super::canvas::axis::Axis;
use super::canvas::frame::{Frame, Pixel};
use super::canvas::labels::separate;
use super::canvas::legend::{Legend, LegendEntry};
use super::canvas::picture::{Picture, PictureError, add};
use super::canvas::plot::{self, Grid, PlotSpec, RightOfAxes, plot_height};
use super::canvas::style::{self, px};
use super::final_metric::{FinalMetric, FinalValue, marked_label, seed_notes};
use super::source::Source;
use crate::files::Files;
use crate::table::optional_number;

/// From the right edge of the axes to a label.
const LABEL_OFFSET: f64 = 14.0;

struct Dot {
    variant: String,
    label: String,
    style_index: usize,
    x: FinalValue,
    y: FinalValue,
}

/// Draws the figure and its data into `files`. Returns a sentence for each thing that is missing.
pub(super) fn draw(spec: &Scatter, source: Source, files: &mut Files) -> Vec<String> {
    let (x, y) = (FinalMetric::new(&spec.x, source), FinalMetric::new(&spec.y, source));
    let mut problems = Vec::new();
    let mut dots = Vec::new();
    for variant in source.records.select(&spec.variants) {
        let Some((x, y)) = x.of(variant).zip(y.of(variant)) else { continue };
        let is_visible = |scale, v: FinalValue| scale == Scale::Linear || v.range.0 > 0.0;
        if !is_visible(spec.x_scale, x) || !is_visible(spec.y_scale, y) {
            let (label, why) = (&variant.label, "where a logarithmic axis begins");
            problems.push(format!("`{label}` is not above zero, {why}"));
            continue;
        }
        let style_index = source.style_index(&variant.name);
        dots.push(Dot {
            variant: variant.name.clone(),
            label: marked_label(variant, &[x, y]),
            style_index,
            x,
            y,
        });
    }
    if dots.is_empty() {
        problems.push(format!("no variant has both a final `{}` and `{}` yet", spec.x, spec.y));
        return problems;
    }
    let directions = spec.x_better.or(x.better).zip(spec.y_better.or(y.better));
    let front = directions.map(|better| pareto_front(&dots, better));
    let labels: Vec<String> = dots.iter().map(|dot| dot.label.clone()).collect();
    let mut notes = seed_notes(dots.iter().map(|dot| &dot.y), &labels);
    // A front of a single row has no line.
    let front_line = directions.filter(|_| front.as_ref().is_some_and(|front| front.len() > 1));
    notes.extend(front_line.map(|(x, y)| {
        let word = |better| if better == Better::Lower { "less" } else { "more" };
        format!("dashed: no row is better in both ({} across, {} upwards)", word(x), word(y))
    }));
    let legend = Legend::new(dots.iter().map(Dot::entry).collect(), false);
    let size = spec.size.unwrap_or_default();
    let plot = PlotSpec {
        title: spec.title.clone(),
        subtitle: notes.join(" · "),
        x: (x.label, axis(spec.x_scale, spec.x_limits, dots.iter().map(|dot| dot.x))),
        y: (y.label, axis(spec.y_scale, spec.y_limits, dots.iter().map(|dot| dot.y))),
        grid: Grid::Both,
        right: RightOfAxes::Legend(legend.clone(), LABEL_OFFSET),
        size,
        height: plot_height(size),
    };
    let file = source.figure(&spec.name, &plot.title, &plot.subtitle);
    let line = front.as_deref().zip(front_line);
    problems.extend(add(
        file,
        || draw_dots(&plot, &legend, &dots, line),
        |out| write_csv(&dots, front.as_deref(), out),
        files,
    ));
    problems
}

fn draw_dots(
    plot: &PlotSpec,
    legend: &Legend,
    dots: &[Dot],
    front: Option<(&[&Dot], (Better, Better))>,
) -> Result<Picture, PictureError> {
    plot::draw(plot, |frame| {
        if let Some((front, better)) = front {
            draw_front(frame, front, better)?;
        }
        dots.iter().try_for_each(|dot| frame.marker(dot.style_index, dot.pixel(frame)))?;
        dots.iter().try_for_each(|dot| dot.error_bars(frame))?;
        if frame.is_legend_beside { labels_beside(frame, legend, dots) } else { Ok(()) }
    })
}

/// The Pareto front, by rising x: the dots that no other one dominates, being better in one metric
/// and not worse in the other.
fn pareto_front(dots: &[Dot], better: (Better, Better)) -> Vec<&Dot> {
    let mut front: Vec<&Dot> =
        dots.iter().filter(|dot| !dots.iter().any(|other| other.dominates(dot, better))).collect();
    front.sort_by(|a, b| a.x.summary.mean.total_cmp(&b.x.summary.mean));
    front
}

/// Draws the front as a staircase: between two dots it passes the corner that is worse than both.
fn draw_front(
    frame: &Frame,
    front: &[&Dot],
    (x_better, y_better): (Better, Better),
) -> Result<(), PictureError> {
    let worse = |better, a: f64, b: f64| if better == Better::Lower { a.max(b) } else { a.min(b) };
    let mut path = Vec::new();
    for pair in front.windows(2) {
        let [a, b] = [pair[0], pair[1]].map(|dot| (dot.x.summary.mean, dot.y.summary.mean));
        let corner = (worse(x_better, a.0, b.0), worse(y_better, a.1, b.1));
        path.extend([a, corner, b].map(|(x, y)| frame.pixel(x, y)));
    }
    if path.is_empty() { Ok(()) } else { frame.dashes(path) }
}

impl Dot {
    fn dominates(&self, other: &Self, (x_better, y_better): (Better, Better)) -> bool {
        let gain = |better, ours: FinalValue, theirs: FinalValue| {
            let gain = ours.summary.mean - theirs.summary.mean;
            if better == Better::Higher { gain } else { -gain }
        };
        let gains = [gain(x_better, self.x, other.x), gain(y_better, self.y, other.y)];
        gains.iter().all(|g| *g >= 0.0) && gains.iter().any(|g| *g > 0.0)
    }

    fn pixel(&self, frame: &Frame) -> Pixel {
        frame.pixel(self.x.summary.mean, self.y.summary.mean)
    }

    fn entry(&self) -> LegendEntry {
        LegendEntry { label: self.label.clone(), style_index: Some(self.style_index) }
    }

    /// One standard deviation to either side, horizontally and vertically, over the marker.
    fn error_bars(&self, frame: &Frame) -> Result<(), PictureError> {
        let stroke = style::stroke(style::INK, 1.0);
        let (x, y) = (self.x.summary.mean, self.y.summary.mean);
        let ((left, right), (low, high)) = (self.x.range, self.y.range);
        for ends in [[(left, y), (right, y)], [(x, low), (x, high)]] {
            frame.path(ends.map(|(x, y)| frame.pixel(x, y)).to_vec(), stroke)?;
        }
        Ok(())
    }
}

/// The labels beside the axes, each about as high as its dot.
fn labels_beside(frame: &Frame, legend: &Legend, dots: &[Dot]) -> Result<(), PictureError> {
    let wanted: Vec<f64> = dots.iter().map(|dot| f64::from(dot.pixel(frame).1)).collect();
    let (top, bottom) = frame.height();
    let gap = f64::from(px(style::LABEL_LINE));
    let right = frame.width().1;
    for (dot, at) in dots.iter().zip(separate(&wanted, gap, f64::from(top)..=f64::from(bottom))) {
        let at = (right + px(LABEL_OFFSET), at.round() as i32);
        frame.legend_entry(legend, &dot.entry(), at)?;
    }
    Ok(())
}

fn axis(scale: Scale, limits: Limits, values: impl Iterator<Item = FinalValue>) -> Axis {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v.range.0), high.max(v.range.1))
    });
    Axis::limited(scale, limits, (low, high))
}

/// One line per dot; if there is a `front`, its last field is `yes` for the dots on it.
fn write_csv(dots: &[Dot], front: Option<&[&Dot]>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut out = csv::Writer::from_writer(out);
    let header = ["variant", "x", "x_sd", "y", "y_sd", "n"];
    out.write_record(header.into_iter().chain(front.map(|_| "front")))?;
    for dot in dots {
        let (x, y) = (dot.x.summary, dot.y.summary);
        let numbers =
            [x.mean.to_string(), optional_number(x.sd), y.mean.to_string(), optional_number(y.sd)];
        let mut fields = vec![dot.variant.clone()];
        fields.extend(numbers);
        fields.push(y.n.to_string());
        if let Some(front) = front {
            let is_on_front = front.iter().any(|other| other.variant == dot.variant);
            fields.push(if is_on_front { "yes" } else { "no" }.to_owned());
        }
        out.write_record(&fields)?;
    }
    out.flush()
}
