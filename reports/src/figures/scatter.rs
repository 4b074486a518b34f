//! One final metric against another, one point per variant, and which variants no other one beats
//! in both.

use experiments::schema::report::{Better, Scale, Scatter};

use super::canvas::axis::Axis;
use super::canvas::font;
use super::canvas::frame::{self, Frame, Grid, Surround};
use super::canvas::picture::{PictureError, add};
use super::canvas::style::{self, px};
use super::curve::labels::spread;
use super::finals::{Final, Measure, facts, label};
use super::source::Source;
use crate::files::Files;
use crate::table::record;

/// From the right edge of the axes to a label.
const LABEL_OFFSET: f64 = 26.0;

struct Dot {
    variant: String,
    label: String,
    index: usize,
    x: Final,
    y: Final,
}

/// Draws the figure and its data into `files`; says what is missing.
pub(super) fn draw(spec: &Scatter, source: Source, files: &mut Files) -> Vec<String> {
    let (x, y) = (Measure::new(&spec.x, source), Measure::new(&spec.y, source));
    let mut problems = Vec::new();
    let mut dots = Vec::new();
    for variant in source.records.select(&spec.variants) {
        let Some((x, y)) = x.of(variant).zip(y.of(variant)) else { continue };
        let has_place = |scale, v: Final| scale == Scale::Linear || v.range.0 > 0.0;
        if !has_place(spec.x_scale, x) || !has_place(spec.y_scale, y) {
            let (label, why) = (&variant.label, "where a logarithmic axis begins");
            problems.push(format!("`{label}` is not above zero, {why}"));
            continue;
        }
        let (name, index) = (variant.name.clone(), source.index(&variant.name));
        dots.push(Dot { variant: name, label: label(variant), index, x, y });
    }
    if dots.is_empty() {
        problems.push(format!("no variant has both a final `{}` and `{}` yet", spec.x, spec.y));
        return problems;
    }
    let directions = spec.x_better.or(x.better).zip(spec.y_better.or(y.better));
    let front = directions.map(|better| front(&dots, better));
    let labels: Vec<String> = dots.iter().map(|dot| dot.label.clone()).collect();
    let mut facts = facts(dots.iter().map(|dot| &dot.y), &labels);
    // One row that beats all others has no line.
    let stairs_of = directions.filter(|_| front.as_ref().is_some_and(|front| front.len() > 1));
    facts.extend(stairs_of.map(|(x, y)| {
        let word = |better| if better == Better::Lower { "less" } else { "more" };
        format!("dashed: no row is better in both ({} across, {} upwards)", word(x), word(y))
    }));
    let surround = Surround {
        title: spec.title.clone(),
        subtitle: facts.join(" · "),
        x: (x.label, axis(spec.x_scale, dots.iter().map(|dot| dot.x))),
        y: (y.label, axis(spec.y_scale, dots.iter().map(|dot| dot.y))),
        grid: Grid::Both,
        right: LABEL_OFFSET + font::widest(&labels, style::LABEL_SIZE) + style::MARGIN,
        height: style::PLOT_SIZE.1,
    };
    let draw = |frame: &Frame| {
        if let (Some(front), Some(better)) = (&front, stairs_of) {
            stairs(frame, front, better)?;
        }
        dots.iter().try_for_each(|dot| dot.whiskers(frame))?;
        dots.iter().try_for_each(|dot| frame.marker(dot.index, dot.place(frame)))?;
        legend(frame, &dots)
    };
    problems.extend(add(
        &spec.name,
        || frame::draw(&surround, draw),
        |out| out.write_all(csv(&dots, front.as_deref()).as_bytes()),
        files,
    ));
    problems
}

/// The dots that no other one beats in one metric without losing in the other, by rising x.
fn front(dots: &[Dot], (x, y): (Better, Better)) -> Vec<&Dot> {
    let gain = |better, ours: Final, theirs: Final| {
        let gain = theirs.summary.mean - ours.summary.mean;
        if better == Better::Higher { gain } else { -gain }
    };
    let beaten = |dot: &Dot| {
        dots.iter().any(|other| {
            let gains = [gain(x, dot.x, other.x), gain(y, dot.y, other.y)];
            gains.iter().all(|g| *g >= 0.0) && gains.iter().any(|g| *g > 0.0)
        })
    };
    let mut front: Vec<&Dot> = dots.iter().filter(|dot| !beaten(dot)).collect();
    front.sort_by(|a, b| a.x.summary.mean.total_cmp(&b.x.summary.mean));
    front
}

/// From each to the next over the place that is worse than both, which is all that is known.
fn stairs(
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
    fn place(&self, frame: &Frame) -> (i32, i32) {
        frame.pixel(self.x.summary.mean, self.y.summary.mean)
    }

    /// One standard deviation to either side, both ways.
    fn whiskers(&self, frame: &Frame) -> Result<(), PictureError> {
        let stroke = style::stroke(style::colour(self.index), 1.0);
        let (x, y) = (self.x.summary.mean, self.y.summary.mean);
        let ((left, right), (low, high)) = (self.x.range, self.y.range);
        for ends in [[(left, y), (right, y)], [(x, low), (x, high)]] {
            frame.path(ends.map(|(x, y)| frame.pixel(x, y)).to_vec(), stroke)?;
        }
        Ok(())
    }
}

/// The labels beside the axes, each about as high as its dot.
fn legend(frame: &Frame, dots: &[Dot]) -> Result<(), PictureError> {
    let wanted: Vec<f64> = dots.iter().map(|dot| f64::from(dot.place(frame).1)).collect();
    let (top, bottom) = frame.height();
    let gap = f64::from(px(style::LABEL_SIZE * 1.35));
    let right = frame.width().1;
    for (dot, at) in dots.iter().zip(spread(&wanted, gap, f64::from(top)..=f64::from(bottom))) {
        let at = at.round() as i32;
        frame.marker(dot.index, (right + px(LABEL_OFFSET - 8.0), at))?;
        frame.text(&dot.label, (right + px(LABEL_OFFSET), at), style::INK)?;
    }
    Ok(())
}

fn axis(scale: Scale, values: impl Iterator<Item = Final>) -> Axis {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v.range.0), high.max(v.range.1))
    });
    if scale == Scale::Log { Axis::log(low, high) } else { Axis::around(low, high, 5) }
}

/// The variants drawn; `front` says of each whether no other one beats it in both.
fn csv(dots: &[Dot], front: Option<&[&Dot]>) -> String {
    let header =
        ["variant", "x", "x_sd", "y", "y_sd", "n"].into_iter().chain(front.map(|_| "front"));
    let mut text = record(&header.map(str::to_owned).collect::<Vec<_>>());
    for dot in dots {
        let sd = |v: Final| v.summary.sd.map(|sd| sd.to_string()).unwrap_or_default();
        let mut fields = vec![dot.variant.clone(), dot.x.summary.mean.to_string(), sd(dot.x)];
        fields.extend([dot.y.summary.mean.to_string(), sd(dot.y), dot.y.summary.n.to_string()]);
        fields.extend(front.map(|front| {
            let is_on = front.iter().any(|other| other.variant == dot.variant);
            if is_on { "yes" } else { "no" }.to_owned()
        }));
        text.push_str(&record(&fields));
    }
    text
}
