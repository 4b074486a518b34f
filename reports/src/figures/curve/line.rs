//! Several seeds' points of one metric as one line: the horizontal position of each point and the
//! seeds' values there. The points are computed whenever they are needed, and never all held at
//! once.

use std::io;
use std::iter::Peekable;

use experiments::schema::report::{Band, Curve, X};
use serde_json::Value;

use super::plot_point::PlotPoint;
use super::smoothing::Smoothed;
use crate::records::{Trial, Variant};
use crate::series::{Sample, Samples, Series};
use crate::statistics::{Summary, mean};

/// One variant's line: the mean over its seeds by step.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) variant: &'a str,
    pub(super) label: String,
    /// Chooses colour, dashes and marker; the same in every figure of the run, as far as there are
    /// enough of them.
    pub(super) style_index: usize,
    /// False if there are more lines than can be told apart, and this one is left out.
    pub(super) is_drawn: bool,
    /// The count of steps at which any seed has a point.
    pub(super) count: usize,
    /// The largest horizontal position of a point.
    pub(super) end: f64,
    /// A point has a value only if every one of these has.
    pub(super) seeds: Vec<Seed<'a>>,
}

/// A line's seeds at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) step: u64,
    /// Horizontal position, the mean of the seeds'.
    pub(super) x: f64,
    /// None where a seed's value is missing or not finite.
    pub(super) value: Option<SeedValues>,
}

/// Statistics of the seeds' values at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SeedValues {
    pub(super) summary: Summary,
    pub(super) lowest: f64,
    pub(super) highest: f64,
}

/// The series of one seed, and its mapping to the horizontal axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seed<'a> {
    series: &'a Series,
    position: XPosition,
}

/// The horizontal position of a point.
#[derive(Debug, Clone, Copy)]
enum XPosition {
    /// The step times this factor.
    Scaled(f64),
    Seconds,
}

impl<'a> Line<'a> {
    /// None if no trial has a point; an error if there is no step at which every seed has a finite one.
    /// Running trials are drawn only while none has finished, so that a mean is over the same seeds at every
    /// step.
    pub(super) fn new(
        variant: &'a Variant,
        spec: &Curve,
        style_index: usize,
    ) -> Result<Option<Self>, String> {
        let series = |t: &'a Trial| Some((t, t.series.get(&spec.metric)?));
        let has_points = |(_, series): &(&Trial, &Series)| series.last().is_some();
        let mut drawn: Vec<_> = variant.finished().filter_map(series).filter(has_points).collect();
        if drawn.is_empty() {
            drawn = variant.trials.iter().filter_map(series).filter(has_points).collect();
        }
        let seeds = drawn.into_iter().map(|(trial, series)| seed(trial, series, spec));
        let mut line = Self {
            variant: &variant.name,
            label: variant.marked_label(),
            style_index,
            is_drawn: true,
            count: 0,
            end: 0.0,
            seeds: seeds.collect::<Result<_, _>>()?,
        };
        let mut has_value = false;
        for point in line.points() {
            let Point { x, value, .. } = point.map_err(|error| error.to_string())?;
            line.count += 1;
            line.end = line.end.max(x);
            has_value |= value.is_some();
        }
        if line.count > 0 && !has_value {
            let (metric, label) = (&spec.metric, &line.label);
            return Err(format!(
                "{label} has no line: at no step has every seed a finite value of `{metric}`"
            ));
        }
        Ok(has_value.then_some(line))
    }

    /// Every step that any seed has, with the values of all seeds.
    pub(super) fn points(&self) -> Points<'a> {
        let seeds = self.seeds.iter().map(|seed| (seed.series.samples().peekable(), seed.position));
        Points { seeds: seeds.collect(), values: Vec::new(), positions: Vec::new() }
    }

    /// The points as they were recorded; None for a point without a value, where the line breaks.
    pub(super) fn plot_points(
        &self,
        band: Band,
    ) -> impl Iterator<Item = io::Result<Option<PlotPoint>>> + use<'a> {
        self.points().map(move |point| Ok(point?.plot_point(band)))
    }

    /// The same points, smoothed by a moving mean over a `window` of them if one is given.
    pub(super) fn smoothed(
        &self,
        band: Band,
        window: Option<usize>,
    ) -> Box<dyn Iterator<Item = io::Result<Option<PlotPoint>>> + 'a> {
        match window {
            Some(window) => Box::new(Smoothed::new(self.plot_points(band), window)),
            None => Box::new(self.plot_points(band)),
        }
    }
}

