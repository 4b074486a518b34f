//! A metric by training step, or by a quantity that grows with it: the data to draw, and the same
//! as CSV.

mod data;
mod legend;
mod line;
mod plot;
mod plot_point;
mod selection;
mod smoothing;

use std::io;

use experiments::schema::report::{self, Band, Reference, Scale, X};

use self::data::{Curves, ReferenceLine};
use self::line::{Line, Point};
use self::plot::{MAX_POINTS, plot};
use self::selection::{Selection, select};
use super::canvas::picture::add;
use super::source::Source;
use crate::files::Files;
use crate::records::Records;
use crate::statistics::{Summary, seed_counts};

/// Draws the figure and its data into `files`. Returns a sentence for each thing that is missing.
pub(super) fn draw(spec: &report::Curve, source: Source, files: &mut Files) -> Vec<String> {
    let mut problems = Vec::new();
    let reference = spec.reference.as_ref().and_then(|wanted| {
        let line = reference_line(wanted, source.records);
        let (variant, metric) = (&wanted.variant, &wanted.metric);
        if line.is_none() {
            problems.push(format!("no value of `{metric}` for the reference `{variant}` yet"));
        }
        line
    });
    let curves = Curves::new(spec, source, reference, &mut problems);
    if curves.lines.is_empty() {
        if problems.len() == usize::from(spec.reference.is_some() && curves.reference.is_none()) {
            problems.push(format!("no records of `{}` yet", spec.metric));
        }
        return problems;
    }
    let file = source.figure(&spec.name, &curves.title, &curves.subtitle);
    problems.extend(add(file, || plot(&curves), |out| curves.write_csv(out), files));
    problems
}

impl<'a> Curves<'a> {
    fn new(
        spec: &'a report::Curve,
        source: Source<'a>,
        reference: Option<ReferenceLine>,
        problems: &mut Vec<String>,
    ) -> Self {
        let reference_variant = spec.reference.as_ref().map(|r| r.variant.as_str());
        let records = source.records;
        let mut lines = Vec::new();
        for variant in
            records.select(&spec.variants).filter(|v| Some(v.name.as_str()) != reference_variant)
        {
            match Line::new(variant, spec, source.style_index(&variant.name)) {
                Ok(line) => lines.extend(line),
                Err(problem) => problems.push(problem),
            }
        }
        let selection = select(&mut lines, &spec.metric, source);
        problems.extend(selection.iter().map(|selection| selection.problem.clone()));
        let drawn = || lines.iter().filter(|line| line.is_drawn);
        let end = drawn().map(|line| line.end).fold(0.0, f64::max);
        let (x_unit, own_x_label) = x_unit(spec.x, end);
        let unit = records.metrics.get(&spec.metric).and_then(|info| info.unit.as_ref());
        let label = source.label(&spec.metric);
        let own_y_label = unit.map_or_else(|| label.to_owned(), |unit| format!("{label} ({unit})"));
        Self {
            title: spec.title.clone(),
            subtitle: subtitle(spec, &drawn().collect::<Vec<_>>(), selection.as_ref()),
            x_label: spec.x_label.clone().unwrap_or_else(|| own_x_label.to_owned()),
            y_label: spec.y_label.clone().unwrap_or(own_y_label),
            x_scale: spec.x_scale,
            y_scale: spec.y_scale,
            x_limits: spec.x_limits,
            y_limits: spec.y_limits,
            size: spec.size.unwrap_or_default(),
            x_unit,
            band: spec.band,
            smooth: spec.smooth,
            end: end / x_unit,
            lines,
            reference: reference.filter(|line| spec.y_scale == Scale::Linear || line.value > 0.0),
            x: spec.x,
        }
    }

    /// One line per recorded point, with the smoothed mean if there is one; the reference has no
    /// step.
    fn write_csv(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let position = match self.x {
            X::Step => None,
            X::Share => Some("share"),
            X::Images => Some("images"),
            X::Seconds => Some("seconds"),
        };
        let mut header = vec!["variant", "step"];
        header.extend(position);
        header.extend(["mean", "sd", "min", "max", "n"]);
        header.extend(self.smooth.map(|_| "smoothed"));
        let mut out = csv::Writer::from_writer(out);
        out.write_record(&header)?;
        let mut row = Row::default();
        for line in &self.lines {
            let mut smoothed = line.smoothed(self.band, self.smooth);
            for point in line.points() {
                let Point { step, x, value } = point?;
                row.record.clear();
                row.record.push_field(line.variant);
                row.record.push_field(&step.to_string());
                if position.is_some() {
                    row.push(Some(x));
                }
                let summary = value.map(|value| value.summary);
                row.push(summary.map(|summary| summary.mean));
                row.push(summary.and_then(|summary| summary.sd));
                row.push(value.map(|value| value.lowest));
                row.push(value.map(|value| value.highest));
                row.record.push_field(&summary.map_or(0, |summary| summary.n).to_string());
                if self.smooth.is_some() {
                    let point = smoothed.next().transpose()?.flatten();
                    row.push(point.map(|point| point.y));
                }
                out.write_record(&row.record)?;
            }
        }
        if let Some(line) = &self.reference {
            let mut fields = vec![String::new(); header.len()];
            fields[0].clone_from(&line.variant);
            fields[2 + usize::from(position.is_some())] = line.value.to_string();
            out.write_record(&fields)?;
        }
        out.flush()
    }
}

/// A row of numbers; reused, for there may be millions of points.
#[derive(Default)]
struct Row {
    record: csv::StringRecord,
    /// The last number, and its digits.
    last: (f64, String),
}

impl Row {
    /// Adds a number; an empty field if there is none.
    fn push(&mut self, number: Option<f64>) {
        let Some(number) = number else { return self.record.push_field("") };
        let (last, digits) = &mut self.last;
        // Of one seed, mean, lowest and highest are the same.
        if digits.is_empty() || number.to_bits() != last.to_bits() {
            (*last, *digits) = (number, number.to_string());
        }
        self.record.push_field(digits);
    }
}

/// Unit and label of the horizontal axis, for positions up to `end`.
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

fn subtitle(spec: &report::Curve, lines: &[&Line], selection: Option<&Selection>) -> String {
    let mut notes: Vec<_> = selection.map(|selection| selection.note.clone()).into_iter().collect();
    if let Some(seeds) = seed_counts(lines.iter().map(|line| line.seeds.len())) {
        notes.push(match spec.band {
            Band::Sd => format!("mean ± standard deviation of {seeds}"),
            Band::Range => format!("mean of {seeds}, from the lowest to the highest"),
            Band::None => format!("mean of {seeds}"),
        });
    }
    if let Some(points) = spec.smooth {
        notes.push(format!("moving mean over {points} points, the points themselves pale"));
    }
    if lines.iter().any(|line| line.count > MAX_POINTS) {
        notes.push("drawn: the extremes of every column of pixels".to_owned());
    }
    if lines.iter().any(|line| line.label.ends_with('†')) {
        notes.push("† not all seeds have finished".to_owned());
    }
    notes.join(" · ")
}

fn reference_line(wanted: &Reference, records: &Records) -> Option<ReferenceLine> {
    let variant = records.variants.iter().find(|v| v.name == wanted.variant)?;
    let values = variant.finished().filter_map(|t| t.results.get(&wanted.metric).copied());
    let values: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    let value = Summary::of(&values)?.mean;
    Some(ReferenceLine { variant: variant.name.clone(), label: variant.label.clone(), value })
}
