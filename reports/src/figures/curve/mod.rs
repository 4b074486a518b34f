//! A metric against the training step or what grows with it: which points are drawn, and the same
//! points as CSV.

mod data;
pub(super) mod labels;
mod line;
mod mark;
mod plot;
mod smooth;

use std::io;

use experiments::schema::report::{self, Band, Reference, Scale, X};

use self::data::{Curves, Level};
use self::line::Line;
use self::plot::{MOST_POINTS, plot};
use super::canvas::picture::add;
use super::source::Source;
use crate::files::Files;
use crate::records::Records;
use crate::statistics::Summary;
use crate::table::record;

/// Draws the figure and its data into `files`; says what is missing.
pub(super) fn draw(spec: &report::Curve, source: Source, files: &mut Files) -> Vec<String> {
    let mut problems = Vec::new();
    let reference = spec.reference.as_ref().and_then(|wanted| {
        let level = level(wanted, source.records);
        let (variant, metric) = (&wanted.variant, &wanted.metric);
        if level.is_none() {
            problems.push(format!("no value of `{metric}` for the reference `{variant}` yet"));
        }
        level
    });
    let curves = Curves::new(spec, source, reference, &mut problems);
    if curves.lines.is_empty() {
        if problems.len() == usize::from(spec.reference.is_some() && curves.reference.is_none()) {
            problems.push(format!("no records of `{}` yet", spec.metric));
        }
        return problems;
    }
    problems.extend(add(&spec.name, || plot(&curves), |out| curves.csv(out), files));
    problems
}

impl<'a> Curves<'a> {
    fn new(
        spec: &'a report::Curve,
        source: Source<'a>,
        reference: Option<Level>,
        problems: &mut Vec<String>,
    ) -> Self {
        let untrained = spec.reference.as_ref().map(|r| r.variant.as_str());
        let records = source.records;
        let mut lines = Vec::new();
        for variant in records.select(&spec.variants).filter(|v| Some(v.name.as_str()) != untrained)
        {
            match Line::new(variant, spec, source.index(&variant.name)) {
                Ok(line) => lines.extend(line),
                Err(problem) => problems.push(problem),
            }
        }
        let end = lines.iter().map(|line| line.end).fold(0.0, f64::max);
        let (x_unit, own_x_label) = x_unit(spec.x, end);
        let unit = records.metrics.get(&spec.metric).and_then(|info| info.unit.as_ref());
        let own_y_label =
            unit.map_or_else(|| spec.metric.clone(), |u| format!("{} ({u})", spec.metric));
        Self {
            title: spec.title.clone(),
            subtitle: subtitle(spec, &lines),
            x_label: spec.x_label.clone().unwrap_or_else(|| own_x_label.to_owned()),
            y_label: spec.y_label.clone().unwrap_or(own_y_label),
            x_scale: spec.x_scale,
            y_scale: spec.y_scale,
            x_unit,
            band: spec.band,
            smooth: spec.smooth,
            end: end / x_unit,
            lines,
            reference: reference.filter(|l| spec.y_scale == Scale::Linear || l.value > 0.0),
            x: spec.x,
        }
    }

    /// Every point as it was recorded, one a line, and what is drawn in its place where that is
    /// something else; the reference has no step.
    fn csv(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let place = match self.x {
            X::Step => None,
            X::Share => Some("share"),
            X::Images => Some("images"),
            X::Seconds => Some("seconds"),
        };
        let header = ["variant", "step"].into_iter().chain(place);
        let header = header.chain(["mean", "sd", "min", "max", "n"]);
        let header = header.chain(self.smooth.map(|_| "smoothed"));
        let header: Vec<String> = header.map(str::to_owned).collect();
        out.write_all(record(&header).as_bytes())?;
        for line in &self.lines {
            let name = record(&[line.variant.to_owned()]);
            let name = name.trim_end();
            let mut drawn = line.drawn(self.band, self.smooth);
            for point in line.points() {
                let point = point?;
                write!(out, "{name},{}", point.step)?;
                if place.is_some() {
                    write!(out, ",{}", point.x)?;
                }
                match point.value {
                    None => write!(out, ",,,,,0")?,
                    Some(v) => {
                        let Summary { n, mean, sd } = v.summary;
                        write!(out, ",{mean},")?;
                        sd.map_or(Ok(()), |sd| write!(out, "{sd}"))?;
                        write!(out, ",{},{},{n}", v.lowest, v.highest)?;
                    }
                }
                if self.smooth.is_some() {
                    let smooth = drawn.next().transpose()?.flatten();
                    let smooth = smooth.map_or(String::new(), |mark| mark.y.to_string());
                    write!(out, ",{smooth}")?;
                }
                writeln!(out)?;
            }
        }
        if let Some(level) = &self.reference {
            let mut fields = vec![String::new(); header.len()];
            fields[0].clone_from(&level.variant);
            fields[2 + usize::from(place.is_some())] = level.value.to_string();
            out.write_all(record(&fields).as_bytes())?;
        }
        Ok(())
    }
}

/// The unit of the horizontal axis and what it says, for places up to `end`.
fn x_unit(x: X, end: f64) -> (f64, &'static str) {
    match x {
        X::Step => (1.0, "training step"),
        X::Share => (1.0, "share of the last step"),
        X::Images => (1.0, "images seen"),
        X::Seconds if end < 300.0 => (1.0, "time (s)"),
        X::Seconds if end < 3.0 * 3600.0 => (60.0, "time (min)"),
        X::Seconds => (3600.0, "time (h)"),
    }
}

fn subtitle(spec: &report::Curve, lines: &[Line]) -> String {
    let mut facts = Vec::new();
    if let Some(n) = lines.iter().map(|line| line.seeds.len()).max().filter(|n| *n > 1) {
        facts.push(match spec.band {
            Band::Sd => format!("mean ± standard deviation of {n} seeds"),
            Band::Range => format!("mean of {n} seeds, from the lowest to the highest"),
            Band::None => format!("mean of {n} seeds"),
        });
    }
    if let Some(points) = spec.smooth {
        facts.push(format!("moving mean over {points} points, the points themselves pale"));
    }
    if lines.iter().any(|line| line.count > MOST_POINTS) {
        facts.push("drawn: the extremes of every column of pixels".to_owned());
    }
    if lines.iter().any(|line| line.label.ends_with('†')) {
        facts.push("† not all seeds have finished".to_owned());
    }
    facts.join(" · ")
}

fn level(wanted: &Reference, records: &Records) -> Option<Level> {
    let variant = records.variants.iter().find(|v| v.name == wanted.variant)?;
    let values = variant.finished().filter_map(|t| t.results.get(&wanted.metric).copied());
    let values: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    let value = Summary::of(&values)?.mean;
    Some(Level { variant: variant.name.clone(), label: variant.label.clone(), value })
}
