//! Several seeds' points of one metric as one line: where each point stands and how far the seeds
//! spread there. The points are made anew whenever they are needed, and never all held at once.

use std::io;
use std::iter::Peekable;

use experiments::schema::report::{Band, Curve, X};
use serde_json::Value;

use super::mark::Mark;
use super::smooth::Smoothed;
use crate::records::{Trial, Variant};
use crate::series::{Sample, Samples, Series};
use crate::statistics::Summary;

/// One variant's line.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) variant: &'a str,
    pub(super) label: String,
    /// Chooses colour and marker; the same in every figure of the run.
    pub(super) index: usize,
    /// How many points it has.
    pub(super) count: usize,
    /// The last place of a point on the horizontal axis.
    pub(super) end: f64,
    /// Every point that has a value has one of each.
    pub(super) seeds: Vec<Seed<'a>>,
}

/// What is known of a line at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) step: u64,
    /// Place on the horizontal axis.
    pub(super) x: f64,
    /// None where a seed's value is missing or not finite.
    pub(super) value: Option<Spread>,
}

/// The seeds' values at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) summary: Summary,
    pub(super) lowest: f64,
    pub(super) highest: f64,
}

/// One seed's points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seed<'a> {
    series: &'a Series,
    place: Placing,
}

/// Where a point stands on the horizontal axis.
#[derive(Debug, Clone, Copy)]
enum Placing {
    /// At so much for every step.
    Scaled(f64),
    /// At its seconds.
    Seconds,
}

impl<'a> Line<'a> {
    /// None if no trial has a finite point. Trials under way are drawn only while none has
    /// finished, so that a mean is over the same seeds at every step.
    pub(super) fn new(
        variant: &'a Variant,
        spec: &Curve,
        index: usize,
    ) -> Result<Option<Self>, String> {
        let series = |t: &'a Trial| Some((t, t.series.get(&spec.metric)?));
        let has_points = |(_, series): &(&Trial, &Series)| series.last().is_some();
        let mut drawn: Vec<_> = variant.finished().filter_map(series).filter(has_points).collect();
        if drawn.is_empty() {
            drawn = variant.trials.iter().filter_map(series).filter(has_points).collect();
        }
        let seeds = drawn.into_iter().map(|(trial, series)| seed(trial, series, spec));
        let mark = if variant.is_complete() { "" } else { "†" };
        let mut line = Self {
            variant: &variant.name,
            label: format!("{}{mark}", variant.label),
            index,
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
        Ok(has_value.then_some(line))
    }

    /// Every step that a seed has, with the values of all of them.
    pub(super) fn points(&self) -> Points<'a> {
        let seeds = self.seeds.iter().map(|seed| (seed.series.samples().peekable(), seed.place));
        Points { seeds: seeds.collect(), values: Vec::new(), places: Vec::new() }
    }

    /// The points that have a value as they are recorded; nothing where one lacks it, and the line
    /// breaks.
    pub(super) fn marks(
        &self,
        band: Band,
    ) -> impl Iterator<Item = io::Result<Option<Mark>>> + use<'a> {
        self.points().map(move |point| Ok(point?.mark(band)))
    }

    /// The same smoothed over `points` of them, if a number is given.
    pub(super) fn drawn(
        &self,
        band: Band,
        points: Option<usize>,
    ) -> Box<dyn Iterator<Item = io::Result<Option<Mark>>> + 'a> {
        match points {
            Some(points) => Box::new(Smoothed::new(self.marks(band), points)),
            None => Box::new(self.marks(band)),
        }
    }
}

impl Point {
    fn mark(self, band: Band) -> Option<Mark> {
        let Spread { summary, lowest, highest } = self.value?;
        let band = match (band, summary.sd) {
            (Band::None, _) | (_, None) => None,
            (Band::Sd, Some(sd)) => Some((summary.mean - sd, summary.mean + sd)),
            (Band::Range, Some(_)) => Some((lowest, highest)),
        };
        Some(Mark { x: self.x, y: summary.mean, band })
    }
}

/// The trial's points, placed as the figure wants them.
fn seed<'a>(trial: &Trial, series: &'a Series, spec: &Curve) -> Result<Seed<'a>, String> {
    let place = match spec.x {
        X::Step => Placing::Scaled(1.0),
        X::Share => Placing::Scaled(1.0 / series.last().map_or(0, |last| last.step).max(1) as f64),
        X::Images => Placing::Scaled(images_per_step(trial, spec)?),
        X::Seconds => {
            for sample in series.samples() {
                if sample.map_err(|error| error.to_string())?.seconds.is_nan() {
                    let metric = &spec.metric;
                    return Err(format!("no times of the points of `{metric}` in `{}`", trial.id));
                }
            }
            Placing::Seconds
        }
    };
    Ok(Seed { series, place })
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
    number.ok_or_else(|| format!("`{path}` is no number of images in the config of `{}`", trial.id))
}

impl Placing {
    fn of(self, sample: &Sample) -> f64 {
        match self {
            Self::Scaled(by) => sample.step as f64 * by,
            Self::Seconds => sample.seconds,
        }
    }
}

/// The points of a [`Line`]: all its seeds in step.
pub(super) struct Points<'a> {
    seeds: Vec<(Peekable<Samples<'a>>, Placing)>,
    values: Vec<f64>,
    places: Vec<f64>,
}

impl Iterator for Points<'_> {
    type Item = io::Result<Point>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { seeds, values, places } = self;
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
        places.clear();
        for (samples, place) in seeds.iter_mut() {
            let at_step = |sample: &io::Result<Sample>| matches!(sample, Ok(s) if s.step == step);
            if let Some(Ok(sample)) = samples.next_if(at_step) {
                values.push(sample.value);
                places.push(place.of(&sample));
            }
        }
        let is_whole = values.len() == seeds.len() && values.iter().all(|v| v.is_finite());
        let value = if is_whole { Spread::of(values) } else { None };
        let x = places.iter().sum::<f64>() / places.len() as f64;
        Some(Ok(Point { step, x, value }))
    }
}

impl Spread {
    fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            summary: Summary::of(values)?,
            lowest: values.iter().copied().fold(f64::INFINITY, f64::min),
            highest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}