impl Point {
    fn plot_point(self, band: Band) -> Option<PlotPoint> {
        let SeedValues { summary, lowest, highest } = self.value?;
        let band = match (band, summary.sd) {
            (Band::None, _) | (_, None) => None,
            (Band::Sd, Some(sd)) => Some((summary.mean - sd, summary.mean + sd)),
            (Band::Range, Some(_)) => Some((lowest, highest)),
        };
        Some(PlotPoint { x: self.x, y: summary.mean, band })
    }
}

/// A trial's points on the horizontal axis of the figure.
fn seed<'a>(trial: &Trial, series: &'a Series, spec: &Curve) -> Result<Seed<'a>, String> {
    let position = match spec.x {
        X::Step => XPosition::Scaled(1.0),
        X::Share => {
            XPosition::Scaled(1.0 / series.last().map_or(0, |last| last.step).max(1) as f64)
        }
        X::Images => XPosition::Scaled(images_per_step(trial, spec)?),
        X::Seconds => {
            for sample in series.samples() {
                if sample.map_err(|error| error.to_string())?.seconds.is_nan() {
                    let metric = &spec.metric;
                    return Err(format!("no times of the points of `{metric}` in `{}`", trial.id));
                }
            }
            XPosition::Seconds
        }
    };
    Ok(Seed { series, position })
}

fn images_per_step(trial: &Trial, spec: &Curve) -> Result<f64, String> {
    let path = spec.images_per_step.as_deref().unwrap_or_default();
    let mut value = None;
    for key in path.split('.') {
        let within = value.map_or(Some(&trial.config), Value::as_object);
        value = within.and_then(|map| map.get(key));
        if value.is_none() {
            break;
        }
    }
    let number = value.and_then(Value::as_f64).filter(|images| *images > 0.0);
    number.ok_or_else(|| {
        format!("`{path}` is not a number of images in the config of `{}`", trial.id)
    })
}

impl XPosition {
    fn of(self, sample: &Sample) -> f64 {
        match self {
            Self::Scaled(factor) => sample.step as f64 * factor,
            Self::Seconds => sample.seconds,
        }
    }
}

/// Iterator over the points of a [`Line`]: merges its seeds by step.
pub(super) struct Points<'a> {
    seeds: Vec<(Peekable<Samples<'a>>, XPosition)>,
    values: Vec<f64>,
    positions: Vec<f64>,
}

impl Iterator for Points<'_> {
    type Item = io::Result<Point>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { seeds, values, positions } = self;
        let mut earliest: Option<u64> = None;
        for (samples, _) in seeds.iter_mut() {
            match samples.peek() {
                Some(Ok(sample)) => {
                    earliest = Some(earliest.map_or(sample.step, |step| step.min(sample.step)));
                }
                Some(Err(_)) => return samples.next().and_then(Result::err).map(Err),
                None => {}
            }
        }
        let step = earliest?;
        values.clear();
        positions.clear();
        for (samples, position) in seeds.iter_mut() {
            if let Some(Ok(sample)) = samples.next_if(|s| matches!(s, Ok(s) if s.step == step)) {
                values.push(sample.value);
                positions.push(position.of(&sample));
            }
        }
        let is_complete = values.len() == seeds.len() && values.iter().all(|v| v.is_finite());
        let value = if is_complete { SeedValues::of(values) } else { None };
        let x = mean(positions);
        Some(Ok(Point { step, x, value }))
    }
}

impl SeedValues {
    fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            summary: Summary::of(values)?,
            lowest: values.iter().copied().fold(f64::INFINITY, f64::min),
            highest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}
