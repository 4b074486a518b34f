//! Several seeds' points of one metric as one line: where each point stands and how far the seeds
//! spread there.

use experiments::report::{Band, Curve, X};
use serde_json::Value;

use super::smooth::moving_mean;
use crate::records::{Trial, Variant};
use crate::statistics::Summary;

/// One variant's line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) variant: String,
    pub(super) label: String,
    /// Chooses colour and marker; the same in every figure of the run.
    pub(super) index: usize,
    /// In order of step.
    pub(super) points: Vec<Point>,
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

/// A point as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) y: f64,
    /// The band's edges, if it has one.
    pub(super) band: Option<(f64, f64)>,
}

/// One seed's points with their places on the horizontal axis.
struct Seed<'a> {
    points: &'a [(u64, f64)],
    x: Vec<f64>,
}

impl Line {
    /// None if no trial has a finite point. Trials under way are drawn only while none has
    /// finished, so that a mean is over the same seeds at every step.
    pub(super) fn new(
        variant: &Variant,
        spec: &Curve,
        index: usize,
    ) -> Result<Option<Self>, String> {
        let has_points = |t: &&Trial| t.series.get(&spec.metric).is_some_and(|s| !s.is_empty());
        let mut drawn: Vec<&Trial> = variant.finished().filter(has_points).collect();
        if drawn.is_empty() {
            drawn = variant.trials.iter().filter(has_points).collect();
        }
        let seeds: Result<Vec<Seed>, String> = drawn.into_iter().map(|t| seed(t, spec)).collect();
        let points = combine(&seeds?);
        let mark = if variant.is_complete() { "" } else { "†" };
        let label = format!("{}{mark}", variant.label);
        let line = Self { variant: variant.name.clone(), label, index, points };
        Ok(line.points.iter().any(|p| p.value.is_some()).then_some(line))
    }

    /// Stretches of neighbouring points that all have a value, as recorded.
    pub(super) fn runs(&self, band: Band) -> Vec<Vec<Mark>> {
        let runs = self.points.split(|p| p.value.is_none()).filter(|run| !run.is_empty());
        runs.map(|run| run.iter().filter_map(|p| mark(p, band)).collect()).collect()
    }
}

/// Each run's centred moving mean over `points`, of the values and of the band's edges.
pub(super) fn smoothed(runs: &[Vec<Mark>], points: usize) -> Vec<Vec<Mark>> {
    let smooth = |run: &Vec<Mark>| {
        let mean =
            |of: fn(&Mark) -> f64| moving_mean(&run.iter().map(of).collect::<Vec<_>>(), points);
        let y = mean(|m| m.y);
        let low = mean(|m| m.band.map_or(m.y, |(low, _)| low));
        let high = mean(|m| m.band.map_or(m.y, |(_, high)| high));
        let marks = run.iter().enumerate().map(|(i, m)| {
            let band = m.band.map(|_| (low[i], high[i]));
            Mark { x: m.x, y: y[i], band }
        });
        marks.collect()
    };
    runs.iter().map(smooth).collect()
}

fn mark(point: &Point, band: Band) -> Option<Mark> {
    let Spread { summary, lowest, highest } = point.value?;
    let band = match (band, summary.sd) {
        (Band::None, _) | (_, None) => None,
        (Band::Sd, Some(sd)) => Some((summary.mean - sd, summary.mean + sd)),
        (Band::Range, Some(_)) => Some((lowest, highest)),
    };
    Some(Mark { x: point.x, y: summary.mean, band })
}

/// The trial's points, placed as the figure wants them.
fn seed<'a>(trial: &'a Trial, spec: &Curve) -> Result<Seed<'a>, String> {
    let points = trial.series[&spec.metric].as_slice();
    let scaled = |by: f64| points.iter().map(|(step, _)| *step as f64 * by).collect();
    let last = points.last().map_or(0, |(step, _)| *step).max(1) as f64;
    let x = match spec.x {
        X::Step => scaled(1.0),
        X::Share => scaled(1.0 / last),
        X::Images => scaled(images_per_step(trial, spec)?),
        X::Seconds => {
            let seconds = trial.seconds.get(&spec.metric).cloned().unwrap_or_default();
            if seconds.len() != points.len() || seconds.iter().any(|s| s.is_nan()) {
                let metric = &spec.metric;
                return Err(format!("no times of the points of `{metric}` in `{}`", trial.id));
            }
            seconds
        }
    };
    Ok(Seed { points, x })
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

/// Every step that a seed has, with the values of all of them. Seeds are in order of step.
fn combine(seeds: &[Seed]) -> Vec<Point> {
    let mut next = vec![0; seeds.len()];
    let mut points = Vec::with_capacity(seeds.iter().map(|s| s.points.len()).max().unwrap_or(0));
    let (mut values, mut places) = (Vec::new(), Vec::new());
    loop {
        let steps = seeds.iter().zip(&next).filter_map(|(s, &i)| Some(s.points.get(i)?.0));
        let Some(step) = steps.min() else { return points };
        values.clear();
        places.clear();
        for (seed, i) in seeds.iter().zip(&mut next) {
            if let Some((_, value)) = seed.points.get(*i).filter(|(s, _)| *s == step) {
                values.push(*value);
                places.push(seed.x[*i]);
                *i += 1;
            }
        }
        let is_whole = values.len() == seeds.len() && values.iter().all(|v| v.is_finite());
        let value = if is_whole { Spread::of(&values) } else { None };
        let x = places.iter().sum::<f64>() / places.len() as f64;
        points.push(Point { step, x, value });
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
